"""Counting days as the law does: calendar days, working days and school days. Pure: the calendar is given.

A period of days or weeks does not count the day on which it starts: six weeks from a Monday end on a Monday. School
days of an exclusion are counted from its first one, which is day 1 when it is a school day.
"""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from typing import Final, Self

from schemas.directory import CalendarChanged

_DAY: Final = timedelta(days=1)
_SATURDAY: Final = 5
_AUGUST: Final = 8
_SEPTEMBER: Final = 9
_APRIL: Final = 4
#: No period that anybody counts in school or working days is longer; further is a mistake.
MOST_DAYS: Final = 4000


class TooFar(ValueError):
    """Nobody counts so many school or working days."""


@dataclass(frozen=True)
class Calendar:
    """Which days are school days and working days. Outside the terms it knows, it assumes weekdays but not August."""

    #: First and last day, both included; in order.
    terms: tuple[tuple[date, date], ...] = ()
    closures: frozenset[date] = frozenset()
    bank_holidays: frozenset[date] = frozenset()
    _firsts: tuple[date, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Put the terms in order."""
        object.__setattr__(self, "terms", tuple(sorted(self.terms)))
        object.__setattr__(self, "_firsts", tuple(first for first, _ in self.terms))

    @classmethod
    def of(cls, said: CalendarChanged) -> Self:
        """The calendar that the directory told of."""
        return cls(
            terms=tuple((term.first, term.last) for term in said.terms),
            closures=frozenset(said.closures),
            bank_holidays=frozenset(said.bank_holidays),
        )

    @cached_property
    def known(self) -> tuple[date, date] | None:
        """From the first day of the first school year whose terms it knows, to the last day of the last."""
        if not self.terms:
            return None
        return school_year(self.terms[0][0])[0], school_year(self.terms[-1][1])[1]

    def is_assumed(self, day: date) -> bool:
        """Whether it has no term dates for that day, and goes by the usual week."""
        return self.known is None or not self.known[0] <= day <= self.known[1]

    def is_working_day(self, day: date) -> bool:
        """Monday to Friday, but for bank holidays."""
        return day.weekday() < _SATURDAY and day not in self.bank_holidays

    def is_school_day(self, day: date) -> bool:
        """A working day in a term on which the school is not closed to pupils."""
        if not self.is_working_day(day) or day in self.closures:
            return False
        if self.is_assumed(day):
            return day.month != _AUGUST
        return self.term_of(day) is not None

    def term_of(self, day: date) -> tuple[date, date] | None:
        """First and last day of the term or half term around a day; None in the holidays."""
        at = bisect_right(self._firsts, day) - 1
        return self.terms[at] if at >= 0 and day <= self.terms[at][1] else None

    def school_days_after(self, start: date, count: int) -> date:
        """The so-manieth school day after `start`, which is not counted; `start` itself for 0."""
        return self._nth(self.school_days_from(start + _DAY), start, count)

    def working_days_after(self, start: date, count: int) -> date:
        """The so-manieth working day after `start`, which is not counted; `start` itself for 0."""
        return self._nth(self.working_days_from(start + _DAY), start, count)

    def school_day(self, number: int, first: date) -> date:
        """Day `number` of something that began on `first`: day 1 is `first`, or the next school day."""
        return self._nth(self.school_days_from(first), first, number)

    def school_days_between(self, start: date, end: date) -> int:
        """How many school days lie after `start` up to and including `end`; 0 when `end` is not later."""
        days = (start + timedelta(days=n) for n in range(1, (end - start).days + 1))
        return sum(self.is_school_day(day) for day in days)

    def school_days_from(self, first: date) -> Iterator[date]:
        """School days from `first` on, itself included. Raises TooFar after eleven years of days."""
        return (day for day in _days_from(first) if self.is_school_day(day))

    def working_days_from(self, first: date) -> Iterator[date]:
        """Working days from `first` on, itself included. Raises TooFar after eleven years of days."""
        return (day for day in _days_from(first) if self.is_working_day(day))

    @staticmethod
    def _nth(days: Iterator[date], start: date, count: int) -> date:
        for _ in range(count):
            start = next(days)
        return start


def _days_from(first: date) -> Iterator[date]:
    for number in range(MOST_DAYS):
        yield first + timedelta(days=number)
    raise TooFar


def weeks_after(start: date, weeks: int) -> date:
    """The last day of a period of so many weeks: seven calendar days each, the first day not counted."""
    return start + timedelta(weeks=weeks)


def school_year(day: date) -> tuple[date, date]:
    """1 September to 31 August around a day."""
    year = day.year if day.month >= _SEPTEMBER else day.year - 1
    return date(year, _SEPTEMBER, 1), date(year + 1, _AUGUST, 31)


def financial_year(day: date) -> str:
    """The financial year around a day, 1 April to 31 March: `2026-27`."""
    year = day.year if day.month >= _APRIL else day.year - 1
    return f"{year}-{(year + 1) % 100:02}"


def financial_year_days(year: str) -> tuple[date, date]:
    """First and last day of a financial year such as `2026-27`."""
    began = int(year[:4])
    return date(began, _APRIL, 1), date(began + 1, 3, 31)
