"""What people ask for and decide: a request, its award by a person, its refusal."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from chassis.auth import Caller
from chassis.cause import Cause
from chassis.clock import new_id
from chassis.errors import Conflict, FieldError, Forbidden, Invalid, NotFound, PreconditionFailed, Refusal
from schemas.codes import registry
from schemas.days import financial_year

from funding.domain.decision import Waits
from funding.domain.requests import CaseFile, Origin, Request, State
from funding.domain.rules import Rules
from funding.domain.spans import by_year
from funding.handlers.desk import Desk
from funding.policy import PURPOSES, REFUSALS, asks, decides, sees
from funding.store import Tx


class CaseHasEnded(Conflict):
    """No money for a case that is closed."""

    code = "case-closed"


class NoClusterYet(Conflict):
    """Money comes out of a cluster's budget; the case has no cluster yet."""

    code = "no-cluster-yet"


class NobodyToPay(Conflict):
    """Neither the child's school nor the lead of the cluster is known yet."""

    code = "nobody-to-pay"


class AlreadyDecided(Conflict):
    """The request does not wait any more."""

    code = "already-decided"


class BudgetSpent(Conflict):
    """The budget does not bear it; the request goes on waiting."""

    code = "budget-spent"


class NoBudget(Conflict):
    """The cluster has no budget for that year; the request goes on waiting."""

    code = "no-budget"


class WrongAsk(Invalid):
    """What is asked for is not what the rules let anybody ask for."""

    code = "not-as-the-rules-say"


class NoSuchReason(Invalid):
    """The reason given is not one that people may give."""

    code = "no-such-reason"


@dataclass(frozen=True, slots=True)
class Ask:
    """Money that somebody asks for."""

    case_id: str
    purpose: str
    amount_pence: int
    since: date
    until: date
    reason: str
    organisation_id: str | None
    caller: Caller
    cause: Cause
    #: Only say what would become of it.
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Decide:
    """What somebody makes of a request. `version` is the one that they read."""

    request_id: str
    version: int
    caller: Caller
    cause: Cause
    #: For a refusal, a code.
    reason: str
    note: str | None = None


async def ask_for_money(asked: Sequence[Ask], tx: Tx) -> Sequence[Request | Refusal]:
    """Requests by people: small ones within budget are granted at once by rule."""
    desk = await Desk.open(tx, {one.case_id for one in asked})
    organisations = await tx.cases.organisations(list(desk.cases), desk.today)
    payees = await tx.cases.payees(list(desk.cases))
    outcomes: list[Request | Refusal] = []
    for one in asked:
        try:
            case = desk.cases.get(one.case_id)
            known = organisations.get(one.case_id, set())
            if case is None or not sees(one.caller, case.cluster_id, known):
                raise NotFound
            request = _request(desk, case, one, payees.get(case.id), known)
        except Refusal as refusal:
            outcomes.append(refusal)
            continue
        if one.dry_run:
            why = desk.would(request)
            state = State.AWARDED if why is None else State.WAITING
            outcomes.append(replace(request, state=state, waits_because=why.value if why else None))
            continue
        outcomes.append(_answered(desk.ask(request, one.cause)))
        tx.audit(
            action="requested", what="funding-request", what_id=request.id, case_id=case.id, caller=one.caller,
            correlation_id=one.cause.correlation_id,
        )  # fmt: skip
    await desk.close()
    return outcomes


def _request(desk: Desk, case: CaseFile, one: Ask, payee: str | None, known: set[str]) -> Request:
    if not asks(one.caller, case.cluster_id, known):
        raise Forbidden(
            "The case's cluster asks for money, or its school or who referred it, or the council's finance."
        )
    errors = wrong_fields(one, desk.rules, desk.today)
    if one.organisation_id is not None and one.organisation_id not in known | {payee}:
        errors.append(
            FieldError("/organisation_id", "not-of-the-case", "Name an organisation of this case, or leave it out.")
        )
    if errors:
        raise WrongAsk("The request is not one that the rules allow; see errors.", errors=errors)
    if case.closed:
        raise CaseHasEnded("The case has ended. Refer the child anew if help is needed.")
    if case.cluster_id is None:
        raise NoClusterYet("The case has no cluster yet, so there is no budget to ask. Try again once it has one.")
    to = one.organisation_id or payee
    if to is None:
        raise NobodyToPay("Say who is to be paid: neither a school nor the cluster's lead is known.", pointer="/organisation_id")  # fmt: skip  # noqa: E501
    return Request(
        id=new_id(), case_id=case.id, cluster_id=case.cluster_id, organisation_id=to, origin=Origin.PERSON,
        referral_id=None, purpose=one.purpose, amount_pence=one.amount_pence, since=one.since, until=one.until,
        asked_by=one.caller.subject, asked_by_organisation=one.caller.organisation, asked_at=desk.tx.now,
        reason=one.reason, parts=by_year(one.amount_pence, one.since, one.until),
    )  # fmt: skip


