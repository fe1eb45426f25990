"""One member of a group: shares partitions with the others, and owns each by a row lock for the length of a batch."""

import asyncio
import secrets
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final, Protocol

from chassis.clock import wall_seconds
from chassis.event_log.embedded.reading import READ, record_of
from chassis.event_log.interface import Deliver, Partition, Record
from chassis.event_log.partitioner import murmur2
from chassis.pace import Pace

#: Looked at even if no hint came: a hint is only a hint.
_SLOW_POLL_SECONDS: Final = 0.5
_MEMBERS_SEEN_SECONDS: Final = 0.5

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
MOVE_GROUP = """
UPDATE group_offset g SET next_offset = m.next_offset
FROM unnest($2::text[], $3::int[], $4::bigint[]) AS m(topic, partition, next_offset)
WHERE g."group" = $1 AND g.topic = m.topic AND g.partition = m.partition
"""


class Surroundings(Protocol):
    """What a member needs of its log."""

    async def connection(self) -> Any: ...

    async def partitions(self, topic: str) -> int: ...

    async def listen(self) -> None: ...

    def expect(self, topics: Sequence[str], hint: asyncio.Event) -> None: ...

    def forget(self, topics: Sequence[str], hint: asyncio.Event) -> None: ...


class Member:
    """One member of a group, for as long as its connection lives."""

    def __init__(
        self,
        event_log: Surroundings,
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
            pace = Pace()
            while not stop.is_set():
                hint.clear()
                await self._share(connection, partitions)
                with pace:
                    found = await self._batch(connection)
                if found:
                    await pace.rest()
                else:
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
                READ, [o["topic"] for o in owned], [o["partition"] for o in owned],
                [o["next_offset"] for o in owned], limit,
            )  # fmt: skip
            records = [record_of(row) for row in rows]
            if records:
                await self._deliver(records)
            next_offsets = _next_offsets(owned, records, limit)
            await connection.execute(
                MOVE_GROUP, self._group, [p.topic for p in next_offsets], [p.number for p in next_offsets],
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
