"""Days as people here count them, and school years: when one began, how old a child was, in which year group."""

from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

_HERE: Final = ZoneInfo("Europe/London")

_SEPTEMBER: Final = 9
#: N, R, then 1-14, in order of age on 31 August: 3, 4, 5, ...
YEAR_GROUPS: Final = ("N", "R", *(str(year) for year in range(1, 15)))
_YOUNGEST: Final = 3


def day_of(instant: datetime) -> date:
    """The calendar day here at an instant: in summer it begins an hour before UTC's."""
    return instant.astimezone(_HERE).date()


def cut_off(on: date) -> date:
    """The 31 August before the school year that holds this day."""
    return date(on.year if on.month >= _SEPTEMBER else on.year - 1, 8, 31)


def age_on(day: date, born: date) -> int:
    """Whole years on a day; 0 before the birth. A child born on 29 February has a birthday on 1 March."""
    return max(0, day.year - born.year - ((day.month, day.day) < (born.month, born.day)))


def school_age(born: date, *, on: date) -> int:
    """Whole years on the 31 August before the school year of `on`: what admissions and year groups go by."""
    return age_on(cut_off(on), born)


def usual_year_group(born: date, *, on: date) -> str | None:
    """The year group of most children of this age; None below nursery and beyond year 14."""
    index = school_age(born, on=on) - _YOUNGEST
    return YEAR_GROUPS[index] if 0 <= index < len(YEAR_GROUPS) else None
