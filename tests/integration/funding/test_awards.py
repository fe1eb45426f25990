"""Awards are paid by their plan, ended, clawed back; the measure is kept from the first money on."""

import csv
import io
from datetime import date
from typing import Any

import pytest
from chassis.clock import BusinessClock
from integration.funding.steps import (
    FINANCE,
    NORTH,
    SCHOOL,
    SOUTH,
    STRANGER,
    THIS_YEAR,
    WORKER,
    a_case,
    act,
    adds_up,
    awarded,
    get,
    later,
    position,
)
from schemas.funding import FundingClawedBack, FundingEnded, FundingPaid
from support.service import Served


async def pay(served: Served, award: dict[str, Any], number: int = 1, **body: Any) -> dict[str, Any]:
    """Have an instalment paid."""
    answer = await act(served, f"awards/{award['id']}", "payments", body={"instalment": number, **body})
    assert answer.status_code == 200, answer.text
    paid: dict[str, Any] = answer.json()
    return paid


async def test_a_small_award_is_paid_in_one_go_and_counts_the_days_to_money(
    funding: Served, clock: BusinessClock
) -> None:
    case = await a_case(funding)
    later(clock, days=11)
    [award] = await awarded(funding, case, amount_pence=150_000)
    assert [(one["due_on"], one["amount_pence"]) for one in award["instalments"]] == [("2026-12-04", 150_000)]
    paid = await pay(funding, award)
    assert (paid["committed_pence"], paid["paid_pence"], paid["instalments"][0]["state"]) == (0, 150_000, "paid")
    [said] = await funding.said(FundingPaid)
    assert isinstance(said, FundingPaid)
    assert (said.amount_pence, said.paid_on, said.days_since_referral) == (150_000, date(2026, 12, 4), 11)
    assert said.payment_id == paid["instalments"][0]["payment_id"]
    assert await funding.rows("SELECT days_to_money, working_days_to_money FROM case_file") == [
        {"days_to_money": 11, "working_days_to_money": 9}
    ]
    assert await position(funding) == {
        "budget": 10_000_000, "committed": 0, "paid": 150_000, "clawed_back": 0, "remaining": 9_850_000,
    }  # fmt: skip


async def test_a_larger_award_is_paid_by_term(funding: Served, clock: BusinessClock) -> None:
    case = await a_case(funding)
    [award] = await awarded(funding, case, amount_pence=294_000)
    assert [(one["due_on"], one["amount_pence"]) for one in award["instalments"]] == [
        ("2026-11-23", 129_000),
        ("2027-01-05", 165_000),
    ]
    await pay(funding, award)
    early = await act(funding, f"awards/{award['id']}", "payments", body={"instalment": 2})
    assert (early.status_code, early.json()["title"]) == (409, "Not due yet")
    twice = await act(funding, f"awards/{award['id']}", "payments", body={"instalment": 1})
    assert (twice.status_code, twice.json()["title"]) == (409, "Nothing to pay")
    later(clock, days=43)
    await pay(funding, award, 2)
    assert [one.days_since_referral for one in await funding.said(FundingPaid)] == [0, 43]  # type: ignore[attr-defined]
    assert await funding.rows("SELECT first_paid_on FROM case_file") == [{"first_paid_on": date(2026, 11, 23)}]
    await adds_up(funding)


async def test_what_is_due_is_told_to_the_payment_system_and_nothing_about_a_child(
    funding: Served, clock: BusinessClock
) -> None:
    case = await a_case(funding)
    [small] = await awarded(funding, case, amount_pence=120_050)
    [large] = await awarded(funding, case, amount_pence=294_000)
    due = (await get(funding, "payments")).json()["items"]
    assert {(one["award_id"], one["amount_pence"]) for one in due} == {(small["id"], 120_050), (large["id"], 129_000)}
    assert all(one["if_match"] == '"1"' for one in due)
    by = (await get(funding, "payments", due_by="2027-01-31", limit="2")).json()
    rest = (await get(funding, "payments", due_by="2027-01-31", limit="2", cursor=by["next"])).json()
    assert (len(by["items"]), len(rest["items"]), rest["next"]) == (2, 1, None)
    answer = await get(funding, "payments.csv", cluster="north")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert sorted(row["amount"] for row in rows) == ["1200.50", "1290.00"]
    assert {(row["organisation_id"], row["financial_year"]) for row in rows} == {("school-100002", THIS_YEAR)}
    assert case not in answer.text
    await pay(funding, small)
    assert len((await get(funding, "payments")).json()["items"]) == 1
    for who in (NORTH, SOUTH):
        assert (await get(funding, "payments", who)).status_code == 404
        assert (await get(funding, "payments.csv", who)).status_code == 403


async def test_an_award_that_ends_gives_back_what_was_not_paid(funding: Served) -> None:
    case = await a_case(funding)
    [award] = await awarded(funding, case, amount_pence=294_000)
    await pay(funding, award)
    answer = await act(funding, f"awards/{award['id']}", "end", body={"reason": "child-moved"})
    assert [one["state"] for one in answer.json()["instalments"]] == ["paid", "cancelled"]
    [ended] = await funding.said(FundingEnded)
    assert isinstance(ended, FundingEnded)
    assert (ended.reason, ended.released_pence, ended.ended_on) == ("child-moved", 165_000, date(2026, 11, 23))
    assert (await position(funding))["remaining"] == 10_000_000 - 129_000
    again = await act(funding, f"awards/{award['id']}", "end", body={"reason": "need-met"})
    assert (again.status_code, again.json()["title"]) == (409, "Award ended")
    [request] = (await get(funding, "requests", case=case)).json()["items"]
    assert request["state"] == "ended"
    await adds_up(funding)


