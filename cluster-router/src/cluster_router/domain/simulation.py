"""A draft rule replayed over past cases: which would have gone elsewhere, with the loads of that time."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from schemas.referral import Circumstances

from cluster_router.domain.choice import Standing
from cluster_router.domain.county import UNLIMITED, Capacity, County
from cluster_router.domain.decision import Trace, decide


@dataclass(frozen=True, slots=True)
class Past:
    """A case as the rules decided it."""

    circumstances: Circumstances
    trace: Trace
    case_id: str = ""


@dataclass(frozen=True, slots=True)
class Moved:
    """A case that would have gone elsewhere, as it was decided and as the draft decides it."""

    case_id: str
    before: Trace
    after: Trace


@dataclass(frozen=True, slots=True)
class Simulation:
    """How many cases would have gone elsewhere, from where to where; None is the queue."""

    cases: int
    moves: tuple[tuple[str | None, str | None, int], ...]
    #: In the order of the decisions.
    moved: tuple[Moved, ...] = field(default=(), compare=False)
    #: Cluster (None: the queue) -> how many of the cases went there, and would have gone there.
    before: Mapping[str | None, int] = field(default_factory=dict, compare=False)
    after: Mapping[str | None, int] = field(default_factory=dict, compare=False)

    @property
    def would_move(self) -> int:
        """How many would have gone elsewhere."""
        return sum(count for _, _, count in self.moves)


def simulate(past: Iterable[Past], county_on: Callable[[date], County]) -> Simulation:
    """Decide past cases again, in their order, in the county under the draft rules.

    Each cluster's load is the one that was recorded, plus what the draft has sent there and less what it has kept
    away so far: so rules that change nothing move nobody.
    """
    drift: Counter[str] = Counter()
    moves: Counter[tuple[str | None, str | None]] = Counter()
    before: Counter[str | None] = Counter()
    after: Counter[str | None] = Counter()
    moved: list[Moved] = []
    cases = 0
    for case in past:
        county = county_on(case.trace.on)
        standings = {cluster: _standing(cluster, case.trace, county, drift[cluster]) for cluster in county.clusters}
        prices = {candidate.cluster: candidate.price for candidate in case.trace.candidates}
        decided = decide(1, case.circumstances, county, standings, prices)
        cluster = decided.cluster
        cases += 1
        before[case.trace.chosen] += 1
        after[cluster] += 1
        if cluster != case.trace.chosen:
            moves[case.trace.chosen, cluster] += 1
            moved.append(Moved(case.case_id, case.trace, decided.trace))
            if case.trace.chosen is not None:
                drift[case.trace.chosen] -= 1
            if cluster is not None:
                drift[cluster] += 1
    ordered = sorted(moves.items(), key=lambda move: (-move[1], move[0][0] or "", move[0][1] or ""))
    return Simulation(cases, tuple((*move, count) for move, count in ordered), tuple(moved), before, after)


def _standing(cluster: str, trace: Trace, county: County, drift: int) -> Standing:
    recorded = trace.candidate(cluster)
    if recorded is None:
        return Standing(max(0, drift), county.clusters[cluster].capacity(trace.on))
    capacity = UNLIMITED if recorded.capacity is None else Capacity(trace.on, recorded.capacity, recorded.hard)
    return Standing(max(0, recorded.load + drift), capacity)
