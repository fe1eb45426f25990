"""Where a case is and why, who answered for it, and what may be done next."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from chassis.auth import Caller
from chassis.wire import Action, Out
from pydantic import Field

from cluster_router.domain.assignment import Assignment, State
from cluster_router.domain.county import County
from cluster_router.domain.days import day_of
from cluster_router.domain.decision import Trace, trace_to_json
from cluster_router.domain.explanation import Name, explain, explain_handover, explain_return, spell_out
from cluster_router.policy import HANDOVERS, OVERRIDES, RETURNS, WORDING, in_words, overrides, sees_homes, works_for
from cluster_router.queries.assignments import Decided
from cluster_router.store import CaseFile
from cluster_router.store.cases import Way
from cluster_router.store.tenures import Tenure


class HandoverOut(Out):
    """An open offer."""

    id: str
    to_cluster_id: str
    reason: str
    answer_by: datetime


class HolderOut(Out):
    """Who is accountable now: always exactly one."""

    kind: Literal["intake", "cluster"]
    cluster_id: str | None
    organisation_id: str


class TenureOut(HolderOut):
    """Who was accountable from when until when; null lasts."""

    since: datetime
    until: datetime | None


class AssignmentOut(Out):
    """Where a case is, and why."""

    case_id: str
    reference: str | None
    state: Literal["pending", "queued", "assigned", "accepted"]
    cluster_id: str | None
    reasons: tuple[str, ...]
    sentence: str
    holder: HolderOut
    holders: tuple[TenureOut, ...] = Field(description="Everybody who held it, in order, without a gap.")
    handover: HandoverOut | None
    decision: int | None
    trace: dict[str, Any]
    closed: bool
    actions: tuple[Action, ...]


class QueuedOut(Out):
    """A case in a list: where it is, without its trace."""

    case_id: str
    reference: str
    state: str
    cluster_id: str | None
    reasons: tuple[str, ...]
    opened_at: datetime
    #: When anything about where it is last changed.
    changed_at: datetime
    for_a_person: bool
    href: str


def assignment_out(
    case: CaseFile, trace: Trace, tenures: Sequence[Tenure], county: County, caller: Caller, *, intake: str
) -> AssignmentOut:
    """A case as this caller sees it. The trace tells distances from home: they stay with those who decide."""
    assignment = case.assignment
    cluster = county.clusters.get(assignment.cluster) if assignment.cluster else None
    handover = assignment.handover
    return AssignmentOut(
        case_id=case.id,
        reference=case.reference,
        state=assignment.state.value,
        cluster_id=assignment.cluster,
        reasons=case.reasons,
        sentence=sentence_of(case, trace, county),
        holder=HolderOut(
            kind="cluster" if cluster else "intake",
            cluster_id=cluster.id if cluster else None,
            organisation_id=cluster.organisation_id if cluster else intake,
        ),
        holders=tuple(
            TenureOut(
                kind="cluster" if one.cluster else "intake",
                cluster_id=one.cluster,
                organisation_id=one.organisation_id or intake,
                since=one.since,
                until=one.until,
            )
            for one in tenures
        ),
        handover=None
        if handover is None
        else HandoverOut(
            id=handover.id, to_cluster_id=handover.to_cluster, reason=handover.reason, answer_by=handover.answer_by
        ),
        decision=case.decision,
        trace=trace_out(trace, full=sees_homes(caller, assignment.cluster)),
        closed=assignment.closed,
        actions=actions_of(case, caller),
    )


def sentence_of(case: CaseFile, trace: Trace, county: County) -> str:
    """Why the case is where it is, in plain words."""
    name, school = names(county)
    if case.way is Way.RETURNED:
        return explain_return(WORDING, why=in_words(RETURNS, case.why))
    if case.way is Way.HANDED_OVER:
        why = in_words(HANDOVERS, case.why)
        return explain_handover(WORDING, cluster=name(case.assignment.cluster or ""), why=why)
    return explain(
        trace,
        WORDING,
        why=in_words(OVERRIDES, trace.reason),
        school=school,
        cluster=name,
    )


class PastOut(Out):
    """Something that was decided of a case, or somebody who began to answer for it."""

    at: datetime
    sentence: str


class TraceOut(Out):
    """Why a case is where it is, in plain words: the answer, the way to it, and what was before."""

    case_id: str
    answer: str
    sentences: tuple[str, ...]
    history: tuple[PastOut, ...]


def trace_in_words(
    case: CaseFile, decided: Sequence[Decided], tenures: Sequence[Tenure], county: County, caller: Caller
) -> TraceOut:
    """The trace of the decision that put the case where it is, and all earlier ones, as this caller may hear them."""
    full = sees_homes(caller, case.assignment.cluster)
    name, school = names(county)
    [current] = [one for one in decided if one.number == case.decision]
    sentences = list(
        spell_out(
            current.number,
            current.trace,
            WORDING,
            school=school,
            cluster=name,
            why=in_words(OVERRIDES, current.trace.reason),
            full=full,
        )
    )
    if case.way is not Way.DECIDED:
        sentences.append(sentence_of(case, current.trace, county))
    handover = case.assignment.handover
    if handover is not None:
        until = f"{day_of(handover.answer_by):%-d %B %Y}"
        sentences.append(WORDING.trace["offered"].format(cluster=name(handover.to_cluster), until=until))
    told = [
        PastOut(
            at=one.decided_at,
            sentence=explain(
                one.trace, WORDING, why=in_words(OVERRIDES, one.trace.reason), school=school, cluster=name
            ),
        )
        for one in decided
        # Who was only offered elsewhere is not there: the offer says so itself.
        if one.trace.chosen is None or one.number == case.decision or _came_of(one, tenures)
    ]
    held = [
        PastOut(
            at=one.since,
            sentence=WORDING.trace["held"].format(cluster=name(one.cluster))
            if one.cluster
            else WORDING.trace["returned" if position else "opened"],
        )
        for position, one in enumerate(tenures)
    ]
    return TraceOut(
        case_id=case.id,
        answer=sentence_of(case, current.trace, county),
        sentences=tuple(sentences),
        history=tuple(sorted((*told, *held), key=lambda past: past.at)),
    )


def _came_of(decided: Decided, tenures: Sequence[Tenure]) -> bool:
    """Whether the case went where it was decided, at that moment."""
    return any(one.cluster == decided.trace.chosen and one.since == decided.decided_at for one in tenures)


def names(county: County) -> tuple[Name, Name]:
    """Finds a cluster's and a school's name; without one, its id."""

    def cluster(id: str) -> str:
        return county.clusters[id].name if id in county.clusters else id

    def school(urn: str) -> str:
        return county.schools[urn].name if urn in county.schools else urn

    return cluster, school


def trace_out(trace: Trace, *, full: bool) -> dict[str, Any]:
    """The trace; for others than those who decide without distances, costs and loads."""
    value = trace_to_json(trace)
    for one in value["candidates"]:
        one["why_not"] = WORDING.why_not.get(one["why_not"], one["why_not"])
    if not full:
        value["candidates"] = [
            {"cluster": one["cluster"], "rank": one["rank"], "why_not": one["why_not"]} for one in value["candidates"]
        ]
    return value


def pending_out(case_id: str, *, intake: str) -> AssignmentOut:
    """A case that the router has not heard of yet."""
    return AssignmentOut(
        case_id=case_id,
        reference=None,
        state="pending",
        cluster_id=None,
        reasons=(),
        sentence="This case has not been routed yet.",
        holder=HolderOut(kind="intake", cluster_id=None, organisation_id=intake),
        holders=(),
        handover=None,
        decision=None,
        trace={},
        closed=False,
        actions=(),
    )


def actions_of(case: CaseFile, caller: Caller) -> tuple[Action, ...]:
    """What this caller may do next, and why not the rest."""
    assignment, base = case.assignment, f"/v1/assignments/{case.id}"
    ours = works_for(caller, assignment.cluster)
    offered = works_for(caller, assignment.handover.to_cluster if assignment.handover else None)
    checks: tuple[tuple[str, str, str | None], ...] = (
        ("accept", "accept", _why_not(assignment, State.ASSIGNED, allowed=ours)),
        ("return", "return", _why_not(assignment, State.ASSIGNED, allowed=ours)),
        ("override", "override", _why_not(assignment, None, allowed=overrides(caller, assignment))),
        (
            "offer-handover",
            "handover",
            "It is offered already." if assignment.handover else _why_not(assignment, State.ACCEPTED, allowed=ours),
        ),
        ("accept-handover", "handover/accept", _why_not_answer(assignment, allowed=offered)),
        ("decline-handover", "handover/decline", _why_not_answer(assignment, allowed=offered or ours)),
    )
    return tuple(
        Action(name=name, method="POST", href=f"{base}/{path}", allowed=reason is None, reason=reason)
        for name, path, reason in checks
    )


def _why_not(assignment: Assignment, state: State | None, *, allowed: bool) -> str | None:
    if assignment.closed:
        return "The case is closed."
    if state is not None and assignment.state is not state:
        return f"The case is {assignment.state}."
    return None if allowed else "You do not decide for the cluster that holds it."


def _why_not_answer(assignment: Assignment, *, allowed: bool) -> str | None:
    if assignment.handover is None:
        return "Nobody has offered it."
    return None if allowed else "It was not offered to your cluster."


def queued_out(case: CaseFile) -> QueuedOut:
    """A case in a list."""
    return QueuedOut(
        case_id=case.id,
        reference=case.reference,
        state=case.assignment.state.value,
        cluster_id=case.assignment.cluster,
        reasons=case.reasons,
        opened_at=case.opened_at,
        changed_at=case.changed_at or case.opened_at,
        for_a_person=case.assignment.for_a_person,
        href=f"/v1/assignments/{case.id}",
    )
