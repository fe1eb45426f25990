"""Money that people ask for, and what becomes of it."""

from typing import Any

import pytest
from chassis.clock import new_id
from integration.funding.steps import (
    FINANCE,
    HOSPITAL,
    NORTH,
    SCHOOL,
    SOUTH,
    STRANGER,
    THIS_YEAR,
    WORKER,
    a_case,
    act,
    adds_up,
    ask,
    asked,
    budgets,
    get,
    opened,
    position,
    submitted,
    taking_part,
    wish,
)
from schemas.funding import FundingAwarded, FundingDeclined, FundingRequested
from schemas.referral import CaseClosed
from support.service import Served, keyed, signed_in

AGREED = {"reason": "It will help."}


async def test_a_small_sum_is_granted_at_once_by_rule(funding: Served) -> None:
    case = await a_case(funding)
    request = await asked(funding, case, amount_pence=150_000)
    assert (request["state"], request["by_rule"], request["rules_version"]) == ("awarded", True, "2026-04")
    [award] = await funding.said(FundingAwarded)
    assert isinstance(award, FundingAwarded)
    assert (award.award_id, award.decided_by) == (request["parts"][0]["award_id"], None)
    assert (await position(funding))["committed"] == 150_000


async def test_a_larger_one_waits_for_a_named_person_with_a_reason(funding: Served) -> None:
    case = await a_case(funding)
    request = await asked(funding, case, amount_pence=150_001)
    assert (request["state"], request["waits_because"]) == ("waiting", "above-limit")
    answer = await act(funding, f"requests/{request['id']}", "award", NORTH, AGREED)
    assert answer.status_code == 200
    assert (answer.json()["state"], answer.json()["by_rule"]) == ("awarded", False)
    [award] = await funding.said(FundingAwarded)
    assert isinstance(award, FundingAwarded)
    assert award.decided_by == "north-lead"
    [kept] = await funding.rows("SELECT decided_by, note FROM request")
    assert kept == {"decided_by": "north-lead", "note": "It will help."}


async def test_the_lead_grants_up_to_their_limit_and_finance_beyond(funding: Served) -> None:
    case = await a_case(funding)
    request = await asked(funding, case, amount_pence=500_001)
    refused = await act(funding, f"requests/{request['id']}", "award", NORTH, AGREED)
    assert refused.status_code == 403
    shown = (await get(funding, f"requests/{request['id']}", NORTH)).json()["actions"]
    assert [(one["name"], one["allowed"]) for one in shown] == [("award", False), ("decline", False)]
    assert (await act(funding, f"requests/{request['id']}", "award", FINANCE, AGREED)).status_code == 200


async def test_nobody_decides_what_they_themselves_asked_for(funding: Served) -> None:
    case = await a_case(funding)
    for who in (NORTH, FINANCE):
        request = await asked(funding, case, who)
        for what, body in (("award", AGREED), ("decline", {"reason": "other-source"})):
            refused = await act(funding, f"requests/{request['id']}", what, who, body)
            assert (refused.status_code, refused.json()["title"]) == (403, "Forbidden")
    assert await funding.said(FundingAwarded, FundingDeclined) == []


async def test_a_request_is_declined_with_a_reason(funding: Served) -> None:
    case = await a_case(funding)
    request = await asked(funding, case)
    body = {"reason": "not-additional", "note": "The school has this in its offer."}
    answer = await act(funding, f"requests/{request['id']}", "decline", NORTH, body)
    assert (answer.json()["state"], answer.json()["refusal"]) == ("declined", "not-additional")
    [said] = await funding.said(FundingDeclined)
    assert said == FundingDeclined(
        case_id=case, request_id=request["id"], reason="not-additional", decided_by="north-lead"
    )
    again = await act(funding, f"requests/{request['id']}", "award", NORTH, AGREED)
    assert (again.status_code, again.json()["title"]) == (409, "Already decided")


async def test_a_case_may_have_so_much_by_rule_in_a_year(funding: Served) -> None:
    case = await a_case(funding)
    states = [(await asked(funding, case, amount_pence=100_000))["waits_because"] for _ in range(4)]
    assert states == [None, None, None, "case-limit"]
    other = await a_case(funding)
    assert (await asked(funding, other, amount_pence=100_000))["state"] == "awarded"


