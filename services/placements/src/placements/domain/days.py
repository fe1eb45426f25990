"""Days as people here count them, terms, and which calendar a school goes by."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Final
from zoneinfo import ZoneInfo

from schemas.days import Calendar, school_year

_HERE: Final = ZoneInfo("Europe/London")
#: The calendar of schools that have none of their own.
COUNTY: Final = "county"


def day_of(instant: datetime) -> date:
    """The calendar day here at an instant: in summer it begins an hour before UTC's."""
    return instant.astimezone(_HERE).date()


def start_of(day: date) -> datetime:
    """The instant at which a day begins here."""
    return datetime.combine(day, time.min, tzinfo=_HERE)


@dataclass(frozen=True, slots=True)
class Calendars:
    """The calendars that are known, by school or `county`."""

    known: Mapping[str, Calendar]

    def of(self, school_urn: str | None) -> Calendar:
        """The school's own calendar, or the county's, or the usual week where neither is known."""
        return self.known.get(school_urn or "") or self.known.get(COUNTY) or Calendar()


@dataclass(frozen=True, slots=True)
class Terms:
    """Which term a half term belongs to, by the month in which it begins."""

    months: Mapping[int, str]

    def term_of(self, day: date, calendar: Calendar) -> tuple[date, str]:
        """The school year, by its first day, and the term around a day; a holiday goes with the term before it."""
        year = school_year(day)
        begun = [first for first, _ in calendar.terms if year[0] <= first <= day] or [
            first for first, _ in calendar.terms if year[0] <= first <= year[1]
        ][:1]
        if begun and not calendar.is_assumed(day):
            day = begun[-1]
        return year[0], self.months[day.month]
