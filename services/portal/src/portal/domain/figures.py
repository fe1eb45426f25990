"""Figures that point to nobody: small numbers are left out, and so is what would give them away."""

from collections.abc import Sequence
from dataclasses import dataclass
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


def hidden(parts: Sequence[Sequence[int]], smallest: int) -> set[int]:
    """Which of the parts of one total cannot be shown: those with a small count.

    One alone would follow from the others, so that the next smallest goes as well.
    """
    found = {at for at, counts in enumerate(parts) if any(0 < count < smallest for count in counts)}
    if len(found) == 1:
        others = [
            (min(count for count in counts if count > 0), at)
            for at, counts in enumerate(parts)
            if at not in found and any(count > 0 for count in counts)
        ]
        if others:
            found.add(min(others)[1])
    return found


def suppressed(counts: Sequence[int], smallest: int) -> list[int | None]:
    """Counts of one total, without those that cannot be shown."""
    out = hidden([(count,) for count in counts], smallest)
    return [None if at in out else count for at, count in enumerate(counts)]


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
