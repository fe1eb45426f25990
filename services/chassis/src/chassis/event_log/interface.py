"""What an event log is. `embedded.py` keeps one in PostgreSQL, `kafka.py` speaks to Apache Kafka.

Words: a *record* sits at an *offset* of a *partition* of a *topic*. A *group* reads every record once; each partition
has at most one owner in a group at a time. The *next offset* of a group is where it goes on after a restart.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final, NamedTuple, Protocol

import orjson
from schemas.topics import Topic

#: Key and value of one message together: what a broker's own default still takes.
MAX_MESSAGE_BYTES: Final = 900_000

#: Header names and values as on Kafka; values are UTF-8 text but for foreign writers.
Headers = tuple[tuple[str, bytes], ...]


class Partition(NamedTuple):
    """One ordered stream of a topic."""

    topic: str
    number: int


@dataclass(frozen=True, slots=True)
class Message:
    """What a writer hands over: the log finds the partition from the key."""

    topic: str
    key: bytes
    value: bytes
    headers: Headers = ()


@dataclass(frozen=True, slots=True)
class Record:
    """A message at its place in the log."""

    partition: Partition
    offset: int
    key: bytes
    value: bytes
    headers: Headers
    #: When the log took it (wall time). Never used for order.
    appended_at: datetime


class AppendInDoubt(Exception):
    """Nobody knows whether the log took these messages. Append them again; readers drop what they have seen."""


#: Takes records of one or more partitions, each partition's in order. Returning means that all effects are durable,
#: and the group goes on after them. Raising means that none are: they are delivered again.
Deliver = Callable[[Sequence[Record]], Awaitable[None]]


class Appender(Protocol):
    """One writer's way in. Not for two tasks at once."""

    async def append(self, messages: Sequence[Message]) -> None:
        """Write all, in order per key, and return when they are durable.

        Raises `AppendInDoubt` when some may or may not be there. A message too large for the log raises
        `ValueError` before anything is written.
        """

    async def close(self) -> None:
        """Let go. Never hangs."""


class EventLog(Protocol):
    """A place for topics. Safe to share between tasks of one process."""

    async def ensure_topics(self, topics: Sequence[Topic]) -> None:
        """Make the topics that are missing, as described; leave the others alone."""

    def appender(self, name: str) -> Appender:
        """A writer; `name` is for logs and the broker's client id."""

    async def consume(
        self,
        group: str,
        topics: Sequence[str],
        deliver: Deliver,
        *,
        stop: asyncio.Event,
        max_records: int = 500,
    ) -> None:
        """Be one member of a group until `stop` is set: share the partitions with the other members and deliver.

        A new group starts at the oldest record. Offsets are saved after `deliver` returned, never before. When
        `deliver` raises, the same records come again after a pause. Returns after the batch in hand is done.
        """

    async def end_offsets(self, topics: Sequence[str]) -> Mapping[Partition, int]:
        """The offset that the next record of each partition will get."""

    async def group_offsets(self, group: str, topics: Sequence[str]) -> Mapping[Partition, int]:
        """Where the group will go on in each partition; partitions it never read are absent."""

    async def read(self, partition: Partition, offset: int, *, limit: int = 500) -> Sequence[Record]:
        """Records of one partition from an offset on, outside any group: replay, feeds, checks.

        Starts at the oldest record that is left when `offset` has expired. Empty at the end; never waits.
        """

    async def rewind(self, group: str, offsets: Mapping[Partition, int]) -> None:
        """Make a group without live members go on from these offsets."""

    async def apply_retention(self) -> None:
        """Drop what has expired and compact what is compacted. A broker that does so itself does nothing here."""

    async def healthy(self) -> bool:
        """Whether the log answers now."""

    async def close(self) -> None:
        """Let go of every connection."""


def pack_headers(headers: Headers) -> bytes:
    """Headers as one value that any byte survives: JSON pairs, each header value read as Latin-1."""
    return orjson.dumps([(name, value.decode("latin-1")) for name, value in headers])


@lru_cache(maxsize=4096)
def unpack_headers(packed: bytes) -> Headers:
    """What `pack_headers` packed. Remembered: several readers of one process read the same record."""
    return tuple((name, value.encode("latin-1")) for name, value in orjson.loads(packed))
