"""What needs somebody, in the order of legal risk: school days to the next limit, then how pressing the case is."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import IntEnum
from typing import Final

from schemas.days import Calendar

#: More pressing first; strange words come last.
_URGENCY: Final = {"immediate": 0, "urgent": 1, "soon": 2, "routine": 3}
_RISK: Final = {"imminent": 0, "emerging": 1, "none": 2}
_FAR: Final = 10_000


class Band(IntEnum):
    """How near the limit is."""

    OVERDUE = 0
    SOON = 1
    WEEK = 2
    LATER = 3
    NONE = 4


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit that runs: by when, what for, and where that is read."""

    due_on: date
    what: str
    #: Whether a law or regulation sets it; others are the house's own.
    statutory: bool = True


@dataclass(frozen=True, slots=True)
class Item:
    """A case that needs somebody."""

    case_id: str
    reference: str
    opened_at: datetime | None
    urgency: str
    risk: str
    limits: tuple[Limit, ...] = ()
    #: What there is to do, most pressing first.
    todo: tuple[str, ...] = ()
    #: Why it is this viewer's.
    why: str = ""
    changed: int = 0
    #: More for the page alone.
    year_group: str | None = None
    need: str | None = None
    state: str = ""

    def next_limit(self) -> Limit | None:
        """The one that ends first."""
        return min(self.limits, key=lambda limit: limit.due_on, default=None)


@dataclass(frozen=True, slots=True)
class Placed:
    """A case with where it stands today."""

    item: Item
    limit: Limit | None
    #: School days to the limit; negative when it has passed.
    days: int | None
    band: Band


@dataclass(frozen=True, slots=True)
class Bands:
    """From how many school days on it is soon, and this week."""

    soon: int
    week: int

    def of(self, days: int | None) -> Band:
        """The band of so many school days."""
        if days is None:
            return Band.NONE
        if days < 0:
            return Band.OVERDUE
        if days <= self.soon:
            return Band.SOON
        return Band.WEEK if days <= self.week else Band.LATER


def school_days(today: date, due_on: date, calendar: Calendar) -> int:
    """School days that are left, today not counted; negative for those that have gone by since."""
    if due_on >= today:
        return calendar.school_days_between(today, due_on)
    return -max(1, calendar.school_days_between(due_on, today))


def placed(items: Iterable[Item], today: date, bands: Bands, calendar: Calendar) -> list[Placed]:
    """Everything in its order."""
    found = []
    for item in items:
        limit = item.next_limit()
        days = None if limit is None else school_days(today, limit.due_on, calendar)
        found.append(Placed(item, limit, days, bands.of(days)))
    return sorted(found, key=_order)


def _order(one: Placed) -> tuple[object, ...]:
    item = one.item
    return (
        _FAR if one.days is None else one.days,
        one.limit is not None and not one.limit.statutory,
        _URGENCY.get(item.urgency, len(_URGENCY)),
        _RISK.get(item.risk, len(_RISK)),
        not item.todo,
        item.opened_at.timestamp() if item.opened_at else 0.0,
        item.case_id,
    )


@dataclass(frozen=True, slots=True)
class Group:
    """The cases of one band."""

    band: Band
    members: Sequence[Placed] = field(default_factory=tuple)


def grouped(rows: Sequence[Placed]) -> list[Group]:
    """By band, empty ones left out."""
    return [Group(band, found) for band in Band if (found := [row for row in rows if row.band is band])]


def in_words(days: int | None) -> str:
    """How near a limit is."""
    if days is None:
        return "No date"
    if days == 0:
        return "Today"
    count = f"{abs(days)} school day{'' if abs(days) == 1 else 's'}"
    return f"{count} late" if days < 0 else f"In {count}"
