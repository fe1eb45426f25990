"""The desk at which every change to a case is made: under the county's lock, written together at the end."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Final

from chassis.cause import Cause
from chassis.clock import new_id
from schemas.days import Calendar
from schemas.referral import Circumstances

from cluster_router.domain.assignment import CaseIsClosed, Change, Handover
from cluster_router.domain.county import County
from cluster_router.domain.days import day_of
from cluster_router.domain.decision import Decision, Occasion, decide
from cluster_router.domain.handovers import first_rung, rung_at
from cluster_router.domain.ledger import Ledger
from cluster_router.domain.transfer import as_year_7
from cluster_router.policy import ladder_of, rules_of, season_of
from cluster_router.store import CaseFile, Tx
from cluster_router.store.cases import Way
from cluster_router.store.tenures import Begin

#: The deadline of an offered hand-over; its subject is the case.
HANDOVER_LAPSES: Final = "handover-lapses"
#: The next rung of an offer that nobody answers; its subject is the case.
HANDOVER_ESCALATES: Final = "handover-escalates"
#: The queue is to be looked at again. Each has a subject of its own, so that nobody waits for another to set it.
QUEUE_RECONSIDERED: Final = "queue-reconsidered"


@dataclass
class Desk:
    """What decisions are made from, and what they came to, for one transaction."""

    tx: Tx
    county: County
    ledger: Ledger
    #: The newest decision's number.
    number: int
    changed: dict[str, CaseFile] = field(default_factory=dict)
    _decided: list[tuple[str, Circumstances | None, Decision]] = field(default_factory=list)
    _opened: dict[str, datetime] = field(default_factory=dict)
    _begins: list[Begin] = field(default_factory=list)
    _ended: list[str] = field(default_factory=list)
    _days: Calendar | None = None

    @staticmethod
    async def open(tx: Tx) -> "Desk":
        """Lock the county, then read it."""
        number = await tx.county.lock()
        today = day_of(tx.now)
        county = await tx.county.snapshot(rules_of(today), today)
        return Desk(tx, county, Ledger(await tx.county.standings(today)), number)

    @cached_property
    def organisations(self) -> Mapping[str, str]:
        """Who answers for each cluster."""
        return {id: cluster.organisation_id for id, cluster in self.county.clusters.items()}

    def decide(self, case: CaseFile, occasion: Occasion) -> Decision:
        """Where the rules put the case now, not counting the place that it already takes. Raises `CaseIsClosed`."""
        circumstances = self._considered(case)
        if circumstances is None:
            raise CaseIsClosed("The case is erased.")
        standings = self.ledger.standings(without=case.assignment.cluster)
        return decide(self.number + 1, circumstances, self.county, standings, {}, occasion=occasion)

    def record(self, case: CaseFile, decided: Decision) -> None:
        """The decision was made, whatever comes of it: its number is used up."""
        self.number = decided.number
        self._decided.append((case.id, self._considered(case), decided))

    def _considered(self, case: CaseFile) -> Circumstances | None:
        """What the rules look at: of a case that goes, or went, to a secondary cluster the child as of Year 7."""
        if case.circumstances is None or case.transferred is None:
            return case.circumstances
        return as_year_7(case.circumstances, self.county, season_of(self.county.on).left_after_year_6)

    def take(self, case: CaseFile, change: Change, cause: Cause) -> CaseFile:
        """Keep and say what came of it. Raises `ClusterIsFull`, and then nothing has happened."""
        before, after = case.assignment, change.assignment
        self.ledger.move(None if before.closed else before.holder, None if after.closed else after.holder)
        file = self.changed[case.id] = replace(case, assignment=after)
        for event in change.events:
            self.tx.emit(event, cause)
        if case.version == 0 and case.id not in self._opened:
            self._opened[case.id] = min(case.opened_at, self.tx.now)
        if after.closed and not before.closed:
            self._ended.append(case.id)
        elif after.holder != before.holder:
            self._begins.append(Begin(case.id, after.holder, self.organisations.get(after.holder or "")))
        return file

    def place(self, case: CaseFile, change: Change, decided: Decision, cause: Cause) -> CaseFile:
        """The same for a decision that explains, from now on, where the case is. Raises `ClusterIsFull`."""
        placed = replace(
            case,
            decision=decided.number,
            reasons=decided.reasons,
            weight=decided.trace.weight,
            way=Way.DECIDED,
            why=None,
        )
        file = self.take(placed, change, cause)
        self.record(file, decided)
        return file

    async def keep_time(self, before: CaseFile, after: CaseFile, cause: Cause) -> None:
        """An offer that began gets its deadline, one that ended loses it."""
        offered, was = after.assignment.handover, before.assignment.handover
        if offered == was:
            return
        if was is not None:
            await self.tx.cancel_deadline(HANDOVER_LAPSES, after.id)
            await self.tx.cancel_deadline(HANDOVER_ESCALATES, after.id)
        if offered is None:
            return
        payload: dict[str, Any] = {"handover": offered.id}
        await self.tx.set_deadline(HANDOVER_LAPSES, after.id, offered.answer_by, cause=cause, payload=payload)
        calendar, ladder = await self._calendar(), ladder_of(self.county.on)
        rung = first_rung(ladder, offered.answer_by, calendar, offered_at=self.tx.now)
        if rung is not None:
            due_at = rung_at(rung, offered.answer_by, calendar)
            payload |= {"rung": rung.number}
            await self.tx.set_deadline(HANDOVER_ESCALATES, after.id, due_at, cause=cause, payload=payload)

    async def _calendar(self) -> Calendar:
        if self._days is None:
            self._days = await self.tx.county.calendar()
        return self._days

    def handover(
        self, to_cluster: str, reason: str, *, offered_by: str | None, transfer: int | None = None
    ) -> Handover:
        """An offer that begins now."""
        season, rules = season_of(self.county.on), self.county.rules
        days = rules.answer_within_days if transfer is None else season.answer_within_days
        return Handover(new_id(), to_cluster, reason, self.tx.now + timedelta(days=days), offered_by, transfer)

    async def close(self) -> None:
        """Write everything."""
        await self.tx.county.count(self.number)
        await self.tx.county.save_loads(self.ledger)
        await self.tx.cases.save(list(self.changed.values()))
        await self.tx.decisions.record(self._decided)
        await self.tx.tenures.open(self._opened)
        for begins in _one_each(self._begins):
            await self.tx.tenures.pass_on(begins)
        if self._ended:
            await self.tx.tenures.end(self._ended)


def _one_each(begins: list[Begin]) -> list[list[Begin]]:
    """Split so that each part has a case once, in order."""
    parts: list[dict[str, Begin]] = []
    for begin in begins:
        part = next((part for part in parts if begin.case_id not in part), None)
        if part is None:
            parts.append({begin.case_id: begin})
        else:
            part[begin.case_id] = begin
    return [list(part.values()) for part in parts]


async def wake_the_queue(tx: Tx, cause: Cause) -> None:
    """Something changed that may give those who wait a place: look at them again, in a transaction of its own.

    Asked for under the county's lock: who joins the queue later sees the change, who joined before is seen here.
    """
    if await tx.cases.waiting(limit=1):
        await tx.set_deadline(QUEUE_RECONSIDERED, new_id(), tx.now, cause=cause)
