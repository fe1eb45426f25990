"""Days, times, sums and codes as people read them."""

from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

#: Where the county is.
LONDON: Final = ZoneInfo("Europe/London")
_PENCE: Final = 100


def as_instant(value: Any) -> datetime | None:
    """A time of the API, or of our own."""
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str) or len(value) <= len("2026-11-23"):
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def as_day(value: Any) -> date | None:
    """A day of the API; the county's day of a time."""
    at = as_instant(value)
    if at is not None:
        return at.astimezone(LONDON).date()
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        return None


def day(value: Any) -> str:
    """23 November 2026."""
    found = as_day(value)
    return f"{found.day} {found:%B %Y}" if found else ""


def short_day(value: Any) -> str:
    """23 Nov."""
    found = as_day(value)
    return f"{found.day} {found:%b}" if found else ""


def instant(value: Any) -> str:
    """23 November 2026 at 2:05pm, as the county's clocks say."""
    at = as_instant(value)
    if at is None:
        return day(value)
    there = at.astimezone(LONDON)
    hour = there.hour % 12 or 12
    return f"{day(there)} at {hour}:{there:%M}{'am' if there.hour < 12 else 'pm'}"  # noqa: PLR2004


def ago(value: Any, now: datetime) -> str:
    """How long ago, in one word or two."""
    at = as_instant(value)
    if at is None:
        return day(value)
    gone = now - at
    if gone < timedelta(minutes=1):
        return "just now"
    if gone < timedelta(hours=1):
        return plural(int(gone.total_seconds() // 60), "minute") + " ago"
    if gone < timedelta(days=1):
        return plural(int(gone.total_seconds() // 3600), "hour") + " ago"
    if gone < timedelta(days=14):
        return plural(gone.days, "day") + " ago"
    return day(at)


def money(pence: Any) -> str:
    """£1,234 or £1,234.50, from pence."""
    try:
        amount = int(pence)
    except (TypeError, ValueError):
        return ""
    sign, amount = ("-" if amount < 0 else ""), abs(amount)
    pounds, rest = divmod(amount, _PENCE)
    return f"{sign}£{pounds:,}" + (f".{rest:02d}" if rest else "")


def plural(count: int, one: str, many: str | None = None) -> str:
    """1 case, 2 cases."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def plain(code: Any) -> str:
    """A code that no registry explains, as words."""
    text = str(code).replace("-", " ").replace("_", " ").strip()
    return text[:1].upper() + text[1:]
