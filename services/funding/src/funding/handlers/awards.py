"""What finance does with awards: pays what is due, ends them, takes money back."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date

from chassis.auth import Caller
from chassis.cause import Cause
from chassis.errors import Conflict, Forbidden, Invalid, NotFound, PreconditionFailed, Refusal
from schemas.codes import registry

from funding.domain.days import day_of
from funding.domain.requests import Award
from funding.handlers.desk import Desk
from funding.handlers.requests import NoSuchReason
from funding.policy import CLAW_BACKS, ENDINGS, is_finance, sees
from funding.store import Tx


class NothingToPay(Conflict):
    """That instalment is paid, cancelled, or none of this award."""

    code = "nothing-to-pay"


class NotDueYet(Conflict):
    """The instalment's day has not come."""

    code = "not-due-yet"


class AwardHasEnded(Conflict):
    """The award ended before."""

    code = "award-ended"


class MoreThanPaid(Conflict):
    """More would come back than was paid."""

    code = "more-than-paid"


class NotThatDay(Invalid):
    """Money cannot have moved on that day."""

    code = "not-that-day"


@dataclass(frozen=True, slots=True)
class Act:
    """What somebody does with an award. `version` is the one that they read."""

    award_id: str
    version: int
    caller: Caller
    cause: Cause
    #: A code, for an ending or money that comes back.
    reason: str = ""
    on: date | None = None
    #: An instalment's number.
    instalment: int = 0
    amount_pence: int = 0


#: One act on one award: what it makes of it. Raises the refusal.
_Step = Callable[[Desk, Award, Act], Award]


async def pay_instalments(acts: Sequence[Act], tx: Tx) -> Sequence[Award | Refusal]:
    """The council's payment system has paid: it counts from the day on which it did."""

    def step(desk: Desk, award: Award, act: Act) -> Award:
        instalment = next((one for one in award.instalments if one.number == act.instalment and one.open), None)
        if instalment is None:
            raise NothingToPay("That instalment is not open: see the award's instalments.", pointer="/instalment")
        if instalment.due_on > desk.today:
            raise NotDueYet(f"The instalment is due on {instalment.due_on}.", pointer="/instalment")
        on = _moved_on(desk, award, act)
        return desk.pay(award, instalment.number, on, by=act.caller.subject, cause=act.cause)

    return await _perform(acts, tx, step, "paid")


async def end_awards(acts: Sequence[Act], tx: Tx) -> Sequence[Award | Refusal]:
    """An award ends before all of it is paid: the rest is free again."""

    def step(desk: Desk, award: Award, act: Act) -> Award:
        _code(desk, act, ENDINGS)
        if award.ended_on is not None:
            raise AwardHasEnded(f"The award ended on {award.ended_on}.")
        return desk.end(award, act.reason, act.cause, by=act.caller.subject)

    return await _perform(acts, tx, step, "ended")


async def claw_back_awards(acts: Sequence[Act], tx: Tx) -> Sequence[Award | Refusal]:
    """Money that was paid has come back."""

    def step(desk: Desk, award: Award, act: Act) -> Award:
        _code(desk, act, CLAW_BACKS)
        spent = award.balances.spent
        if act.amount_pence > spent:
            raise MoreThanPaid(f"At most {spent} pence can come back.", pointer="/amount_pence")
        on = _moved_on(desk, award, act)
        return desk.claw_back(award, act.amount_pence, act.reason, on, by=act.caller.subject, cause=act.cause)

    return await _perform(acts, tx, step, "clawed-back")


async def _perform(acts: Sequence[Act], tx: Tx, step: _Step, action: str) -> Sequence[Award | Refusal]:
    wanted = await tx.requests.find_awards({act.award_id for act in acts})
    desk = await Desk.open(tx, {one.case_id for one in wanted.values()})
    organisations = await tx.cases.organisations(list(desk.cases), desk.today)
    outcomes: list[Award | Refusal] = []
    for act in acts:
        award = desk.awards.get(act.award_id)
        try:
            if award is None:
                raise NotFound
            paid = organisations.get(award.case_id, set()) | {award.organisation_id}
            case = desk.cases[award.case_id]
            if not (sees(act.caller, award.cluster_id, paid) or sees(act.caller, case.cluster_id, paid)):
                raise NotFound
            if not is_finance(act.caller):
                raise Forbidden("The council's finance officers do this.")
            if award.version != act.version or desk.touched(award.id):
                raise PreconditionFailed
            after = step(desk, award, act)
        except Refusal as refusal:
            outcomes.append(refusal)
            continue
        tx.audit(
            action=action, what="funding-award", what_id=award.id, case_id=award.case_id, caller=act.caller,
            reason=act.reason or None, correlation_id=act.cause.correlation_id,
        )  # fmt: skip
        outcomes.append(replace(after, version=after.version + 1))
    await desk.close()
    return outcomes


def _moved_on(desk: Desk, award: Award, act: Act) -> date:
    on = act.on or desk.today
    if not day_of(award.awarded_at) <= on <= desk.today:
        raise NotThatDay("Name a day from that of the award up to today.", pointer="/on")
    return on


def _code(desk: Desk, act: Act, reasons: str) -> None:
    known = registry(reasons)
    if not known.valid(act.reason, on=desk.today):
        raise NoSuchReason(f"Use one of: {', '.join(known.codes(on=desk.today))}.", pointer="/reason")
