"""The service as a value."""

from typing import Final

from chassis.service import Service

from assessments.api import ROUTERS
from assessments.deadlines import DEADLINES
from assessments.store import Tx
from assessments.subscriptions import SUBSCRIPTIONS
from assessments.tables import chassis, metadata

SERVICE: Final = Service(
    name="assessments",
    package="assessments",
    summary="Multi-agency assessment, advice, plans and statutory clocks.",
    metadata=metadata,
    tables=chassis,
    tx=Tx,
    paths=("/v1/assessments", "/v1/advice", "/v1/plans", "/v1/clocks"),
    routers=ROUTERS,
    subscriptions=SUBSCRIPTIONS,
    deadlines=DEADLINES,
)
