"""Waking the relay after a commit: a NOTIFY on a connection of its own, at most one each few milliseconds.

Never inside the business transaction, where NOTIFY makes all commits of the server wait for each other. A hint may
be lost; the relay's slow poll is what guarantees.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

import asyncpg
import structlog

log = structlog.get_logger()

CHANNEL: Final = "outbox"
_AT_MOST_EACH_SECONDS: Final = 0.004


class Hints:
    """One process's doorbell for the services it runs: `ring` after a commit, `expecting` to be woken."""

    def __init__(self, url: str) -> None:
        self._url = url.replace("postgresql+asyncpg://", "postgresql://")
        self._rung: set[str] = set()
        self._due = asyncio.Event()
        self._expecting: defaultdict[str, set[asyncio.Event]] = defaultdict(set)

    def ring(self, service: str) -> None:
        """Something was written to this service's outbox."""
        for event in self._expecting.get(service, ()):
            event.set()
        self._rung.add(service)
        self._due.set()

    @contextmanager
    def expecting(self, service: str) -> Iterator[asyncio.Event]:
        """An event that is set when this service's outbox may have grown."""
        event = asyncio.Event()
        self._expecting[service].add(event)
        try:
            yield event
        finally:
            self._expecting[service].discard(event)

    async def run(self, stop: asyncio.Event) -> None:
        """Send what was rung and hear what others ring, until told to stop."""
        while not stop.is_set():
            try:
                await self._run(stop)
            except Exception as error:  # noqa: BLE001  hints are worth retrying for ever
                log.info("hints.reconnect", error=type(error).__name__)
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), 1)

    async def _run(self, stop: asyncio.Event) -> None:
        connection: asyncpg.Connection[Any] = await asyncpg.connect(
            self._url, timeout=5, server_settings={"application_name": "jointly-hints"}
        )
        stopping = asyncio.ensure_future(stop.wait())
        try:
            await connection.add_listener(CHANNEL, self._heard)
            while not stop.is_set():
                due = asyncio.ensure_future(self._due.wait())
                await asyncio.wait({due, stopping}, return_when="FIRST_COMPLETED")
                due.cancel()
                self._due.clear()
                for service in sorted(self._rung):
                    self._rung.discard(service)
                    await connection.execute("SELECT pg_notify($1, $2)", CHANNEL, service)
                await asyncio.sleep(_AT_MOST_EACH_SECONDS)
        finally:
            stopping.cancel()
            with suppress(Exception):
                await connection.close(timeout=2)

    def _heard(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        for event in self._expecting.get(str(payload), ()):
            event.set()
