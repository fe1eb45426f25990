"""Events that wait: tried again in order, per topic and subject, until they are taken; seen and put back by people."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import structlog

from chassis.arrivals import GAP_PATIENCE, POISON, WAITING, HandlerFailed, Item, decode, next_retry
from chassis.clock import wall_now
from chassis.database import Database, is_transient
from chassis.errors import Refusal
from chassis.event_log.interface import Partition, Record, unpack_headers
from chassis.subscription import NotYet
from chassis.transaction import Transaction

if TYPE_CHECKING:
    from chassis.consuming import Consumer

log = structlog.get_logger()

#: The first event of each stream that may be tried: what waits behind a poison event is not.
_DUE = """
SELECT * FROM (
  SELECT DISTINCT ON (topic, subject) event_id, topic, subject, state, reason, retry_at FROM parked
  WHERE consumer = $1 AND ($2::text[] IS NULL OR subject = ANY($2::text[])) ORDER BY topic, subject, position
) first WHERE state = 'waiting' AND (retry_at <= $3 OR reason = 'behind-another' OR $2::text[] IS NOT NULL) LIMIT $4
"""
_LOCK = (
    "SELECT * FROM parked WHERE consumer = $1 AND event_id = ANY($2::text[]) ORDER BY position FOR UPDATE SKIP LOCKED"
)
_FIRST = """
SELECT * FROM parked WHERE consumer = $1 AND topic = $2 AND subject = $3 ORDER BY position LIMIT 1 FOR UPDATE
"""
_WAIT = """
UPDATE parked p SET reason = w.reason, attempts = p.attempts + 1, retry_at = w.retry_at
FROM unnest($2::text[], $3::text[], $4::timestamptz[]) AS w(event_id, reason, retry_at)
WHERE p.consumer = $1 AND p.event_id = w.event_id
"""
_ANY = "SELECT 1 FROM parked WHERE consumer = $1 LIMIT 1"
BATCH: Final = 200


class Parking:
    """The parked events of one consumer."""

    def __init__(self, consumer: "Consumer") -> None:
        self._consumer = consumer

    async def retry(self, subjects: set[str] | None) -> tuple[int, bool]:
        """Try again what is due, or all of these subjects. Returns how many were taken, and whether any are left."""
        taken, now = 0, wall_now()
        while True:
            streams, left = await self._due(subjects, now)
            if not streams:
                return taken, left
            try:
                progress = await self._together([stream["event_id"] for stream in streams], now)
            except Exception as error:
                if is_transient(error):
                    raise
                # One of them breaks its handler: each stream alone, so that the others go on.
                progress = sum([await self._retry_stream(s["topic"], s["subject"], now) for s in streams])
            taken += progress
            if not progress:
                return taken, True

    async def _due(self, subjects: set[str] | None, now: datetime) -> tuple[Sequence[Any], bool]:
        """What to try, and whether anything is parked at all."""
        wanted = None if subjects is None else sorted(subjects)
        async with self._consumer.database.transaction(Transaction) as tx:
            found = await tx.rows(_DUE, self._consumer.name, wanted, now, BATCH)
            return found, bool(found or await tx.rows(_ANY, self._consumer.name))

    async def _together(self, event_ids: Sequence[str], now: datetime) -> int:
        """The first events of many streams in one transaction; returns how many were taken."""
        async with self._consumer.database.transaction(self._consumer.tx_type) as tx:
            rows = await tx.rows(_LOCK, self._consumer.name, list(event_ids))
            verdicts: dict[str, NotYet | Refusal] = {}
            for patient in (True, False):
                items = [item_of(row) for row in rows if (now - row["parked_at"] < GAP_PATIENCE) is patient]
                verdicts |= await self._consumer.work(tx, items, patient=patient)
            gone = [row["event_id"] for row in rows if row["event_id"] not in verdicts]
            await tx.rows(
                "DELETE FROM parked WHERE consumer = $1 AND event_id = ANY($2::text[])", self._consumer.name, gone
            )
            await self._wait_on(
                tx, [(row, verdicts[row["event_id"]]) for row in rows if row["event_id"] in verdicts], now
            )
        return len(gone)

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
        await self._wait_on(tx, [(row, verdict)], now)
        return False

    async def _wait_on(self, tx: Transaction, answered: Sequence[tuple[Any, NotYet | Refusal]], now: datetime) -> None:
        waiting = [(row, verdict) for row, verdict in answered if isinstance(verdict, NotYet)]
        if waiting:
            await tx.rows(
                _WAIT,
                self._consumer.name,
                [row["event_id"] for row, _ in waiting],
                [verdict.reason for _, verdict in waiting],
                [now + next_retry(row["attempts"] + 1) for row, _ in waiting],
            )
        for row, verdict in answered:
            if isinstance(verdict, Refusal):
                await self._give_up(tx, row, verdict)

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
