"""The event log in PostgreSQL: what runs where one machine is enough. The same topics, keys, groups and offsets.

Appending locks the head row of each partition, so offsets follow commits and nothing is ever skipped. Reading locks the
group's offset row for the length of a batch, so a partition has one owner even while members come and go. Who the
members are is told by advisory locks: they vanish with the connection of a member that dies.
"""

import asyncio
import secrets
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

import asyncpg
import structlog
from schemas.topics import Topic

from chassis.clock import wall_now, wall_seconds
from chassis.event_log.interface import (
    MAX_MESSAGE_BYTES,
    Appender,
    AppendInDoubt,
    Deliver,
    Message,
    Partition,
    Record,
    pack_headers,
    unpack_headers,
)
from chassis.event_log.partitioner import murmur2, partition_of

log = structlog.get_logger()

CHANNEL: Final = "event_log"
#: Looked at even if no hint came: a hint is only a hint.
_SLOW_POLL_SECONDS: Final = 0.5
_MEMBERS_SEEN_SECONDS: Final = 0.5
_BACK_OFF_SECONDS: Final = (0.05, 0.2, 0.5, 1.0, 2.0, 5.0)

_LOCK_HEADS = """
SELECT topic, number, next_offset FROM partition
WHERE (topic, number) IN (SELECT * FROM unnest($1::text[], $2::int[])) ORDER BY topic, number FOR UPDATE
"""
_MOVE_HEADS = """
UPDATE partition p SET next_offset = m.next_offset
FROM unnest($1::text[], $2::int[], $3::bigint[]) AS m(topic, number, next_offset)
WHERE p.topic = m.topic AND p.number = m.number
"""
_MEMBERS = """
SELECT objid::bigint FROM pg_locks
WHERE locktype = 'advisory' AND objsubid = 2 AND granted AND classid = $1
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
_OWN = """
SELECT g.topic, g.partition, g.next_offset, p.next_offset AS head
FROM group_offset g JOIN partition p ON p.topic = g.topic AND p.number = g.partition
WHERE g."group" = $1 AND (g.topic, g.partition) IN (SELECT * FROM unnest($2::text[], $3::int[]))
  AND p.next_offset > g.next_offset
