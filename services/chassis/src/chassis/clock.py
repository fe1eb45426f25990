"""The only place that reads the time or makes an identifier.

Two clocks: business time, which may be simulated and decides deadlines and what a fact is dated; and wall time,
which tokens, back-off and locks run on.
"""

import time
from datetime import UTC, datetime, timedelta

import uuid_utils


def new_id() -> str:
    """A fresh identifier: UUID version 7 as text. Its order is a convenience, never relied on."""
    return str(uuid_utils.uuid7())


def wall_now() -> datetime:
    """The machine's time, aware, UTC."""
    return datetime.now(UTC)  # noqa: TID251  the one place that may


def wall_seconds() -> float:
    """Seconds that only go forward; for back-off and time limits, never for dates."""
    return time.monotonic()


class BusinessClock:
    """Business time: the machine's, or a simulated one that starts at an instant and runs at a rate.

    The simulation is one row in the database, so that every process agrees on it (`chassis.simulation` reads it).
    """

    def __init__(self) -> None:
        self._base: datetime | None = None
        self._anchor: datetime | None = None
        self._rate = 1.0

    def now(self) -> datetime:
        """What the time is for the county."""
        if self._base is None or self._anchor is None:
            return wall_now()
        return self._base + timedelta(seconds=(wall_now() - self._anchor).total_seconds() * self._rate)

    def simulate(self, base: datetime, *, anchor: datetime, rate: float) -> None:
        """At wall time `anchor` it is `base`; from then on business time passes `rate` times as fast."""
        self._base, self._anchor, self._rate = base, anchor, rate

    def follow_the_wall(self) -> None:
        """End the simulation."""
        self._base = self._anchor = None
