"""Days as people here count them, and periods of months."""

from calendar import monthrange
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

_HERE = ZoneInfo("Europe/London")
_MONTHS = 12


def day_of(instant: datetime) -> date:
    """The calendar day here at an instant: in summer it begins an hour before UTC's."""
    return instant.astimezone(_HERE).date()


def start_of(day: date, hour: int = 0) -> datetime:
    """The instant at which an hour of a day begins here."""
    return datetime.combine(day, time(hour), tzinfo=_HERE)


def months_after(day: date, months: int) -> date:
    """The same day of a later month; its last day where it has none, as 29 February in most years."""
    year, month = divmod(day.year * _MONTHS + day.month - 1 + months, _MONTHS)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def next_date(after: date, month: int, day: int) -> date:
    """The first such date that is later."""
    this = date(after.year, month, day)
    return this if this > after else date(after.year + 1, month, day)
