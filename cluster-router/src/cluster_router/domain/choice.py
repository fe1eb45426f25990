"""Among the clusters a case may go to, the one it goes to: way, capacity, fairness and need, in whole numbers.

Every disadvantage is counted in metres of extra way. Without capacities nothing but the way counts.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isqrt

from schemas.referral import Circumstances

from cluster_router.domain.county import UNLIMITED, Capacity
from cluster_router.domain.entitlement import Option, Rank
from cluster_router.domain.rules import Rules

#: Use of capacity and weights are counted in thousandths.
WHOLE = 1000


@dataclass(frozen=True, slots=True)
class Candidate:
    """A cluster at the moment of a decision. `rank` None: it was looked at, but may not take the case."""

    cluster: str
    rank: Rank | None
    why_not: str | None
    squared: int | None
    load: int
    capacity: int | None
    hard: bool
    price: int
    cost: int

    @property
    def metres(self) -> int | None:
        """How far it is, rounded down."""
        return None if self.squared is None else isqrt(self.squared)

    def has_room(self) -> bool:
        """Whether one more case fits."""
        return not self.hard or self.capacity is None or self.load < self.capacity


@dataclass(frozen=True, slots=True)
class Standing:
    """A cluster's load and capacity as they are now."""

    load: int = 0
    capacity: Capacity = UNLIMITED

    def has_room(self) -> bool:
        """Whether one more case fits: a hard limit is never exceeded."""
        limit = self.capacity.limit
        return not self.capacity.hard or limit is None or self.load < limit


NOBODY_YET = Standing()


def weight_of(circumstances: Circumstances, rules: Rules) -> int:
    """How much heavier the way weighs for this child, per mille: the greater the need, the closer to home."""
    return max(
        rules.urgency.get(circumstances.urgency, WHOLE),
        rules.risk_of_exclusion.get(circumstances.risk_of_exclusion, WHOLE),
    )


def weigh(
    options: Sequence[Option],
    standings: Mapping[str, Standing],
    prices: Mapping[str, int],
    weight: int,
    rules: Rules,
) -> tuple[Candidate, ...]:
    """Every option with its load, capacity, price and cost at this moment."""
    stand = [standings.get(option.cluster, NOBODY_YET) for option in options]
    uses = [_use(standing.load, standing.capacity.limit) for standing in stand]
    mean = _mean([use for use, option in zip(uses, options, strict=True) if option.rank is not None])
    return tuple(
        Candidate(
            option.cluster,
            option.rank,
            option.why_not,
            option.squared,
            standing.load,
            standing.capacity.limit,
            standing.capacity.hard,
            price := prices.get(option.cluster, 0),
            _cost(option.squared, price, use=use, mean=mean, weight=weight, rules=rules),
        )
        for option, standing, use in zip(options, stand, uses, strict=True)
    )


def reweigh(candidates: Sequence[Candidate], weight: int, rules: Rules) -> tuple[Candidate, ...]:
    """The candidates with the costs that these rules make of their distances, loads, capacities and prices."""
    uses = [_use(candidate.load, candidate.capacity) for candidate in candidates]
    mean = _mean([use for use, candidate in zip(uses, candidates, strict=True) if candidate.rank is not None])
    return tuple(
        replace(
            candidate,
            cost=_cost(candidate.squared, candidate.price, use=use, mean=mean, weight=weight, rules=rules),
        )
        for candidate, use in zip(candidates, uses, strict=True)
    )


def choose(candidates: Iterable[Candidate]) -> tuple[Candidate | None, Candidate | None]:
    """The best candidate that has room, and the runner-up. Ties go by exact distance, then by the cluster's id."""
    ordered = sorted((c for c in candidates if c.rank is not None and c.has_room()), key=_order)
    return (ordered[0] if ordered else None), (ordered[1] if len(ordered) > 1 else None)


def steps_of(chosen: Candidate | None, candidates: Sequence[Candidate]) -> tuple[str, ...]:
    """What load added to what the rules found: codes, empty when it changed nothing."""
    allowed = [candidate for candidate in candidates if candidate.rank is not None]
    if not allowed:
        return ()
    wanted = min(allowed, key=lambda c: (c.rank or 0, c.squared if c.squared is not None else -1, c.cluster))
    if chosen is None:
        return ("all-full",) if len(allowed) > 1 else ("cluster-full",)
    if chosen.cluster == wanted.cluster:
        return ()
    if chosen.rank is Rank.WHEN_FULL:
        return ("cluster-full", "neighbour-with-room")
    return ("load-shared",) if wanted.has_room() else ("cluster-full", "next-nearest")


def _order(candidate: Candidate) -> tuple[int, int, int, str]:
    squared = candidate.squared if candidate.squared is not None else -1
    return (candidate.rank or 0, candidate.cost, squared, candidate.cluster)


def _use(load: int, limit: int | None) -> int:
    """How full, per mille; an unlimited cluster is never full, one that can hold nothing always is."""
    if limit is None:
        return 0
    return load * WHOLE // limit if limit else WHOLE


def _mean(uses: Sequence[int]) -> int:
    return sum(uses) // len(uses) if uses else 0


def _cost(squared: int | None, price: int, *, use: int, mean: int, weight: int, rules: Rules) -> int:
    way = isqrt(squared or 0) * weight // WHOLE
    crowding = rules.full_metres * use * use // (WHOLE * WHOLE)
    unfairness = rules.fairness_metres * max(0, use - mean) // WHOLE
    return way + crowding + unfairness + price
