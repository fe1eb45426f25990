"""Suspensions and exclusions of one child, and what they add up to in a term and a school year."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from schemas.days import Calendar, school_year

from placements.domain.days import Calendars, Terms


@dataclass(frozen=True, slots=True)
class Exclusion:
    """One suspension or exclusion as it was reported last, with the totals that were said of it."""

    id: str
    case_id: str
    organisation_id: str
    school_urn: str
    kind: str
    reasons: tuple[str, ...]
    first_on: date
    #: Half school days; 0 for a permanent exclusion.
    sessions: int
    year_group: str | None
    social_worker: bool
    #: The day on which it was told here.
    reported_on: date
    #: The day on which the parents asked for the governors to meet.
    asked_on: date | None = None
    cancelled: str | None = None
    sessions_in_term: int = 0
    sessions_in_year: int = 0
    version: int = 0


@dataclass(frozen=True, slots=True)
class Tariff:
    """How kinds of exclusion count; dated."""

    since: date
    #: Sessions that a school day of it has, by kind; 0: it is for good and has none.
    a_day: Mapping[str, int]
    #: Fewer are not possible, whatever was reported.
    least: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Total:
    """What an exclusion adds up to with those before it, in sessions."""

    in_term: int
    in_year: int


@dataclass(frozen=True, slots=True)
class Counted:
    """An exclusion with its school days, and what it adds up to."""

    exclusion: Exclusion
    #: Each school day of it with its sessions, in order; none for a permanent exclusion.
    days: tuple[tuple[date, int], ...]
    total: Total

    @property
    def sessions(self) -> int:
        """Its own sessions."""
        return sum(sessions for _, sessions in self.days)


def is_permanent(kind: str, tariff: Tariff) -> bool:
    """Whether it is for good."""
    return tariff.a_day.get(kind, 2) == 0


def sessions_of(kind: str, sessions: int, tariff: Tariff) -> int:
    """The sessions that count, of those that were reported."""
    return 0 if is_permanent(kind, tariff) else max(sessions, tariff.least.get(kind, 0))


def days_of(exclusion: Exclusion, calendars: Calendars, tariff: Tariff) -> tuple[tuple[date, int], ...]:
    """The school days that it covers, each with its sessions."""
    left = sessions_of(exclusion.kind, exclusion.sessions, tariff)
    a_day = tariff.a_day.get(exclusion.kind, 2)
    found: list[tuple[date, int]] = []
    days = calendars.of(exclusion.school_urn).school_days_from(exclusion.first_on)
    while left > 0:
        found.append((next(days), min(a_day, left)))
        left -= a_day
    return tuple(found)


def count(exclusions: Iterable[Exclusion], calendars: Calendars, tariff: Tariff, terms: Terms) -> list[Counted]:
    """Those that stand, in the order of their first days, each with what it and those before it add up to.

    Sessions count in the term in which they lie, so a suspension over a holiday counts in two terms.
    """
    standing = sorted((e for e in exclusions if e.cancelled is None), key=lambda e: (e.first_on, e.id))
    found: list[Counted] = []
    lain: list[tuple[date, tuple[date, str], int]] = []
    for exclusion in standing:
        calendar = calendars.of(exclusion.school_urn)
        days = days_of(exclusion, calendars, tariff)
        lain += [(day, terms.term_of(day, calendar), sessions) for day, sessions in days]
        term, year = terms.term_of(exclusion.first_on, calendar), school_year(exclusion.first_on)
        total = Total(
            in_term=sum(sessions for _, its, sessions in lain if its == term),
            in_year=sum(sessions for day, _, sessions in lain if year[0] <= day <= year[1]),
        )
        found.append(Counted(exclusion, days, total))
    return found


def total_around(day: date, counted: Iterable[Counted], calendar: Calendar, terms: Terms) -> Total:
    """What exclusions add up to in the whole term and school year around a day."""
    term, year = terms.term_of(day, calendar), school_year(day)
    lain = [each for one in counted for each in one.days]
    return Total(
        in_term=sum(sessions for on, sessions in lain if terms.term_of(on, calendar) == term),
        in_year=sum(sessions for on, sessions in lain if year[0] <= on <= year[1]),
    )
