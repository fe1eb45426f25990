"""One writer: offsets are given out under the head rows' locks, so they follow commits."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

import asyncpg

from chassis.clock import wall_now
from chassis.event_log.interface import MAX_MESSAGE_BYTES, AppendInDoubt, Message, pack_headers
from chassis.event_log.partitioner import partition_of

CHANNEL: Final = "event_log"

_LOCK_HEADS = """
SELECT topic, number, next_offset FROM partition
WHERE (topic, number) IN (SELECT * FROM unnest($1::text[], $2::int[])) ORDER BY topic, number FOR UPDATE
"""
_MOVE_HEADS = """
UPDATE partition p SET next_offset = m.next_offset
FROM unnest($1::text[], $2::int[], $3::bigint[]) AS m(topic, number, next_offset)
WHERE p.topic = m.topic AND p.number = m.number
"""


class Surroundings(Protocol):
    """What a writer needs of its log."""

    async def pool(self) -> Any: ...

    async def partitions(self, topic: str) -> int: ...


class EmbeddedAppender:
    """One writer; see `Appender`."""

    def __init__(self, event_log: Surroundings, name: str) -> None:
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
