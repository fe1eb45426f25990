"""Figures that point to nobody: small numbers are left out, and so is what would give them away."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Final

_HUNDRED: Final = 100


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many; None where too few are counted."""

    count: int | None
    total: int | None

    @property
    def percent(self) -> float | None:
        """In a hundred."""
        if self.count is None or not self.total:
            return None
        return round(_HUNDRED * self.count / self.total, 1)


def share(count: int, total: int, *, smallest: int) -> Share:
    """A share whose parts are both large enough: neither the few who did nor the few who did not can be made out."""
    if total < smallest:
        return Share(None, None)
    rest = total - count
    if 0 < count < smallest or 0 < rest < smallest:
        return Share(None, total)
    return Share(count, total)


def suppressed(counts: Sequence[int], smallest: int) -> list[int | None]:
    """Counts of one total. A single small one would follow from the others, so that the next smallest goes as well."""
    hidden = {at for at, count in enumerate(counts) if 0 < count < smallest}
    if len(hidden) == 1:
        others = [(count, at) for at, count in enumerate(counts) if at not in hidden and count > 0]
        if others:
            hidden.add(min(others)[1])
    return [None if at in hidden else count for at, count in enumerate(counts)]


def median_days(spans: Iterable[tuple[datetime, datetime]], *, smallest: int) -> float | None:
    """Days in the middle between two instants; None for fewer than may be shown."""
    days = [(end - begin).total_seconds() / 86_400 for begin, end in spans if end >= begin]
    return round(median(days), 1) if len(days) >= smallest else None


@dataclass(frozen=True, slots=True)
class Bar:
    """A line of a bar chart: where it lies, how long it is, and what stands beside it."""

    name: str
    text: str
    y: int
    width: int
    second: int | None = None


#: A chart's own measures.
LINE: Final = 34
LONG: Final = 240


def bars(rows: Sequence[tuple[str, float | None, float | None, str]]) -> list[Bar]:
    """Lines for (name, value, second value, text); the longest fills the chart. What is hidden has no line."""
    rows = [row for row in rows if row[1] is not None]
    most = max((value for _, *values, _ in rows for value in values if isinstance(value, float | int)), default=0) or 1
    return [
        Bar(
            name,
            text,
            at * LINE,
            round(LONG * (value or 0) / most),
            None if second is None else round(LONG * second / most),
        )
        for at, (name, value, second, text) in enumerate(rows)
    ]
