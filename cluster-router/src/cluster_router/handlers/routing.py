"""What happens to cases by themselves: placed when opened, looked at again on changes, let go when closed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from chassis.cause import Cause
from chassis.clock import new_id
from chassis.subscription import NotYet, Received, Verdict
from schemas.referral import CaseCircumstancesChanged, CaseClosed, CaseErased, CaseOpened, CaseParticipantsChanged

from cluster_router.domain.assignment import (
    Assignment,
    Change,
    Handover,
    State,
    close,
    offer_by_rule,
    open_case,
    reconsider,
)
from cluster_router.domain.county import County
from cluster_router.domain.decision import Decision, decide
from cluster_router.domain.ledger import Ledger
from cluster_router.domain.rules import rules_on
from cluster_router.policy import BOOK
from cluster_router.store import CaseFile, Tx, moved

#: The deadline of an offered hand-over; its subject is the case.
HANDOVER_LAPSES = "handover-lapses"


@dataclass
class Desk:
    """What decisions are made from, under the county's lock, for one transaction."""

    tx: Tx
    county: County
    ledger: Ledger
    number: int
    decided: list[tuple[CaseFile, Decision]]
    changed: dict[str, CaseFile]

    @staticmethod
    async def open(tx: Tx) -> "Desk":
        """Lock the county, then read it."""
        number = await tx.county.lock()
        today = tx.now.date()
        county = await tx.county.snapshot(rules_on(BOOK.values(), today), today)
        return Desk(tx, county, Ledger(await tx.county.standings(today)), number, [], {})

    @property
    def organisations(self) -> dict[str, str]:
        """Who answers for each cluster."""
        return {id: cluster.organisation_id for id, cluster in self.county.clusters.items()}

    def decide(self, case: CaseFile) -> Decision:
        """Where the rules put the case now, not counting the place that it already takes."""
        if case.circumstances is None:
            raise ValueError("An erased case is not decided.")
        standings = self.ledger.standings(without=case.assignment.cluster)
        return decide(self.number + 1, case.circumstances, self.county, standings, {})

    def take(self, case: CaseFile, change: Change, decided: Decision | None, cause: Cause) -> None:
        """Keep and say what came of it; the decision's number is used up. Raises `ClusterIsFull`."""
        self.ledger.move(case.assignment.cluster, change.assignment.cluster)
        after = moved(case, change.assignment, decided)
        if decided is not None:
            self.number = decided.number
            self.decided.append((after, decided))
        self.changed[case.id] = after
        for event in change.events:
            self.tx.emit(event, cause)

    async def keep_time(self, before: Assignment, after: Assignment, cause: Cause) -> None:
        """An offer that began gets its deadline, one that ended loses it."""
        if after.handover is None and before.handover is not None:
            await self.tx.cancel_deadline(HANDOVER_LAPSES, after.case_id)
        elif after.handover is not None and after.handover != before.handover:
            await self.tx.set_deadline(
                HANDOVER_LAPSES,
                after.case_id,
                after.handover.answer_by,
                cause=cause,
                payload={"handover": after.handover.id},
            )

    async def close(self) -> None:
        """Write everything."""
        await self.tx.county.count(self.number)
        await self.tx.county.save_loads(self.ledger)
        await self.tx.cases.save(list(self.changed.values()))
        await self.tx.cases.record(self.decided)


async def route_cases(events: Sequence[Received[CaseOpened]], tx: Tx) -> None:
    """Cases were opened: give each to a cluster, or to the queue, and say why."""
    desk = await Desk.open(tx)
    known = await tx.cases.find([received.subject for received in events])
    for received in events:
        if received.subject in known:
            continue
        opened = received.event
        case = CaseFile(
            Assignment(opened.case_id), opened.reference, opened.circumstances, received.time, 0, (), version=0
        )
        decided = desk.decide(case)
        desk.take(case, open_case(case.id, decided, desk.organisations), decided, received.cause)
    await desk.close()


async def reroute_cases(events: Sequence[Received[CaseCircumstancesChanged]], tx: Tx) -> Sequence[Verdict]:
    """Circumstances changed: a case that nobody has accepted moves, an accepted one is offered where it belongs."""
    desk = await Desk.open(tx)
    known = await tx.cases.find([received.subject for received in events], lock=True)
    verdicts: list[Verdict] = []
    for received in events:
        case = known.get(received.subject)
        if case is None:
            verdicts.append(NotYet("case-unknown"))
            continue
        verdicts.append(None)
        if case.assignment.closed:
            continue
        case = _with(case, received.event)
        desk.changed[case.id] = case
        decided = desk.decide(case)
        if case.assignment.state is State.ACCEPTED:
            await _offer(desk, case, decided, received.cause, tx.now)
        elif not case.assignment.for_a_person:
            _reconsider(desk, case, decided, received.cause)
    await desk.close()
    return verdicts


def _with(case: CaseFile, event: CaseCircumstancesChanged) -> CaseFile:
    return CaseFile(
        case.assignment, case.reference, event.circumstances, case.opened_at, case.decision, case.reasons, case.version
    )


def _reconsider(desk: Desk, case: CaseFile, decided: Decision, cause: Cause) -> bool:
    """Look at a case again; nothing is said, and no number used, when nothing would change."""
    if decided.cluster == case.assignment.cluster and (decided.cluster is not None or decided.reasons == case.reasons):
        return False
    desk.take(case, reconsider(case.assignment, decided, desk.organisations), decided, cause)
    return True


async def _offer(desk: Desk, case: CaseFile, decided: Decision, cause: Cause, now: datetime) -> None:
    answer_by = now + timedelta(days=desk.county.rules.answer_within_days)
    handover = Handover(new_id(), decided.cluster or "", "circumstances-changed", answer_by)
    change = offer_by_rule(case.assignment, decided, handover)
    desk.take(case, change, None, cause)
    await desk.keep_time(case.assignment, change.assignment, cause)


async def look_at_the_queue(tx: Tx, cause: Cause) -> int:
    """Schools, clusters or capacities changed: decide again what waits. Returns how many found a place."""
    waiting = await tx.cases.waiting()
    if not waiting:
        return 0
    desk = await Desk.open(tx)
    placed = 0
    for case in waiting:
        decided = desk.decide(case)
        if _reconsider(desk, case, decided, cause) and decided.cluster is not None:
            placed += 1
    await desk.close()
    return placed


async def close_cases(events: Sequence[Received[CaseClosed]], tx: Tx) -> Sequence[Verdict]:
    """A case ended: its place is free again."""
    desk = await Desk.open(tx)
    known = await tx.cases.find([received.subject for received in events], lock=True)
    freed: list[Cause] = []
    verdicts: list[Verdict] = []
    for received in events:
        case = known.get(received.subject)
        verdicts.append(NotYet("case-unknown") if case is None else None)
        if case is None or case.assignment.closed:
            continue
        closed = close(case.assignment)
        desk.ledger.move(case.assignment.cluster, None)
        desk.changed[case.id] = moved(case, closed.assignment)
        await desk.keep_time(case.assignment, closed.assignment, received.cause)
        freed.append(received.cause)
    await desk.close()
    if freed:
        await look_at_the_queue(tx, freed[0])
    return verdicts


async def erase_cases(events: Sequence[Received[CaseErased]], tx: Tx) -> None:
    """Everything personal was erased: nothing that came from the child stays here."""
    await tx.cases.erase([received.subject for received in events])


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
