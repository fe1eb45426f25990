"""How a service takes what it hears: inbox row, effects and outbox in one transaction, offsets after it.

Delivery is at least once; the inbox makes the effect once. What cannot be taken yet is parked, what can never be taken
becomes a dead letter, and later events of that subject from the same topic wait behind it. Other subjects go on.
"""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

import structlog
from schemas.dead_letter import DeadLettered
from schemas.event import Event
from schemas.topics import TOPICS

from chassis import telemetry
from chassis.arrivals import (
    BEHIND,
    POISON,
    WAITING,
    HandlerFailed,
    Item,
    Unreadable,
    decode,
    in_time,
    next_retry,
    safe_id,
)
from chassis.cause import Cause
from chassis.clock import wall_now, wall_seconds
from chassis.database import Database, is_transient
from chassis.errors import OutcomeUnknown, Refusal
from chassis.event_log.interface import Record, pack_headers
from chassis.parking import Parking
from chassis.subscription import NotYet, Received, Subscription
from chassis.transaction import Transaction

log = structlog.get_logger()

_ATTEMPTS_ALONE: Final = 2
#: How often a member looks for what others have parked, or people have put back.
_LOOK_SECONDS: Final = 2.0
#: One look into the index for each: as a join, whatever was ever seen would be read while statistics are young.
_LAST_SEEN: Final = """
SELECT k.source, k.subject, s.last_sequence
FROM unnest($3::text[], $4::text[]) AS k(source, subject),
LATERAL (SELECT last_sequence FROM subject_seen WHERE consumer = $1 AND epoch = $2 AND source = k.source
         AND subject = k.subject LIMIT 1) AS s
"""


