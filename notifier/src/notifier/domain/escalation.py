"""When the steps towards a day are taken: so many school days before it, at an hour of the county's day."""

from datetime import date, datetime, time, timedelta
from typing import Final

from schemas.days import MOST_DAYS, Calendar, TooFar

from notifier.domain.facts import COUNTY_TIME, Fact

_DAY: Final = timedelta(days=1)


def step_day(calendar: Calendar, due_on: date, before: int) -> date:
    """The so-manieth school day before a day, which is not counted; the day itself for 0, school day or not."""
    day = due_on
    for _ in range(before):
        day -= _DAY
        while not calendar.is_school_day(day):
            day -= _DAY
            if (due_on - day).days > MOST_DAYS:
                raise TooFar
    return day


def step_at(calendar: Calendar, due_on: date, before: int, *, hour: int) -> datetime:
    """The instant of a step."""
    return datetime.combine(step_day(calendar, due_on, before), time(hour), tzinfo=COUNTY_TIME)


def step_fact(
    *, id: str, event_type: str, case_id: str, due_on: date, holder: str | None, before: int, at: datetime, field: str
) -> Fact:
    """A step as a fact. Its id is always the same for the same limit, day and step: nobody hears of it twice."""
    return Fact(
        event_id=f"{id}.{due_on:%Y%m%d}.{before}",
        type=event_type,
        case_id=case_id,
        at=at,
        due=due_on,
        holder=holder,
        before=before,
        said={field: id},
    )
