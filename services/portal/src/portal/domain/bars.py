"""Clocks as bars: how much of a term has gone, and how much was too much."""

from dataclasses import dataclass
from datetime import date
from typing import Final

#: A bar's inner width.
WIDE: Final = 1000


@dataclass(frozen=True, slots=True)
class Bar:
    """What has gone of a term, in thousandths of the bar; beyond the limit it is late."""

    gone: int
    late: int
    #: Where the limit lies on the bar.
    limit: int


def bar(started_on: date, due_on: date, until: date) -> Bar:
    """The bar of a term that is looked at, or ended, on a day."""
    term = max((due_on - started_on).days, 1)
    used = max((until - started_on).days, 0)
    whole = max(term, used)
    limit = round(WIDE * term / whole)
    gone = round(WIDE * min(used, term) / whole)
    return Bar(gone, round(WIDE * used / whole) - limit if used > term else 0, limit)