class Consumer:
    """One service's reader: hand its `deliver` to the event log."""

    def __init__(
        self,
        name: str,
        subscriptions: Sequence[Subscription],
        *,
        database: Database,
        tx_type: type[Transaction],
        epoch: int = 0,
    ) -> None:
        self.name = name
        self.database = database
        self.epoch = epoch
        self.tx_type = tx_type
        self._handlers: defaultdict[type[Event], list[Subscription]] = defaultdict(list)
        for subscription in subscriptions:
            self._handlers[subscription.event].append(subscription)
        self.topics = tuple(sorted({s.event.topic.name for s in subscriptions}))
        #: Whether anything may be parked here; what other members parked is looked for more rarely.
        self._parked = True
        self._looked_at = float("-inf")

    async def deliver(self, records: Sequence[Record]) -> None:
        """Take a batch. Raises when the database is away: the same records come again."""
        items = [decode(record) for record in in_time(records)]
        waiting: set[str] = set()
        try:
            waiting = await self._take(items)
        except (OutcomeUnknown, asyncio.CancelledError):
            raise
        except Exception as error:
            if is_transient(error):
                raise
            log.warning("consumer.batch-failed", consumer=self.name, error=type(error).__name__, size=len(items))
            for item in items:
                waiting |= await self._take_alone(item)
        telemetry.CONSUMED.labels(self.name).inc(len(items))
        if waiting:
            await self.retry_parked(subjects=waiting)

    async def _take_alone(self, item: Item) -> set[str]:
        for attempt in range(1, _ATTEMPTS_ALONE + 1):
            try:
                return await self._take([item])
            except (OutcomeUnknown, asyncio.CancelledError):
                raise
            except Exception as error:
                if is_transient(error):
                    raise
                if attempt == _ATTEMPTS_ALONE:
                    # The class only: an exception's text may quote personal data.
                    log.error("consumer.poison", consumer=self.name, event_id=item.id, error=type(error).__name__)  # noqa: TRY400
                    async with self.database.transaction(self.tx_type) as tx:
                        behind = await self._blocked(tx, [item])
                        await self._park(tx, item, NotYet(BEHIND) if behind else HandlerFailed())
        return set()

    async def _take(self, items: Sequence[Item]) -> set[str]:
        """Take or park each. Returns the subjects of which something waits that these may be what it waited for."""
        async with self.database.transaction(self.tx_type) as tx:
            blocked = await self._blocked(tx, items)
            verdicts = await self.work(tx, [item for item in items if item.stream not in blocked])
            parked = {item.subject for item in items if item.id in verdicts}
            taken = {item.subject for item in items if item.stream not in blocked and item.id not in verdicts}
            for item in items:
                if item.stream in blocked:
                    await self._park(tx, item, NotYet(BEHIND))
                elif item.id in verdicts:
                    await self._park(tx, item, verdicts.pop(item.id))
        return taken & (parked | {subject for _, subject in blocked})

    def _concerns(self, item: Item) -> bool:
        return item.unreadable is not None or (item.event is not None and type(item.event) in self._handlers)

    async def _blocked(self, tx: Transaction, items: Sequence[Item]) -> set[tuple[str, str]]:
        rows = await tx.rows(
            "SELECT DISTINCT topic, subject FROM parked WHERE consumer = $1 AND subject = ANY($2::text[])",
            self.name,
            list({item.subject for item in items}),
        )
        return {(row["topic"], row["subject"]) for row in rows}

    async def work(
        self, tx: Transaction, items: Sequence[Item], *, patient: bool = True
    ) -> dict[str, NotYet | Refusal]:
        """Take what can be taken. Returns the answers for the events that were not taken: they left no trace."""
        fresh = await self._fresh(tx, items)
        if not fresh:
            return {}
        gaps = await self._sequences(tx, fresh, patient=patient)
        verdicts: dict[str, NotYet | Refusal] = {}
        stopped: set[tuple[str, str]] = set()
        await tx.lock_subjects(item.subject for item in fresh)
        for wave in _waves(fresh):
            batches: defaultdict[type[Event], list[Item]] = defaultdict(list)
            for item in wave:
                if item.stream in stopped:
                    verdicts[item.id] = NotYet(BEHIND)
                elif item.unreadable is not None:
                    verdicts[item.id] = Unreadable(item.unreadable)
                elif item.id in gaps:
                    verdicts[item.id] = NotYet("gap")
                elif item.event is not None:
                    batches[type(item.event)].append(item)
            for event_type, batch in batches.items():
                verdicts |= await self._handle(tx, event_type, batch)
            stopped |= {item.stream for item in wave if item.id in verdicts}
        if verdicts:
            await tx.rows(
                "DELETE FROM inbox WHERE consumer = $1 AND epoch = $2 AND event_id = ANY($3::text[])",
                self.name, self.epoch, list(verdicts),
            )  # fmt: skip
        return verdicts

    async def _handle(
        self, tx: Transaction, event_type: type[Event], batch: Sequence[Item]
    ) -> dict[str, NotYet | Refusal]:
        remaining = list(batch)
        verdicts: dict[str, NotYet | Refusal] = {}
        for subscription in self._handlers[event_type]:
            if not remaining:
                break
            answers = await subscription.handler([_received(item) for item in remaining], tx)
            if answers is None:
                continue
            verdicts |= {item.id: a for item, a in zip(remaining, answers, strict=True) if a is not None}
            remaining = [item for item in remaining if item.id not in verdicts]
        return verdicts

    async def _fresh(self, tx: Transaction, items: Sequence[Item]) -> list[Item]:
        """Those never taken before, each marked as taken, once."""
        concerned = {item.id: item for item in items if self._concerns(item)}
        ids = sorted(concerned)
        rows = await tx.rows(
            "INSERT INTO inbox (consumer, epoch, event_id, taken_at)"
            " SELECT $1, $2, id, $4 FROM unnest($3::text[]) AS id"
            " ON CONFLICT DO NOTHING RETURNING event_id",
            self.name, self.epoch, ids, wall_now(),
        )  # fmt: skip
        new = {row["event_id"] for row in rows}
        seen: set[str] = set()
        fresh = []
        for item in items:
            # What does not concern us still counts in its subject's sequence.
            if (item.id in new or item.id not in concerned) and item.id not in seen:
                seen.add(item.id)
                fresh.append(item)
        return fresh

    async def _sequences(self, tx: Transaction, items: Sequence[Item], *, patient: bool) -> set[str]:
        """Check that nothing of a subject was skipped. Returns the ids that must wait for a gap to fill."""
        counted = [i for i in items if i.envelope is not None and not TOPICS[i.record.partition.topic].compacted]
        keys = sorted({(i.envelope.source, i.envelope.subject) for i in counted if i.envelope})
        if not keys:
            return set()
        rows = await tx.rows(
            _LAST_SEEN,
            self.name, self.epoch, [k[0] for k in keys], [k[1] for k in keys],
        )  # fmt: skip
        last = {(row["source"], row["subject"]): int(row["last_sequence"]) for row in rows}
        before = dict(last)
        gaps: set[str] = set()
        holding: set[tuple[str, str]] = set()
        for item in counted:
            if item.envelope is None:
                continue
            key = (item.envelope.source, item.envelope.subject)
            sequence = item.envelope.subjectsequence
            if key in holding or (key in last and sequence > last[key] + 1 and patient):
                holding.add(key)
                gaps.add(item.id)
                continue
            if key in last and sequence > last[key] + 1:
                log.error(
                    "consumer.gap-given-up",
                    consumer=self.name,
                    subject=key[1],
                    expected=last[key] + 1,
                    got=sequence,
                )
                telemetry.GAPS.labels(self.name).inc()
            last[key] = max(sequence, last.get(key, 0))
        moved = [key for key in keys if last.get(key) != before.get(key)]
        if not moved:
            return gaps
        await tx.rows(
            "INSERT INTO subject_seen (consumer, epoch, source, subject, last_sequence)"
            " SELECT $1, $2, * FROM unnest($3::text[], $4::text[], $5::bigint[])"
            " ON CONFLICT (consumer, epoch, source, subject)"
            " DO UPDATE SET last_sequence = greatest(subject_seen.last_sequence, excluded.last_sequence)",
            self.name, self.epoch, [k[0] for k in moved], [k[1] for k in moved], [last[k] for k in moved],
        )  # fmt: skip
        return gaps

    async def _park(self, tx: Transaction, item: Item, verdict: NotYet | Refusal) -> None:
        self._parked = True
        for_good = isinstance(verdict, Refusal)
        reason = verdict.code if isinstance(verdict, Refusal) else verdict.reason
        telemetry.PARKED.labels(self.name, reason).inc()
        now, partition = wall_now(), item.record.partition
        parked = await tx.insert(
            tx.tables.parked,
            [
                {
                    "consumer": self.name,
                    "event_id": item.id,
                    "subject": item.subject,
                    "state": POISON if for_good else WAITING,
                    "reason": reason,
                    "topic": partition.topic,
                    "partition": partition.number,
                    "offset": item.record.offset,
                    "key": item.record.key,
                    "value": item.record.value,
                    "headers": pack_headers(item.record.headers),
                    "attempts": 0,
                    "parked_at": now,
                    "retry_at": None if for_good else now + next_retry(0),
                }
            ],
            conflict=("consumer", "event_id"),
            returning=("event_id",),
        )
        if parked and for_good:
            tx.emit(*self.dead_letter(item, reason))

    def dead_letter(self, item: Item, reason: str) -> tuple[DeadLettered, Cause]:
        """What is said of an event that this reader cannot take, and why."""
        envelope, partition = item.envelope, item.record.partition
        event = DeadLettered(
            reader=self.name,
            event_subject=safe_id(item.subject),
            event_id=safe_id(item.id),
            event_type=envelope.type if envelope else "unknown",
            event_topic=partition.topic,
            partition=partition.number,
            offset=item.record.offset,
            reason=reason,
        )
        return event, Cause(envelope.correlationid, envelope.id) if envelope else Cause.fresh()

    async def retry_parked(self, *, subjects: set[str] | None = None) -> int:
        """Try again what is parked: what is due, or everything of these subjects. Returns how many were taken."""
        # Before the look, not after it: what is parked meanwhile must not be forgotten.
        before, self._parked = self._parked, False
        try:
            taken, left = await Parking(self).retry(subjects)
        except BaseException:
            self._parked |= before
            raise
        self._parked |= left
        return taken

    async def retry_due(self) -> None:
        """Try again what is due; seldom where nothing was parked when last looked."""
        now = wall_seconds()
        if self._parked or now - self._looked_at >= _LOOK_SECONDS:
            self._looked_at = now
            await self.retry_parked()


def _waves(items: Sequence[Item]) -> list[list[Item]]:
    """Split so that each wave has one item per subject and order per subject is kept over the waves."""
    depth: defaultdict[str, int] = defaultdict(int)
    waves: list[list[Item]] = []
    for item in items:
        n = depth[item.subject]
        depth[item.subject] = n + 1
        if n == len(waves):
            waves.append([])
        waves[n].append(item)
    return waves


def _received(item: Item) -> Received[Any]:
    envelope, event = item.envelope, item.event
    if envelope is None or event is None:
        raise ValueError("Only what was read can be handled.")
    return Received(
        event=event,
        id=envelope.id,
        type=envelope.type,
        source=envelope.source,
        subject=envelope.subject,
        sequence=envelope.subjectsequence,
        time=envelope.time,
        cause=Cause(envelope.correlationid, envelope.id, envelope.traceparent),
    )
