"""What travels over the router's routes."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Literal

from chassis.auth import Caller
from chassis.wire import Action, Day, In, Out, Word
from pydantic import Field
from schemas.routing import TeamMember

from cluster_router.domain.assignment import Assignment, State
from cluster_router.domain.county import Cluster, County
from cluster_router.domain.decision import Trace, trace_to_json
from cluster_router.domain.explanation import explain, explain_handover, explain_return
from cluster_router.policy import HANDOVERS, OVERRIDES, RETURNS, WORDING, at_the_desk, in_words, overrides, works_for
from cluster_router.store import CaseFile
from cluster_router.store.cases import Way
from cluster_router.store.tenures import Tenure


class ReasonIn(In):
    """Why: one of the codes of the words file."""

    reason: Word


class PlaceIn(ReasonIn):
    """Where to, and why."""

    cluster_id: Word


class EmptyIn(In):
    """Nothing needs to be said."""


class SimulationIn(In):
    """Changes to the rules of today, section by section, as in a rule file; and which past cases to try them on."""

    rules: dict[str, Any] = Field(examples=[{"choice": {"own_cluster_full": "neighbours", "neighbour_metres": 10000}}])
    #: Only cases decided on these days.
    since: Day | None = None
    until: Day | None = None


class MoveOut(Out):
    """So many cases would have gone from here to there; null is the queue."""

    from_cluster_id: str | None
    to_cluster_id: str | None
    cases: int


class SimulationOut(Out):
    """What a draft would have done."""

    cases: int
    would_move: int
    moves: tuple[MoveOut, ...]


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
    for_a_person: bool
    href: str


class MemberOut(Out):
    """A school of a cluster."""

    school_urn: str
    name: str | None
    since: date
    until: date | None


class TeamMemberOut(Out):
    """Somebody who works for a cluster."""

    person_id: str
    role: str
    sector: str


class ClusterOut(Out):
    """A cluster with its load."""

    id: str
    name: str
    phase: str
    area: str
    lead_school_urn: str
    organisation_id: str
    load: int
    capacity: int | None = Field(description="Open cases that it can hold; null is unlimited.")
    hard: bool
    members: tuple[MemberOut, ...]
    team: tuple[TeamMemberOut, ...]


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
        trace=trace_out(trace, full=at_the_desk(caller) or assignment.cluster in caller.clusters),
        closed=assignment.closed,
        actions=actions_of(case, caller),
    )


def sentence_of(case: CaseFile, trace: Trace, county: County) -> str:
    """Why the case is where it is, in plain words."""

    def name(id: str) -> str:
        return county.clusters[id].name if id in county.clusters else id

    if case.way is Way.RETURNED:
        return explain_return(WORDING, why=in_words(RETURNS, case.why))
    if case.way is Way.HANDED_OVER:
        why = in_words(HANDOVERS, case.why)
        return explain_handover(WORDING, cluster=name(case.assignment.cluster or ""), why=why)
    return explain(
        trace,
        WORDING,
        why=in_words(OVERRIDES, trace.reason),
        school=lambda urn: county.schools[urn].name if urn in county.schools else urn,
        cluster=name,
    )


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
        for_a_person=case.assignment.for_a_person,
        href=f"/v1/assignments/{case.id}",
    )


def cluster_out(
    cluster: Cluster, county: County, *, load: int, team: tuple[TeamMember, ...], whole: bool
) -> ClusterOut:
    """A cluster; its members and team only when looked at alone."""
    capacity = cluster.capacity(county.on)
    return ClusterOut(
        id=cluster.id,
        name=cluster.name,
        phase=cluster.phase.value,
        area=cluster.area,
        lead_school_urn=cluster.lead_school_urn,
        organisation_id=cluster.organisation_id,
        load=load,
        capacity=capacity.limit,
        hard=capacity.hard and capacity.limit is not None,
        members=tuple(
            MemberOut(
                school_urn=member.school_urn,
                name=county.schools[member.school_urn].name if member.school_urn in county.schools else None,
                since=member.since,
                until=member.until,
            )
            for member in (cluster.members if whole else ())
        ),
        team=tuple(
            TeamMemberOut(person_id=one.person_id, role=one.role, sector=one.sector) for one in (team if whole else ())
        ),
    )
