"""Writing to Kafka: all acknowledged, or in doubt and begun again with a new producer."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import zip_longest
from typing import Any, Final

import structlog
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, RecordListTooLargeError
from aiokafka.producer.message_accumulator import BatchBuilder

from chassis.event_log.interface import MAX_MESSAGE_BYTES, AppendInDoubt, Message
from chassis.event_log.kafka.clients import close_producer, cut_producer, note_sends
from chassis.event_log.kafka.questions import LogAway, Questions
from chassis.event_log.kafka.settings import Limits
from chassis.event_log.partitioner import partition_of

log = structlog.get_logger()

#: Records that travel and are stored together, per partition.
_BATCH_BYTES: Final = 256 * 1024
#: What the record's form adds to a message, generously.
_FRAME_BYTES: Final = 128
_HEADER_FRAME_BYTES: Final = 10


class KafkaAppender:
    """One writer; see `Appender`."""

    def __init__(
        self,
        name: str,
        options: dict[str, Any],
        limits: Limits,
        questions: Questions,
        *,
        gone: Callable[["KafkaAppender"], None],
    ) -> None:
        """`gone` is told when this writer is closed."""
        self.name = name
        self._gone = gone
        self._options = options
        self._limits = limits
        self._questions = questions
        self._producer: AIOKafkaProducer | None = None
        self._sends: set[asyncio.Task[Any]] = set()
        #: The smallest limit that a broker was found to hold one of our topics to.
        self._broker_limit: int | None = None

    async def append(self, messages: Sequence[Message]) -> None:
        """See `Appender.append`."""
        self._refuse_too_large(messages)
        if not messages:
            return
        try:
            async with asyncio.timeout(self._limits.append):
                await self._append(messages)
        except BaseException as error:
            # Whatever went wrong, a batch may have used up a sequence number that the broker never saw, and an
            # acknowledgement may be on its way. A new producer has a new identity, and starts from what is known.
            await self._throw_away()
            if isinstance(error, MessageSizeTooLargeError | RecordListTooLargeError):
                await self._learn_limit({message.topic for message in messages})
            if isinstance(error, KafkaError | LogAway | OSError | TimeoutError):
                log.warning("event-log.append-in-doubt", writer=self.name, error=type(error).__name__)
                raise AppendInDoubt(type(error).__name__) from error
            raise

    async def close(self) -> None:
        """See `Appender.close`."""
        self._gone(self)
        producer, self._producer = self._producer, None
        if producer is not None:
            await close_producer(producer, self._sends, self._limits.goodbye)

    async def _append(self, messages: Sequence[Message]) -> None:
        producer = await self._open()
        placed: defaultdict[TopicPartition, list[BatchBuilder]] = defaultdict(list)
        counts: dict[str, int] = {}
        for message in messages:
            if message.topic not in counts:
                counts[message.topic] = await self._questions.partitions(message.topic)
            partition = TopicPartition(message.topic, partition_of(message.key, counts[message.topic]))
            batches = placed[partition]
            if not batches or not _fits(batches[-1], message):
                batches.append(producer.create_batch())
                _fits(batches[-1], message)
        acknowledged = []
        # Every partition's first batch, then every one's second: a partition has one in flight, so its order holds.
        for turn in zip_longest(*placed.values()):
            for partition, batch in zip(placed, turn, strict=True):
                if batch is not None:
                    sent = await producer.send_batch(batch, partition.topic, partition=partition.partition)
                    acknowledged.append(sent)
        await asyncio.gather(*acknowledged)

    async def _open(self) -> AIOKafkaProducer:
        if self._producer is None:
            milliseconds = int(self._limits.append / 2 * 1000)
            self._producer = AIOKafkaProducer(
                **self._options,
                client_id=self.name,
                acks="all",
                enable_idempotence=True,
                request_timeout_ms=milliseconds,
                max_batch_size=min(_BATCH_BYTES, self._broker_limit or _BATCH_BYTES),
                max_request_size=MAX_MESSAGE_BYTES + _BATCH_BYTES,
            )
            self._sends = note_sends(self._producer)
            await self._producer.start()
        return self._producer

    async def _throw_away(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            # Also when we are being cancelled: what is left behind would go on writing.
            await asyncio.shield(cut_producer(producer, self._sends))

    def _refuse_too_large(self, messages: Sequence[Message]) -> None:
        for message in messages:
            size = len(message.key) + len(message.value)
            framed = size + _FRAME_BYTES
            framed += sum(len(name) + len(value) + _HEADER_FRAME_BYTES for name, value in message.headers)
            if size > MAX_MESSAGE_BYTES or framed > (self._broker_limit or framed):
                raise ValueError("A message is too large for the log.")

    async def _learn_limit(self, topics: set[str]) -> None:
        """A broker allows less than we thought: from now on such a message is refused before anything is sent."""
        try:
            self._broker_limit = await self._questions.message_limit(topics)
        except (KafkaError, LogAway):
            log.warning("event-log.message-limit-unknown", writer=self.name)


def _fits(batch: BatchBuilder, message: Message) -> bool:
    """Put the message into the batch; a batch's first message always fits."""
    return batch.append(timestamp=None, key=message.key, value=message.value, headers=list(message.headers)) is not None
