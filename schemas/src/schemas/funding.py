"""What funding says: early money asked for, given, paid and taken back, and what is left of the budgets."""

from datetime import date
from typing import Annotated, ClassVar

from pydantic import AwareDatetime, Field

from schemas.event import Code, Event, Id
from schemas.topics import FUNDING, Topic

#: Money is whole pence.
Pence = Annotated[int, Field(ge=0, le=10**12)]
#: 1 April to 31 March, by the years it touches: 2026-27.
FinancialYear = Annotated[str, Field(pattern=r"^20[0-9]{2}-[0-9]{2}$")]


class FundingEvent(Event):
    """A fact about early funding for one case."""

    topic: ClassVar[Topic] = FUNDING
    case_id: Id
    request_id: Id


class FundingRequested(FundingEvent):
    """Money was asked for: with a referral, or later."""

    type: ClassVar[str] = "jointly.funding.requested.v1"
    cluster_id: Id
    #: The school or other organisation that the money would go to.
    organisation_id: Id
    purpose: Code
    amount_pence: Pence
    since: date
    until: date
    #: When the case's first referral arrived: days to money are counted from here.
    referred_at: AwareDatetime


class FundingAwarded(FundingEvent):
    """Money was granted, and its sum set aside in a budget."""

    type: ClassVar[str] = "jointly.funding.awarded.v1"
    award_id: Id
    budget_id: Id
    cluster_id: Id
    organisation_id: Id
    amount_pence: Pence
    since: date
    until: date
    #: Which version of the rules decided.
    rules_version: Code
    #: The person who decided; absent when the rule for small sums did.
    decided_by: Id | None = None


class FundingDeclined(FundingEvent):
    """Money was not granted."""

    type: ClassVar[str] = "jointly.funding.declined.v1"
    reason: Code
    decided_by: Id


class FundingPaid(FundingEvent):
    """Money left for the school."""

    type: ClassVar[str] = "jointly.funding.paid.v1"
    award_id: Id
    payment_id: Id
    budget_id: Id
    amount_pence: Pence
    paid_on: date
    #: Calendar days since the case's first referral: the measure that the programme wants.
    days_since_referral: int = Field(ge=0)


class FundingEnded(FundingEvent):
    """An award ended; what was set aside and not paid went back to its budget."""

    type: ClassVar[str] = "jointly.funding.ended.v1"
    award_id: Id
    budget_id: Id
    reason: Code
    ended_on: date
    released_pence: Pence


class FundingClawedBack(FundingEvent):
    """Money that was paid came back."""

    type: ClassVar[str] = "jointly.funding.clawed-back.v1"
    award_id: Id
    budget_id: Id
    reason: Code
    amount_pence: Pence
    returned_on: date


class BudgetEvent(Event):
    """A fact about one cluster's money in one financial year."""

    topic: ClassVar[Topic] = FUNDING
    subject_field: ClassVar[str] = "budget_id"
    budget_id: Id
    cluster_id: Id
    financial_year: FinancialYear


class BudgetChanged(BudgetEvent):
    """What a cluster may spend in a year, as it now is."""

    type: ClassVar[str] = "jointly.budget.changed.v1"
    amount_pence: Pence


class BudgetLow(BudgetEvent):
    """A budget will soon be empty. Said once for each mark that it passes."""

    type: ClassVar[str] = "jointly.budget.low.v1"
    amount_pence: Pence
    #: Neither paid nor set aside.
    remaining_pence: Pence
    #: The mark that was passed, percent of the budget.
    mark_percent: int = Field(ge=0, le=100)
