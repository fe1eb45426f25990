"""The rules and numbers that ship with exchange, by the day, and who may do and see what."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from importlib.resources import files
from typing import Any, Final, get_args

from chassis.auth import Caller
from schemas.contracts import every_event, leaves
from schemas.event import Contract, Event

from exchange.domain.retries import Patience
from exchange.domain.rules import FieldTree, Rules, read_rules, rules_on

_DATA = files("exchange") / "data"
_DELIVERY: Final[Mapping[str, Any]] = tomllib.loads((_DATA / "delivery.toml").read_text(encoding="utf-8"))

#: Every event that may leave, by type.
SHAREABLE: Final[Mapping[str, type[Event]]] = {name: kind for name, kind in every_event().items() if leaves(kind)}
#: The sectors that have a county-wide system, and so a feed.
SECTORS: Final = ("education", "health", "social-care")
#: Roles at the council that answer for the data, or for the machine.
OFFICER: Final = "data-protection-officer"
OPERATOR: Final = "operator"
#: Roles of people who work a case.
CASEWORK: Final = ("cluster-lead", "caseworker")


def _fields(kind: type[Contract]) -> FieldTree:
    """The names of a contract's fields, each with those of its part."""
    return {name: _parts(field.annotation) for name, field in kind.model_fields.items()}


def _parts(annotation: Any) -> FieldTree:
    if isinstance(annotation, type) and issubclass(annotation, Contract):
        return _fields(annotation)
    return {name: tree for each in get_args(annotation) for name, tree in _parts(each).items()}


BOOK: Final[tuple[Rules, ...]] = tuple(
    read_rules(tomllib.loads(path.read_text(encoding="utf-8")), {n: _fields(kind) for n, kind in SHAREABLE.items()})
    for path in sorted((_DATA / "sharing-rules").iterdir(), key=lambda path: path.name)
    if path.name.endswith(".toml")
)


#: What some rule of some day lets out: the rest is not even listened to.
LET_OUT: Final = tuple(kind for name, kind in SHAREABLE.items() if any(rules.of(name) for rules in BOOK))


@cache
def rules_of(day: date) -> Rules:
    """The sharing rules of a day."""
    return rules_on(BOOK, day)


def _entry(table: str, day: date) -> Mapping[str, Any]:
    entries = sorted(_DELIVERY[table], key=lambda entry: entry["since"])
    found: Mapping[str, Any] = next((entry for entry in reversed(entries) if entry["since"] <= day), entries[0])
    return found


@dataclass(frozen=True, slots=True)
class Webhooks:
    """How webhooks are sent."""

    patience: Patience
    connect_seconds: float
    answer_seconds: float
    most_answer_bytes: int
    at_once: int
    at_once_everywhere: int
    ports: tuple[int, ...]
    overlap: timedelta
    longest_overlap: timedelta


@cache
def webhooks_of(day: date) -> Webhooks:
    """How webhooks are sent on a day."""
    entry = _entry("webhook", day)
    return Webhooks(
        patience=Patience(
            pauses=tuple(timedelta(seconds=seconds) for seconds in entry["pauses"]),
            jitter=entry["jitter"],
            failures_until_rest=entry["failures_until_rest"],
            first_rest=timedelta(seconds=entry["first_rest_seconds"]),
            longest_rest=timedelta(seconds=entry["longest_rest_seconds"]),
            longest_retry_after=timedelta(seconds=entry["longest_retry_after_seconds"]),
            unreachable_after=timedelta(hours=entry["unreachable_after_hours"]),
        ),
        connect_seconds=entry["connect_seconds"],
        answer_seconds=entry["answer_seconds"],
        most_answer_bytes=entry["most_answer_bytes"],
        at_once=entry["at_once"],
        at_once_everywhere=entry["at_once_everywhere"],
        ports=tuple(entry["ports"]),
        overlap=timedelta(hours=entry["overlap_hours"]),
        longest_overlap=timedelta(hours=entry["longest_overlap_hours"]),
    )


@dataclass(frozen=True, slots=True)
class Reading:
    """How events are read."""

    most_events: int
    longest_wait_seconds: int
    longest_stream_seconds: int
    heartbeat_seconds: int
    streams_an_organisation: int
    streams_everywhere: int
    waiters_everywhere: int


@cache
def reading_of(day: date) -> Reading:
    """How events are read on a day."""
    entry = dict(_entry("reading", day))
    del entry["since"]
    return Reading(**entry)


@dataclass(frozen=True, slots=True)
class Replays:
    """How much is told again, and how fast."""

    events_a_second: int
    days_back: int
    at_once: int


@cache
def replays_of(day: date) -> Replays:
    """How replays go on a day."""
    entry = dict(_entry("replay", day))
    del entry["since"]
    return Replays(**entry)


def days_kept(day: date) -> int:
    """How many days what was said is kept."""
    return int(_entry("keeping", day)["days"])


def recall_days(day: date) -> tuple[int, int]:
    """Days to acknowledge a recall, and how many before the last one to remind."""
    entry = _entry("recall", day)
    return entry["answer_days"], entry["remind_days_before"]


def most_subscriptions(day: date) -> int:
    """How many subscriptions an agreement may have."""
    return int(_entry("agreement", day)["most_subscriptions"])


def is_officer(caller: Caller) -> bool:
    """Whether the caller answers for the council's data."""
    return caller.sector == "council" and caller.has(OFFICER)


def sees_everything(caller: Caller) -> bool:
    """Whether the caller may see every subscription: who answers for the data, or runs the machine."""
    return caller.sector == "council" and caller.has(OFFICER, OPERATOR)
