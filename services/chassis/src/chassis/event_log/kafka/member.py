"""One member of a consumer group, from joining to leaving: deliver, then save the offsets, never the other way."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError

from chassis.clock import wall_seconds
from chassis.event_log.interface import Deliver, Partition, Record
from chassis.event_log.kafka.clients import close_consumer
from chassis.event_log.kafka.questions import NEWEST, OLDEST, LogAway, Questions, as_record
from chassis.event_log.kafka.settings import Limits

log = structlog.get_logger()

#: After a delivery that failed, the same records come again after these pauses; the last repeats.
PAUSES: Final = (0.05, 0.2, 0.5, 1.0, 2.0, 5.0)
#: A batch this small is followed by a short wait, so that the next one is worth its transaction.
_SMALL_BATCH: Final = 50
_GATHER_SECONDS: Final = 0.01
#: How much smaller the next batch is after one that took too long.
_SHRINK: Final = 4


class Stuck(Exception):
    """Records wait for us and do not come, or the group never takes us in: the client is beyond help."""


class Member(ConsumerRebalanceListener):  # type: ignore[misc]
    """One life of one consumer."""

    def __init__(
        self,
        group: str,
        topics: Sequence[str],
        deliver: Deliver,
        *,
        options: dict[str, Any],
        limits: Limits,
        questions: Questions,
        max_records: int,
    ) -> None:
        self._group = group
        self._topics = list(topics)
        self._deliver = deliver
        self._options = options
        self._limits = limits
        self._questions = questions
        self._max_records = max_records
        self._size = max_records
        self._failures = 0
        #: Whether anything was delivered in this life.
        self.delivered = False
        #: Held while a batch is worked on, and by the hand-over of partitions: never both at once.
        self._lock = asyncio.Lock()
        #: Counts assignments; records fetched under an earlier one are dropped.
        self._generation = 0
        self._mine: frozenset[Partition] | None = None
        #: Delivered but not saved yet: the offset after the last record.
        self._unsaved: dict[TopicPartition, int] = {}
        self._next: dict[Partition, int] = {}
        self._save_at = 0.0
        #: When something last moved: an assignment, or a batch.
        self._moved_at = wall_seconds()

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver until told to stop. Raises when this consumer has to be replaced by a new one."""
        limits = self._limits
        self._consumer = AIOKafkaConsumer(
            **self._options,
            group_id=self._group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            session_timeout_ms=int(limits.session * 1000),
            heartbeat_interval_ms=int(limits.session * 1000 / 3),
            rebalance_timeout_ms=int(limits.rebalance * 1000),
            max_poll_interval_ms=int(limits.rebalance * 1000) * 10,
            request_timeout_ms=int(limits.join * 1000),
        )
        stopping = asyncio.ensure_future(stop.wait())
        watching = asyncio.ensure_future(self._watch())
        try:
            # Subscribed after the start: the start then only finds the brokers, and cannot wait for the group.
            async with asyncio.timeout(limits.question):
                await self._consumer.start()
            self._consumer.subscribe(self._topics, listener=self)
            await self._read(stopping, watching)
            async with self._lock:
                await self._save(now=True)
        finally:
            stopping.cancel()
            watching.cancel()
            await close_consumer(self._consumer, limits.goodbye)

    # ---- the loop ----------------------------------------------------------------------------------------------

    async def _read(self, stopping: asyncio.Future[Any], watching: asyncio.Future[None]) -> None:
        while not stopping.done():
            fetching = asyncio.ensure_future(self._fetch())
            try:
                await asyncio.wait({fetching, stopping, watching}, return_when=asyncio.FIRST_COMPLETED)
                if watching.done():
                    watching.result()
                if not fetching.done():
                    return
                generation, records = fetching.result()
            finally:
                fetching.cancel()
                await asyncio.wait({fetching})
            pause = await self._take(generation, records)
            if pause:
                await asyncio.wait({stopping}, timeout=pause)

    async def _fetch(self) -> tuple[int, list[Record]]:
        """The next records, and under which assignment they came. Outside the lock: a hand-over may wait in here."""
        fetched = await self._consumer.getmany(timeout_ms=int(self._limits.save_every * 1000), max_records=self._size)
        return self._generation, [
            as_record(Partition(place.topic, place.partition), record)
            for place, records in fetched.items()
            for record in records
        ]

    async def _take(self, generation: int, records: Sequence[Record]) -> float:
        """Deliver; answers how long to wait before the next batch."""
        async with self._lock:
            if not records:
                await self._save()
                return 0.0
            if generation != self._generation:
                # Handed over while they were on their way. Whoever has the partition now gets them.
                return 0.0
            started = self._moved_at = wall_seconds()
            try:
                async with asyncio.timeout(self._limits.handler):
                    await self._deliver(records)
            except Exception as error:  # noqa: BLE001  whatever went wrong, nothing is saved and they come again
                if wall_seconds() - started >= self._limits.handler:
                    self._size = max(1, len(records) // _SHRINK)
                self._go_back(records)
                pause = PAUSES[min(self._failures, len(PAUSES) - 1)]
                self._failures += 1
                log.warning(
                    "event-log.delivery-failed",
                    group=self._group,
                    error=type(error).__name__,
                    records=len(records),
                    pause=pause,
                )
                return pause
            finally:
                self._moved_at = wall_seconds()
            self._failures = 0
            self.delivered = True
            self._size = min(self._max_records, self._size * 2)
            for record in records:
                self._unsaved[TopicPartition(*record.partition)] = record.offset + 1
                self._next[record.partition] = record.offset + 1
            await self._save()
            return _GATHER_SECONDS if len(records) < _SMALL_BATCH else 0.0

    def _go_back(self, records: Sequence[Record]) -> None:
        first: dict[Partition, int] = {}
        for record in records:
            first.setdefault(record.partition, record.offset)
        for partition, offset in first.items():
            # Being handed over: its next owner starts from what was saved anyway.
            with suppress(IllegalStateError):
                self._consumer.seek(TopicPartition(*partition), offset)

    async def _save(self, *, now: bool = False) -> None:
        """Save offsets, not too often. Failing is no harm: readers drop what they have seen."""
        if not self._unsaved or (not now and wall_seconds() < self._save_at):
            return
        offsets, self._unsaved = self._unsaved, {}
        self._save_at = wall_seconds() + self._limits.save_every
        try:
            async with asyncio.timeout(self._limits.goodbye):
                await self._consumer.commit(offsets)
        except (CommitFailedError, IllegalStateError) as error:
            log.info("event-log.offsets-not-saved", group=self._group, why=type(error).__name__)
        except (KafkaError, TimeoutError) as error:
            self._unsaved = offsets | self._unsaved
            log.warning("event-log.offsets-not-saved", group=self._group, why=type(error).__name__)

    # ---- hand-over of partitions, called by aiokafka from a task of its own ---------------------------------------

    async def on_partitions_revoked(self, _revoked: set[TopicPartition]) -> None:
        """Let the batch in hand end, save, and only then let the partitions go."""
        # Before anything is waited for: from here on, what was fetched and not begun is no longer ours.
        self._generation += 1
        self._mine = None
        self._moved_at = wall_seconds()
        async with self._lock:
            await self._save(now=True)
            self._unsaved.clear()
            self._next.clear()

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """Note what is ours."""
        self._mine = frozenset(Partition(*place) for place in assigned)
        self._moved_at = wall_seconds()

    # ---- seen from outside the client ----------------------------------------------------------------------------

    async def _watch(self) -> None:
        """Compare what the brokers have with what we were given. The client itself cannot tell that it is stuck."""
        while True:
            await asyncio.sleep(self._limits.stuck / 4)
            quiet = wall_seconds() - self._moved_at
            if self._lock.locked() or quiet < self._limits.stuck:
                continue
            if self._mine is None:
                if quiet > self._limits.join + self._limits.stuck:
                    raise Stuck("never assigned")
                continue
            moved_at = self._moved_at
            # No answer means that the brokers are away, not that we are stuck.
            with suppress(KafkaError, LogAway):
                behind = await self._is_blind() or await self._is_behind(self._mine)
                if behind and moved_at == self._moved_at:
                    raise Stuck("records wait")

    async def _is_blind(self) -> bool:
        """Whether there are partitions that the client does not know of: it cannot ask for its share of them."""
        found = await self._questions.partitions_of(self._topics, fresh=True)
        known = sum(len(self._consumer.partitions_for_topic(topic) or ()) for topic in self._topics)
        return known < len(found)

    async def _is_behind(self, mine: frozenset[Partition]) -> bool:
        newest = await self._questions.offsets(mine, NEWEST)
        oldest = await self._questions.offsets(mine, OLDEST)
        saved = await self._questions.group_offsets(self._group, mine)
        return any(
            end > max(oldest.get(partition, 0), saved.get(partition, 0), self._next.get(partition, 0))
            for partition, end in newest.items()
        )
