"""The service as a value."""

from typing import Final

from chassis.service import Service

from exchange.api import agreements, events, ledger, subscriptions
from exchange.deadlines import DEADLINES
from exchange.settings import Settings
from exchange.store import Tx
from exchange.subscriptions import SUBSCRIPTIONS
from exchange.tables import chassis, metadata
from exchange.workers import keep_house, make_topics, send_webhooks, tell_again

SERVICE: Final = Service(
    name="exchange",
    package="exchange",
    summary="What leaves the house: sector feeds, subscriptions, webhooks, HTTP feed, who-knows ledger.",
    metadata=metadata,
    tables=chassis,
    tx=Tx,
    paths=("/v1/subscriptions", "/v1/events", "/v1/ledger"),
    # Agreements first: the path of one subscription would take theirs.
    routers=(agreements.router, subscriptions.router, events.router, ledger.router),
    subscriptions=SUBSCRIPTIONS,
    deadlines=DEADLINES,
    workers=(send_webhooks, tell_again, make_topics, keep_house),
    settings=Settings,
)
