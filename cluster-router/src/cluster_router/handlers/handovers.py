"""Hand-overs: offered, taken over, declined, and what the clock does with those that nobody answers."""

from collections.abc import Sequence
from dataclasses import replace

from chassis.deadlines import Due
from chassis.errors import Refusal

from cluster_router.domain.assignment import (
    Handover,
    NothingOffered,
    accept_handover,
    decline_handover,
    end_handover,
    escalate,
    offer,
)
from cluster_router.domain.days import day_of
from cluster_router.domain.handovers import rung_after, rung_at
from cluster_router.handlers.assignments import Act, decides_for, named_cluster, named_reason, perform
from cluster_router.handlers.desk import HANDOVER_ESCALATES, Desk
from cluster_router.policy import DECLINES, HANDOVERS, ladder_of, works_for
from cluster_router.store import CaseFile, Tx
from cluster_router.store.cases import Way


async def offer_handovers(acts: Sequence[Act], tx: Tx) -> Sequence[CaseFile | Refusal]:
    """The holder offers the case to another cluster."""

    def step(desk: Desk, case: CaseFile, act: Act) -> CaseFile:
        decides_for(act, case.assignment.cluster)
        cluster, reason = named_cluster(desk, act), named_reason(desk, act, HANDOVERS)
        handover = desk.handover(cluster, reason, offered_by=act.caller.subject)
        return desk.take(case, offer(case.assignment, handover), act.cause)

    return await perform(acts, tx, step, "offered")


async def accept_handovers(acts: Sequence[Act], tx: Tx) -> Sequence[CaseFile | Refusal]:
    """The receiving cluster takes the case over."""

    def step(desk: Desk, case: CaseFile, act: Act) -> CaseFile:
        handover = case.assignment.handover
        if handover is None:
            raise NothingOffered("Nobody has offered the case.")
        decides_for(act, handover.to_cluster)
        change = accept_handover(case.assignment, desk.organisations, by=act.caller.subject)
        passed_on = replace(
            case,
            reasons=(handover.reason,),
            way=Way.HANDED_OVER,
            why=handover.reason,
            transferred=handover.transfer,
        )
        return desk.take(passed_on, change, act.cause)

    return await perform(acts, tx, step, "taken-over", frees=True)


async def decline_handovers(acts: Sequence[Act], tx: Tx) -> Sequence[CaseFile | Refusal]:
    """The receiving cluster declines and says why, or the sender thinks better of it."""

    def step(desk: Desk, case: CaseFile, act: Act) -> CaseFile:
        handover = case.assignment.handover
        sends = works_for(act.caller, case.assignment.cluster)
        if sends and (not act.reason or not works_for(act.caller, handover.to_cluster if handover else None)):
            return desk.take(case, end_handover(case.assignment), act.cause)
        decides_for(act, handover.to_cluster if handover else None)
        reason = named_reason(desk, act, DECLINES)
        change = decline_handover(case.assignment, by=act.caller.subject, reason=reason)
        return desk.take(case, change, act.cause)

    return await perform(acts, tx, step, "declined")


async def escalate_handovers(due: Sequence[Due], tx: Tx) -> None:
    """Nobody has answered so far: say so to the next rung, and come again for the one after it."""
    ladder = ladder_of(day_of(tx.now))
    calendar = await tx.county.calendar()
    for one, case, handover in await _open_offers(due, tx):
        rung = one.payload["rung"]
        for event in escalate(case.assignment, rung).events:
            tx.emit(event, one.cause)
        following = rung_after(ladder, rung)
        if following is not None:
            due_at = rung_at(following, handover.answer_by, calendar)
            payload = {"handover": handover.id, "rung": following.number}
            await tx.set_deadline(HANDOVER_ESCALATES, case.id, due_at, cause=one.cause, payload=payload)


async def lapse_handovers(due: Sequence[Due], tx: Tx) -> None:
    """Nobody took the case in time: the sender keeps it and is told."""
    desk = await Desk.open(tx)
    for one, case, _ in await _open_offers(due, tx):
        after = desk.take(case, end_handover(case.assignment), one.cause)
        await desk.keep_time(case, after, one.cause)
    await desk.close()


async def _open_offers(due: Sequence[Due], tx: Tx) -> list[tuple[Due, CaseFile, Handover]]:
    """Those of these deadlines whose offer is still open, with the case, its row locked."""
    cases = await tx.cases.find([one.subject for one in due], lock=True)
    found = []
    for one in due:
        case = cases.get(one.subject)
        handover = case.assignment.handover if case else None
        if case is not None and handover is not None and handover.id == one.payload["handover"]:
            found.append((one, case, handover))
    return found
