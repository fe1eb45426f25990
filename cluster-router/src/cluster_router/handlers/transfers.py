"""The yearly hand-overs to secondary clusters: in batches, each case once a year, no place taken until accepted."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Final

from chassis.cause import Cause
from chassis.deadlines import Due

from cluster_router.domain.assignment import State, offer_by_rule
from cluster_router.domain.days import day_of, start_of
from cluster_router.domain.decision import Decision, Occasion
from cluster_router.domain.transfer import next_run, year_of
from cluster_router.handlers.desk import Desk
from cluster_router.policy import SEASONS
from cluster_router.store import CaseFile, Tx
from cluster_router.store.transfers import Offered

#: A day of the season has come, or there is more to offer on it. There is one for the whole county.
TRANSFERS_DUE: Final = "transfers-due"
COUNTY: Final = "county"
#: Cases that one transaction looks at: people's own acts wait no longer than that takes.
AT_ONCE: Final = 100
#: The reason, of the registry `handover-reasons`.
REASON: Final = "phase-transfer"

#: Why a case was not offered; other words are the router's own reasons for finding no place.
NOT_ACCEPTED: Final = "not-accepted"
OFFERED_ALREADY: Final = "offered-already"
STAYS: Final = "stays-with-its-cluster"


@dataclass(slots=True)
class Transfers:
    """What a run offered, or would."""

    year: int
    #: (from, to) -> cases.
    offered: Counter[tuple[str, str]] = field(default_factory=Counter)
    #: Why not -> cases.
    left: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Transfers") -> None:
        """Count another batch's too."""
        self.offered.update(other.offered)
        self.left.update(other.left)


@dataclass(frozen=True, slots=True)
class Batch:
    """What came of some cases. `after`: the last one, when there may be more."""

    counts: Transfers
    after: str | None


async def expect_transfers(tx: Tx, cause: Cause, *, after: date | None = None) -> None:
    """Be called on the next day of the season, which may be today."""
    day = next_run(SEASONS, after or day_of(tx.now) - timedelta(days=1))
    await tx.set_deadline(TRANSFERS_DUE, COUNTY, start_of(day), cause=cause)


async def run_transfers(due: Sequence[Due], tx: Tx) -> None:
    """Offer one batch; then the next at once, or come again on the next day of the season."""
    [one] = due
    day = day_of(one.due_at)
    year = one.payload.get("year") or year_of(day)
    batch = await offer_transfers(tx, year, one.cause, after=one.payload.get("after", ""))
    if batch.after is None:
        await expect_transfers(tx, one.cause, after=max(day, day_of(tx.now)))
        return
    payload = {"year": year, "after": batch.after}
    await tx.set_deadline(TRANSFERS_DUE, COUNTY, tx.now, cause=one.cause, payload=payload)


async def offer_transfers(tx: Tx, year: int, cause: Cause, *, after: str = "", keep: bool = True) -> Batch:
    """Offer the next cases whose children begin Year 7 in this year; `keep` False: only say what would be.

    The sender holds a case until the receiver accepts, and it takes no place there until then.
    """
    ids = await tx.transfers.wanted(year, after=after, limit=AT_ONCE)
    if keep:
        await tx.lock_subjects(ids)
    desk = await Desk.open(tx)
    cases = await tx.cases.find(ids, lock=True)
    counts, offered = Transfers(year), []
    for id in ids:
        decided = _where(desk, cases[id], year)
        if isinstance(decided, str):
            counts.left[decided] += 1
            continue
        counts.offered[cases[id].assignment.cluster or "", decided.cluster or ""] += 1
        if keep:
            offered.append(await _offer(desk, cases[id], decided, year, cause))
    if keep:
        await desk.close()
        await tx.transfers.note(year, offered)
    return Batch(counts, ids[-1] if len(ids) == AT_ONCE else None)


def _where(desk: Desk, case: CaseFile, year: int) -> Decision | str:
    """Where the child belongs in Year 7, or why the case is not offered there now."""
    assignment = case.assignment
    if assignment.closed or assignment.cluster is None or assignment.state is not State.ACCEPTED:
        return NOT_ACCEPTED
    if assignment.handover is not None:
        return OFFERED_ALREADY
    decided = desk.decide(replace(case, transferred=year), Occasion.PHASE_TRANSFER)
    if decided.cluster is None:
        return decided.reasons[-1] if decided.reasons else "no-rule"
    return STAYS if decided.cluster == assignment.cluster else decided


async def _offer(desk: Desk, case: CaseFile, decided: Decision, year: int, cause: Cause) -> Offered:
    handover = desk.handover(decided.cluster or "", REASON, offered_by=None, transfer=year)
    after = desk.take(case, offer_by_rule(case.assignment, decided, handover), cause)
    desk.record(replace(case, transferred=year), decided)
    await desk.keep_time(case, after, cause)
    return Offered(case.id, handover.id, handover.to_cluster)
