"""Events that wait: tried again in order, per topic and subject, until they are taken; seen and put back by people."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import structlog

from chassis.clock import wall_now
from chassis.consuming import GAP_PATIENCE, POISON, WAITING, HandlerFailed, Item, decode, next_retry
from chassis.database import Database, is_transient
from chassis.errors import Refusal
from chassis.event_log.interface import Partition, Record, unpack_headers
from chassis.transaction import Transaction

if TYPE_CHECKING:
    from chassis.consuming import Consumer

log = structlog.get_logger()

#: A stream is due when its first event is. What waits behind a poison event is not tried.
_STREAMS = """
SELECT DISTINCT ON (topic, subject) topic, subject, state, retry_at, parked_at, reason FROM parked
WHERE consumer = $1 AND ($2::text[] IS NULL OR subject = ANY($2::text[]))
ORDER BY topic, subject, position
"""
_FIRST = """
SELECT * FROM parked WHERE consumer = $1 AND topic = $2 AND subject = $3 ORDER BY position LIMIT 1 FOR UPDATE
"""


class Parking:
    """The parked events of one consumer."""

    def __init__(self, consumer: "Consumer") -> None:
        self._consumer = consumer

    async def retry(self, subjects: set[str] | None) -> tuple[int, bool]:
        """Try again. Returns how many were taken, and whether anything is still parked."""
        now = wall_now()
        async with self._consumer.database.transaction(Transaction) as tx:
            streams = await tx.rows(_STREAMS, self._consumer.name, None if subjects is None else sorted(subjects))
            left = await tx.rows("SELECT 1 FROM parked WHERE consumer = $1 LIMIT 1", self._consumer.name)
        taken = 0
        for stream in streams:
            due = subjects is not None or (stream["retry_at"] is not None and stream["retry_at"] <= now)
            if stream["state"] != POISON and due:
                taken += await self._retry_stream(stream["topic"], stream["subject"], now)
        return taken, bool(left)

    async def _retry_stream(self, topic: str, subject: str, now: datetime) -> int:
        """Take one stream's events in order, each in its own transaction, up to the first that must go on waiting."""
        taken = 0
        while True:
            try:
                async with self._consumer.database.transaction(self._consumer.tx_type) as tx:
                    row = await self._first(tx, topic, subject)
                    if row is None or not await self._retry_first(tx, row, now):
                        return taken
                    taken += 1
            except Exception as error:
                if is_transient(error):
                    raise
                log.error("parking.poison", consumer=self._consumer.name, error=type(error).__name__)  # noqa: TRY400
                async with self._consumer.database.transaction(self._consumer.tx_type) as tx:
                    row = await self._first(tx, topic, subject)
                    if row is not None:
                        await self._give_up(tx, row, HandlerFailed())
                return taken

    async def _first(self, tx: Transaction, topic: str, subject: str) -> Any:
        rows = await tx.rows(_FIRST, self._consumer.name, topic, subject)
        return None if not rows or rows[0]["state"] == POISON else rows[0]

    async def _retry_first(self, tx: Transaction, row: Any, now: datetime) -> bool:
        item = item_of(row)
        patient = now - row["parked_at"] < GAP_PATIENCE
        verdict = (await self._consumer.work(tx, [item], patient=patient)).get(item.id)
        if verdict is None:
            await tx.rows("DELETE FROM parked WHERE consumer = $1 AND event_id = $2", self._consumer.name, item.id)
            return True
        if isinstance(verdict, Refusal):
            await self._give_up(tx, row, verdict)
            return False
        await tx.rows(
            "UPDATE parked SET reason = $3, attempts = attempts + 1, retry_at = $4"
            " WHERE consumer = $1 AND event_id = $2",
            self._consumer.name, item.id, verdict.reason, now + next_retry(row["attempts"] + 1),
        )  # fmt: skip
        return False

    async def _give_up(self, tx: Transaction, row: Any, refusal: Refusal) -> None:
        await tx.rows(
            "UPDATE parked SET state = $3, reason = $4, retry_at = NULL WHERE consumer = $1 AND event_id = $2",
            self._consumer.name, row["event_id"], POISON, refusal.code,
        )  # fmt: skip
        tx.emit(*self._consumer.dead_letter(item_of(row), refusal.code))


async def parked_events(database: Database, consumer: str, *, limit: int = 100) -> Sequence[Any]:
    """What waits, oldest first: event_id, topic, subject, state, reason, attempts, parked_at, retry_at."""
    async with database.transaction(Transaction) as tx:
        return await tx.rows(
            'SELECT event_id, topic, partition, "offset", subject, state, reason, attempts, parked_at, retry_at'
            " FROM parked WHERE consumer = $1 ORDER BY position LIMIT $2",
            consumer, limit,
        )  # fmt: skip


async def put_back(database: Database, consumer: str, event_ids: Sequence[str] | None = None) -> int:
    """Let poison events (these, or all) be tried again, as soon as the consumer looks. Returns how many."""
    async with database.transaction(Transaction) as tx:
        rows = await tx.rows(
            "UPDATE parked SET state = $3, attempts = 0, retry_at = $4 WHERE consumer = $1 AND state = $5"
            " AND ($2::text[] IS NULL OR event_id = ANY($2::text[])) RETURNING event_id",
            consumer, None if event_ids is None else list(event_ids), WAITING, wall_now(), POISON,
        )  # fmt: skip
    return len(rows)


def item_of(row: Any) -> Item:
    """The parked record, read again: a newer reader may understand what an older one could not."""
    return decode(
        Record(
            Partition(row["topic"], row["partition"]), row["offset"], row["key"], row["value"],
            unpack_headers(row["headers"]), row["parked_at"],
        )
    )  # fmt: skip
