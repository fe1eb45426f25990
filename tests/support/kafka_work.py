"""A writer, a reader and an administrator for tests of the event log on Kafka."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient
from chassis.clock import new_id
from chassis.event_log.interface import Appender, AppendInDoubt, Message, Record
from chassis.event_log.kafka import Brokers, KafkaEventLog, Limits
from schemas.topics import Topic

#: Longer than anything here takes; only a hang reaches it.
PATIENCE: Final = 90.0
#: Short enough for a test to wait for; a broker allows no session shorter than six seconds.
SHORT: Final = Limits(append=6, question=5, handler=3, session=6, stuck=3, goodbye=2)


def a_topic(partitions: int = 3) -> Topic:
    """A topic that no other test uses."""
    return Topic(f"test-{new_id()}", "tests", "A test's own.", partitions=partitions)


@asynccontextmanager
async def opened(bootstrap: str, limits: Limits = SHORT) -> AsyncIterator[KafkaEventLog]:
    """A log of this process, closed at the end."""
    log = KafkaEventLog(Brokers(bootstrap), limits=limits)
    try:
        yield log
    finally:
        async with asyncio.timeout(PATIENCE):
            await log.close()


class Reader:
    """Takes what a group delivers, noting repeats, and that no number of a key is missing or out of turn."""

    def __init__(self) -> None:
        self.seen: defaultdict[bytes, int] = defaultdict(int)
        self.overtaken: list[Record] = []
        self.repeats = 0
        self._grown = asyncio.Condition()

    async def __call__(self, records: Sequence[Record]) -> None:
        """Deliver."""
        for record in records:
            number = int(record.value)
            if number == self.seen[record.key]:
                self.seen[record.key] += 1
            elif number < self.seen[record.key]:
                self.repeats += 1
            else:
                self.overtaken.append(record)
        async with self._grown:
            self._grown.notify_all()

    async def until(self, enough: Callable[[], bool]) -> None:
        """Wait until what was read satisfies a condition."""
        async with asyncio.timeout(PATIENCE), self._grown:
            await self._grown.wait_for(enough)

    async def until_each(self, keys: int, number: int) -> None:
        """Wait until each key has come to this number."""
        await self.until(lambda: len(self.seen) == keys and all(n >= number for n in self.seen.values()))


class Writer:
    """What a relay does: numbers per key, and all of a batch again when it is in doubt."""

    def __init__(self, appender: Appender, topic: Topic, keys: int) -> None:
        self._appender = appender
        self._topic = topic
        self._keys = keys
        self.written = 0
        self.doubts = 0

    async def write(self, each: int = 1) -> None:
        """The next numbers of every key, until they are acknowledged."""
        numbers = range(self.written, self.written + each)
        batch = [
            Message(self._topic.name, b"key-%d" % key, b"%d" % number)
            for number in numbers
            for key in range(self._keys)
        ]
        while True:
            try:
                await self._appender.append(batch)
            except AppendInDoubt:
                self.doubts += 1
                await asyncio.sleep(0.1)
            else:
                break
        self.written += each


@asynccontextmanager
async def reading(
    log: KafkaEventLog, topic: Topic, deliver: Callable[[Sequence[Record]], Awaitable[None]], group: str = ""
) -> AsyncIterator[str]:
    """A member of a group for the length of a block."""
    stop, name = asyncio.Event(), group or new_id()
    task = asyncio.create_task(log.consume(name, [topic.name], deliver, stop=stop))
    try:
        yield name
    finally:
        stop.set()
        async with asyncio.timeout(PATIENCE):
            await task


@asynccontextmanager
async def administrator(bootstrap: str) -> AsyncIterator[AIOKafkaAdminClient]:
    """Somebody who changes topics behind our back."""
    client = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await client.start()
    try:
        yield client
    finally:
        await client.close()
