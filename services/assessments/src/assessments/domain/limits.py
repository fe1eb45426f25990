"""How long each clock of the law runs, what excuses it, and when somebody is told: dated rules, read from data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

from schemas.days import Calendar, weeks_after

from assessments.domain.dated import in_force
from assessments.domain.days import months_after, next_date

_DAY = timedelta(days=1)


class Unit(StrEnum):
    """What a limit is counted in. `date`: a day of the year; `given`: a day that people agreed."""

    DAYS = "days"
    WEEKS = "weeks"
    MONTHS = "months"
    WORKING_DAYS = "working-days"
    SCHOOL_DAYS = "school-days"
    DATE = "date"
    GIVEN = "given"


class NoSuchLimit(LookupError):
    """The data say nothing about this kind of clock on that day."""


class DayMissing(ValueError):
    """This clock runs until a day that people agree, and none was given."""


@dataclass(frozen=True, slots=True)
class Limit:
    """One kind of clock, from a day on."""

    kind: str
    since: date
    unit: Unit
    count: int
    #: What the days are counted from, in words.
    starts: str
    #: Days before the last day on which somebody is told, the longest first.
    marks: tuple[int, ...]
    #: The exceptions of the law that excuse this clock and no other.
    exceptions: tuple[str, ...]
    source: str
    #: Whether the day of receipt is day 1; the law does not count it.
    counts_first_day: bool = False
    #: Time that is given to somebody: when it is over nobody is late.
    ends: bool = False
    #: Month and day, where the limit is a day of the year; by variant where it differs.
    dates: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    def due_on(self, start: date, calendar: Calendar, *, variant: str = "", given: date | None = None) -> date:
        """The last day on which it is in time. Raises `DayMissing`."""
        if given is not None:
            return given
        first = start - _DAY if self.counts_first_day else start
        if self.unit is Unit.DAYS or self.unit is Unit.WEEKS:
            return weeks_after(first, self.count) if self.unit is Unit.WEEKS else first + timedelta(days=self.count)
        if self.unit is Unit.MONTHS:
            return months_after(first, self.count)
        if self.unit is Unit.DATE:
            return next_date(start, *self.dates.get(variant, self.dates[""]))
        if self.unit is Unit.GIVEN:
            raise DayMissing(self.kind)
        return (
            calendar.working_days_after(first, self.count)
            if self.unit is Unit.WORKING_DAYS
            else calendar.school_days_after(first, self.count)
        )


@dataclass(frozen=True, slots=True)
class Ground:
    """An exception of the law, and how long it must last to excuse anything."""

    code: str
    since: date
    least_days: int
    source: str


@dataclass(frozen=True, slots=True)
class Limits:
    """Every limit and exception there was, is and is known to come."""

    limits: tuple[Limit, ...]
    grounds: tuple[Ground, ...]
    #: The hour, local time, at which nearing limits are told of.
    tell_at_hour: int

    def limit(self, kind: str, on: date) -> Limit:
        """What holds for a clock of this kind that starts on that day. Raises `NoSuchLimit`."""
        of_kind = [limit for limit in self.limits if limit.kind == kind and limit.since <= on]
        if not of_kind:
            raise NoSuchLimit(kind)
        return in_force(of_kind, on)

    def ground(self, code: str, on: date) -> Ground:
        """What the law asks of this exception on that day. Raises `NoSuchLimit`."""
        of_code = [ground for ground in self.grounds if ground.code == code and ground.since <= on]
        if not of_code:
            raise NoSuchLimit(code)
        return in_force(of_code, on)

    @property
    def kinds(self) -> frozenset[str]:
        """Every kind of clock."""
        return frozenset(limit.kind for limit in self.limits)


def read_limits(document: Mapping[str, Any]) -> Limits:
    """The limits from the form of the data file."""
    return Limits(
        limits=tuple(_limit(entry) for entry in document["clocks"]),
        grounds=tuple(Ground(**entry) for entry in document["exceptions"]),
        tell_at_hour=document["tell_at_hour"],
    )


def _limit(entry: Mapping[str, Any]) -> Limit:
    dates = {"": entry["date"], **entry.get("variants", {})} if "date" in entry else {}
    return Limit(
        kind=entry["kind"],
        since=entry["since"],
        unit=Unit(entry["unit"]),
        count=entry.get("count", 0),
        starts=entry["from"],
        marks=tuple(sorted(entry["marks"], reverse=True)),
        exceptions=tuple(entry["exceptions"]),
        source=entry["source"],
        counts_first_day=entry.get("counts_first_day", False),
        ends=entry.get("at_end") == "ends",
        dates={variant: (int(text[:2]), int(text[3:])) for variant, text in dates.items()},
    )