ORDER BY g.topic, g.partition FOR UPDATE OF g SKIP LOCKED
"""
_READ = """
SELECT r.topic, r.partition, r."offset", r.key, r.value, r.headers, r.appended_at
FROM unnest($1::text[], $2::int[], $3::bigint[]) AS w(topic, partition, next_offset)
CROSS JOIN LATERAL (
  SELECT * FROM record WHERE topic = w.topic AND partition = w.partition AND "offset" >= w.next_offset
  ORDER BY "offset" LIMIT $4
) r
"""
_MOVE_GROUP = """
UPDATE group_offset g SET next_offset = m.next_offset
FROM unnest($2::text[], $3::int[], $4::bigint[]) AS m(topic, partition, next_offset)
WHERE g."group" = $1 AND g.topic = m.topic AND g.partition = m.partition
"""
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


def _record(row: Any) -> Record:
    return Record(
        Partition(row["topic"], row["partition"]),
        row["offset"],
        row["key"],
        row["value"],
        unpack_headers(row["headers"]),
        row["appended_at"],
    )


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
        return _Appender(self, name)

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
                await _Member(self, group, topics, deliver, max_records).run(stop)
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
        rows = await (await self._connect()).fetch(_READ, [partition.topic], [partition.number], [offset], limit)
        return [_record(row) for row in rows]

    async def rewind(self, group: str, offsets: Mapping[Partition, int]) -> None:
        """See `EventLog.rewind`."""
        await (await self._connect()).execute(
            _MOVE_GROUP,
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


class _Appender:
    """One writer; see `Appender`."""

    def __init__(self, event_log: EmbeddedEventLog, name: str) -> None:
        self._log = event_log
        self.name = name

    async def append(self, messages: Sequence[Message]) -> None:
        """See `Appender.append`."""
        placed: defaultdict[tuple[str, int], list[Message]] = defaultdict(list)
        for message in messages:
            if len(message.value) + len(message.key) > MAX_MESSAGE_BYTES:
                raise ValueError("A message is too large for the log.")
            number = partition_of(message.key, await self._log.partitions(message.topic))
            placed[message.topic, number].append(message)
        if not placed:
            return
        try:
            async with (await self._log.pool()).acquire() as connection, connection.transaction():
                await self._write(connection, placed)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
            raise AppendInDoubt(type(error).__name__) from error

    async def close(self) -> None:
        """See `Appender.close`."""

    @staticmethod
    async def _write(connection: Any, placed: Mapping[tuple[str, int], Sequence[Message]]) -> None:
        topics, numbers = [t for t, _ in placed], [n for _, n in placed]
        heads = await connection.fetch(_LOCK_HEADS, topics, numbers)
        now = wall_now()
        rows = [
            (
                row["topic"],
                row["number"],
                row["next_offset"] + n,
                m.key,
                m.value,
                pack_headers(m.headers),
                now,
            )
            for row in heads
            for n, m in enumerate(placed[row["topic"], row["number"]])
        ]
        await connection.copy_records_to_table(
            "record",
            records=rows,
            columns=("topic", "partition", "offset", "key", "value", "headers", "appended_at"),
        )
        await connection.execute(
            _MOVE_HEADS,
            [row["topic"] for row in heads],
            [row["number"] for row in heads],
            [row["next_offset"] + len(placed[row["topic"], row["number"]]) for row in heads],
        )
        await connection.execute("SELECT pg_notify($1, $2)", CHANNEL, ",".join(sorted(set(topics))))


class _Member:
    """One member of a group, for as long as its connection lives."""

    def __init__(
        self,
        event_log: EmbeddedEventLog,
        group: str,
        topics: Sequence[str],
        deliver: Deliver,
        max_records: int,
    ) -> None:
        self._log = event_log
        self._group = group
        self._topics = list(topics)
        self._deliver = deliver
        self._max_records = max_records
        #: Advisory locks take two signed 32-bit numbers: the group and this member.
        self._group_number = murmur2(group.encode()) & 0x7FFFFFFF
        self._number = secrets.randbelow(2**31 - 1)
        self._looked_at = float("-inf")
        self._mine: list[Partition] = []

    async def run(self, stop: asyncio.Event) -> None:
        connection = await self._log.connection()
        hint = asyncio.Event()
        self._log.expect(self._topics, hint)
        stopping = asyncio.ensure_future(stop.wait())
        try:
            await connection.execute("SELECT pg_advisory_lock($1, $2)", self._group_number, self._number)
            partitions = [Partition(t, n) for t in self._topics for n in range(await self._log.partitions(t))]
            await connection.execute(
                "INSERT INTO group_offset SELECT $1, * FROM unnest($2::text[], $3::int[]) ON CONFLICT DO NOTHING",
                self._group,
                [p.topic for p in partitions],
                [p.number for p in partitions],
            )
            while not stop.is_set():
                hint.clear()
                await self._share(connection, partitions)
                if not await self._batch(connection):
                    await self._log.listen()
                    heard = asyncio.ensure_future(hint.wait())
                    await asyncio.wait({heard, stopping}, timeout=_SLOW_POLL_SECONDS, return_when="FIRST_COMPLETED")
                    heard.cancel()
        finally:
            stopping.cancel()
            self._log.forget(self._topics, hint)
            with suppress(Exception):
                await asyncio.shield(connection.close(timeout=2))

    async def _share(self, connection: Any, partitions: Sequence[Partition]) -> None:
        """Take this member's part of the partitions: every n-th, by its rank among the members."""
        if wall_seconds() - self._looked_at < _MEMBERS_SEEN_SECONDS:
            return
        members = sorted(row["objid"] for row in await connection.fetch(_MEMBERS, self._group_number))
        rank = members.index(self._number)
        self._mine = [p for n, p in enumerate(sorted(partitions)) if n % len(members) == rank]
        self._looked_at = wall_seconds()

    async def _batch(self, connection: Any) -> bool:
        """Deliver what there is; False when there was nothing."""
        async with connection.transaction():
            owned = await connection.fetch(
                _OWN, self._group, [p.topic for p in self._mine], [p.number for p in self._mine]
            )
            if not owned:
                return False
            limit = max(1, self._max_records // len(owned))
            rows = await connection.fetch(
                _READ, [o["topic"] for o in owned], [o["partition"] for o in owned],
                [o["next_offset"] for o in owned], limit,
            )  # fmt: skip
            records = [_record(row) for row in rows]
            if records:
                await self._deliver(records)
            next_offsets = _next_offsets(owned, records, limit)
            await connection.execute(
                _MOVE_GROUP, self._group, [p.topic for p in next_offsets], [p.number for p in next_offsets],
                list(next_offsets.values()),
            )  # fmt: skip
        return True


def _next_offsets(owned: Sequence[Any], records: Sequence[Record], limit: int) -> dict[Partition, int]:
    """Where the group goes on: after the last record, or past a stretch that retention has emptied."""
    last: dict[Partition, int] = {}
    count: defaultdict[Partition, int] = defaultdict(int)
    for record in records:
        last[record.partition] = record.offset + 1
        count[record.partition] += 1
    result: dict[Partition, int] = {}
    for row in owned:
        partition = Partition(row["topic"], row["partition"])
        after = last.get(partition, row["next_offset"])
        result[partition] = after if count[partition] >= limit else max(after, row["head"])
    return result
