"""How many time limits were kept: with exceptions counted as excuses, and without."""

from collections.abc import Iterable
from dataclasses import dataclass

from assessments.domain.clocks import Clock, State


@dataclass(frozen=True, slots=True)
class Figure:
    """One kind of clock whose last day fell into the time asked about."""

    kind: str
    #: Done, or late: what can be judged. Those that still run are not.
    total: int
    in_time: int
    in_time_or_excused: int


def figures(clocks: Iterable[Clock]) -> tuple[Figure, ...]:
    """One figure for each kind, in alphabetical order."""
    kinds: dict[str, list[Clock]] = {}
    for clock in clocks:
        if clock.state in {State.MET, State.BREACHED}:
            kinds.setdefault(clock.kind, []).append(clock)
    return tuple(
        Figure(
            kind,
            len(found),
            sum(clock.in_time for clock in found),
            sum(clock.in_time_or_excused for clock in found),
        )
        for kind, found in sorted(kinds.items())
    )
