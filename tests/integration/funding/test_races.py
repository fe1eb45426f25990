"""However many ask at the same instant, no budget is overspent."""

import asyncio
from collections import Counter

from chassis.clock import new_id
from integration.funding.steps import (
    FINANCE,
    THIS_YEAR,
    a_case,
    adds_up,
    asked,
    assigned,
    budgets,
    fire,
    opened,
    position,
    submitted,
)
from schemas.funding import BudgetLow, FundingAwarded
from support.service import Served, keyed, signed_in


async def test_of_200_awards_at_once_on_a_budget_for_37_exactly_37_are_granted(funding: Served) -> None:
    await budgets(funding, ("north", THIS_YEAR, "92500.00"))
    cases = [await a_case(funding) for _ in range(4)]
    # 2,500 pounds each: more than the rule grants, so that a person decides.
    requests = [await asked(funding, cases[n % 4]) for n in range(200)]

    async def grant(id: str) -> int:
        headers = signed_in(**FINANCE) | keyed() | {"If-Match": '"1"'}
        path = f"/v1/funding/requests/{id}/award"
        answer = await funding.client.post(path, json={"reason": "Agreed."}, headers=headers)
        return answer.status_code

    statuses = Counter(await asyncio.gather(*(grant(request["id"]) for request in requests)))
    assert statuses == {200: 37, 409: 163}
    assert len(await funding.said(FundingAwarded)) == 37
    assert await position(funding) == {
        "budget": 9_250_000, "committed": 9_250_000, "paid": 0, "clawed_back": 0, "remaining": 0,
    }  # fmt: skip
    assert [low.mark_percent for low in await funding.said(BudgetLow)] == [25, 10]  # type: ignore[attr-defined]
    await adds_up(funding)


async def test_of_200_small_requests_at_once_the_rule_grants_as_many_as_its_share_bears(funding: Served) -> None:
    # The rule may use 70 percent: 44,400 of 63,430 pounds is 37 times 1,200.
    await budgets(funding, ("north", THIS_YEAR, "63430.00"))
    cases = [await a_case(funding) for _ in range(100)]

    async def wants(case_id: str) -> str:
        state: str = (await asked(funding, case_id, amount_pence=120_000))["state"]
        return state

    states = Counter(await asyncio.gather(*(wants(case_id) for case_id in cases * 2)))
    assert states == {"awarded": 37, "waiting": 163}
    assert (await position(funding))["committed"] == 37 * 120_000
    await adds_up(funding)


async def test_of_200_referrals_whose_cases_find_their_cluster_at_once_37_are_granted(funding: Served) -> None:
    await budgets(funding, ("north", THIS_YEAR, "63430.00"))
    consumer = funding.runtime.consumer
    assert consumer is not None
    ids = [new_id() for _ in range(200)]
    await funding.hear(*[submitted(id) for id in ids])
    await funding.hear(*[opened(id) for id in ids])
    records = [funding.record(assigned(id)) for id in ids]
    # Each batch twice, all at once: the log delivers at least once.
    batches = [records[n : n + 20] for n in range(0, 200, 20)] * 2
    await asyncio.gather(*(consumer.deliver(batch) for batch in batches))
    assert len(await funding.said(FundingAwarded)) == 37
    rows = await funding.rows("SELECT state, count(*) AS n FROM request GROUP BY state ORDER BY state")
    assert rows == [{"state": "awarded", "n": 37}, {"state": "waiting", "n": 163}]
    assert (await position(funding))["committed"] == 37 * 120_000
    await budgets(funding, ("north", THIS_YEAR, "1000000.00"))
    await fire(funding)
    assert len(await funding.said(FundingAwarded)) == 200, "money has come: what waited is granted"
    await adds_up(funding)


async def test_awards_releases_and_budget_changes_at_once_leave_a_ledger_that_adds_up(funding: Served) -> None:
    cases = [await a_case(funding) for _ in range(10)]
    granted = await asyncio.gather(*(asked(funding, case_id, amount_pence=100_000) for case_id in cases))
    awards = [request["parts"][0]["award_id"] for request in granted]

    async def post(path: str, body: dict[str, object]) -> int:
        headers = signed_in(**FINANCE) | keyed() | {"If-Match": '"1"'}
        return (await funding.client.post(f"/v1/funding/{path}", json=body, headers=headers)).status_code

    statuses = await asyncio.gather(
        *(post(f"awards/{id}/payments", {"instalment": 1}) for id in awards),
        *(post(f"awards/{id}/end", {"reason": "need-met"}) for id in awards),
        *(budgets(funding, ("north", THIS_YEAR, f"{amount}.00")) for amount in (90_000, 110_000)),
    )
    done = Counter(status for status in statuses if isinstance(status, int))
    assert done == {200: 10, 412: 10}, "of a payment and an ending of the same version one comes too late"
    await adds_up(funding)
