"""Who waits or listens in this process: never more than it can bear, all woken by one look at the streams' ends."""

import asyncio
from collections import Counter, defaultdict
from contextlib import suppress
from typing import Final

import structlog
from chassis.errors import TooBusy
from chassis.service import Runtime

from exchange.policy import Reading

log = structlog.get_logger()

#: Looked at even when no hint came.
_LOOK_EACH_SECONDS: Final = 0.5
#: However many commits there are, the ends are looked at no oftener.
_AT_MOST_EACH_SECONDS: Final = 0.01


class Listeners:
    """The readers of one process. While any waits, one task asks for all of them."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._streams: Counter[str] = Counter()
        #: stream -> who waits for something after a position.
        self._waiting: defaultdict[str, set[tuple[int, asyncio.Event]]] = defaultdict(set)
        self._looking: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """How many wait."""
        return sum(map(len, self._waiting.values()))

    def admit(self, organisation: str, numbers: Reading) -> None:
        """One more stream. Raises `TooBusy`."""
        if self._streams[organisation] >= numbers.streams_an_organisation:
            raise TooBusy("Your organisation has as many streams open as it may. Close one.")
        if self._streams.total() >= numbers.streams_everywhere:
            raise TooBusy("Too many streams are open. Try again later, or read page by page.")
        self._streams[organisation] += 1

    def leave(self, organisation: str) -> None:
        """One less."""
        self._streams[organisation] -= 1

    async def wait(self, stream_id: str, after: int, seconds: float) -> None:
        """Until something was told after a position; at most so long."""
        told = asyncio.Event()
        waiter = (after, told)
        self._waiting[stream_id].add(waiter)
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        try:
            with suppress(TimeoutError):
                await asyncio.wait_for(told.wait(), seconds)
        finally:
            self._waiting[stream_id].discard(waiter)
            if not self._waiting[stream_id]:
                del self._waiting[stream_id]

    async def _look(self) -> None:
        """Look at the ends of the streams that are waited for, as long as any is."""
        with self._runtime.hints.expecting(self._runtime.service.name) as hint:
            while self._waiting:
                hint.clear()
                try:
                    await self._wake()
                except Exception as error:  # noqa: BLE001  who waits asks again by themselves
                    log.info("listeners.look-failed", error=type(error).__name__)
                await asyncio.sleep(_AT_MOST_EACH_SECONDS)
                with suppress(TimeoutError):
                    await asyncio.wait_for(hint.wait(), _LOOK_EACH_SECONDS)

    async def _wake(self) -> None:
        async with self._runtime.database.session() as connection:
            rows = await connection.fetch(
                "SELECT stream_id, last_position FROM tail WHERE stream_id = ANY($1::text[])", sorted(self._waiting)
            )
        for row in rows:
            for after, told in self._waiting.get(row["stream_id"], ()):
                if row["last_position"] > after:
                    told.set()
