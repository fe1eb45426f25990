"""A notice was found to concern another child: its exclusion goes to that child's case, with duties that were met."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from chassis.cause import Cause
from chassis.subscription import NotYet, Received, Verdict
from schemas.placement import ExclusionCancelled
from schemas.referral import CaseUnlinked

from placements.domain.cases import Case
from placements.domain.duties import PENDING
from placements.domain.exclusions import Exclusion, total_around
from placements.handlers.recount import Recount
from placements.policy import terms
from placements.store import Tx

#: Of the registry `exclusion-cancellations`: what those are told who only know the case that it leaves.
_NOT_THIS_CHILD: Final = "reported-in-error"


async def move_exclusions(events: Sequence[Received[CaseUnlinked]], tx: Tx) -> Sequence[Verdict]:
    """A notice is unlinked under its exclusion's id; other referrals move nothing here."""
    known = await tx.exclusions.find([received.event.referral_id for received in events])
    # Told again, it has moved already.
    to_move = {r.subject: r for r in events if _in_case(known.get(r.event.referral_id), r.subject)}
    targets = [received.event.new_case_id for received in to_move.values()]
    await tx.lock_subjects(targets)
    recount = await Recount.open(tx, [*to_move, *targets])
    verdicts: list[Verdict] = []
    gone: list[str] = []
    for received in events:
        if received.subject not in to_move:
            verdicts.append(None)
            continue
        target = recount.cases.get(received.event.new_case_id)
        if target is None or (target.circumstances is None and not target.erased):
            verdicts.append(NotYet("case-unknown"))
            continue
        verdicts.append(None)
        await _move(recount, known[received.event.referral_id], target, received.cause)
        if target.erased:
            gone.append(received.event.referral_id)
    await recount.close()
    # What belongs to a case that was erased meanwhile is not kept.
    await tx.duties.forget("exclusion_id", gone)
    await tx.exclusions.forget("id", gone)
    return verdicts


def _in_case(exclusion: Exclusion | None, case_id: str) -> bool:
    return exclusion is not None and exclusion.case_id == case_id


async def _move(recount: Recount, exclusion: Exclusion, target: Case, cause: Cause) -> None:
    former = exclusion.case_id
    for duty in list(recount.duties.get(former, ())):
        if duty.exclusion_id != exclusion.id:
            continue
        if duty.state in PENDING:
            # It starts anew in the other case, on its own day.
            await recount.cancel(duty, "exclusion-cancelled", cause)
        recount.duties[former] = [one for one in recount.duties[former] if one.id != duty.id]
        if duty.state not in PENDING:
            recount.keep(replace(duty, case_id=target.id))
    recount.take_out(exclusion)
    if exclusion.cancelled is None:
        _say_it_left(recount, exclusion, cause)
    await recount.settle(former, cause)
    if not target.erased:
        recount.put(replace(exclusion, case_id=target.id))
        await recount.settle(target.id, cause)


def _say_it_left(recount: Recount, exclusion: Exclusion, cause: Cause) -> None:
    calendar = recount.calendars.of(exclusion.school_urn)
    total = total_around(exclusion.first_on, recount.counted(exclusion.case_id), calendar, terms(recount.today))
    event = ExclusionCancelled(
        case_id=exclusion.case_id, exclusion_id=exclusion.id, reason=_NOT_THIS_CHILD,
        sessions_in_term=total.in_term, sessions_in_year=total.in_year,
    )  # fmt: skip
    recount.tx.emit(event, cause)
