"""The notifier as a value."""

from typing import Final

from chassis.service import Service

from notifier.api import ROUTERS
from notifier.deadlines import DEADLINES
from notifier.settings import Settings
from notifier.store import Tx
from notifier.subscriptions import SUBSCRIPTIONS
from notifier.tables import chassis, metadata
from notifier.workers import ask_for_receipts, send_letters

SERVICE: Final = Service(
    name="notifier",
    package="notifier",
    summary="Tells people what changed and what is due, and knows whether it arrived.",
    metadata=metadata,
    tables=chassis,
    tx=Tx,
    paths=("/v1/notifications", "/v1/preferences"),
    routers=ROUTERS,
    subscriptions=SUBSCRIPTIONS,
    deadlines=DEADLINES,
    workers=(send_letters, ask_for_receipts),
    settings=Settings,
)
