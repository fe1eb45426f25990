"""Simulated business time: one row in the database that every process follows, so that all agree on the date.

A term in minutes for demonstrations and tests. Wall time (tokens, back-off, locks) is never simulated.
"""

import asyncio
from contextlib import suppress
from datetime import datetime
from typing import Any, Final

import asyncpg
import structlog

from chassis.business_time.tables import SCHEMA
from chassis.clock import BusinessClock, wall_now

log = structlog.get_logger()

#: The schema's name is its role's name.
ROLE: Final = SCHEMA
_LOOK_EACH_SECONDS: Final = 1.0
MOST_RATE: Final = 1_000_000.0


class Simulation:
    """The way to the one row."""

    def __init__(self, url: str) -> None:
        """`url` is for the role `business_time`."""
        self._url = url.replace("postgresql+asyncpg://", "postgresql://")

    async def apply(self, clock: BusinessClock) -> None:
        """Set a process's clock by the row, once."""
        connection = await self._connect()
        try:
            self._set(clock, await connection.fetchrow("SELECT base, anchor, rate FROM simulation"))
        finally:
            await connection.close(timeout=2)

    async def follow(self, clock: BusinessClock, stop: asyncio.Event) -> None:
        """Keep a process's clock as the row says until told to stop."""
        while not stop.is_set():
            try:
                connection = await self._connect()
                try:
                    while not stop.is_set():
                        self._set(clock, await connection.fetchrow("SELECT base, anchor, rate FROM simulation"))
                        with suppress(TimeoutError):
                            await asyncio.wait_for(stop.wait(), _LOOK_EACH_SECONDS)
                finally:
                    await connection.close(timeout=2)
            except Exception as error:  # noqa: BLE001  the clock keeps what it last knew
                log.warning("business-time.away", error=type(error).__name__)
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), _LOOK_EACH_SECONDS)

    async def begin(self, base: datetime, *, rate: float) -> None:
        """From now on it is `base`, and time passes `rate` times as fast."""
        if base.tzinfo is None or not 0 <= rate <= MOST_RATE:
            raise ValueError(f"The start needs a time zone, the rate must lie between 0 and {MOST_RATE:.0f}.")
        connection = await self._connect()
        try:
            await connection.execute(
                "INSERT INTO simulation (base, anchor, rate) VALUES ($1, $2, $3)"
                " ON CONFLICT (one) DO UPDATE SET base = excluded.base, anchor = excluded.anchor, rate = excluded.rate",
                base, wall_now(), rate,
            )  # fmt: skip
        finally:
            await connection.close(timeout=2)

    async def end(self) -> None:
        """Back to real time."""
        connection = await self._connect()
        try:
            await connection.execute("DELETE FROM simulation")
        finally:
            await connection.close(timeout=2)

    async def _connect(self) -> "asyncpg.Connection[Any]":
        return await asyncpg.connect(self._url, timeout=5, server_settings={"search_path": SCHEMA, "timezone": "UTC"})

    @staticmethod
    def _set(clock: BusinessClock, row: Any) -> None:
        if row is None:
            clock.follow_the_wall()
        else:
            clock.simulate(row["base"], anchor=row["anchor"], rate=row["rate"])
