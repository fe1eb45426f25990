"""What happens to cases by themselves: placed when opened, looked at again on changes, let go when closed."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from chassis.cause import Cause
from chassis.clock import new_id
from chassis.deadlines import Due
from chassis.subscription import NotYet, Received, Verdict
from schemas.referral import (
    CaseCircumstancesChanged,
    CaseClosed,
    CaseErased,
    CaseOpened,
    CaseParticipantsChanged,
    Circumstances,
)

from cluster_router.domain.assignment import (
    Assignment,
    Change,
    State,
    close,
    offer_by_rule,
    open_case,
    reconsider,
)
from cluster_router.domain.days import day_of
from cluster_router.domain.decision import Decision, Occasion
from cluster_router.domain.transfer import begins_year_7
from cluster_router.handlers.desk import QUEUE_RECONSIDERED, Desk, wake_the_queue
from cluster_router.store import CaseFile, Tx
from cluster_router.store.cases import Place

#: Cases of the queue that one transaction looks at.
AT_ONCE: Final = 500


async def route_cases(events: Sequence[Received[CaseOpened]], tx: Tx) -> None:
    """Cases were opened: give each to a cluster, or to the queue, and say why."""
    desk = await Desk.open(tx)
    known = await tx.cases.find([received.subject for received in events])
    for received in events:
        if received.subject in known:
            continue
        opened = received.event
        case = CaseFile(
            Assignment(opened.case_id),
            opened.reference,
            opened.circumstances,
            received.time,
            0,
            (),
            0,
            version=0,
            begins_year_7=_begins_year_7(desk, opened.circumstances, received.time),
        )
        decided = desk.decide(case, Occasion.OPENED)
        desk.place(case, open_case(case.id, decided, desk.organisations), decided, received.cause)
    await desk.close()


async def reroute_cases(events: Sequence[Received[CaseCircumstancesChanged]], tx: Tx) -> Sequence[Verdict]:
    """Circumstances changed: a case that nobody has accepted moves, an accepted one is offered where it belongs."""
    desk = await Desk.open(tx)
    known = await tx.cases.find([received.subject for received in events], lock=True)
    verdicts: list[Verdict] = []
    for received in events:
        case = known.get(received.subject)
        verdicts.append(NotYet("case-unknown") if case is None else None)
        if case is None or case.assignment.closed:
            continue
        circumstances = received.event.circumstances
        begins = _begins_year_7(desk, circumstances, received.time)
        case = replace(case, circumstances=circumstances, begins_year_7=begins)
        desk.changed[case.id] = case
        if case.assignment.state is State.ACCEPTED:
            await _offer(desk, case, received)
        elif not case.assignment.for_a_person:
            decided = desk.decide(case, Occasion.CIRCUMSTANCES_CHANGED)
            desk.place(case, _reconsidered(desk, case, decided), decided, received.cause)
    await desk.close()
    # Who moved has left a place.
    await wake_the_queue(tx, events[0].cause)
    return verdicts


def _begins_year_7(desk: Desk, circumstances: Circumstances, said_at: datetime) -> int:
    return begins_year_7(circumstances, day_of(said_at), desk.county.rules)


def _reconsidered(desk: Desk, case: CaseFile, decided: Decision) -> Change:
    """What the rules make of it; who waits for the same reasons as before waits without a word."""
    if decided.cluster is None and case.assignment.cluster is None and _same(decided.reasons, case.reasons):
        return Change(case.assignment)
    return reconsider(case.assignment, decided, desk.organisations)


def _same(reasons: Sequence[str], others: Sequence[str]) -> bool:
    changed = {Occasion.CIRCUMSTANCES_CHANGED.value}
    return set(reasons) - changed == set(others) - changed


async def _offer(desk: Desk, case: CaseFile, received: Received[CaseCircumstancesChanged]) -> None:
    # A child that is being offered for Year 7 is still looked at as of Year 7.
    transfer = case.assignment.handover.transfer if case.assignment.handover else None
    considered = case if transfer is None else replace(case, transferred=transfer)
    decided = desk.decide(considered, Occasion.CIRCUMSTANCES_CHANGED)
    reason = _why_offered(desk, case, decided, received.event.changed)
    handover = desk.handover(decided.cluster or "", reason, offered_by=None, transfer=transfer)
    after = desk.take(case, offer_by_rule(case.assignment, decided, handover), received.cause)
    desk.record(considered, decided)
    await desk.keep_time(case, after, received.cause)


def _why_offered(desk: Desk, case: CaseFile, decided: Decision, changed: Sequence[str]) -> str:
    """The reason, of the registry `handover-reasons`, for which a rule offers a case."""
    holder = desk.county.clusters.get(case.assignment.cluster or "")
    if holder is not None and decided.trace.phase is not None and decided.trace.phase is not holder.phase:
        return "phase-transfer"
    if "school_urn" in changed:
        return "moved-school"
    return "moved-home" if "home" in changed else "closer-to-home"


async def reconsider_the_queue(due: Sequence[Due], tx: Tx) -> None:
    """Schools, clusters, capacities or loads changed: decide again what waits, the most urgent first."""
    after = _place_of(due[0].payload) if len(due) == 1 else None
    places = await tx.cases.waiting(after=after, limit=AT_ONCE)
    await tx.lock_subjects(place.case_id for place in places)
    desk = await Desk.open(tx)
    cases = await tx.cases.find([place.case_id for place in places], lock=True)
    cause = due[0].cause
    for place in places:
        case = cases[place.case_id]
        if case.assignment.state is State.QUEUED and not (case.assignment.closed or case.assignment.for_a_person):
            _look_again(desk, case, cause)
    await desk.close()
    if len(places) == AT_ONCE:
        await tx.set_deadline(QUEUE_RECONSIDERED, new_id(), tx.now, cause=cause, payload=_payload_of(places[-1]))


def _look_again(desk: Desk, case: CaseFile, cause: Cause) -> None:
    decided = desk.decide(case, Occasion.RECONSIDERED)
    change = _reconsidered(desk, case, decided)
    # Nothing is said, and no number used, when nothing would change.
    if change.events:
        desk.place(case, change, decided, cause)


def _place_of(payload: Any) -> Place | None:
    if not payload:
        return None
    return Place(payload["weight"], datetime.fromisoformat(payload["opened_at"]), payload["case_id"])


def _payload_of(place: Place) -> dict[str, Any]:
    return {"weight": place.weight, "opened_at": place.opened_at.isoformat(), "case_id": place.case_id}


async def close_cases(events: Sequence[Received[CaseClosed]], tx: Tx) -> Sequence[Verdict]:
    """A case ended: its place is free again."""
    desk = await Desk.open(tx)
    known = await tx.cases.find([received.subject for received in events], lock=True)
    for received in events:
        if received.subject in known:
            await _close(desk, known[received.subject], received.cause)
    await desk.close()
    await wake_the_queue(tx, events[0].cause)
    return [None if received.subject in known else NotYet("case-unknown") for received in events]


async def erase_cases(events: Sequence[Received[CaseErased]], tx: Tx) -> None:
    """Everything personal was erased: nothing that came from the child stays here."""
    ids = [received.subject for received in events]
    desk = await Desk.open(tx)
    known = await tx.cases.find(ids, lock=True)
    for received in events:
        if received.subject in known:
            await _close(desk, known[received.subject], received.cause)
    await desk.close()
    await tx.cases.forget(ids)
    await tx.decisions.forget(ids)
    await wake_the_queue(tx, events[0].cause)


async def _close(desk: Desk, case: CaseFile, cause: Cause) -> None:
    if not case.assignment.closed:
        after = desk.take(case, close(case.assignment), cause)
        await desk.keep_time(case, after, cause)


async def note_participants(events: Sequence[Received[CaseParticipantsChanged]], tx: Tx) -> None:
    """Who takes part, and so who may ask."""
    rows = [
        {
            "case_id": received.subject,
            "organisation_id": one.organisation_id,
            "role": one.role,
            "since": one.since,
            "until": one.until,
        }
        for received in events
        for one in received.event.participants
    ]
    await tx.cases.save_participants(rows, [received.subject for received in events])
