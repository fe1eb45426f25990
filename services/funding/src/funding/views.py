"""What travels over funding's routes. Sums are whole pence."""

from datetime import date, datetime
from typing import Annotated, Literal

from chassis.auth import Caller
from chassis.wire import Action, Day, In, Out, Prose, Word, listed
from pydantic import Field
from schemas.days import financial_year_days

from funding.domain.measures import Figures, forecast
from funding.domain.requests import Award, Request, State
from funding.domain.rules import Rules
from funding.policy import CLAW_BACKS, ENDINGS, PURPOSES, REFUSALS, decides, is_finance
from funding.queries import Due, Position
from funding.store.budgets import Budget

Pence = Annotated[int, Field(gt=0, le=10**11)]


class FundingRequestIn(In):
    """Money that is asked for."""

    case_id: Word
    purpose: Annotated[Word, listed(PURPOSES)]
    amount_pence: Pence
    since: Day
    until: Day
    #: Kept here, in no event.
    reason: Annotated[Prose, Field(min_length=1)]
    #: Who is paid: the child's school, or else the lead of its cluster, unless another of the case is named.
    organisation_id: Word | None = None


class FundingAwardIn(In):
    """Why it is granted, in words. Kept here, in no event."""

    reason: Annotated[Prose, Field(min_length=1)]


class FundingDeclineIn(In):
    """Why it is not granted: a code, and words if need be."""

    reason: Annotated[Word, listed(REFUSALS)]
    note: Prose | None = None


class PaymentIn(In):
    """An instalment that was paid, and when; today unless said."""

    instalment: Annotated[int, Field(ge=1, le=1000)]
    paid_on: Day | None = None


class FundingEndIn(In):
    """Why the award ends."""

    reason: Annotated[Word, listed(ENDINGS)]


class ClawBackIn(In):
    """What came back, why, and when; today unless said."""

    amount_pence: Pence
    reason: Annotated[Word, listed(CLAW_BACKS)]
    returned_on: Day | None = None


class PartOut(Out):
    """What of a request falls into one financial year; without an award it waits for that year's budget."""

    financial_year: str
    amount_pence: int
    since: date
    until: date
    award_id: str | None


class RequestBriefOut(Out):
    """Money that was asked for, and what became of it, without anybody's words: an answer that is kept for retries."""

    id: str
    case_id: str
    cluster_id: str
    organisation_id: str
    origin: Literal["referral", "person"]
    purpose: str
    amount_pence: int
    since: date
    until: date
    asked_at: datetime
    state: Literal["waiting", "awarded", "declined", "ended"]
    waits_because: str | None
    refusal: str | None
    decided_at: datetime | None
    by_rule: bool = Field(description="The rule for small sums granted it, no person.")
    rules_version: str | None
    parts: tuple[PartOut, ...]
    actions: tuple[Action, ...]


class RequestOut(RequestBriefOut):
    """The same with the words of who asked and who decided."""

    reason: str | None
    note: str | None


class InstalmentOut(Out):
    """A part of an award, due on a day."""

    number: int
    due_on: date
    amount_pence: int
    state: Literal["open", "paid", "cancelled"]
    payment_id: str | None
    paid_on: date | None


class AwardOut(Out):
    """Money that was granted out of one budget, and where it is."""

    id: str
    request_id: str
    case_id: str
    cluster_id: str
    budget_id: str
    organisation_id: str
    purpose: str
    amount_pence: int
    committed_pence: int
    paid_pence: int
    clawed_back_pence: int
    since: date
    until: date
    awarded_at: datetime
    by_rule: bool
    rules_version: str
    ended_on: date | None
    ending: str | None
    instalments: tuple[InstalmentOut, ...]
    actions: tuple[Action, ...]


class BudgetOut(Out):
    """What a cluster may spend in a year, and what is left of it."""

    id: str
    cluster_id: str
    financial_year: str
    amount_pence: int
    committed_pence: int
    paid_pence: int
    clawed_back_pence: int
    remaining_pence: int
    href: str


class MonthOut(Out):
    """What moved in a month: set aside less released, paid, come back, and by how much the budget changed."""

    month: str
    budget_pence: int
    committed_pence: int
    paid_pence: int
    clawed_back_pence: int


class PositionOut(Out):
    """How a cluster's money of a year stands."""

    budget_id: str
    cluster_id: str
    financial_year: str
    budget_pence: int
    committed_pence: int
    paid_pence: int
    clawed_back_pence: int
    remaining_pence: int
    waiting_requests: int
    waiting_pence: int
    forecast_pence: int = Field(description="What the year will have cost if it goes on as of late.")
    forecast_explanation: str
    rules_version: str
    months: tuple[MonthOut, ...]


class DueOut(Out):
    """An instalment that is to be paid."""

    award_id: str
    instalment: int
    due_on: date
    amount_pence: int
    organisation_id: str
    cluster_id: str
    financial_year: str
    purpose: str
    href: str
    if_match: str


class MeasuresOut(Out):
    """Days from the first referral to the first money. Null where so few are counted that one could be made out."""

    since: date
    until: date
    cluster_id: str | None
    suppressed: bool
    count: int | None
    median_days: float | None
    p90_days: int | None
    within_percent: float | None
    within_working_days: int
    fewest_cases: int


def request_out(request: Request, caller: Caller, rules: Rules) -> RequestOut:
    """A request as this caller sees it."""
    brief = request_brief_out(request, caller, rules)
    return RequestOut(**dict(brief), reason=request.reason, note=request.note)


