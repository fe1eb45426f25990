"""The demo's hand on the county's clock: it moves forward in steps, and only where time is simulated."""

import asyncio
from datetime import UTC, datetime, time, timedelta
from typing import Final

from chassis.business_time import Simulation
from chassis.clock import BusinessClock

from jointly import house
from jointly.settings import Settings
from jointly.state import StateFolder

#: Every process looks at the clock each second.
_FOLLOWED_SECONDS: Final = 1.15
_MORNING: Final = time(8, tzinfo=UTC)


class RealTime(Exception):
    """The house runs on the wall's clock; a term of it takes a term."""


class _Watched(BusinessClock):
    """A clock that knows whether it is simulated."""

    simulated = False

    def simulate(self, base: datetime, *, anchor: datetime, rate: float) -> None:
        self.simulated = True
        super().simulate(base, anchor=anchor, rate=rate)

    def follow_the_wall(self) -> None:
        self.simulated = False
        super().follow_the_wall()


class Hand:
    """Moves business time forward, never back."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._clock = _Watched()

    @staticmethod
    async def of(settings: Settings) -> "Hand":
        """The hand for this house. Raises `RealTime` where time is not simulated."""
        simulation = house.business_time(settings, StateFolder(settings.state_folder))
        hand = Hand(simulation) if simulation is not None else None
        if hand is None or not await hand.is_simulated():
            raise RealTime(
                "A term can only be played where time is simulated: this house runs on the wall's clock.\n"
                "Start one that does not, in a folder of its own:\n"
                "  JOINTLY_STATE=.jointly-term JOINTLY_SIMULATED_CLOCK=2026-09-07T07:00:00Z make run\n"
                "and then, with the same JOINTLY_STATE: make demo TERM=1"
            )
        return hand

    async def is_simulated(self) -> bool:
        """Whether the house's time is simulated now."""
        await self._simulation.apply(self._clock)
        return self._clock.simulated

    async def now(self) -> datetime:
        """What time it is for the county."""
        await self._simulation.apply(self._clock)
        return self._clock.now()

    async def first_monday(self) -> datetime:
        """The morning of the next Monday, today's included."""
        now = await self.now()
        monday = datetime.combine(now.date() + timedelta(days=-now.weekday() % 7), _MORNING)
        return monday if monday >= now else monday + timedelta(days=7)

    async def move_to(self, instant: datetime) -> None:
        """Go on to an instant, and wait until every process has noticed."""
        if instant > await self.now():
            await self._simulation.begin(instant, rate=1)
            await asyncio.sleep(_FOLLOWED_SECONDS)
