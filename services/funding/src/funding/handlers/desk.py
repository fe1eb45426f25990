"""The desk at which money is granted, paid, released and taken back: under the cases' and the budgets' locks."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from typing import Any, Final

from chassis.cause import Cause
from chassis.clock import new_id
from schemas.days import Calendar
from schemas.funding import (
    BudgetChanged,
    BudgetLow,
    FundingAwarded,
    FundingClawedBack,
    FundingDeclined,
    FundingEnded,
    FundingPaid,
    FundingRequested,
)

from funding.domain import ledger
from funding.domain.days import day_of
from funding.domain.decision import Purse, Waits, by_person, by_rule
from funding.domain.ledger import Posting, marks_below
from funding.domain.measures import working_days_between
from funding.domain.requests import Award, CaseFile, Request, State
from funding.domain.rules import Rules
from funding.domain.spans import Part, instalments
from funding.policy import rules_of
from funding.store import Tx
from funding.store.budgets import Budget

#: Money of a cluster is free again. Each has a subject of its own, so that nobody waits for another to set it.
MONEY_RELEASED: Final = "money-released"
#: Who decided, where an event must name somebody and no person did.
BY_RULE: Final = "funding"


@dataclass
class Desk:
    """What is decided from, and what it came to, for one transaction."""

    tx: Tx
    rules: Rules
    calendar: Calendar
    cases: dict[str, CaseFile]
    requests: dict[str, Request]
    awards: dict[str, Award]
    budgets: dict[str, Budget]
    _requests_changed: set[str] = field(default_factory=set)
    _awards_changed: set[str] = field(default_factory=set)
    #: Budgets with what was free before, to see which marks are passed.
    _before: dict[str, Budget] = field(default_factory=dict)
    _postings: list[dict[str, Any]] = field(default_factory=list)
    _entries: list[dict[str, Any]] = field(default_factory=list)
    _first_paid: dict[str, tuple[str, date, int, int]] = field(default_factory=dict)
    _released: set[str] = field(default_factory=set)
    _cause: Cause | None = None

    @classmethod
    async def open(cls, tx: Tx, cases: Collection[str], *, clusters: Collection[str] = ()) -> "Desk":
        """Everything about these cases, locked: heads first, then cases, then all budgets that they may touch."""
        await tx.lock_subjects(cases)
        known = await tx.cases.lock(cases)
        requests = {one.id: one for one in await tx.requests.of_cases(list(known))}
        awards = {one.id: one for one in await tx.requests.awards_of_cases(list(known))}
        touched = {case.cluster_id for case in known.values() if case.cluster_id} | set(clusters)
        budgets = await tx.budgets.lock(
            touched | {one.cluster_id for one in requests.values()}, [one.budget_id for one in awards.values()]
        )
        # What an award has left belongs to its budget: read once nobody else moves it.
        awards = await tx.requests.find_awards(list(awards))
        return cls(tx, rules_of(day_of(tx.now)), await tx.cases.calendar(), known, requests, awards, budgets)

    @cached_property
    def today(self) -> date:
        """The county's day."""
        return day_of(self.tx.now)

    def of_case(self, case_id: str) -> list[Request]:
        """The requests for a case, the oldest first."""
        return [one for one in self.requests.values() if one.case_id == case_id]

    def touched(self, id: str) -> bool:
        """Whether this transaction has changed this request or award already: whoever read it before is stale."""
        return id in self._requests_changed or id in self._awards_changed

    def ask(self, request: Request, cause: Cause) -> Request:
        """Money is asked for; said, and granted at once where the rule does."""
        case = self.cases[request.case_id]
        self._keep(request)
        self.tx.emit(
            FundingRequested(
                case_id=request.case_id, request_id=request.id, cluster_id=request.cluster_id,
                organisation_id=request.organisation_id, purpose=request.purpose, amount_pence=request.amount_pence,
                since=request.since, until=request.until, referred_at=case.referred_at or request.asked_at,
            ),
            cause,
        )  # fmt: skip
        return self.consider(request, cause)

    def would(self, request: Request) -> Waits | None:
        """What the rule would say of a request: None when it grants it."""
        return by_rule(
            request.amount_pence, request.parts, self._purses(request), self._used(request.case_id), self.rules
        )

    def consider(self, request: Request, cause: Cause) -> Request:
        """Look at what waits: the rule grants it, or says why it goes on waiting. Also what awaited a later year."""
        if request.state is State.AWARDED:
            return self._grant(request, cause) if request.parts and self._due_parts(request) else request
        if request.state is not State.WAITING:
            return request
        why = self.would(request)
        if why is None:
            return self._grant(replace(request, decided_at=self.tx.now, rules_version=self.rules.version), cause)
        if request.waits_because == why.value:
            return request
        return self._keep(replace(request, waits_because=why.value))

    def why_not(self, request: Request) -> Waits | None:
        """Why not even a person can grant it now."""
        return by_person(request.parts, self._purses(request))

    def award(self, request: Request, *, by: str, note: str, cause: Cause) -> Request:
        """A person grants it. `why_not` must have been asked."""
        decided = replace(request, decided_by=by, decided_at=self.tx.now, note=note, rules_version=self.rules.version)
        return self._grant(decided, cause)

    def decline(self, request: Request, reason: str, cause: Cause, *, by: str | None = None, note: str | None = None) -> Request:  # fmt: skip  # noqa: E501
        """It is not granted."""
        self.tx.emit(
            FundingDeclined(case_id=request.case_id, request_id=request.id, reason=reason, decided_by=by or BY_RULE),
            cause,
        )
        return self._keep(
            replace(
                request, state=State.DECLINED, waits_because=None, refusal=reason, note=note, decided_by=by,
                decided_at=self.tx.now, rules_version=self.rules.version,
            )
        )  # fmt: skip

    def pay(self, award: Award, number: int, on: date, *, by: str, cause: Cause) -> Award:
        """An instalment is paid."""
        instalment = next(one for one in award.instalments if one.number == number)
        payment_id = new_id()
        self._post(award.budget_id, ledger.pay(instalment.amount_pence), cause, award=award.id, day=on, by=by, id=payment_id)  # fmt: skip  # noqa: E501
        case = self.cases[award.case_id]
        referred_on = day_of(case.referred_at) if case.referred_at else day_of(award.awarded_at)
        days = max((on - referred_on).days, 0)
        if case.first_paid_on is None:
            working = working_days_between(self.calendar, referred_on, on)
            self._first_paid[case.id] = (case.id, on, days, working)
            self.cases[case.id] = replace(case, first_paid_on=on)
        self.tx.emit(
            FundingPaid(
                case_id=award.case_id, request_id=award.request_id, award_id=award.id, payment_id=payment_id,
                budget_id=award.budget_id, amount_pence=instalment.amount_pence, paid_on=on, days_since_referral=days,
            ),
            cause,
        )  # fmt: skip
        plan = tuple(
            replace(one, payment_id=payment_id, paid_on=on) if one.number == number else one
            for one in award.instalments
        )
        return self._keep_award(replace(award, instalments=plan))

    def end(self, award: Award, reason: str, cause: Cause, *, by: str | None = None) -> Award:
        """An award ends: what was set aside and not paid is free again."""
        released = self.awards[award.id].balances.committed
        if released:
            self._post(award.budget_id, ledger.release(released), cause, award=award.id, by=by, reason=reason)
        self.tx.emit(
            FundingEnded(
                case_id=award.case_id, request_id=award.request_id, award_id=award.id, budget_id=award.budget_id,
                reason=reason, ended_on=self.today, released_pence=released,
            ),
            cause,
        )  # fmt: skip
        plan = tuple(replace(one, cancelled=one.cancelled or one.open) for one in award.instalments)
        ended = self._keep_award(replace(award, ended_on=self.today, ending=reason, instalments=plan))
        self._end_request(award.request_id)
        return ended

    def claw_back(self, award: Award, pence: int, reason: str, on: date, *, by: str, cause: Cause) -> Award:
        """Money that was paid comes back."""
        self._post(award.budget_id, ledger.claw_back(pence), cause, award=award.id, day=on, by=by, reason=reason)
        self.tx.emit(
            FundingClawedBack(
                case_id=award.case_id, request_id=award.request_id, award_id=award.id, budget_id=award.budget_id,
                reason=reason, amount_pence=pence, returned_on=on,
            ),
            cause,
        )  # fmt: skip
        return self._keep_award(award)

    def fund(self, budget: Budget, amount_pence: int, cause: Cause, *, by: str | None = None) -> Budget:
        """A budget is this much from now on. Never less than what is set aside or spent: `NotInBalance`."""
        self._post(budget.id, ledger.fund(amount_pence - budget.balances.amount), cause, by=by)
        self.tx.emit(
            BudgetChanged(
                budget_id=budget.id, cluster_id=budget.cluster_id, financial_year=budget.financial_year,
                amount_pence=amount_pence,
            ),
            cause,
        )  # fmt: skip
        return self.budgets[budget.id]

    def move(self, request: Request, cluster: str, cause: Cause) -> Request:
        """The case is with another cluster: what waits is that one's to decide."""
        return self.consider(self._keep(replace(request, cluster_id=cluster, waits_because=None)), cause)

    async def close(self) -> None:
        """Write everything that was decided, say which marks were passed, and have released money looked at."""
        await self.tx.requests.save([self.requests[id] for id in sorted(self._requests_changed)])
        await self.tx.requests.save_awards([self.awards[id] for id in sorted(self._awards_changed)])
        await self.tx.budgets.post(self._postings, self._entries)
        await self.tx.cases.paid([self._first_paid[id] for id in sorted(self._first_paid)])
        if self._before:
            await self.tx.budgets.save_marks([self._marked(id) for id in sorted(self._before)])
        if self._cause is not None:
            for cluster in sorted(self._released):
                await look_again(self.tx, cluster, self._cause)

    def _purses(self, request: Request) -> Mapping[str, Purse]:
        return {
            one.financial_year: Purse(one.balances.amount, one.balances.free, one.used_by_rule)
            for one in self.budgets.values()
            if one.cluster_id == request.cluster_id
        }

    def _used(self, case_id: str) -> Mapping[str, int]:
        """What the case has had or is promised, by financial year, of whichever cluster."""
        used: dict[str, int] = {}
        for award in self.awards.values():
            if award.case_id == case_id:
                year = self.budgets[award.budget_id].financial_year
                used[year] = used.get(year, 0) + award.balances.bound
        return used

    def _due_parts(self, request: Request) -> list[tuple[Part, Budget]]:
        """What of a granted request has no award yet, and a budget that bears it now."""
        of = {one.financial_year: one for one in self.budgets.values() if one.cluster_id == request.cluster_id}
        return [
            (part, of[part.financial_year])
            for part in request.parts
            if part.award_id is None
            and part.financial_year in of
            and of[part.financial_year].balances.free >= part.amount_pence
        ]

    def _grant(self, request: Request, cause: Cause) -> Request:
        made: dict[str, str] = {}
        for part, budget in self._due_parts(request):
            plan = instalments(part.amount_pence, part.since, part.until, self.rules.schedule, today=self.today)
            award = Award(
                id=new_id(), request_id=request.id, case_id=request.case_id, cluster_id=request.cluster_id,
                budget_id=budget.id, organisation_id=request.organisation_id, purpose=request.purpose,
                amount_pence=part.amount_pence, since=part.since, until=part.until, decided_by=request.decided_by,
                rules_version=request.rules_version or self.rules.version, awarded_at=self.tx.now, instalments=plan,
            )  # fmt: skip
            self._keep_award(award)
            self._post(budget.id, ledger.set_aside(part.amount_pence), cause, award=award.id, by=request.decided_by)
            made[part.financial_year] = award.id
            self.tx.emit(
                FundingAwarded(
                    case_id=award.case_id, request_id=award.request_id, award_id=award.id, budget_id=budget.id,
                    cluster_id=award.cluster_id, organisation_id=award.organisation_id,
                    amount_pence=award.amount_pence, since=award.since, until=award.until,
                    rules_version=award.rules_version, decided_by=award.decided_by,
                ),
                cause,
            )  # fmt: skip
        parts = tuple(replace(part, award_id=made.get(part.financial_year, part.award_id)) for part in request.parts)
        return self._keep(replace(request, state=State.AWARDED, waits_because=None, parts=parts))

    def _end_request(self, request_id: str) -> None:
        request = self.requests[request_id]
        given = [self.awards[part.award_id] for part in request.parts if part.award_id is not None]
        if request.state is State.AWARDED and all(one.ended_on is not None for one in given):
            self._keep(replace(request, state=State.ENDED))

    def _keep(self, request: Request) -> Request:
        self.requests[request.id] = request
        self._requests_changed.add(request.id)
        return request

    def _keep_award(self, award: Award) -> Award:
        known = self.awards.get(award.id)
        # Postings have gone on since the caller read it.
        self.awards[award.id] = replace(award, balances=known.balances) if known else award
        self._awards_changed.add(award.id)
        return self.awards[award.id]

    def _post(
        self,
        budget_id: str,
        posting: Posting,
        cause: Cause,
        *,
        award: str | None = None,
        day: date | None = None,
        by: str | None = None,
        reason: str | None = None,
        id: str | None = None,
    ) -> None:
        budget = self.budgets[budget_id]
        self._before.setdefault(budget_id, budget)
        after = budget.balances.after(posting)
        if after.free > budget.balances.free:
            self._released.add(budget.cluster_id)
        used = budget.used_by_rule
        if award is not None:
            given = self.awards[award]
            self.awards[award] = replace(given, balances=_award_after(given.balances, posting))
            if given.decided_by is None:
                used += budget.balances.free - after.free
        self.budgets[budget_id] = replace(budget, balances=after, used_by_rule=used)
        self._cause = cause
        posting_id = id or new_id()
        self._postings.append(
            {
                "id": posting_id, "budget_id": budget_id, "award_id": award, "kind": posting.kind.value,
                "at": self.tx.now, "day": day or self.today, "by": by, "reason": reason,
            }
        )  # fmt: skip
        self._entries += [
            {
                "posting_id": posting_id, "budget_id": budget_id, "award_id": award, "account": account.value,
                "amount_pence": pence,
            }
            for account, pence in posting.entries
        ]  # fmt: skip

    def _marked(self, budget_id: str) -> Budget:
        """The budget with the mark that holds now; what was newly passed is said, the highest first."""
        budget = self.budgets[budget_id]
        said = self._before[budget_id].mark
        passed = marks_below(budget.balances.free, budget.balances.amount, self.rules.marks)
        for mark in passed:
            if said is None or mark < said:
                self.tx.emit(
                    BudgetLow(
                        budget_id=budget.id, cluster_id=budget.cluster_id, financial_year=budget.financial_year,
                        amount_pence=budget.balances.amount, remaining_pence=budget.balances.free, mark_percent=mark,
                    ),
                    self._cause or Cause.fresh(),
                )  # fmt: skip
        return replace(budget, mark=passed[-1] if passed else None)


def _award_after(balances: ledger.Balances, posting: Posting) -> ledger.Balances:
    """An award's own balances: of the budget's accounts, only what was set aside and paid for it is checked."""
    moved = ledger.total(posting.entries)
    after = ledger.Balances(
        0, balances.free + moved.free, balances.committed + moved.committed, balances.paid + moved.paid,
        balances.clawed_back + moved.clawed_back,
    )  # fmt: skip
    if after.committed < 0 or after.spent < 0:
        raise ledger.NotInBalance(posting.kind)
    return after


async def look_again(tx: Tx, cluster: str, cause: Cause, *, after: Sequence[Any] = ()) -> None:
    """Have what waits for this cluster's money looked at, once this is done."""
    payload = {"cluster": cluster, "after": list(after)}
    await tx.set_deadline(MONEY_RELEASED, new_id(), tx.now, cause=cause, payload=payload)
