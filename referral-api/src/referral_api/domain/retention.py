"""How long what is known of a child is kept, and what allows to erase it sooner."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class RetentionRule:
    """How long is long enough: whichever of the two is later."""

    since: date
    years_after_closing: int
    #: The child's birthday until which everything stays.
    until_birthday: int


@dataclass(frozen=True, slots=True)
class Reason:
    """Why somebody may do what is not done every day; it holds from a day on."""

    code: str
    label: str
    since: date
    #: Whether it stands above the retention rule.
    overrides: bool = False


def years_later(day: date, years: int) -> date:
    """The same day so many years later; the 29 February of a common year is 1 March."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return date(day.year + years, 3, 1)


def kept_until(rule: RetentionRule, *, closed: date, born: Iterable[date]) -> date:
    """The first day on which a case may be erased; `born` is every day of birth that somebody gave."""
    return max(
        [years_later(closed, rule.years_after_closing), *(years_later(each, rule.until_birthday) for each in born)]
    )
