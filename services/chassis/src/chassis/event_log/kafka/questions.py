"""What is asked of the brokers outside any group: topics, offsets, single reads. One connection, shared."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

import structlog
from aiokafka import AIOKafkaClient, TopicPartition
from aiokafka.client import CoordinationType
from aiokafka.errors import (
    KafkaConnectionError,
    KafkaError,
    LeaderNotAvailableError,
    NodeNotReadyError,
    OffsetOutOfRangeError,
    RequestTimedOutError,
    StaleMetadata,
    TopicAlreadyExistsError,
    UnknownMemberIdError,
    for_code,
)
from aiokafka.protocol.admin import CreateTopicsRequest, DescribeConfigsRequest
from aiokafka.protocol.commit import OffsetCommitRequest, OffsetFetchRequest
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.metadata import MetadataRequest
from aiokafka.protocol.offset import OffsetRequest
from aiokafka.record.memory_records import MemoryRecords

from chassis.event_log.interface import Partition, Record
from chassis.event_log.kafka.clients import cut_client
from chassis.event_log.kafka.settings import Limits

log = structlog.get_logger()

T = TypeVar("T")

OLDEST: Final = -2
NEWEST: Final = -1
_READ_COMMITTED: Final = 1
_READ_BYTES: Final = 4 * 1024 * 1024
_TOPIC_RESOURCE: Final = 2
_PAUSE_SECONDS: Final = 0.1
_LONGEST_PAUSE_SECONDS: Final = 1.0
#: After so many looks a topic that no broker knows does not exist.
_LOOKS: Final = 4
#: The connection itself is in question: find the brokers again from their first address.
_LOST: Final = (KafkaConnectionError, NodeNotReadyError, RequestTimedOutError, StaleMetadata)


class LogAway(ConnectionError):
    """The brokers did not answer in time."""


class Questions:
    """Asks until it gets an answer or the time is up. Safe to share between tasks."""

    def __init__(self, options: Mapping[str, Any], limits: Limits) -> None:
        self._options = dict(options)
        self._limits = limits
        self._client: AIOKafkaClient | None = None
        self._opening = asyncio.Lock()

    async def ask(self, question: Callable[[AIOKafkaClient], Awaitable[T]]) -> T:
        """The answer. Raises `LogAway` when there is none in time, `KafkaError` when it is a no."""
        last: Exception | None = None
        pause = _PAUSE_SECONDS
        try:
            async with asyncio.timeout(self._limits.question):
                while True:
                    client = None
                    try:
                        client = await self._open()
                        return await question(client)
                    except KafkaError as error:
                        if not error.retriable:
                            raise
                        last = error
                        if client is not None and isinstance(error, _LOST):
                            await self._drop(client)
                        elif client is not None:
                            await client.force_metadata_update()
                    await asyncio.sleep(pause)
                    pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
        except TimeoutError:
            why = type(last).__name__ if last else "no answer"
            raise LogAway(f"Kafka at {self._options['bootstrap_servers']} did not answer: {why}.") from last

    async def close(self) -> None:
        """Let go of the connection."""
        client, self._client = self._client, None
        if client is not None:
            await cut_client(client)

    async def _open(self) -> AIOKafkaClient:
        async with self._opening:
            if self._client is None:
                milliseconds = int(self._limits.question / 2 * 1000)
                client = AIOKafkaClient(**self._options, request_timeout_ms=milliseconds)
                try:
                    await client.bootstrap()
                    # The first answer names the brokers only; the second, asked of one of them, all topics.
                    await _refresh(client)
                except BaseException:
                    await cut_client(client)
                    raise
                self._client = client
            return self._client

    async def _drop(self, client: AIOKafkaClient) -> None:
        if self._client is client:
            self._client = None
        await cut_client(client)

    # ---- topics ------------------------------------------------------------------------------------------------

    async def brokers(self) -> frozenset[int]:
        """The brokers that are up, as the first of them knows now."""

        async def look(client: AIOKafkaClient) -> frozenset[int]:
            answer = await client.send(client.get_random_node(), MetadataRequest([]))
            return frozenset(broker[0] for broker in answer.brokers)

        return await self.ask(look)

    async def partitions(self, topic: str) -> int:
        """How many partitions a topic has. Raises `ValueError` for one that does not exist."""
        counts = await self._known([topic])
        if topic not in counts:
            raise ValueError(f"There is no topic {topic}.")
        return counts[topic]

    async def _known(self, topics: Collection[str], *, fresh: bool = False) -> dict[str, int]:
        """How many partitions each of these topics has; those that do not exist are absent."""

        async def look(client: AIOKafkaClient) -> dict[str, int]:
            if fresh:
                await _refresh(client)
            for _ in range(_LOOKS):
                counts = {topic: client.cluster.partitions_for_topic(topic) for topic in topics}
                if all(counts.values()):
                    break
                # A broker learns of a new topic a little later than the one that made it.
                await asyncio.sleep(_PAUSE_SECONDS)
                await _refresh(client)
            return {topic: len(numbers) for topic, numbers in counts.items() if numbers}

        return await self.ask(look)

    async def make_topics(self, wanted: Sequence[tuple[str, int, int, Mapping[str, str]]]) -> None:
        """Make topics (name, partitions, replicas, settings), and wait until every partition has a leader."""

        async def make(client: AIOKafkaClient) -> None:
            request = CreateTopicsRequest(
                create_topic_requests=[(n, p, r, [], list(s.items())) for n, p, r, s in wanted],
                timeout=int(self._limits.question / 2 * 1000),
                validate_only=False,
            )
            answer = await client.send(client.get_random_node(), request)
            for name, code, said in answer.topic_errors:
                if code and for_code(code) is not TopicAlreadyExistsError:
                    raise for_code(code)(f"{name}: {said}")

        async def led(client: AIOKafkaClient) -> None:
            # By what each broker knows: whoever asks next may ask any of them.
            for broker in client.cluster.brokers():
                with suppress(*_LOST):
                    answer = await client.send(broker.nodeId, MetadataRequest([name for name, *_ in wanted]))
                    leaders = [leader for *_, parts in answer.topics for _, _, leader, *_ in parts]
                    if len(leaders) < sum(partitions for _, partitions, *_ in wanted) or -1 in leaders:
                        raise LeaderNotAvailableError(f"broker {broker.nodeId}")
            await _refresh(client)

        await self.ask(make)
        await self.ask(led)

    async def settings(self, topics: Collection[str], names: Collection[str]) -> dict[str, dict[str, str]]:
        """Some settings of some topics, as the brokers hold them."""

        async def look(client: AIOKafkaClient) -> dict[str, dict[str, str]]:
            request = DescribeConfigsRequest([(_TOPIC_RESOURCE, topic, list(names)) for topic in topics], False)  # noqa: FBT003
            answer = await client.send(client.get_random_node(), request)
            found = {}
            for code, said, _, topic, entries in answer.resources:
                if code:
                    raise for_code(code)(said)
                found[topic] = {entry[0]: entry[1] for entry in entries}
            return found

        return await self.ask(look)

    async def message_limit(self, topics: Collection[str]) -> int:
        """The smallest `max.message.bytes` of these topics."""
        found = await self.settings(topics, ["max.message.bytes"])
        return min(int(settings["max.message.bytes"]) for settings in found.values())

    # ---- offsets -----------------------------------------------------------------------------------------------

    async def partitions_of(self, topics: Collection[str], *, fresh: bool = False) -> list[Partition]:
        """Every partition of the topics that exist; `fresh` asks the brokers instead of remembering."""
        counts = await self._known(topics, fresh=fresh)
        return [Partition(topic, number) for topic, count in counts.items() for number in range(count)]

    async def offsets(self, partitions: Collection[Partition], at: int) -> dict[Partition, int]:
        """The `OLDEST` offset of each partition, or the one after its `NEWEST` record."""

        async def look(client: AIOKafkaClient) -> dict[Partition, int]:
            found: dict[Partition, int] = {}
            for leader, led in _by_leader(client, partitions).items():
                request = OffsetRequest(-1, _READ_COMMITTED, _grouped((p, (p.number, at)) for p in led))
                answer = await client.send(leader, request)
                for topic, parts in answer.topics:
                    for number, code, *_, offset in parts:
                        if code:
                            raise for_code(code)(topic)
                        found[Partition(topic, number)] = offset
            return found

        return await self.ask(look) if partitions else {}

    async def group_offsets(self, group: str, partitions: Collection[Partition]) -> dict[Partition, int]:
        """Where a group will go on; partitions it never read are absent."""

        async def look(client: AIOKafkaClient) -> dict[Partition, int]:
            coordinator = await client.coordinator_lookup(CoordinationType.GROUP, group)
            request = OffsetFetchRequest(group, _grouped((p, p.number) for p in partitions))
            answer = await client.send(coordinator, request)
            found: dict[Partition, int] = {}
            for topic, parts in answer.topics:
                for number, offset, _, code in parts:
                    if code:
                        raise for_code(code)(topic)
                    if offset >= 0:
                        found[Partition(topic, number)] = offset
            return found

        return await self.ask(look) if partitions else {}

    async def set_group_offsets(self, group: str, offsets: Mapping[Partition, int]) -> None:
        """Move a group. Raises `ValueError` while it has live members: they would move it back."""

        async def move(client: AIOKafkaClient) -> None:
            coordinator = await client.coordinator_lookup(CoordinationType.GROUP, group)
            wanted = _grouped((p, (p.number, offset, "")) for p, offset in offsets.items())
            request = OffsetCommitRequest(group, OffsetCommitRequest.DEFAULT_GENERATION_ID, "", -1, wanted)
            answer = await client.send(coordinator, request)
            for topic, parts in answer.topics:
                for _, code in parts:
                    if for_code(code) is UnknownMemberIdError:
                        raise ValueError(f"The group {group} has live members; stop them before moving it.")
                    if code:
                        raise for_code(code)(topic)

        if offsets:
            await self.ask(move)

    # ---- records -----------------------------------------------------------------------------------------------

    async def read(self, partition: Partition, offset: int, limit: int) -> list[Record]:
        """See `EventLog.read`."""
        place = TopicPartition(*partition)
        found: list[Record] = []
        while len(found) < limit:
            try:
                records, after = await self._read_once(place, offset)
            except OffsetOutOfRangeError:
                oldest = (await self.offsets([partition], OLDEST))[partition]
                if oldest <= offset:
                    break
                offset = oldest
                continue
            found += records
            if after == offset:
                break
            offset = after
        return found[:limit]

    async def _read_once(self, place: TopicPartition, offset: int) -> tuple[list[Record], int]:
        """What one answer holds from this offset on, and where to go on; the same offset at the end."""
        await self.partitions(place.topic)

        async def look(client: AIOKafkaClient) -> bytes | None:
            (leader,) = _by_leader(client, [Partition(*place)])
            wanted = [(place.topic, [(place.partition, offset, _READ_BYTES)])]
            answer = await client.send(leader, FetchRequest(0, 1, _READ_BYTES, _READ_COMMITTED, wanted))
            ((_, ((_, code, *_, records),)),) = answer.topics
            if code:
                raise for_code(code)(place)
            return records  # type: ignore[no-any-return]

        memory = MemoryRecords(await self.ask(look) or b"")
        found: list[Record] = []
        while memory.has_next():
            batch = memory.next_batch()
            if not batch.is_control_batch:
                # A batch is stored whole: the first one may begin before what was asked for.
                found += [as_record(Partition(*place), record) for record in batch if record.offset >= offset]
            offset = max(offset, batch.next_offset)
        return found, offset


async def _refresh(client: AIOKafkaClient) -> None:
    if not await client.force_metadata_update():
        raise KafkaConnectionError("No broker said what topics there are.")


def as_record(partition: Partition, record: Any) -> Record:
    """An aiokafka record as ours. A foreign writer may leave out key, value or a header's value."""
    return Record(
        partition,
        record.offset,
        record.key or b"",
        record.value or b"",
        tuple((name, value or b"") for name, value in record.headers),
        datetime.fromtimestamp(max(record.timestamp or 0, 0) / 1000, UTC),
    )


def _by_leader(client: AIOKafkaClient, partitions: Iterable[Partition]) -> dict[int, list[Partition]]:
    led: defaultdict[int, list[Partition]] = defaultdict(list)
    for partition in partitions:
        leader = client.cluster.leader_for_partition(TopicPartition(*partition))
        if leader is None or leader == -1:
            raise LeaderNotAvailableError(partition)
        led[leader].append(partition)
    return led


def _grouped(pairs: Iterable[tuple[Partition, T]]) -> list[tuple[str, list[T]]]:
    """The protocol's form: per topic a list."""
    topics: defaultdict[str, list[T]] = defaultdict(list)
    for partition, what in pairs:
        topics[partition.topic].append(what)
    return list(topics.items())
