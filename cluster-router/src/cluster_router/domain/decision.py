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
    reasons_of,
    reweigh,
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


class TraceDisagrees(Conflict):
    """A recorded decision that its own trace does not give."""

    code = "trace-disagrees"


@dataclass(frozen=True, slots=True)
class Trace:
    """All that a decision rested on, at its moment."""

    kind: Kind
    rules: str
    on: date
    #: What the rules said before load was weighed.
    rule_reasons: tuple[str, ...]
    phase: Phase | None = None
    team: Team | None = None
    school_urn: str | None = None
    weight: int = WHOLE
    candidates: tuple[Candidate, ...] = ()
    chosen: str | None = None
    runner_up: str | None = None
    #: The person who overrode.
    by: str | None = None

    def candidate(self, cluster: str | None) -> Candidate | None:
        """How a cluster stood, if it was looked at."""
        return next((candidate for candidate in self.candidates if candidate.cluster == cluster), None)

    def erased(self, reasons: tuple[str, ...]) -> "Trace":
        """The trace without anything that came from the child: distances tell where a home is."""
        return Trace(Kind.ERASED, self.rules, self.on, reasons, chosen=self.chosen)


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
) -> Decision:
    """Place one case: the rules first, then load. Standings do not count the case itself."""
    entitled = entitle(circumstances, county)
    weight = weight_of(circumstances, county.rules)
    candidates = weigh(entitled.options, standings, prices, weight, county.rules)
    trace = Trace(
        Kind.RULES,
        county.rules.version,
        county.on,
        entitled.reasons,
        phase=entitled.phase,
        team=entitled.team,
        school_urn=entitled.school_urn,
        weight=weight,
        candidates=candidates,
    )
    return _conclude(number, trace)


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
        rule_reasons=("override", reason),
        chosen=cluster,
        runner_up=decided.cluster,
        by=by,
    )
    return Decision(number, trace.rules, cluster, trace.rule_reasons, trace)


def replay(traces: Iterable[tuple[int, Trace]], book: Mapping[str, Rules]) -> list[Decision]:
    """Decide again from the traces alone, in order. Raises `TraceDisagrees` where a trace contradicts itself.

    Numbers must follow each other; costs must be what the rules of that version make of the distances, loads,
    capacities and prices; the choice must be the one that was recorded.
    """
    decisions: list[Decision] = []
    for number, trace in traces:
        if decisions and number != decisions[-1].number + 1:
            raise TraceDisagrees(f"Decision {number} does not follow decision {decisions[-1].number}.")
        decisions.append(_again(number, trace, book))
    return decisions


def _again(number: int, trace: Trace, book: Mapping[str, Rules]) -> Decision:
    if trace.kind is not Kind.RULES:
        return Decision(number, trace.rules, trace.chosen, trace.rule_reasons, trace)
    if reweigh(trace.candidates, trace.weight, book[trace.rules]) != trace.candidates:
        raise TraceDisagrees(f"Decision {number} bears other costs than its rules give.")
    decision = _conclude(number, trace)
    if decision.trace != trace:
        raise TraceDisagrees(f"Decision {number} chose {trace.chosen}; its trace gives {decision.cluster}.")
    return decision


def _conclude(number: int, trace: Trace) -> Decision:
    chosen, runner_up = choose(trace.candidates)
    cluster = chosen.cluster if chosen else None
    reasons = trace.rule_reasons + reasons_of(chosen, trace.candidates)
    concluded = replace(trace, chosen=cluster, runner_up=runner_up.cluster if runner_up else None)
    return Decision(number, trace.rules, cluster, reasons, concluded)


def trace_to_json(trace: Trace) -> dict[str, Any]:
    """A trace as plain JSON values."""
    return {
        "kind": trace.kind.value,
        "rules": trace.rules,
        "on": trace.on.isoformat(),
        "rule_reasons": list(trace.rule_reasons),
        "phase": trace.phase.value if trace.phase else None,
        "team": trace.team.value if trace.team else None,
        "school_urn": trace.school_urn,
        "weight": trace.weight,
        "candidates": [_candidate_to_json(candidate) for candidate in trace.candidates],
        "chosen": trace.chosen,
        "runner_up": trace.runner_up,
        "by": trace.by,
    }


def trace_from_json(value: Mapping[str, Any]) -> Trace:
    """Read back what `trace_to_json` wrote."""
    return Trace(
        Kind(value["kind"]),
        value["rules"],
        date.fromisoformat(value["on"]),
        tuple(value["rule_reasons"]),
        phase=Phase(value["phase"]) if value["phase"] else None,
        team=Team(value["team"]) if value["team"] else None,
        school_urn=value["school_urn"],
        weight=value["weight"],
        candidates=tuple(_candidate_from_json(candidate) for candidate in value["candidates"]),
        chosen=value["chosen"],
        runner_up=value["runner_up"],
        by=value["by"],
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
