"""Days from the first referral to money: how they are counted, and what many of them say together."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import ceil

from schemas.days import MOST_DAYS, Calendar

from funding.domain.rules import Measure


def working_days_between(calendar: Calendar, start: date, end: date) -> int:
    """Working days after `start` up to and including `end`; 0 when `end` is not later."""
    days = min((end - start).days, MOST_DAYS)
    return sum(calendar.is_working_day(start + timedelta(days=n)) for n in range(1, days + 1))


@dataclass(frozen=True, slots=True)
class Figures:
    """How long money took. All but `suppressed` are None where there are so few cases that one could be made out."""

    suppressed: bool
    count: int | None = None
    median_days: float | None = None
    p90_days: int | None = None
    #: Of 100 cases, those with money within so many working days.
    within_percent: float | None = None


def figures(days: Sequence[tuple[int, int]], rule: Measure) -> Figures:
    """Figures of (days, working days), one pair a case. The 90th percentile is the nearest rank's."""
    if 0 < len(days) < rule.fewest_cases:
        return Figures(suppressed=True)
    if not days:
        return Figures(suppressed=False, count=0)
    ordered = sorted(calendar_days for calendar_days, _ in days)
    half, odd = divmod(len(ordered), 2)
    median = float(ordered[half]) if odd else (ordered[half - 1] + ordered[half]) / 2
    within = sum(working <= rule.within_working_days for _, working in days)
    return Figures(
        suppressed=False,
        count=len(ordered),
        median_days=median,
        p90_days=ordered[ceil(len(ordered) * 0.9) - 1],
        within_percent=round(100 * within / len(ordered), 1),
    )


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a year will have cost, and how that was reckoned."""

    pence: int
    explanation: str


def forecast(*, bound: int, granted_of_late: int, window_days: int, today: date, first: date, last: date) -> Forecast:
    """Spent and set aside, and for the days that are left what was granted a day over the window."""
    if today > last:
        return Forecast(bound, "The year is over: what was paid, and what is still set aside.")
    left = (last - max(today, first)).days
    elapsed = max(min(window_days, (today - first).days + 1), 1)
    more = granted_of_late * left // elapsed
    return Forecast(
        bound + more,
        f"What is paid and set aside, and for the {left} days that are left as much a day as was granted over the "
        f"last {elapsed} days.",
    )
