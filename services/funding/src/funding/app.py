"""The service as a value."""

from typing import Final

from chassis.service import Service

from funding.api import awards, budgets, requests
from funding.deadlines import DEADLINES
from funding.store import Tx
from funding.subscriptions import SUBSCRIPTIONS
from funding.tables import chassis, metadata

SERVICE: Final = Service(
    name="funding",
    package="funding",
    summary="Early funding: budgets, awards, ledger.",
    metadata=metadata,
    tables=chassis,
    tx=Tx,
    paths=("/v1/funding",),
    routers=(requests.router, awards.router, budgets.router),
    subscriptions=SUBSCRIPTIONS,
    deadlines=DEADLINES,
)
