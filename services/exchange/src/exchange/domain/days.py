"""Days as people here count them."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

HERE = ZoneInfo("Europe/London")


def day_of(instant: datetime) -> date:
    """The calendar day here at an instant: in summer it begins an hour before UTC's."""
    return instant.astimezone(HERE).date()


def end_of(day: date) -> datetime:
    """The instant at which a day has passed here."""
    return datetime.combine(day + timedelta(days=1), time.min, tzinfo=HERE)
