"""Every process agrees on simulated time, and real time comes back."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from chassis.business_time import Simulation
from chassis.clock import BusinessClock, wall_now
from support.database import Copy

START = datetime(2026, 9, 1, 9, tzinfo=UTC)


async def test_clocks_follow_the_one_row(database: Copy) -> None:
    simulation = Simulation(database.url("business_time"))
    one, another, stop = BusinessClock(), BusinessClock(), asyncio.Event()
    await simulation.begin(START, rate=0)
    await simulation.apply(one)
    following = asyncio.create_task(simulation.follow(another, stop))
    async with asyncio.timeout(30):
        while another.now() != START:
            await asyncio.sleep(0.01)
        assert one.now() == START
        await simulation.end()
        while abs(another.now() - wall_now()) > timedelta(minutes=1):
            await asyncio.sleep(0.01)
    stop.set()
    await following


@pytest.mark.parametrize(("base", "rate"), [(START.replace(tzinfo=None), 1), (START, -1), (START, 1e9)])
async def test_time_without_a_zone_or_running_backwards_is_refused(database: Copy, base: datetime, rate: float) -> None:
    with pytest.raises(ValueError, match="zone"):
        await Simulation(database.url("business_time")).begin(base, rate=rate)
