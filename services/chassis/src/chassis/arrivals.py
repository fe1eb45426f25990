"""A record on its way into a service: read as an event as far as it can be, and what may become of it instead."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from operator import itemgetter
from typing import Final

from schemas.envelope import Envelope, NotAnEnvelope
from schemas.event import Event

from chassis.errors import Refusal
from chassis.event_log.interface import Headers, Partition, Record

#: How long a gap in a subject's sequence is waited for before the events behind it are taken anyway, with an alarm.
GAP_PATIENCE: Final = timedelta(seconds=60)
#: Events that are remembered as read, and how large one may be for that.
_REMEMBERED: Final = 4096
_SMALL_BYTES: Final = 4096
_FIRST_RETRY: Final = timedelta(milliseconds=200)
_LAST_RETRY: Final = timedelta(seconds=60)
#: States of a parked event: tried again by itself, or only when a person puts it back.
WAITING: Final = "waiting"
POISON: Final = "poison"
#: The reason of an event that is fine itself, but must not overtake an earlier one of its subject.
BEHIND: Final = "behind-another"


@dataclass(frozen=True, slots=True)
class Item:
    """A record on its way in, decoded as far as it could be."""

    record: Record
    subject: str
    envelope: Envelope | None
    event: Event | None
    #: Why it can never be taken, if already known.
    unreadable: str | None = None

    @property
    def id(self) -> str:
        """The event's id; for what is no event, its place in the log."""
        if self.envelope is not None:
            return self.envelope.id
        partition = self.record.partition
        return f"{partition.topic}:{partition.number}:{self.record.offset}"

    @property
    def stream(self) -> tuple[str, str]:
        """Order holds within a topic and subject; across topics there is none."""
        return self.record.partition.topic, self.subject


def decode(record: Record) -> Item:
    """Read a record as an event, never raising."""
    read = _read_once if len(record.value) <= _SMALL_BYTES else _read
    envelope, event, unreadable = read(record.key, record.headers, record.value)
    subject = envelope.subject if envelope is not None else safe_id(record.key.decode("latin-1"))
    return Item(record, subject, envelope, event, unreadable)


def in_time(records: Iterable[Record]) -> list[Record]:
    """As they were appended, over all partitions; those of one partition stay in their order.

    Nothing rests on it, since clocks differ: it only spares most events that follow from another the wait for it.
    """
    latest: dict[Partition, datetime] = {}
    timed = []
    for record in records:
        at = max(record.appended_at, latest.get(record.partition, record.appended_at))
        latest[record.partition] = at
        timed.append((at, record))
    return [record for _, record in sorted(timed, key=itemgetter(0))]


def _read(key: bytes, headers: Headers, value: bytes) -> tuple[Envelope | None, Event | None, str | None]:
    try:
        envelope = Envelope.from_kafka(key, headers, value)
    except NotAnEnvelope as error:
        return None, None, error.code
    try:
        return envelope, envelope.event(), None
    except NotAnEnvelope as error:
        return envelope, None, error.code


#: Several services of one process hear the same event within moments.
_read_once = lru_cache(maxsize=_REMEMBERED)(_read)


class Unreadable(Refusal):
    """The record is no event of ours."""

    def __init__(self, code: str) -> None:
        super().__init__("Not readable.")
        self.code = code  # type: ignore[misc]


class HandlerFailed(Refusal):
    """The handler raised what nobody expected: a bug, or data that breaks it."""

    code = "handler-failed"

    def __init__(self) -> None:
        super().__init__("The handler failed.")


def next_retry(attempts: int) -> timedelta:
    """How long until a parked event is tried again after so many attempts."""
    return min(_FIRST_RETRY * (1 << min(attempts, 16)), _LAST_RETRY)


def safe_id(text: str) -> str:
    """The text as an identifier, whatever bytes it was made from."""
    cleaned = "".join(c if c.isascii() and (c.isalnum() or c in "._:-") else "-" for c in text)[:64]
    return cleaned if cleaned[:1].isalnum() else "x" + cleaned[:63]
