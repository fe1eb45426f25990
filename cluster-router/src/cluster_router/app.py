"""The cluster-router as a value."""

from typing import Final

from chassis.service import Service

from cluster_router.api import assignments, clusters, simulations
from cluster_router.deadlines import DEADLINES
from cluster_router.settings import Settings
from cluster_router.store import Tx
from cluster_router.subscriptions import SUBSCRIPTIONS
from cluster_router.tables import chassis, metadata

SERVICE: Final = Service(
    name="cluster-router",
    package="cluster_router",
    summary="Assigns each case to the right inclusion cluster, says why, and knows its holder.",
    metadata=metadata,
    tables=chassis,
    tx=Tx,
    paths=("/v1/clusters", "/v1/assignments", "/v1/simulations"),
    routers=(clusters.router, assignments.router, simulations.router),
    subscriptions=SUBSCRIPTIONS,
    deadlines=DEADLINES,
    settings=Settings,
)