def wrong_fields(one: Ask, rules: Rules, today: date) -> list[FieldError]:
    """What of an ask the day's rules do not allow."""
    asking, errors = rules.asking, []
    if not registry(PURPOSES).valid(one.purpose, on=today):
        errors.append(
            FieldError("/purpose", "no-such-purpose", f"Use one of: {', '.join(registry(PURPOSES).codes(on=today))}.")
        )
    if not asking.least_pence <= one.amount_pence <= asking.most_pence:
        errors.append(
            FieldError(
                "/amount_pence", "out-of-range", f"Ask for {asking.least_pence} to {asking.most_pence} whole pence."
            )
        )
    earliest = today - timedelta(days=asking.furthest_back_days)
    latest = today + timedelta(days=asking.furthest_ahead_days)
    if not earliest <= one.since <= latest or financial_year(one.since) < financial_year(today):
        errors.append(
            FieldError(
                "/since", "out-of-range", f"Begin from {earliest} to {latest}, not in a financial year that is over."
            )
        )
    if not 0 <= (one.until - one.since).days < asking.longest_days:
        errors.append(
            FieldError("/until", "out-of-range", f"End on or after `since`, {asking.longest_days} days at most.")
        )
    return errors


#: One decision about one request: what it makes of it. Raises the refusal.
_Step = Callable[[Desk, Request, Decide], Request]


async def award_requests(acts: Sequence[Decide], tx: Tx) -> Sequence[Request | Refusal]:
    """People grant requests, with a reason. However many at once: what the budget cannot bear is refused."""

    def step(desk: Desk, request: Request, act: Decide) -> Request:
        why = desk.why_not(request)
        if why is Waits.NO_BUDGET:
            raise NoBudget("The cluster has no budget for that financial year yet; the request goes on waiting.")
        if why is not None:
            raise BudgetSpent("The budget does not bear it; the request waits until money is released.")
        return desk.award(request, by=act.caller.subject, note=act.reason, cause=act.cause)

    return await _decide(acts, tx, step, "awarded")


async def decline_requests(acts: Sequence[Decide], tx: Tx) -> Sequence[Request | Refusal]:
    """People decline requests, with a reason."""

    def step(desk: Desk, request: Request, act: Decide) -> Request:
        known = registry(REFUSALS)
        if not known.valid(act.reason, on=desk.today):
            raise NoSuchReason(f"Use one of: {', '.join(known.codes(on=desk.today))}.", pointer="/reason")
        return desk.decline(request, act.reason, act.cause, by=act.caller.subject, note=act.note)

    return await _decide(acts, tx, step, "declined")


async def _decide(acts: Sequence[Decide], tx: Tx, step: _Step, action: str) -> Sequence[Request | Refusal]:
    wanted = await tx.requests.find({act.request_id for act in acts})
    desk = await Desk.open(tx, {one.case_id for one in wanted.values()})
    organisations = await tx.cases.organisations(list(desk.cases), desk.today)
    outcomes: list[Request | Refusal] = []
    for act in acts:
        request = desk.requests.get(act.request_id)
        try:
            if request is None or not may_see(act.caller, desk, request, organisations.get(request.case_id, set())):
                raise NotFound
            if request.version != act.version or desk.touched(request.id):
                raise PreconditionFailed
            why = decides(act.caller, request, desk.rules)
            if why is not None:
                raise Forbidden(why)
            if request.state is not State.WAITING:
                raise AlreadyDecided(f"The request is {request.state.value}.")
            after = step(desk, request, act)
        except Refusal as refusal:
            outcomes.append(refusal)
            continue
        tx.audit(
            action=action, what="funding-request", what_id=request.id, case_id=request.case_id, caller=act.caller,
            correlation_id=act.cause.correlation_id,
        )  # fmt: skip
        outcomes.append(_answered(after))
    await desk.close()
    return outcomes


def may_see(caller: Caller, desk: Desk, request: Request, organisations: set[str]) -> bool:
    """Whether the caller may know of this request: by its own cluster, or by the one that has the case now."""
    paid = organisations | {request.organisation_id}
    case = desk.cases[request.case_id]
    return sees(caller, request.cluster_id, paid) or sees(caller, case.cluster_id, paid)


def _answered(request: Request) -> Request:
    """As it will be once it is kept."""
    return replace(request, version=request.version + 1)
