"""The day on which an instant falls in the county, which is not always the day in UTC."""

from datetime import date, datetime, time
from typing import Final
from zoneinfo import ZoneInfo

COUNTY: Final = ZoneInfo("Europe/London")


def day_of(instant: datetime) -> date:
    """The county's day."""
    return instant.astimezone(COUNTY).date()


def start_of(day: date) -> datetime:
    """The instant at which a day begins in the county."""
    return datetime.combine(day, time(), COUNTY)
