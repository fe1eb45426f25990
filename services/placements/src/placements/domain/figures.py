"""Figures over placements that point to no child: counts below a mark are left out, and what would give them away."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

from placements.domain.placements import Placement


@dataclass(frozen=True, slots=True)
class Distance:
    """How far children go. None: too few to say."""

    phase: str
    placements: int | None
    mean_kilometres: float | None
    median_kilometres: float | None


@dataclass(frozen=True, slots=True)
class Sustained:
    """How many returns to school have lasted. None: too few to say."""

    checked: int | None
    share: float | None


def distances(placements: Iterable[Placement], smallest: int) -> list[Distance]:
    """By phase, then over all. One hidden phase would follow from the whole, so the whole is hidden with it."""
    by_phase: defaultdict[str, list[int]] = defaultdict(list)
    for one in placements:
        if one.metres_from_home is not None:
            by_phase[one.phase].append(one.metres_from_home)
    rows = [_distance(phase, ways, smallest) for phase, ways in sorted(by_phase.items())]
    hidden = sum(row.placements is None for row in rows)
    every = [way for ways in by_phase.values() for way in ways]
    whole = _distance("all", every, smallest)
    return [*rows, Distance("all", None, None, None) if hidden == 1 else whole]


def _distance(phase: str, ways: list[int], smallest: int) -> Distance:
    if len(ways) < smallest:
        return Distance(phase, None, None, None)
    return Distance(phase, len(ways), round(sum(ways) / len(ways) / 1000, 1), round(median(ways) / 1000, 1))


def sustained(placements: Iterable[Placement], smallest: int) -> Sustained:
    """Of the returns that were looked at. A count of lasting or of broken ones below the mark hides the share."""
    looked = [one.sustained for one in placements if one.sustained is not None]
    lasted = sum(looked)
    if len(looked) < smallest:
        return Sustained(None, None)
    if 0 < lasted < smallest or 0 < len(looked) - lasted < smallest:
        return Sustained(len(looked), None)
    return Sustained(len(looked), round(lasted / len(looked), 3))
