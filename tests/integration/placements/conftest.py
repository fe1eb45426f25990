"""Placements on a database of its own, with a small county."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from chassis.clock import BusinessClock, wall_now
from integration.placements.county import CALENDAR, COUNCIL, SCHOOLS
from placements.app import SERVICE
from support.database import Copy
from support.service import Served, serving


@pytest.fixture
def clock() -> BusinessClock:
    """It is noon of a Monday in November; tests move it."""
    clock = BusinessClock()
    clock.simulate(datetime(2026, 11, 23, 12, tzinfo=UTC), anchor=wall_now(), rate=1.0)
    return clock


@pytest.fixture
async def empty(database: Copy, clock: BusinessClock) -> AsyncIterator[Served]:
    """The service before it has heard of anything."""
    async with serving(SERVICE, database, clock=clock) as served:
        yield served


@pytest.fixture
async def house(empty: Served) -> Served:
    """The service with a calendar, a council and schools, some of them providers."""
    await empty.hear(CALENDAR, COUNCIL, *SCHOOLS)
    return empty