async def test_money_that_came_back_is_free_again_and_never_more_than_was_paid(funding: Served) -> None:
    case = await a_case(funding)
    [award] = await awarded(funding, case, amount_pence=150_000)
    back = {"amount_pence": 50_000, "reason": "unspent"}
    early = await act(funding, f"awards/{award['id']}", "claw-back", body=back)
    assert (early.status_code, early.json()["errors"][0]["pointer"]) == (409, "/amount_pence")
    await pay(funding, award)
    answer = await act(funding, f"awards/{award['id']}", "claw-back", body=back)
    assert (answer.json()["paid_pence"], answer.json()["clawed_back_pence"]) == (150_000, 50_000)
    [said] = await funding.said(FundingClawedBack)
    assert isinstance(said, FundingClawedBack)
    assert (said.amount_pence, said.reason) == (50_000, "unspent")
    more = await act(funding, f"awards/{award['id']}", "claw-back", body={**back, "amount_pence": 100_001})
    assert more.status_code == 409
    assert (await act(funding, f"awards/{award['id']}", "claw-back", body={**back, "amount_pence": 100_000})).is_success
    assert await position(funding) == {
        "budget": 10_000_000, "committed": 0, "paid": 150_000, "clawed_back": 150_000, "remaining": 10_000_000,
    }  # fmt: skip
    await adds_up(funding)


@pytest.mark.parametrize(
    ("what", "body", "pointer"),
    [
        ("payments", {"instalment": 9}, "/instalment"),
        ("payments", {"instalment": 1, "paid_on": "2026-11-24"}, "/on"),
        ("payments", {"instalment": 1, "paid_on": "2026-11-22"}, "/on"),
        ("payments", {}, "/instalment"),
        ("end", {"reason": "because"}, "/reason"),
        ("claw-back", {"reason": "unspent"}, "/amount_pence"),
        ("claw-back", {"amount_pence": -1, "reason": "unspent"}, "/amount_pence"),
        ("claw-back", {"amount_pence": 1, "reason": "because"}, "/reason"),
    ],
)
async def test_what_makes_no_sense_is_refused_by_field(
    funding: Served, what: str, body: dict[str, Any], pointer: str
) -> None:
    [award] = await awarded(funding, await a_case(funding), amount_pence=100_000)
    answer = await act(funding, f"awards/{award['id']}", what, body=body)
    assert answer.status_code in {409, 422}
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


async def test_only_finance_moves_money_and_who_is_no_part_of_it_finds_nothing(funding: Served) -> None:
    [award] = await awarded(funding, await a_case(funding), amount_pence=100_000)
    path = f"awards/{award['id']}"
    for what, body in (
        ("payments", {"instalment": 1}),
        ("end", {"reason": "need-met"}),
        ("claw-back", {"amount_pence": 1, "reason": "unspent"}),
    ):
        assert (await act(funding, path, what, NORTH, body)).status_code == 403
        elsewhere = {"organisation": "nhs-trust", "sector": "health", "roles": ("finance-officer",)}
        assert (await act(funding, path, what, {**elsewhere, "organisation": "x"}, body)).status_code == 404
        stale = await act(funding, path, what, FINANCE, body, **{"If-Match": '"9"'})
        assert stale.status_code == 412
    seen = [(await get(funding, path, who)).status_code for who in (NORTH, WORKER, SCHOOL, SOUTH, STRANGER)]
    assert seen == [200, 200, 200, 404, 404]
    assert [len((await get(funding, "awards", who)).json()["items"]) for who in (NORTH, SCHOOL, SOUTH)] == [1, 1, 0]
    assert len((await get(funding, "awards", state="running", cluster="north")).json()["items"]) == 1
    assert (await get(funding, "awards", state="ended")).json()["items"] == []


async def test_days_to_money_are_told_once_enough_cases_are_counted(funding: Served, clock: BusinessClock) -> None:
    cases = [await a_case(funding) for _ in range(5)]
    span: dict[str, Any] = {"from": "2026-11-01", "to": "2027-03-31"}
    for number, case in enumerate(cases):
        [award] = await awarded(funding, case, amount_pence=100_000)
        assert (await get(funding, "measures", FINANCE, **span)).json()["suppressed"] is bool(number)
        await pay(funding, award)
        later(clock, days=7)
    told = (await get(funding, "measures", FINANCE, **span)).json()
    assert told == {
        "since": "2026-11-01", "until": "2027-03-31", "cluster_id": None, "suppressed": False, "count": 5,
        "median_days": 14.0, "p90_days": 28, "within_percent": 60.0, "within_working_days": 10, "fewest_cases": 5,
    }  # fmt: skip
    assert (await get(funding, "measures", NORTH, **span)).json()["count"] == 5
    assert (await get(funding, "measures", SOUTH, **span)).json()["count"] == 0
    few = (await get(funding, "measures", FINANCE, **{**span, "from": "2026-12-01"})).json()
    assert (few["suppressed"], few["count"], few["median_days"]) == (True, None, None)
    wrong = await get(funding, "measures", FINANCE, **{**span, "to": "2026-10-31"})
    assert wrong.status_code == 400
