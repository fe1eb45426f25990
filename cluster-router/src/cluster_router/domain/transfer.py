"""From primary to secondary: who begins Year 7 when, what the rules then say of them, and when they are offered."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from schemas.days import school_year
from schemas.referral import Circumstances

from cluster_router.domain.county import County
from cluster_router.domain.rules import Phase, Rules

_LAST_PRIMARY_YEAR: Final = 6
_FIRST_SECONDARY_YEAR: Final = "7"
#: Year groups that are no numbers, by how many years after reception they are.
_BEFORE_YEAR_1: Final = {"N": -1, "R": 0}


@dataclass(frozen=True, slots=True)
class Season:
    """When transfers are offered, how long they are open, and which schools children leave."""

    since: date
    #: Month and day of the first and of the last run.
    first: tuple[int, int]
    last: tuple[int, int]
    every_days: int
    answer_within_days: int
    #: Register phase codes of schools that end with Year 6.
    left_after_year_6: frozenset[int]


def read_season(entry: Mapping[str, Any]) -> Season:
    """A season as the data file has it."""
    first, last = (tuple(int(part) for part in entry[name].split("-")) for name in ("first", "last"))
    return Season(
        entry["since"],
        (first[0], first[1]),
        (last[0], last[1]),
        entry["every_days"],
        entry["answer_within_days"],
        frozenset(entry["left_after_year_6"]),
    )


def season_on(seasons: Iterable[Season], day: date) -> Season:
    """The newest season whose time has come; before the first one, the first."""
    ordered = sorted(seasons, key=lambda season: season.since)
    return next((season for season in reversed(ordered) if season.since <= day), ordered[0])


def year_of(day: date) -> int:
    """The year in whose September the children who are in Year 6 on a day begin Year 7."""
    return school_year(day)[1].year


def next_run(seasons: Iterable[Season], after: date) -> date:
    """The next day, later than this one, on which transfers are offered."""
    known = list(seasons)
    year = after.year
    while True:
        season = season_on(known, date(year, 12, 31))
        day, last = date(year, *season.first), date(year, *season.last)
        while day <= last:
            if day > after:
                return day
            day += timedelta(days=season.every_days)
        year += 1


def begins_year_7(circumstances: Circumstances, said_on: date, rules: Rules) -> int:
    """The year in whose September the child begins Year 7, by what was said on a day. It may lie in the past."""
    group = circumstances.year_group
    years = _BEFORE_YEAR_1.get(group or "")
    if years is None and group is not None and group.isdigit():
        years = int(group)
    ahead = rules.secondary_from_age - 1 - circumstances.age if years is None else _LAST_PRIMARY_YEAR - years
    return year_of(said_on) + ahead


def as_year_7(circumstances: Circumstances, county: County, leaves: frozenset[int]) -> Circumstances:
    """The child's circumstances as they will be in Year 7: older, and gone from a school that ends with Year 6.

    Who is in a secondary year group, or at a school that goes on, stays as they are.
    """
    rules = county.rules
    changes: dict[str, Any] = {"age": max(circumstances.age, rules.secondary_from_age)}
    if rules.phase_of_year.get(circumstances.year_group or "") is not Phase.SECONDARY:
        changes["year_group"] = _FIRST_SECONDARY_YEAR
    if circumstances.school_urn is not None:
        found = county.whereabouts(circumstances.school_urn)
        if found.school is not None and found.school.phase in leaves:
            changes["school_urn"] = None
    return circumstances.model_copy(update=changes)
