"""Funding on a database of its own, with a small county."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from chassis.clock import BusinessClock, wall_now
from funding.app import SERVICE
from integration.funding.steps import BUDGETS, COUNTY, budgets
from support.database import Copy
from support.service import Served, serving


@pytest.fixture
def clock() -> BusinessClock:
    """It is noon of a Monday in November; tests move it."""
    clock = BusinessClock()
    clock.simulate(datetime(2026, 11, 23, 12, tzinfo=UTC), anchor=wall_now(), rate=1.0)
    return clock


@pytest.fixture
async def empty_funding(database: Copy, clock: BusinessClock) -> AsyncIterator[Served]:
    """Funding before it has heard of anything."""
    async with serving(SERVICE, database, clock=clock) as served:
        yield served


@pytest.fixture
async def funding(empty_funding: Served) -> Served:
    """Funding, its county and its budgets known."""
    await empty_funding.hear(*COUNTY)
    await budgets(empty_funding, *BUDGETS)
    return empty_funding
