"""The service as a value."""

from typing import Final

from chassis.service import Service

from exchange.store import Tx
from exchange.tables import chassis, metadata

SERVICE: Final = Service(
    name="exchange",
    package="exchange",
    summary="What leaves the house: sector feeds, subscriptions, webhooks, HTTP feed, who-knows ledger.",
    metadata=metadata,
    tables=chassis,
    tx=Tx,
    paths=("/v1/subscriptions", "/v1/events", "/v1/ledger"),
)