def request_brief_out(request: Request, caller: Caller, rules: Rules) -> RequestBriefOut:
    """A request as this caller sees it, without anybody's words."""
    return RequestBriefOut(
        id=request.id, case_id=request.case_id, cluster_id=request.cluster_id,
        organisation_id=request.organisation_id, origin=request.origin.value, purpose=request.purpose,
        amount_pence=request.amount_pence, since=request.since, until=request.until,
        asked_at=request.asked_at, state=request.state.value, waits_because=request.waits_because,
        refusal=request.refusal, decided_at=request.decided_at,
        by_rule=request.state in {State.AWARDED, State.ENDED} and request.decided_by is None,
        rules_version=request.rules_version,
        parts=tuple(
            PartOut(
                financial_year=part.financial_year, amount_pence=part.amount_pence, since=part.since,
                until=part.until, award_id=part.award_id,
            )
            for part in request.parts
        ),
        actions=request_actions(request, caller, rules),
    )  # fmt: skip


def request_actions(request: Request, caller: Caller, rules: Rules) -> tuple[Action, ...]:
    """What the caller may do with a request, or why not."""
    why = decides(caller, request, rules)
    if request.state is not State.WAITING:
        why = f"The request is {request.state.value}."
    return tuple(_action(name, f"/v1/funding/requests/{request.id}/{name}", why) for name in ("award", "decline"))


def award_out(award: Award, caller: Caller) -> AwardOut:
    """An award as this caller sees it."""
    return AwardOut(
        id=award.id, request_id=award.request_id, case_id=award.case_id, cluster_id=award.cluster_id,
        budget_id=award.budget_id, organisation_id=award.organisation_id, purpose=award.purpose,
        amount_pence=award.amount_pence, committed_pence=award.balances.committed, paid_pence=award.balances.paid,
        clawed_back_pence=-award.balances.clawed_back, since=award.since, until=award.until,
        awarded_at=award.awarded_at, by_rule=award.decided_by is None, rules_version=award.rules_version,
        ended_on=award.ended_on, ending=award.ending,
        instalments=tuple(
            InstalmentOut(
                number=one.number, due_on=one.due_on, amount_pence=one.amount_pence,
                state="open" if one.open else "cancelled" if one.cancelled else "paid", payment_id=one.payment_id,
                paid_on=one.paid_on,
            )
            for one in award.instalments
        ),
        actions=award_actions(award, caller),
    )  # fmt: skip


def award_actions(award: Award, caller: Caller) -> tuple[Action, ...]:
    """What the caller may do with an award, or why not."""
    finance = None if is_finance(caller) else "The council's finance officers do this."
    pay = finance or (None if any(one.open for one in award.instalments) else "Nothing of it is open.")
    end = finance or (None if award.ended_on is None else "The award has ended.")
    back = finance or (None if award.balances.spent else "Nothing of it is paid.")
    base = f"/v1/funding/awards/{award.id}"
    return (
        _action("pay", f"{base}/payments", pay),
        _action("end", f"{base}/end", end),
        _action("claw-back", f"{base}/claw-back", back),
    )


def budget_out(budget: Budget) -> BudgetOut:
    """A budget with the sums of its entries."""
    sums = budget.balances
    return BudgetOut(
        id=budget.id, cluster_id=budget.cluster_id, financial_year=budget.financial_year, amount_pence=sums.amount,
        committed_pence=sums.committed, paid_pence=sums.paid, clawed_back_pence=-sums.clawed_back,
        remaining_pence=sums.free, href=f"/v1/funding/budgets/{budget.id}",
    )  # fmt: skip


def position_out(position: Position, rules: Rules, today: date) -> PositionOut:
    """How a budget stands and where it is going."""
    budget, sums = position.budget, position.budget.balances
    first, last = financial_year_days(budget.financial_year)
    expected = forecast(
        bound=sums.bound, granted_of_late=position.granted_of_late, window_days=rules.forecast_window_days,
        today=today, first=first, last=last,
    )  # fmt: skip
    return PositionOut(
        budget_id=budget.id, cluster_id=budget.cluster_id, financial_year=budget.financial_year,
        budget_pence=sums.amount, committed_pence=sums.committed, paid_pence=sums.paid,
        clawed_back_pence=-sums.clawed_back, remaining_pence=sums.free, waiting_requests=position.waiting_requests,
        waiting_pence=position.waiting_pence, forecast_pence=expected.pence,
        forecast_explanation=expected.explanation, rules_version=rules.version,
        months=tuple(
            MonthOut(
                month=month, budget_pence=-moved.get("funds", 0), committed_pence=moved.get("committed", 0),
                paid_pence=moved.get("paid", 0), clawed_back_pence=-moved.get("clawed-back", 0),
            )
            for month, moved in position.months.items()
        ),
    )  # fmt: skip


def due_out(due: Due, etag: str) -> DueOut:
    """An instalment that is to be paid."""
    return DueOut(
        award_id=due.award_id, instalment=due.number, due_on=due.due_on, amount_pence=due.amount_pence,
        organisation_id=due.organisation_id, cluster_id=due.cluster_id, financial_year=due.financial_year,
        purpose=due.purpose, href=f"/v1/funding/awards/{due.award_id}/payments", if_match=etag,
    )  # fmt: skip


def measures_out(found: Figures, rules: Rules, *, first: date, last: date, cluster: str | None) -> MeasuresOut:
    """Days to money."""
    return MeasuresOut(
        since=first, until=last, cluster_id=cluster, suppressed=found.suppressed, count=found.count,
        median_days=found.median_days, p90_days=found.p90_days, within_percent=found.within_percent,
        within_working_days=rules.measure.within_working_days, fewest_cases=rules.measure.fewest_cases,
    )  # fmt: skip


def _action(name: str, href: str, why: str | None) -> Action:
    return Action(name=name, method="POST", href=href, allowed=why is None, reason=why)
