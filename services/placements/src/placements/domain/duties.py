"""What the law wants done after an exclusion: what, by whom, by which school day. The numbers are dated data."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from itertools import groupby
from typing import Final

from schemas.days import Calendar, school_year

from placements.domain.days import Calendars
from placements.domain.exclusions import Counted, Tariff, is_permanent

#: Codes of the registry `duty-kinds`.
EDUCATION: Final = "education-from-day-6"
GOVERNORS: Final = "governors-meet-15"
GOVERNORS_ASKED: Final = "governors-meet-50"
LIMIT: Final = "suspension-limit-45"


class DutyState(StrEnum):
    """How far a duty is."""

    OPEN = "open"
    #: Its day has passed; it can still be done, late.
    BREACHED = "breached"
    MET = "met"
    CANCELLED = "cancelled"


#: Somebody still has to do it.
PENDING: Final = frozenset({DutyState.OPEN, DutyState.BREACHED})


@dataclass(frozen=True, slots=True)
class Duty:
    """One duty after one exclusion."""

    id: str
    exclusion_id: str
    case_id: str
    kind: str
    #: The organisation that must do it.
    holder: str
    started_on: date
    due_on: date
    state: str = DutyState.OPEN
    met_on: date | None = None
    reason: str | None = None
    #: Of the limit: the highest mark, in school days, that was told of.
    mark: int = 0


@dataclass(frozen=True, slots=True)
class DutyRules:
    """The law's numbers from a day on; days are school days."""

    since: date
    #: Education from this day, when the exclusion is longer than so many days.
    education_day: int
    education_longer_than: int
    #: Governors meet within so many days for a permanent exclusion, or for more than so many days in a term.
    governors_within: int
    governors_more_than: int
    #: They meet within so many days, if the parents ask, for more than so many days in a term.
    asked_within: int
    asked_more_than: int
    #: No more days than this in a school year; told of from the first of the marks on.
    limit: int
    limit_marks: tuple[int, ...]
    #: `school` or `council`, by kind; `permanent` beside it for a permanent exclusion.
    holders: Mapping[str, str]
    #: School days before the day at which it is due soon, by kind.
    soon: Mapping[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A duty that should be there."""

    exclusion_id: str
    kind: str
    holder: str
    due_on: date
    #: Of the limit: school days so far, and the day on which it was passed.
    days: int = 0
    passed_on: date | None = None


@dataclass(frozen=True, slots=True)
class Law:
    """What duties are found with."""

    rules_on: Callable[[date], DutyRules]
    tariff: Tariff
    calendars: Calendars
    #: The organisation of the council.
    council: str

    def holder(self, one: Counted, kind: str, rules: DutyRules) -> str:
        """Who must do it."""
        permanent = is_permanent(one.exclusion.kind, self.tariff)
        said = rules.holders.get(f"{kind}-permanent" if permanent else kind) or rules.holders[kind]
        return self.council if said == "council" else one.exclusion.organisation_id


def wanted(counted: Sequence[Counted], law: Law) -> dict[tuple[str, str], Wanted]:
    """The duties that a child's exclusions, in order, bring about."""
    found: dict[tuple[str, str], Wanted] = {}
    for n, one in enumerate(counted):
        rules = law.rules_on(one.exclusion.first_on)
        calendar = law.calendars.of(one.exclusion.school_urn)
        for kind, due_on in _of_one(one, counted[:n], rules, calendar, law.tariff):
            key = (one.exclusion.id, kind)
            found[key] = Wanted(*key, law.holder(one, kind, rules), due_on)
    for year, ones in groupby(counted, key=lambda one: school_year(one.exclusion.first_on)):
        limit = _limit(list(ones), year[1], law)
        if limit is not None:
            found[limit.exclusion_id, limit.kind] = limit
    return found


def _of_one(
    one: Counted, before: Sequence[Counted], rules: DutyRules, calendar: Calendar, tariff: Tariff
) -> Iterable[tuple[str, date]]:
    exclusion = one.exclusion
    permanent = is_permanent(exclusion.kind, tariff)
    first, days_before = _run(one, before, calendar, tariff)
    longer = days_before <= rules.education_longer_than < days_before + one.sessions / 2
    if permanent or longer:
        yield EDUCATION, calendar.school_day(rules.education_day, exclusion.first_on if permanent else first)
    days = one.total.in_term / 2
    if permanent or days > rules.governors_more_than:
        yield GOVERNORS, calendar.school_days_after(exclusion.reported_on, rules.governors_within)
    elif exclusion.asked_on is not None and days > rules.asked_more_than:
        yield GOVERNORS_ASKED, calendar.school_days_after(exclusion.reported_on, rules.asked_within)


def _run(one: Counted, before: Sequence[Counted], calendar: Calendar, tariff: Tariff) -> tuple[date, float]:
    """First day of suspensions that follow each other without a school day between, and the days before this one."""
    first, days = one.exclusion.first_on, 0.0
    for earlier in reversed(before):
        if not earlier.days or one.exclusion.school_urn != earlier.exclusion.school_urn:
            continue
        # Lunchtimes keep nobody from lessons.
        if tariff.a_day.get(earlier.exclusion.kind, 2) == 1:
            continue
        if calendar.school_days_after(earlier.days[-1][0], 1) != calendar.school_day(1, first):
            break
        first, days = earlier.exclusion.first_on, days + earlier.sessions / 2
    return first, days


def _limit(ones: Sequence[Counted], year_ends: date, law: Law) -> Wanted | None:
    rules = law.rules_on(ones[0].exclusion.first_on)
    reached = [one for one in ones if one.total.in_year >= 2 * rules.limit_marks[0]]
    if not reached:
        return None
    lain, passed_on = 0, None
    for one in ones:
        for day, sessions in one.days:
            lain += sessions
            if passed_on is None and lain > 2 * rules.limit:
                passed_on = day
    first = reached[0]
    days = max(one.total.in_year for one in ones) // 2
    holder = law.holder(first, LIMIT, rules)
    return Wanted(first.exclusion.id, LIMIT, holder, passed_on or year_ends, days, passed_on)


def soon_days(duty: Duty, rules: DutyRules, calendar: Calendar, *, after: date) -> dict[int, date]:
    """The days on which a duty is due soon, by school days left; only those after a day."""
    found = {}
    for days in rules.soon.get(duty.kind, ()):
        day = duty.due_on
        # The latest school day with so many school days after it until the day itself.
        while day > after and not (
            calendar.is_school_day(day) and calendar.school_days_between(day, duty.due_on) == days
        ):
            day -= timedelta(days=1)
        if day > after:
            found[days] = day
    return found
