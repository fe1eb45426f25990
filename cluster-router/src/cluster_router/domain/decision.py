"""A decision with its number and its trace, and replaying traces: the same facts give the same decisions."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Any

from chassis.errors import Conflict
from schemas.referral import Circumstances

from cluster_router.domain.choice import (
    WHOLE,
    Candidate,
    Standing,
    choose,
    reweigh,
    steps_of,
    weigh,
    weight_of,
)
from cluster_router.domain.county import County
from cluster_router.domain.entitlement import Rank, entitle
from cluster_router.domain.rules import Phase, Rules, Team


class Kind(StrEnum):
    """Who decided."""

    RULES = "rules"
    OVERRIDE = "override"
    #: The rules or a person did; what the decision rested on was erased with the case.
    ERASED = "erased"


class Occasion(StrEnum):
    """Why a case was decided at this moment."""

    OPENED = "opened"
    CIRCUMSTANCES_CHANGED = "circumstances-changed"
    #: Clusters, schools or room have changed, and the case was in the queue.
    RECONSIDERED = "reconsidered"
    #: A person asked for it.
    ASKED = "asked"
    #: The child is about to begin Year 7.
    PHASE_TRANSFER = "phase-transfer"


#: What a step is called in the registry `routing-reasons`, for everybody outside; other steps are only ours.
REASONS: Mapping[str, str] = {
    "successor-school": "successor-school",
    "school-cluster": "school-member",
    "inherited-cluster": "school-member",
    "nearest-school": "nearest-school",
    "phase-by-year-group": "year-group",
    "phase-by-age": "age",
    "early-years-team": "early-years",
    "post-16-team": "post-16",
    "load-shared": "load-balanced",
    "next-nearest": "load-balanced",
    "neighbour-with-room": "load-balanced",
    "cluster-full": "capacity-full",
    "all-full": "capacity-full",
    "address-restricted": "home-restricted",
    "school-unknown": "school-unknown",
    "home-unknown": "home-unknown",
    "home-none": "home-unknown",
    "age-outside-rules": "out-of-age",
    "home-outside-county": "out-of-county",
    "no-cluster-of-phase": "no-rule",
    "override": "override",
}


class TraceDisagrees(Conflict):
    """A recorded decision that its own trace does not give."""

    code = "trace-disagrees"


@dataclass(frozen=True, slots=True)
class Trace:
    """All that a decision rested on, at its moment."""

    kind: Kind
    rules: str
    on: date
    #: What the rules found before load was weighed, and then what load added.
    rule_steps: tuple[str, ...]
    steps: tuple[str, ...] = ()
    occasion: Occasion = Occasion.OPENED
    phase: Phase | None = None
    team: Team | None = None
    school_urn: str | None = None
    weight: int = WHOLE
    candidates: tuple[Candidate, ...] = ()
    chosen: str | None = None
    runner_up: str | None = None
    #: The person who overrode, and their reason, of the registry `override-reasons`.
    by: str | None = None
    reason: str | None = None

    def candidate(self, cluster: str | None) -> Candidate | None:
        """How a cluster stood, if it was looked at."""
        return next((candidate for candidate in self.candidates if candidate.cluster == cluster), None)

    @property
    def reasons(self) -> tuple[str, ...]:
        """The reasons as the registry `routing-reasons` has them, each once, in the order in which they were found."""
        changed = (self.occasion.value,) if self.occasion is Occasion.CIRCUMSTANCES_CHANGED else ()
        return tuple(dict.fromkeys((*changed, *(REASONS[step] for step in self.steps if step in REASONS))))

    def erased(self) -> "Trace":
        """The trace without anything that came from the child: distances tell where a home is."""
        return Trace(Kind.ERASED, self.rules, self.on, (), self.steps, self.occasion, chosen=self.chosen)


@dataclass(frozen=True, slots=True)
class Decision:
    """Where a case goes (None: the queue), by which rules, and why. Numbers have no gaps."""

    number: int
    rules_version: str
    cluster: str | None
    reasons: tuple[str, ...]
    trace: Trace


def decide(
    number: int,
    circumstances: Circumstances,
    county: County,
    standings: Mapping[str, Standing],
    prices: Mapping[str, int],
    *,
    occasion: Occasion = Occasion.OPENED,
) -> Decision:
    """Place one case: the rules first, then load. Standings do not count the case itself."""
    entitled = entitle(circumstances, county)
    weight = weight_of(circumstances, county.rules)
    candidates = weigh(entitled.options, standings, prices, weight, county.rules)
    chosen, runner_up = choose(candidates)
    trace = Trace(
        Kind.RULES,
        county.rules.version,
        county.on,
        entitled.steps,
        entitled.steps + steps_of(chosen, candidates),
        occasion,
        phase=entitled.phase,
        team=entitled.team,
        school_urn=entitled.school_urn,
        weight=weight,
        candidates=candidates,
        chosen=chosen.cluster if chosen else None,
        runner_up=runner_up.cluster if runner_up else None,
    )
    return Decision(number, trace.rules, trace.chosen, trace.reasons, trace)


def override(
    number: int,
    decided: Decision,
    cluster: str,
    *,
    by: str,
    reason: str,
) -> Decision:
    """A person puts the case elsewhere. What the rules would have said stays in the trace."""
    trace = replace(
        decided.trace,
        kind=Kind.OVERRIDE,
        steps=("override",),
        occasion=Occasion.ASKED,
        chosen=cluster,
        runner_up=decided.cluster,
        by=by,
        reason=reason,
    )
    return Decision(number, trace.rules, cluster, trace.reasons, trace)


def replay(traces: Iterable[tuple[int, Trace]], book: Mapping[str, Rules], *, after: int = 0) -> list[Decision]:
    """Decide again from the traces alone, in order. Raises `TraceDisagrees` where a trace contradicts itself.

    Numbers must follow each other, the first one `after`; costs must be what the rules of that version make of the
    distances, loads, capacities and prices; the choice must be the one that was recorded.
    """
    decisions: list[Decision] = []
    for number, trace in traces:
        if number != after + 1:
            raise TraceDisagrees(f"Decision {number} does not follow decision {after}.")
        decisions.append(_again(number, trace, book))
        after = number
    return decisions


def _again(number: int, trace: Trace, book: Mapping[str, Rules]) -> Decision:
    if trace.kind is Kind.RULES:
        if reweigh(trace.candidates, trace.weight, book[trace.rules]) != trace.candidates:
            raise TraceDisagrees(f"Decision {number} bears other costs than its rules give.")
        chosen, runner_up = choose(trace.candidates)
        again = replace(
            trace,
            steps=trace.rule_steps + steps_of(chosen, trace.candidates),
            chosen=chosen.cluster if chosen else None,
            runner_up=runner_up.cluster if runner_up else None,
        )
        if again != trace:
            raise TraceDisagrees(f"Decision {number} chose {trace.chosen}; its trace gives {again.chosen}.")
    return Decision(number, trace.rules, trace.chosen, trace.reasons, trace)


def trace_to_json(trace: Trace) -> dict[str, Any]:
    """A trace as plain JSON values."""
    return {
        "kind": trace.kind.value,
        "rules": trace.rules,
        "on": trace.on.isoformat(),
        "rule_steps": list(trace.rule_steps),
        "steps": list(trace.steps),
        "occasion": trace.occasion.value,
        "phase": trace.phase.value if trace.phase else None,
        "team": trace.team.value if trace.team else None,
        "school_urn": trace.school_urn,
        "weight": trace.weight,
        "candidates": [_candidate_to_json(candidate) for candidate in trace.candidates],
        "chosen": trace.chosen,
        "runner_up": trace.runner_up,
        "by": trace.by,
        "reason": trace.reason,
    }


def trace_from_json(value: Mapping[str, Any]) -> Trace:
    """Read back what `trace_to_json` wrote."""
    return Trace(
        Kind(value["kind"]),
        value["rules"],
        date.fromisoformat(value["on"]),
        tuple(value["rule_steps"]),
        tuple(value["steps"]),
        Occasion(value["occasion"]),
        phase=Phase(value["phase"]) if value["phase"] else None,
        team=Team(value["team"]) if value["team"] else None,
        school_urn=value["school_urn"],
        weight=value["weight"],
        candidates=tuple(_candidate_from_json(candidate) for candidate in value["candidates"]),
        chosen=value["chosen"],
        runner_up=value["runner_up"],
        by=value["by"],
        reason=value["reason"],
    )


def _candidate_to_json(candidate: Candidate) -> dict[str, Any]:
    return {
        "cluster": candidate.cluster,
        "rank": None if candidate.rank is None else candidate.rank.value,
        "why_not": candidate.why_not,
        "metres": candidate.metres,
        "squared": candidate.squared,
        "load": candidate.load,
        "capacity": candidate.capacity,
        "hard": candidate.hard,
        "price": candidate.price,
        "cost": candidate.cost,
    }


def _candidate_from_json(value: Mapping[str, Any]) -> Candidate:
    return Candidate(
        value["cluster"],
        None if value["rank"] is None else Rank(value["rank"]),
        value["why_not"],
        value["squared"],
        value["load"],
        value["capacity"],
        value["hard"],
        value["price"],
        value["cost"],
    )
