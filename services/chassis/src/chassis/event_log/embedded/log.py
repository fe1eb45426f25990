"""The log itself: topics, connections, hints; `appending.py` writes, `member.py` is one reader of a group."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

import asyncpg
import structlog
from schemas.topics import Topic

from chassis.clock import wall_now
from chassis.event_log.embedded.appending import CHANNEL, EmbeddedAppender
from chassis.event_log.embedded.member import MOVE_GROUP, Member
from chassis.event_log.embedded.reading import READ, record_of
from chassis.event_log.interface import Appender, Deliver, Partition, Record

log = structlog.get_logger()

_BACK_OFF_SECONDS: Final = (0.05, 0.2, 0.5, 1.0, 2.0, 5.0)

_EXPIRE = """
DELETE FROM record r USING topic t
WHERE r.topic = t.name AND NOT t.compacted AND r.appended_at < $1::timestamptz - make_interval(days => t.kept_days)
"""
_COMPACT = """
DELETE FROM record r USING (
  SELECT topic, partition, key, max("offset") AS newest FROM record
  WHERE topic IN (SELECT name FROM topic WHERE compacted) GROUP BY topic, partition, key HAVING count(*) > 1
) k
WHERE r.topic = k.topic AND r.partition = k.partition AND r.key = k.key AND r."offset" < k.newest
"""


class EmbeddedEventLog:
    """An `EventLog` in the schema `event_log`. One per process; tasks share it."""

    def __init__(self, url: str, *, application: str = "jointly") -> None:
        """`url` is SQLAlchemy's or libpq's form, for the role `event_log`."""
        self._url = url.replace("postgresql+asyncpg://", "postgresql://")
        self._settings = {
            "search_path": "event_log",
            "application_name": application,
            "timezone": "UTC",
            "jit": "off",
        }
        self._pool: asyncpg.Pool[Any] | None = None
        self._opening = asyncio.Lock()
        self._listener: asyncpg.Connection[Any] | None = None
        self._waiting: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self._partitions: dict[str, int] = {}

    async def ensure_topics(self, topics: Sequence[Topic]) -> None:
        """See `EventLog.ensure_topics`."""
        async with (await self._connect()).acquire() as connection, connection.transaction():
            for topic in sorted(topics, key=lambda t: t.name):
                await connection.execute(
                    "INSERT INTO topic VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
                    topic.name, topic.partitions, topic.compacted, topic.kept_days,
                )  # fmt: skip
                await connection.execute(
                    "INSERT INTO partition (topic, number) SELECT name, generate_series(0, partitions - 1)"
                    " FROM topic WHERE name = $1 ON CONFLICT DO NOTHING",
                    topic.name,
                )

    def appender(self, name: str) -> Appender:
        """See `EventLog.appender`."""
        return EmbeddedAppender(self, name)

    async def consume(
        self,
        group: str,
        topics: Sequence[str],
        deliver: Deliver,
        *,
        stop: asyncio.Event,
        max_records: int = 500,
    ) -> None:
        """See `EventLog.consume`."""
        failures = 0
        while not stop.is_set():
            try:
                await Member(self, group, topics, deliver, max_records).run(stop)
            except Exception as error:  # noqa: BLE001  the group goes on whatever went wrong
                pause = _BACK_OFF_SECONDS[min(failures, len(_BACK_OFF_SECONDS) - 1)]
                failures += 1
                log.warning("event-log.member-restarts", group=group, error=type(error).__name__, pause=pause)
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), pause)
            else:
                return

    async def end_offsets(self, topics: Sequence[str]) -> Mapping[Partition, int]:
        """See `EventLog.end_offsets`."""
        rows = await (await self._connect()).fetch(
            "SELECT topic, number, next_offset FROM partition WHERE topic = ANY($1::text[])", list(topics)
        )
        return {Partition(row["topic"], row["number"]): row["next_offset"] for row in rows}

    async def group_offsets(self, group: str, topics: Sequence[str]) -> Mapping[Partition, int]:
        """See `EventLog.group_offsets`."""
        rows = await (await self._connect()).fetch(
            'SELECT topic, partition, next_offset FROM group_offset WHERE "group" = $1 AND topic = ANY($2::text[])',
            group,
            list(topics),
        )
        return {Partition(row["topic"], row["partition"]): row["next_offset"] for row in rows}

    async def read(self, partition: Partition, offset: int, *, limit: int = 500) -> Sequence[Record]:
        """See `EventLog.read`."""
        rows = await (await self._connect()).fetch(READ, [partition.topic], [partition.number], [offset], limit)
        return [record_of(row) for row in rows]

    async def rewind(self, group: str, offsets: Mapping[Partition, int]) -> None:
        """See `EventLog.rewind`."""
        await (await self._connect()).execute(
            MOVE_GROUP,
            group,
            [p.topic for p in offsets],
            [p.number for p in offsets],
            list(offsets.values()),
        )

    async def apply_retention(self) -> None:
        """See `EventLog.apply_retention`."""
        pool = await self._connect()
        await pool.execute(_EXPIRE, wall_now(), timeout=300)
        await pool.execute(_COMPACT, timeout=300)

    async def healthy(self) -> bool:
        """See `EventLog.healthy`."""
        try:
            async with asyncio.timeout(2):
                await (await self._connect()).fetchval("SELECT 1")
        except Exception:  # noqa: BLE001  any failure means the same here
            return False
        return True

    async def close(self) -> None:
        """See `EventLog.close`."""
        with suppress(Exception):
            if self._listener is not None:
                await self._listener.close(timeout=2)
        if self._pool is not None:
            with suppress(Exception):
                await asyncio.wait_for(self._pool.close(), 5)
            self._pool.terminate()
            self._pool = None

    async def connection(self) -> "asyncpg.Connection[Any]":
        """A connection of one's own, outside the pool."""
        return await asyncpg.connect(self._url, timeout=5, server_settings=self._settings)

    async def partitions(self, topic: str) -> int:
        """How many partitions a topic has. Raises `ValueError` for one that does not exist."""
        if topic not in self._partitions:
            rows = await (await self._connect()).fetch("SELECT name, partitions FROM topic")
            self._partitions = {row["name"]: row["partitions"] for row in rows}
        try:
            return self._partitions[topic]
        except KeyError:
            raise ValueError(f"There is no topic {topic}.") from None

    async def pool(self) -> "asyncpg.Pool[Any]":
        """The shared pool."""
        return await self._connect()

    def expect(self, topics: Sequence[str], hint: asyncio.Event) -> None:
        """Set `hint` when something may have been appended to one of these topics."""
        for topic in topics:
            self._waiting[topic].add(hint)

    def forget(self, topics: Sequence[str], hint: asyncio.Event) -> None:
        """No longer."""
        for topic in topics:
            self._waiting[topic].discard(hint)

    async def listen(self) -> None:
        """Hear hints. Asked before each wait, so a listener that died is replaced."""
        if self._listener is not None and not self._listener.is_closed():
            return
        async with self._opening:
            if self._listener is not None and not self._listener.is_closed():
                return
            listener = await self.connection()
            await listener.add_listener(CHANNEL, self._heard)
            self._listener = listener

    def _heard(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        for topic in str(payload).split(","):
            for hint in self._waiting.get(topic, ()):
                hint.set()

    async def _connect(self) -> "asyncpg.Pool[Any]":
        if self._pool is None:
            async with self._opening:
                if self._pool is None:
                    self._pool = await asyncpg.create_pool(
                        self._url, min_size=0, max_size=8, timeout=5, command_timeout=60,
                        server_settings=self._settings | {"lock_timeout": "30s"},
                    )  # fmt: skip
        return self._pool
