"""What routing tells: which cluster holds a case, and so who takes part in it."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from chassis.subscription import NotYet, Received, Verdict
from schemas.routing import (
    CaseAccepted,
    CaseAssigned,
    CaseReassigned,
    CaseReturned,
    CaseUnrouted,
    HandoverAccepted,
    HandoverDeclined,
    HandoverLapsed,
    HandoverOffered,
    RoutingEvent,
)

from referral_api.domain.case_file import Assignment, CaseFile
from referral_api.domain.lifecycle import CaseStatus
from referral_api.domain.school_years import day_of
from referral_api.store import Tx

E = TypeVar("E", bound=RoutingEvent)

#: It may be a rebuilt read model that has not come so far; the case itself is made here.
CASE_UNKNOWN = NotYet("case-unknown")
CLUSTER_UNKNOWN = NotYet("cluster-unknown")


async def note_assigned(events: Sequence[Received[CaseAssigned]], tx: Tx) -> Sequence[Verdict]:
    """The router gave the case to a cluster."""

    def change(case: CaseFile, received: Received[CaseAssigned]) -> None:
        event = received.event
        held = Assignment(
            "assigned", event.cluster_id, event.organisation_id, event.decision, event.reasons, received.time
        )
        case.assigned(held, on=day_of(received.time))

    return await _each(events, change, tx)


async def note_reassigned(events: Sequence[Received[CaseReassigned]], tx: Tx) -> Sequence[Verdict]:
    """The case moved to another cluster."""

    def change(case: CaseFile, received: Received[CaseReassigned]) -> None:
        event = received.event
        held = Assignment(
            "assigned", event.cluster_id, event.organisation_id, event.decision, event.reasons, received.time
        )
        case.assigned(held, on=day_of(received.time))

    return await _each(events, change, tx)


async def note_accepted(events: Sequence[Received[CaseAccepted]], tx: Tx) -> Sequence[Verdict]:
    """The cluster took the case on."""

    def change(case: CaseFile, received: Received[CaseAccepted]) -> None:
        _accepted(case, received)

    return await _each(events, change, tx)


async def note_handover_accepted(events: Sequence[Received[HandoverAccepted]], tx: Tx) -> Sequence[Verdict]:
    """The receiving cluster is now the holder."""

    def change(case: CaseFile, received: Received[HandoverAccepted]) -> None:
        _accepted(case, received)

    return await _each(events, change, tx)


async def note_returned(events: Sequence[Received[CaseReturned]], tx: Tx) -> Sequence[Verdict]:
    """The cluster gave the case back; a person at the intake desk places it."""

    def change(case: CaseFile, received: Received[CaseReturned]) -> None:
        queued = Assignment("queued", decision=case.assignment.decision, reasons=("returned",), since=received.time)
        case.assigned(queued, on=day_of(received.time))

    return await _each(events, change, tx)


async def note_unrouted(events: Sequence[Received[CaseUnrouted]], tx: Tx) -> Sequence[Verdict]:
    """The case waits in a person's queue."""

    def change(case: CaseFile, received: Received[CaseUnrouted]) -> None:
        event = received.event
        queued = Assignment("queued", decision=event.decision, reasons=event.reasons, since=received.time)
        case.assigned(queued, on=day_of(received.time))

    return await _each(events, change, tx)


async def note_offered(events: Sequence[Received[HandoverOffered]], tx: Tx) -> Sequence[Verdict]:
    """Another cluster is asked to take the case, and may see it from now on."""
    organisations = await tx.names.organisations_of([received.event.to_cluster_id for received in events])

    def change(case: CaseFile, received: Received[HandoverOffered]) -> NotYet | None:
        organisation = organisations.get(received.event.to_cluster_id)
        if organisation is None:
            return CLUSTER_UNKNOWN
        case.offered(organisation, on=day_of(received.time))
        return None

    return await _each(events, change, tx)


async def note_lapsed(events: Sequence[Received[HandoverLapsed]], tx: Tx) -> Sequence[Verdict]:
    """Nobody took it in time."""

    def change(case: CaseFile, received: Received[HandoverLapsed]) -> None:
        case.lapsed(on=day_of(received.time))

    return await _each(events, change, tx)


async def note_declined(events: Sequence[Received[HandoverDeclined]], tx: Tx) -> Sequence[Verdict]:
    """The receiver said no, and no longer sees it."""

    def change(case: CaseFile, received: Received[HandoverDeclined]) -> None:
        case.lapsed(on=day_of(received.time))

    return await _each(events, change, tx)


async def _each(
    events: Sequence[Received[E]], change: Callable[[CaseFile, Received[E]], NotYet | None], tx: Tx
) -> Sequence[Verdict]:
    cases = await tx.cases.load([received.event.case_id for received in events])
    verdicts: list[Verdict] = []
    changed: list[CaseFile] = []
    for received in events:
        case = cases.get(received.event.case_id)
        if case is not None and case.status is CaseStatus.ERASED:
            # Said before its speaker had heard of the erasure; nobody joins what is gone.
            verdicts.append(None)
            continue
        verdict = CASE_UNKNOWN if case is None else change(case, received)
        verdicts.append(verdict)
        if case is not None and verdict is None:
            changed.append(case)
            for event in case.told():
                tx.emit(event, cause=received.cause)
    await tx.cases.save(changed)
    return verdicts


def _accepted(case: CaseFile, received: Received[CaseAccepted] | Received[HandoverAccepted]) -> None:
    event, before = received.event, case.assignment
    held = Assignment(
        "accepted", event.cluster_id, event.organisation_id, before.decision, before.reasons, received.time
    )
    case.assigned(held, on=day_of(received.time))
