"""`EventLog` on Apache Kafka."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final, Self

import structlog
from schemas.topics import Topic

from chassis.event_log.interface import Appender, Deliver, Partition, Record
from chassis.event_log.kafka.appending import KafkaAppender
from chassis.event_log.kafka.member import PAUSES, Member
from chassis.event_log.kafka.questions import NEWEST, LogAway, Questions
from chassis.event_log.kafka.settings import Brokers, Limits
from chassis.settings import Settings

log = structlog.get_logger()

_DAY_MILLISECONDS: Final = 86_400_000
#: With this many brokers or more, a record is kept by three and acknowledged when two have it.
_REPLICAS: Final = 3
_HEALTH_SECONDS: Final = 3.0


class KafkaEventLog:
    """An `EventLog` on the brokers at an address. One per process; tasks share it."""

    def __init__(self, brokers: Brokers, *, limits: Limits | None = None, client_id: str = "jointly") -> None:
        """`client_id` is what the brokers' logs and quotas call us."""
        self._options = brokers.options()
        self._limits = limits or Limits()
        self._client_id = client_id
        self._questions = Questions(self._options | {"client_id": client_id}, self._limits)
        self._appenders: set[KafkaAppender] = set()

    @classmethod
    def of(cls, settings: Settings, *, client_id: str) -> Self:
        """The log on the brokers that the settings name."""
        return cls(Brokers.of(settings), client_id=client_id)

    async def ensure_topics(self, topics: Sequence[Topic]) -> None:
        """See `EventLog.ensure_topics`. A topic that is there but otherwise than described is only reported."""
        brokers = len(await self._questions.brokers())
        found = await self._questions.partitions_of([topic.name for topic in topics], fresh=True)
        there = {partition.topic for partition in found}
        missing = [topic for topic in topics if topic.name not in there]
        if missing:
            replicas = min(_REPLICAS, brokers)
            await self._questions.make_topics(
                [(topic.name, topic.partitions, replicas, _settings(topic, replicas)) for topic in missing]
            )
        await self._report_differences([topic for topic in topics if topic.name in there])

    def appender(self, name: str) -> Appender:
        """See `EventLog.appender`."""
        appender = KafkaAppender(
            f"{self._client_id}/{name}", self._options, self._limits, self._questions, gone=self._appenders.discard
        )
        self._appenders.add(appender)
        return appender

    async def consume(
        self, group: str, topics: Sequence[str], deliver: Deliver, *, stop: asyncio.Event, max_records: int = 500
    ) -> None:
        """See `EventLog.consume`."""
        failures = 0
        while not stop.is_set():
            member = Member(
                group,
                topics,
                deliver,
                options=self._options | {"client_id": self._client_id},
                limits=self._limits,
                questions=self._questions,
                max_records=max_records,
            )
            try:
                await member.run(stop)
            except Exception as error:  # noqa: BLE001  the group goes on whatever went wrong
                failures = 0 if member.delivered else failures
                pause = PAUSES[min(failures, len(PAUSES) - 1)]
                failures += 1
                log.warning("event-log.member-restarts", group=group, error=type(error).__name__, pause=pause)
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), pause)

    async def end_offsets(self, topics: Sequence[str]) -> Mapping[Partition, int]:
        """See `EventLog.end_offsets`."""
        partitions = await self._questions.partitions_of(topics)
        try:
            return await self._questions.offsets(partitions, NEWEST)
        except LogAway:
            left = await self._questions.partitions_of(topics, fresh=True)
            if left == partitions:
                raise
            # A topic was deleted while we asked.
            return await self._questions.offsets(left, NEWEST)

    async def group_offsets(self, group: str, topics: Sequence[str]) -> Mapping[Partition, int]:
        """See `EventLog.group_offsets`."""
        return await self._questions.group_offsets(group, await self._questions.partitions_of(topics))

    async def read(self, partition: Partition, offset: int, *, limit: int = 500) -> Sequence[Record]:
        """See `EventLog.read`."""
        return await self._questions.read(partition, offset, limit)

    async def rewind(self, group: str, offsets: Mapping[Partition, int]) -> None:
        """See `EventLog.rewind`. Raises `ValueError` while the group has live members."""
        await self._questions.set_group_offsets(group, offsets)

    async def apply_retention(self) -> None:
        """See `EventLog.apply_retention`: the brokers do it."""

    async def healthy(self) -> bool:
        """See `EventLog.healthy`."""
        return bool(await self.brokers_up())

    async def brokers_up(self) -> frozenset[int]:
        """The numbers of the brokers that are up; empty when none answers."""
        try:
            async with asyncio.timeout(_HEALTH_SECONDS):
                return await self._questions.brokers()
        except Exception:  # noqa: BLE001  any failure means the same here
            return frozenset()

    async def close(self) -> None:
        """See `EventLog.close`."""
        await asyncio.gather(*(appender.close() for appender in tuple(self._appenders)))
        await self._questions.close()

    async def _report_differences(self, topics: Sequence[Topic]) -> None:
        if not topics:
            return
        names = ("cleanup.policy", "retention.ms")
        found = await self._questions.settings([topic.name for topic in topics], names)
        for topic in topics:
            wanted = {name: value for name, value in _settings(topic, 1).items() if name in names}
            have = {name: found[topic.name].get(name) for name in wanted}
            partitions = await self._questions.partitions(topic.name)
            if have != wanted or partitions != topic.partitions:
                log.warning("event-log.topic-differs", topic=topic.name, partitions=partitions, **have)


def _settings(topic: Topic, replicas: int) -> dict[str, str]:
    """A topic's settings in Kafka's words."""
    return {
        "cleanup.policy": "compact" if topic.compacted else "delete",
        "retention.ms": "-1" if topic.compacted else str(topic.kept_days * _DAY_MILLISECONDS),
        "min.insync.replicas": str(max(1, replicas - 1)),
        # The broker's clock, not the writer's, says when a record expires.
        "message.timestamp.type": "LogAppendTime",
    }
