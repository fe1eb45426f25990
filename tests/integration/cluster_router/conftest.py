"""The router on a database of its own, with a small county."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from chassis.cause import Cause
from chassis.clock import BusinessClock, wall_now
from cluster_router.app import SERVICE
from cluster_router.handlers import county
from integration.cluster_router.county import CLUSTERS, COLUMNS, SCHOOLS
from support.database import Copy
from support.service import Served, serving


@pytest.fixture
def clock() -> BusinessClock:
    """It is noon of a day in November; tests move it."""
    clock = BusinessClock()
    clock.simulate(datetime(2026, 11, 23, 12, tzinfo=UTC), anchor=wall_now(), rate=1.0)
    return clock


@pytest.fixture
async def empty_router(database: Copy, clock: BusinessClock) -> AsyncIterator[Served]:
    """The router before it has heard of anything."""
    async with serving(SERVICE, database, clock=clock) as served:
        yield served


@pytest.fixture
async def router(empty_router: Served) -> Served:
    """The router, its county known."""
    await empty_router.hear(*SCHOOLS)
    async with empty_router.runtime.transaction() as tx:
        await county.import_clusters(tx, [dict(zip(COLUMNS, row, strict=True)) for row in CLUSTERS], Cause.fresh())
    return empty_router
