"""Days as people here count them."""

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

HERE = ZoneInfo("Europe/London")


def day_of(instant: datetime) -> date:
    """The calendar day here at an instant: in summer it begins an hour before UTC's."""
    return instant.astimezone(HERE).date()


def start_of(day: date) -> datetime:
    """The instant at which a day begins here."""
    return datetime.combine(day, time.min, tzinfo=HERE)