async def test_what_the_budget_cannot_bear_is_refused_to_a_person_and_goes_on_waiting(funding: Served) -> None:
    await budgets(funding, ("north", THIS_YEAR, "2000.00"))
    case = await a_case(funding)
    request = await asked(funding, case)
    refused = await act(funding, f"requests/{request['id']}", "award", FINANCE, AGREED)
    assert (refused.status_code, refused.json()["title"]) == (409, "Budget spent")
    assert (await get(funding, f"requests/{request['id']}")).json()["state"] == "waiting"
    south = await a_case(funding, cluster_id="south")
    late = await asked(funding, south, SOUTH, since="2027-04-02", until="2027-05-02")
    refused = await act(funding, f"requests/{late['id']}", "award", FINANCE, AGREED)
    assert (refused.status_code, refused.json()["title"]) == (409, "No budget")


async def test_a_request_over_two_financial_years_is_borne_by_both(funding: Served) -> None:
    await budgets(funding, ("north", "2027-28", "80000.00"))
    case = await a_case(funding)
    request = await asked(funding, case, amount_pence=100_000, since="2027-03-12", until="2027-04-30")
    assert [(part["financial_year"], part["amount_pence"]) for part in request["parts"]] == [
        (THIS_YEAR, 40_000),
        ("2027-28", 60_000),
    ]
    awards = await funding.said(FundingAwarded)
    assert [(one.amount_pence, str(one.since), str(one.until)) for one in awards] == [  # type: ignore[attr-defined]
        (40_000, "2027-03-12", "2027-03-31"),
        (60_000, "2027-04-01", "2027-04-30"),
    ]
    assert (await position(funding))["committed"] == 40_000
    assert (await position(funding, year="2027-28"))["committed"] == 60_000
    await adds_up(funding)


async def test_what_falls_into_a_year_without_a_budget_is_granted_once_it_has_one(funding: Served) -> None:
    case = await a_case(funding)
    request = await asked(funding, case, amount_pence=100_000, since="2027-03-12", until="2027-04-30")
    assert [part["award_id"] is None for part in request["parts"]] == [False, True]
    await budgets(funding, ("north", "2027-28", "599.99"))
    assert len(await funding.said(FundingAwarded)) == 1
    await budgets(funding, ("north", "2027-28", "600.00"))
    assert len(await funding.said(FundingAwarded)) == 2
    after = (await get(funding, f"requests/{request['id']}")).json()
    assert all(part["award_id"] for part in after["parts"])
    assert await position(funding, year="2027-28") == {
        "budget": 60_000, "committed": 60_000, "paid": 0, "clawed_back": 0, "remaining": 0,
    }  # fmt: skip
    await adds_up(funding)


async def test_a_dry_run_tells_and_keeps_nothing(funding: Served) -> None:
    case = await a_case(funding)
    told = [
        (await ask(funding, case, amount_pence=pence, params={"dry_run": "true"})).json()["state"]
        for pence in (100_000, 200_000)
    ]
    assert told == ["awarded", "waiting"]
    assert await funding.rows("SELECT 1 FROM request") == []
    assert await funding.said(FundingRequested) == []


async def test_the_same_key_asks_once(funding: Served) -> None:
    case = await a_case(funding)
    headers = signed_in(**WORKER) | keyed("once")
    answers = [await funding.client.post("/v1/funding/requests", json=wish(case), headers=headers) for _ in range(3)]
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert len(await funding.said(FundingRequested)) == 1
    other = await funding.client.post("/v1/funding/requests", json=wish(case, amount_pence=5000), headers=headers)
    assert (other.status_code, other.json()["title"]) == (422, "Idempotency key reused")
    without = await funding.client.post("/v1/funding/requests", json=wish(case), headers=signed_in(**WORKER))
    assert without.status_code == 400


async def test_a_decision_needs_the_version_that_was_read(funding: Served) -> None:
    case = await a_case(funding)
    request = await asked(funding, case)
    path = f"requests/{request['id']}"
    assert (await act(funding, path, "award", FINANCE, AGREED, **{"If-Match": '"7"'})).status_code == 412
    headers = signed_in(**FINANCE) | keyed()
    missing = await funding.client.post(f"/v1/funding/{path}/award", json=AGREED, headers=headers)
    assert missing.status_code == 428


