"""What a cluster's board counts: how long cases have waited, in working days."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from schemas.days import Calendar

from cluster_router.domain.days import day_of


@dataclass(frozen=True, slots=True)
class Board:
    """What is counted from a day on."""

    since: date
    #: Upper ends of ages, in working days; what is older is counted after the last.
    unaccepted_ages: tuple[int, ...]


def read_board(entry: Mapping[str, Any]) -> Board:
    """A board as the data file has it."""
    return Board(entry["since"], tuple(sorted(entry["unaccepted_ages"])))


def board_on(boards: Iterable[Board], day: date) -> Board:
    """The newest whose time has come; before the first one, the first."""
    ordered = sorted(boards, key=lambda board: board.since)
    return next((board for board in reversed(ordered) if board.since <= day), ordered[0])


def working_days_since(since: datetime, now: datetime, calendar: Calendar) -> int:
    """Working days after the day on which something began, up to today."""
    first, last = day_of(since), day_of(now)
    return sum(calendar.is_working_day(first + timedelta(days=n)) for n in range(1, (last - first).days + 1))


def by_age(ages: Iterable[int], ends: Sequence[int]) -> list[tuple[int | None, int]]:
    """How many are of which age: each upper end with its count, and None for what is older than the last."""
    counts = dict.fromkeys((*ends, None), 0)
    for age in ages:
        counts[next((end for end in ends if age <= end), None)] += 1
    return list(counts.items())
