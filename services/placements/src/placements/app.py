"""The service as a value."""

from typing import Final

from chassis.service import Service

from placements.api import ROUTERS
from placements.deadlines import DEADLINES
from placements.store import Tx
from placements.subscriptions import SUBSCRIPTIONS
from placements.tables import chassis, metadata

SERVICE: Final = Service(
    name="placements",
    package="placements",
    summary="Alternative provision: providers, holds, offers, placements; suspensions and exclusions.",
    metadata=metadata,
    tables=chassis,
    tx=Tx,
    paths=("/v1/providers", "/v1/placements", "/v1/exclusions"),
    routers=ROUTERS,
    subscriptions=SUBSCRIPTIONS,
    deadlines=DEADLINES,
)