@pytest.mark.parametrize(
    ("changes", "pointers"),
    [
        ({"purpose": "holidays"}, ["/purpose"]),
        ({"amount_pence": 0}, ["/amount_pence"]),
        ({"amount_pence": 999}, ["/amount_pence"]),
        ({"amount_pence": 5_000_001}, ["/amount_pence"]),
        ({"amount_pence": 10**13}, ["/amount_pence"]),
        ({"amount_pence": 12.5}, ["/amount_pence"]),
        ({"since": "2026-10-22"}, ["/since"]),
        ({"since": "2026-02-20"}, ["/since", "/until"]),
        ({"since": "2028-01-01"}, ["/since", "/until"]),
        ({"until": "2026-11-22"}, ["/until"]),
        ({"until": "2027-11-24"}, ["/until"]),
        ({"organisation_id": "school-999999"}, ["/organisation_id"]),
        ({"reason": ""}, ["/reason"]),
        ({"reason": "a\u0000b"}, ["/reason"]),
        ({"note": "x"}, ["/note"]),
        ({"purpose": "holidays", "amount_pence": 1}, ["/purpose", "/amount_pence"]),
    ],
)
async def test_what_the_rules_do_not_allow_is_refused_by_field(
    funding: Served, changes: dict[str, Any], pointers: list[str]
) -> None:
    case = await a_case(funding)
    answer = await ask(funding, case, **changes)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == pointers


async def test_money_needs_a_cluster_and_an_open_case(funding: Served) -> None:
    case = new_id()
    await funding.hear(submitted(case, requested=()), opened(case))
    early = await ask(funding, case, SCHOOL)
    assert (early.status_code, early.json()["title"]) == (409, "No cluster yet")
    case = await a_case(funding)
    await funding.hear(CaseClosed(case_id=case, reason="helped"))
    late = await ask(funding, case)
    assert (late.status_code, late.json()["title"]) == (409, "Case closed")


async def test_who_is_no_part_of_a_case_finds_nothing(funding: Served) -> None:
    case = await a_case(funding)
    await funding.hear(taking_part(case, "nhs-trust"))
    request = await asked(funding, case)
    path = f"requests/{request['id']}"
    seen = {
        name: (await get(funding, path, who)).status_code
        for name, who in {
            "finance": FINANCE, "lead": NORTH, "worker": WORKER, "school": SCHOOL, "referrer": HOSPITAL,
            "other lead": SOUTH, "stranger": STRANGER,
        }.items()
    }  # fmt: skip
    assert seen == {
        "finance": 200, "lead": 200, "worker": 200, "school": 200, "referrer": 200, "other lead": 404, "stranger": 404,
    }  # fmt: skip
    for who in (SOUTH, STRANGER):
        assert (await ask(funding, case, who)).status_code == 404
        assert (await get(funding, "requests", who)).json()["items"] == []
    assert (await act(funding, path, "award", SOUTH, AGREED)).status_code == 404
    assert (await act(funding, path, "award", STRANGER, AGREED)).status_code == 403
    assert len((await get(funding, "requests", SCHOOL)).json()["items"]) == 1


async def test_a_list_is_paged_and_narrowed(funding: Served) -> None:
    north, south = await a_case(funding), await a_case(funding, cluster_id="south")
    ids = [(await asked(funding, north))["id"] for _ in range(3)]
    other = await asked(funding, south, SOUTH)
    first = (await get(funding, "requests", limit="2")).json()
    second = (await get(funding, "requests", limit="2", cursor=first["next"])).json()
    assert [one["id"] for one in first["items"] + second["items"]] == [*ids, other["id"]]
    assert second["next"] is None
    assert [one["id"] for one in (await get(funding, "requests", case=south)).json()["items"]] == [other["id"]]
    assert len((await get(funding, "requests", cluster="north", state="waiting")).json()["items"]) == 3
    assert (await get(funding, "requests", state="awarded")).json()["items"] == []
    assert [one["id"] for one in (await get(funding, "requests", NORTH)).json()["items"]] == ids


async def test_every_act_and_every_look_is_noted(funding: Served) -> None:
    case = await a_case(funding)
    request = await asked(funding, case)
    await act(funding, f"requests/{request['id']}", "award", NORTH, AGREED)
    rows = await funding.rows("SELECT actor, action, what, case_id FROM audit ORDER BY id")
    for actor, action in (("w", "requested"), ("north-lead", "awarded"), ("finance", "read")):
        assert {"actor": actor, "action": action, "what": "funding-request", "case_id": case} in rows
