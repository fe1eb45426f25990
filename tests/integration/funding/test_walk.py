"""Whatever is done in whatever order: the ledger adds up, and says what the events alone would let one reckon."""

import random
from collections import defaultdict
from dataclasses import dataclass
from typing import Any, Final

import pytest
from chassis.clock import BusinessClock
from integration.funding.steps import (
    FINANCE,
    NORTH,
    SOUTH,
    THIS_YEAR,
    a_case,
    act,
    adds_up,
    ask,
    budgets,
    fire,
    get,
    later,
    position,
)
from schemas.event import Event
from schemas.funding import BudgetChanged, FundingAwarded, FundingClawedBack, FundingEnded, FundingPaid
from schemas.referral import CaseClosed
from support.service import Served

STEPS = 90


def reckoned(events: list[Event]) -> dict[tuple[str, str], dict[str, int]]:
    """Budgets by cluster and year, from what was said alone."""
    names: dict[str, tuple[str, str]] = {}
    sums: defaultdict[str, dict[str, int]] = defaultdict(
        lambda: dict.fromkeys(("budget", "committed", "paid", "clawed_back"), 0)
    )
    for event in events:
        match event:
            case BudgetChanged():
                names[event.budget_id] = (event.cluster_id, event.financial_year)
                sums[event.budget_id]["budget"] = event.amount_pence
            case FundingAwarded():
                sums[event.budget_id]["committed"] += event.amount_pence
            case FundingPaid():
                sums[event.budget_id]["committed"] -= event.amount_pence
                sums[event.budget_id]["paid"] += event.amount_pence
            case FundingEnded():
                sums[event.budget_id]["committed"] -= event.released_pence
            case FundingClawedBack():
                sums[event.budget_id]["clawed_back"] += event.amount_pence
    for kept in sums.values():
        kept["remaining"] = kept["budget"] - kept["committed"] - kept["paid"] + kept["clawed_back"]
    return {names[id]: kept for id, kept in sums.items()}


@dataclass
class Walk:
    """Somebody who does this and that."""

    served: Served
    clock: BusinessClock
    cases: list[str]
    rng: random.Random

    async def some(self, path: str, **narrowed: str) -> dict[str, Any] | None:
        """One of a list."""
        items = (await get(self.served, path, FINANCE, limit="200", **narrowed)).json()["items"]
        return self.rng.choice(items) if items else None

    async def ask(self) -> None:
        since = self.clock.now().date()
        wanted: dict[str, Any] = {
            "amount_pence": self.rng.randint(1_000, 400_000), "since": f"{since}",
            "until": f"{since.replace(year=since.year + 1, day=1)}",
        }  # fmt: skip
        answer = await ask(self.served, self.rng.choice(self.cases), FINANCE, **wanted)
        assert answer.status_code in {201, 409, 422}

    async def decide(self) -> None:
        request = await self.some("requests", state="waiting")
        if request is not None:
            what, body = self.rng.choice([("award", {"reason": "Yes."}), ("decline", {"reason": "other-source"})])
            who = self.rng.choice((FINANCE, NORTH, SOUTH))
            answer = await act(self.served, f"requests/{request['id']}", what, who, body)
            assert answer.status_code in {200, 403, 404, 409}

    async def pay(self) -> None:
        due = await self.some("payments", due_by=f"{self.clock.now().date()}")
        if due is not None:
            body = {"instalment": due["instalment"]}
            assert (await act(self.served, f"awards/{due['award_id']}", "payments", body=body)).status_code == 200

    async def end(self) -> None:
        award = await self.some("awards", state="running")
        if award is not None:
            assert (await act(self.served, f"awards/{award['id']}", "end", body={"reason": "need-met"})).is_success

    async def claw_back(self) -> None:
        award = await self.some("awards")
        if award is not None:
            body = {"amount_pence": self.rng.randint(1, 200_000), "reason": "unspent"}
            answer = await act(self.served, f"awards/{award['id']}", "claw-back", body=body)
            assert answer.status_code in {200, 409}

    async def change_a_budget(self) -> None:
        amount = f"{self.rng.randint(0, 20_000)}.00"
        await budgets(self.served, (self.rng.choice(("north", "south")), THIS_YEAR, amount))

    async def wait(self) -> None:
        later(self.clock, days=self.rng.randint(1, 9))

    async def close(self) -> None:
        await self.served.hear(CaseClosed(case_id=self.rng.choice(self.cases), reason="helped"))


#: How often each is done, of a hundred times.
_OFTEN: Final = {
    "ask": 35,
    "decide": 20,
    "pay": 19,
    "end": 5,
    "claw_back": 7,
    "change_a_budget": 6,
    "wait": 6,
    "close": 2,
}


@pytest.mark.parametrize("seed", [1, 2])
async def test_every_figure_is_what_the_events_say(funding: Served, clock: BusinessClock, seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311  a walk that can be walked again
    await budgets(funding, ("north", THIS_YEAR, "12000.00"), ("north", "2027-28", "9000.00"))
    cases = [await a_case(funding, cluster_id=rng.choice(("north", "south"))) for _ in range(6)]
    walk = Walk(funding, clock, cases, rng)
    for move in rng.choices(list(_OFTEN), list(_OFTEN.values()), k=STEPS):
        await getattr(walk, move)()
        await adds_up(funding)
    await fire(funding)
    figures = reckoned(await funding.said())
    assert {key: await position(funding, *key) for key in figures} == figures
    assert all(min(kept.values()) >= 0 for kept in figures.values())
    assert len(await funding.said(FundingAwarded, FundingPaid, FundingEnded)) > 5, "the walk went somewhere"
