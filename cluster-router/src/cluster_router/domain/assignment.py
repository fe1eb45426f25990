"""Who holds a case, and what may happen next: states, hand-overs, and exactly one accountable holder.

The intake desk holds a case from its opening until a cluster does. A hand-over leaves it with the sender until the
receiver accepts. `Change` is a case as it now is and the facts that made it so.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from chassis.errors import Conflict
from schemas.routing import (
    CaseAccepted,
    CaseAssigned,
    CaseReassigned,
    CaseReturned,
    CaseUnrouted,
    HandoverAccepted,
    HandoverDeclined,
    HandoverEscalated,
    HandoverLapsed,
    HandoverOffered,
    RoutingEvent,
)

from cluster_router.domain.decision import Decision


class State(StrEnum):
    """Where a case is."""

    QUEUED = "queued"
    ASSIGNED = "assigned"
    ACCEPTED = "accepted"


#: The whole life of an assignment; a closed case stays in the state it was closed in.
NEXT: Mapping[State, frozenset[State]] = {
    State.QUEUED: frozenset({State.ASSIGNED}),
    State.ASSIGNED: frozenset({State.ASSIGNED, State.ACCEPTED, State.QUEUED}),
    State.ACCEPTED: frozenset({State.ASSIGNED, State.ACCEPTED}),
}


class CaseIsClosed(Conflict):
    """Nothing more happens to a closed case."""

    code = "case-closed"


class OutOfTurn(Conflict):
    """It makes sense, but not in the state that the case is in."""

    code = "out-of-turn"


class HandoverIsOpen(Conflict):
    """The case has been offered already and nobody has answered yet."""

    code = "handover-open"


class NothingOffered(Conflict):
    """There is no open hand-over to answer."""

    code = "nothing-offered"


class AlreadyThere(Conflict):
    """The case is with that cluster already."""

    code = "already-there"


@dataclass(frozen=True, slots=True)
class Handover:
    """An offer of a case by its holder to another cluster."""

    id: str
    to_cluster: str
    reason: str
    answer_by: datetime
    #: The person who offered; None: changed circumstances did, or the yearly transfer.
    offered_by: str | None = None
    #: The year in whose September the child begins Year 7, where it is offered for that.
    transfer: int | None = None


@dataclass(frozen=True, slots=True)
class Assignment:
    """One case and its holder."""

    case_id: str
    state: State = State.QUEUED
    #: The accountable cluster; None: the intake desk.
    cluster: str | None = None
    handover: Handover | None = None
    #: A cluster gave it back: a person places it, not the rules.
    for_a_person: bool = False
    closed: bool = False

    @property
    def holder(self) -> str | None:
        """The cluster that is accountable now, None for the intake desk. There is always exactly one."""
        return self.cluster


@dataclass(frozen=True, slots=True)
class Change:
    """A case as it now is, and the facts that made it so."""

    assignment: Assignment
    events: tuple[RoutingEvent, ...] = ()


#: The organisation that answers for a cluster: its lead school's.
Organisations = Mapping[str, str]


def open_case(case_id: str, decision: Decision, organisations: Organisations) -> Change:
    """A case was opened: the decision gives it to a cluster or to the queue."""
    return _place(Assignment(case_id), decision, organisations)


def reconsider(assignment: Assignment, decision: Decision, organisations: Organisations) -> Change:
    """The rules looked at a case again that no cluster has accepted. Raises `OutOfTurn` when one has."""
    _open(assignment)
    if assignment.state is State.ACCEPTED:
        raise OutOfTurn("A cluster has accepted the case; it can be handed over, not moved by rule.")
    if assignment.state is State.ASSIGNED and decision.cluster == assignment.cluster:
        return Change(assignment)
    if assignment.cluster is None or decision.cluster is None:
        return _place(assignment, decision, organisations)
    event = CaseReassigned(
        case_id=assignment.case_id,
        from_cluster_id=assignment.cluster,
        cluster_id=decision.cluster,
        organisation_id=organisations[decision.cluster],
        decision=decision.number,
        reasons=decision.reasons,
    )
    return Change(replace(assignment, cluster=decision.cluster), (event,))


def override(assignment: Assignment, decision: Decision, organisations: Organisations, *, by: str) -> Change:
    """A person places the case, from the queue or from another cluster; an open offer falls."""
    _open(assignment)
    cluster = decision.cluster
    if cluster is None:
        raise OutOfTurn("An override names a cluster.")
    if cluster == assignment.cluster:
        raise AlreadyThere(f"The case is with {cluster} already.")
    event = CaseReassigned(
        case_id=assignment.case_id,
        from_cluster_id=assignment.cluster,
        cluster_id=cluster,
        organisation_id=organisations[cluster],
        decision=decision.number,
        reasons=decision.reasons,
        overridden_by=by,
    )
    placed = replace(_become(assignment, State.ASSIGNED), cluster=cluster, handover=None, for_a_person=False)
    return Change(placed, (*_fallen(assignment), event))


def accept(assignment: Assignment, organisations: Organisations, *, by: str) -> Change:
    """The cluster takes the case on."""
    _open(assignment)
    cluster = _held(assignment, State.ASSIGNED, "accept")
    event = CaseAccepted(
        case_id=assignment.case_id, cluster_id=cluster, organisation_id=organisations[cluster], accepted_by=by
    )
    return Change(_become(assignment, State.ACCEPTED), (event,))


def give_back(assignment: Assignment, *, by: str, reason: str) -> Change:
    """The cluster returns a case that it has not accepted; the intake desk holds it again."""
    _open(assignment)
    cluster = _held(assignment, State.ASSIGNED, "return")
    event = CaseReturned(case_id=assignment.case_id, cluster_id=cluster, returned_by=by, reason=reason)
    back = replace(_become(assignment, State.QUEUED), cluster=None, for_a_person=True)
    return Change(back, (event,))


def offer(assignment: Assignment, handover: Handover) -> Change:
    """The holder offers the case to another cluster and stays accountable until it is accepted."""
    _open(assignment)
    cluster = _held(assignment, State.ACCEPTED, "hand over")
    if assignment.handover is not None:
        raise HandoverIsOpen(f"The case is offered to {assignment.handover.to_cluster} already.")
    if handover.to_cluster == cluster:
        raise AlreadyThere(f"The case is with {cluster} already.")
    event = HandoverOffered(
        case_id=assignment.case_id,
        handover_id=handover.id,
        from_cluster_id=cluster,
        to_cluster_id=handover.to_cluster,
        reason=handover.reason,
        answer_by=handover.answer_by,
    )
    return Change(replace(assignment, handover=handover), (event,))


def offer_by_rule(assignment: Assignment, decision: Decision, handover: Handover) -> Change:
    """Circumstances changed after a cluster accepted: the case is offered where it belongs now, never just moved.

    Without a place to go it stays where it is; an offer that a rule made earlier falls when it no longer fits.
    """
    _open(assignment)
    current = assignment.handover
    wanted = decision.cluster if decision.cluster != assignment.cluster else None
    if current is not None and (current.offered_by is not None or current.to_cluster == wanted):
        return Change(assignment)
    cleared = replace(assignment, handover=None)
    events = _fallen(assignment)
    if wanted is None:
        return Change(cleared, events)
    offered = offer(cleared, handover)
    return Change(offered.assignment, (*events, *offered.events))


def accept_handover(assignment: Assignment, organisations: Organisations, *, by: str) -> Change:
    """The receiving cluster takes the case over; only now does the holder change."""
    _open(assignment)
    handover = _offered(assignment)
    event = HandoverAccepted(
        case_id=assignment.case_id,
        handover_id=handover.id,
        cluster_id=handover.to_cluster,
        organisation_id=organisations[handover.to_cluster],
        accepted_by=by,
    )
    return Change(replace(assignment, cluster=handover.to_cluster, handover=None), (event,))


def decline_handover(assignment: Assignment, *, by: str, reason: str) -> Change:
    """The receiving cluster says no, and why: the sender keeps the case."""
    _open(assignment)
    handover = _offered(assignment)
    event = HandoverDeclined(
        case_id=assignment.case_id,
        handover_id=handover.id,
        from_cluster_id=_held(assignment, State.ACCEPTED, "decline"),
        to_cluster_id=handover.to_cluster,
        declined_by=by,
        reason=reason,
    )
    return Change(replace(assignment, handover=None), (event,))


def escalate(assignment: Assignment, rung: int) -> Change:
    """Nobody has answered so far, and the time runs out: somebody higher is asked to see to it."""
    _open(assignment)
    handover = _offered(assignment)
    event = HandoverEscalated(
        case_id=assignment.case_id,
        handover_id=handover.id,
        from_cluster_id=_held(assignment, State.ACCEPTED, "escalate"),
        to_cluster_id=handover.to_cluster,
        rung=rung,
        answer_by=handover.answer_by,
    )
    return Change(assignment, (event,))


def end_handover(assignment: Assignment) -> Change:
    """Nobody answered in time, or the sender took the offer back: the sender keeps the case and is told."""
    _open(assignment)
    _offered(assignment)
    return Change(replace(assignment, handover=None), _fallen(assignment))


def close(assignment: Assignment) -> Change:
    """The case ended; an open offer ends with it."""
    return Change(replace(assignment, closed=True, handover=None))


def _place(assignment: Assignment, decision: Decision, organisations: Organisations) -> Change:
    if decision.cluster is None:
        unrouted = CaseUnrouted(case_id=assignment.case_id, decision=decision.number, reasons=decision.reasons)
        queued = assignment if assignment.state is State.QUEUED else _become(assignment, State.QUEUED)
        return Change(replace(queued, cluster=None), (unrouted,))
    assigned = CaseAssigned(
        case_id=assignment.case_id,
        cluster_id=decision.cluster,
        organisation_id=organisations[decision.cluster],
        decision=decision.number,
        rules_version=decision.rules_version,
        reasons=decision.reasons,
    )
    return Change(replace(_become(assignment, State.ASSIGNED), cluster=decision.cluster), (assigned,))


def _become(assignment: Assignment, state: State) -> Assignment:
    if state not in NEXT[assignment.state]:
        raise OutOfTurn(f"A case that is {assignment.state} cannot become {state}.")
    return replace(assignment, state=state)


def _open(assignment: Assignment) -> None:
    if assignment.closed:
        raise CaseIsClosed("The case is closed.")


def _held(assignment: Assignment, state: State, verb: str) -> str:
    if assignment.state is not state or assignment.cluster is None:
        raise OutOfTurn(f"Nobody can {verb} a case that is {assignment.state}.")
    return assignment.cluster


def _offered(assignment: Assignment) -> Handover:
    if assignment.handover is None:
        raise NothingOffered("Nobody has offered the case.")
    return assignment.handover


def _fallen(assignment: Assignment) -> tuple[HandoverLapsed, ...]:
    if assignment.handover is None or assignment.cluster is None:
        return ()
    return (
        HandoverLapsed(
            case_id=assignment.case_id,
            handover_id=assignment.handover.id,
            from_cluster_id=assignment.cluster,
            to_cluster_id=assignment.handover.to_cluster,
        ),
    )
