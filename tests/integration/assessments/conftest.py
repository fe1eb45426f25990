"""Assessments on a database of its own, on a day in November."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from assessments.app import SERVICE
from chassis.clock import BusinessClock, wall_now
from integration.assessments.county import COUNTY
from support.database import Copy
from support.service import Served, serving


@pytest.fixture
def clock() -> BusinessClock:
    """It is noon of a Monday in November; tests move it."""
    clock = BusinessClock()
    clock.simulate(datetime(2026, 11, 23, 12, tzinfo=UTC), anchor=wall_now(), rate=1.0)
    return clock


@pytest.fixture
async def service(database: Copy, clock: BusinessClock) -> AsyncIterator[Served]:
    """The service, which knows the county's organisations and schools."""
    async with serving(SERVICE, database, clock=clock) as served:
        await served.hear(*COUNTY)
        yield served
