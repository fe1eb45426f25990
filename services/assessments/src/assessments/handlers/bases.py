"""What referrals rest on comes, goes and moves with them; plans and open advice that rest on nothing say so."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from chassis.subscription import Received
from schemas.referral import CaseBasisWithdrawn, CaseLinked, CaseUnlinked, ReferralAmended, ReferralSubmitted

from assessments.domain import plans
from assessments.domain.basis import ended_on
from assessments.domain.days import day_of
from assessments.handlers.desk import Desk
from assessments.store import Tx


async def note_referrals(events: Sequence[Received[ReferralSubmitted]], tx: Tx) -> None:
    """A referral brings its basis."""
    await _record([_row(received, received.event.basis.kind) for received in events], tx)


async def note_amended(events: Sequence[Received[ReferralAmended]], tx: Tx) -> None:
    """The sender recorded another basis; that the former one ended comes in an event of its own."""
    await _record([_row(r, r.event.basis.kind) for r in events if r.event.basis is not None], tx)


async def note_linked(events: Sequence[Received[CaseLinked]], tx: Tx) -> None:
    """A referral belongs to this case now, and what it rests on with it."""
    await tx.county.move_bases({received.event.referral_id: received.subject for received in events})
    await _flag([received.subject for received in events], tx)


async def note_unlinked(events: Sequence[Received[CaseUnlinked]], tx: Tx) -> None:
    """A referral belongs to another case now, and what it rests on with it."""
    await tx.county.move_bases({received.event.referral_id: received.event.new_case_id for received in events})
    await _flag([received.subject for received in events], tx)


async def end_bases(events: Sequence[Received[CaseBasisWithdrawn]], tx: Tx) -> None:
    """A basis ended: nothing more is asked, shared or agreed on it."""
    ended = [(received.subject, received.event.organisation_id, received.event.kind) for received in events]
    await tx.county.end_bases(ended, day_of(tx.now))
    await _flag([received.subject for received in events], tx, plans_too=True)


def _row(received: Received[Any], kind: str) -> dict[str, Any]:
    return {
        "referral_id": received.event.referral_id, "kind": kind, "case_id": received.subject,
        "organisation_id": received.event.organisation_id,
    }  # fmt: skip


async def _record(rows: Sequence[dict[str, Any]], tx: Tx) -> None:
    ids = [row["case_id"] for row in rows]
    erased = {case.id for case in (await tx.county.cases(ids)).values() if case.erased}
    await tx.county.record_bases([row for row in rows if row["case_id"] not in erased])
    await _flag(ids, tx)


async def _flag(cases: Sequence[str], tx: Tx, *, plans_too: bool = False) -> None:
    """Open advice as its bases now are; and plans, which have a basis of their own that comes back with a new plan."""
    desk = await Desk.open(tx, cases)
    for plan in list(desk.work.plans.values()) if plans_too else ():
        gone = ended_on(desk.bases[plan.case_id], plan.basis)
        if gone is not None and plan.basis_ended_on is None and plan.basis_on <= gone and _goes_on(plan):
            desk.keep_plan(replace(plan, basis_ended_on=gone))
    for advice in list(desk.work.advice.values()):
        gone = None if advice.statutory else ended_on(desk.bases[advice.case_id])
        if advice.is_open and advice.basis_ended_on != gone:
            desk.keep_advice(replace(advice, basis_ended_on=gone))
            if gone is not None:
                desk.work.answered.append(advice.id)
    await desk.close()


def _goes_on(plan: plans.Plan) -> bool:
    return plan.state is not plans.State.ENDED
