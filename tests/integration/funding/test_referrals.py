"""Money that is asked for with a referral: once, whatever order and however often its facts arrive."""

import itertools
from dataclasses import replace
from datetime import date

import pytest
from chassis.clock import new_id
from funding import policy
from funding.policy import BOOK
from funding.tables import metadata
from integration.funding.steps import (
    THIS_YEAR,
    a_case,
    act,
    adds_up,
    assigned,
    awarded,
    budgets,
    fire,
    get,
    opened,
    position,
    reassigned,
    submitted,
)
from schemas.event import Event
from schemas.funding import FundingAwarded, FundingDeclined, FundingEnded, FundingRequested
from schemas.referral import CaseClosed, CaseErased, CaseUnlinked, ReferralWithdrawn
from support.service import Served


async def test_a_referral_that_asks_for_money_has_it_as_soon_as_its_case_has_a_cluster(funding: Served) -> None:
    case = await a_case(funding, requested=("assessment", "early-funding"))
    [requested] = await funding.said(FundingRequested)
    [award] = await funding.said(FundingAwarded)
    assert isinstance(requested, FundingRequested)
    assert isinstance(award, FundingAwarded)
    assert (requested.case_id, requested.cluster_id, requested.organisation_id) == (case, "north", "school-100002")
    assert (requested.purpose, requested.amount_pence) == ("teaching-assistant", 120_000)
    assert (requested.since, requested.until) == (date(2026, 11, 23), date(2027, 2, 14))
    assert (award.amount_pence, award.decided_by, award.rules_version) == (120_000, None, "2026-04")
    assert (await position(funding))["committed"] == 120_000
    await adds_up(funding)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
async def test_the_facts_of_a_case_may_come_in_any_order(funding: Served, order: tuple[int, ...]) -> None:
    case = new_id()
    facts: tuple[Event, ...] = (submitted(case), opened(case), assigned(case))
    for n in order:
        await funding.hear(facts[n])
    # What was parked is tried again when its subject is heard of, or a moment later.
    assert funding.runtime.consumer is not None
    await funding.runtime.consumer.retry_parked(subjects={case})
    assert len(await funding.said(FundingRequested)) == 1
    [award] = await funding.said(FundingAwarded)
    assert isinstance(award, FundingAwarded)
    assert award.amount_pence == 120_000


async def test_the_same_facts_again_ask_for_nothing_more(funding: Served) -> None:
    case, consumer = new_id(), funding.runtime.consumer
    assert consumer is not None
    records = [funding.record(event) for event in (submitted(case), opened(case), assigned(case))]
    for _ in range(3):
        await consumer.deliver(records)
    assert len(await funding.said(FundingRequested)) == 1


async def test_a_second_referral_of_the_case_does_not_double_it(funding: Served) -> None:
    case = await a_case(funding, requested=("early-funding",))
    await funding.hear(submitted(case, organisation_id="nhs-trust"))
    await funding.hear(assigned(case))
    assert len(await funding.said(FundingRequested)) == 1


async def test_a_case_that_is_with_a_cluster_already_asks_when_a_later_referral_does(funding: Served) -> None:
    case = await a_case(funding)
    assert await funding.said(FundingRequested) == []
    await funding.hear(submitted(case))
    assert len(await funding.said(FundingRequested)) == 1


async def test_a_child_without_a_school_is_paid_for_through_the_clusters_lead(funding: Served) -> None:
    await a_case(funding, requested=("early-funding",), urn=None)
    [requested] = await funding.said(FundingRequested)
    assert isinstance(requested, FundingRequested)
    assert requested.organisation_id == "school-100001"


async def test_a_case_that_moves_before_money_was_granted_is_the_next_clusters_to_pay(funding: Served) -> None:
    await budgets(funding, ("north", THIS_YEAR, "0.00"))
    case = await a_case(funding, requested=("early-funding",))
    [waiting] = (await get(funding, "requests", case=case)).json()["items"]
    assert (waiting["state"], waiting["waits_because"]) == ("waiting", "budget-spent")
    await funding.hear(reassigned(case))
    [moved] = (await get(funding, "requests", case=case)).json()["items"]
    assert (moved["state"], moved["cluster_id"]) == ("awarded", "south")
    assert (await position(funding, "south"))["committed"] == 120_000
    assert (await position(funding))["committed"] == 0


async def test_what_the_budget_cannot_bear_waits_and_is_granted_when_money_comes(funding: Served) -> None:
    await budgets(funding, ("north", THIS_YEAR, "1500.00"))
    first = await a_case(funding, need="SLCN", requested=("early-funding",))
    second = await a_case(funding, need="SLCN", requested=("early-funding",))
    [waiting] = (await get(funding, "requests", state="waiting")).json()["items"]
    assert (waiting["case_id"], waiting["waits_because"]) == (second, "rule-share-spent")
    [running] = (await get(funding, "awards", case=first)).json()["items"]
    assert (await act(funding, f"awards/{running['id']}", "end", body={"reason": "need-met"})).status_code == 200
    await fire(funding)
    [granted] = (await get(funding, "requests", case=second)).json()["items"]
    assert (granted["state"], granted["by_rule"]) == ("awarded", True)
    await adds_up(funding)


async def test_a_withdrawn_referral_asks_no_more(funding: Served) -> None:
    await budgets(funding, ("north", THIS_YEAR, "0.00"))
    case = new_id()
    referral = submitted(case)
    await funding.hear(referral)
    await funding.hear(opened(case))
    await funding.hear(assigned(case))
    gone = ReferralWithdrawn(
        case_id=case, referral_id=referral.referral_id, organisation_id="school-100002", reason="family-declined"
    )
    await funding.hear(gone)
    [declined] = await funding.said(FundingDeclined)
    assert isinstance(declined, FundingDeclined)
    assert declined.reason == "withdrawn"
    await budgets(funding, ("north", THIS_YEAR, "9000.00"))
    assert await funding.said(FundingAwarded) == []
    await funding.hear(submitted(case))
    assert len(await funding.said(FundingAwarded)) == 1, "another referral may ask again"


async def test_what_two_referrals_ask_for_stands_while_one_of_them_does(funding: Served) -> None:
    await budgets(funding, ("north", THIS_YEAR, "0.00"))
    case = new_id()
    referrals = [submitted(case), submitted(case, organisation_id="nhs-trust")]
    for referral in referrals:
        await funding.hear(referral)
    await funding.hear(assigned(case))
    for referral, declined in zip(referrals, (0, 1), strict=True):
        await funding.hear(
            ReferralWithdrawn(
                case_id=case, referral_id=referral.referral_id, organisation_id=referral.organisation_id,
                reason="family-declined",
            )
        )  # fmt: skip
        assert len(await funding.said(FundingDeclined)) == declined
    await funding.hear(reassigned(case))
    assert len(await funding.said(FundingRequested)) == 1


async def test_a_referral_after_a_refusal_asks_anew_and_one_before_it_does_not(funding: Served) -> None:
    await budgets(funding, ("north", THIS_YEAR, "0.00"))
    case = await a_case(funding, requested=("early-funding",))
    await funding.hear(submitted(case, organisation_id="nhs-trust"))
    [request] = (await get(funding, "requests", case=case)).json()["items"]
    body = {"reason": "other-source"}
    assert (await act(funding, f"requests/{request['id']}", "decline", body=body)).status_code == 200
    await funding.hear(reassigned(case))
    assert len(await funding.said(FundingRequested)) == 1
    await funding.hear(submitted(case))
    assert len(await funding.said(FundingRequested)) == 2


async def test_a_referral_that_was_another_childs_asks_there(funding: Served) -> None:
    await budgets(funding, ("north", THIS_YEAR, "0.00"))
    case, other = new_id(), new_id()
    referral = submitted(case)
    await funding.hear(referral)
    await funding.hear(assigned(case))
    await funding.hear(
        CaseUnlinked(case_id=case, referral_id=referral.referral_id, new_case_id=other, reason="different-child")
    )
    await funding.hear(opened(other))
    await funding.hear(assigned(other))
    said = await funding.said(FundingRequested, FundingDeclined)
    assert [(type(one).__name__, one.subject) for one in said] == [
        ("FundingRequested", case),
        ("FundingDeclined", case),
        ("FundingRequested", other),
    ]


async def test_when_a_case_ends_its_awards_end_and_what_waits_is_declined(funding: Served) -> None:
    case = await a_case(funding, requested=("early-funding",))
    await awarded(funding, case)
    await funding.hear(CaseClosed(case_id=case, reason="helped"))
    ended = await funding.said(FundingEnded)
    assert [(one.reason, one.released_pence) for one in ended] == [  # type: ignore[attr-defined]
        ("case-closed", 120_000),
        ("case-closed", 250_000),
    ]
    assert await position(funding) == {
        "budget": 10_000_000, "committed": 0, "paid": 0, "clawed_back": 0, "remaining": 10_000_000,
    }  # fmt: skip
    await funding.hear(submitted(case))
    assert len(await funding.said(FundingRequested)) == 2, "nothing is asked for a case that is closed"
    await adds_up(funding)


async def test_erasure_leaves_the_money_and_not_a_word_about_the_child(funding: Served) -> None:
    case = await a_case(funding)
    [award] = await awarded(funding, case, reason="CNRY the child is afraid of school.")
    body = {"instalment": 1}
    assert (await act(funding, f"awards/{award['id']}", "payments", body=body)).status_code == 200
    await funding.hear(CaseErased(case_id=case))
    [request] = (await get(funding, "requests", case=case)).json()["items"]
    assert (request["reason"], request["note"], request["state"]) == (None, None, "ended")
    assert await funding.rows("SELECT school_urn, need FROM case_file") == [{"school_urn": None, "need": None}]
    for table in ("referral", "participant"):
        assert await funding.rows(f"SELECT 1 FROM {table}") == []
    for name in metadata.tables:
        [found] = await funding.rows(f"SELECT count(*) AS n FROM {name} t WHERE t::text LIKE '%CNRY%'")
        assert found["n"] == 0, name
    kept = await funding.rows("SELECT body FROM idempotency")
    assert kept
    assert not [row for row in kept if b"CNRY" in row["body"]], "nor in what is kept for retries"
    assert (await position(funding))["paid"] == award["instalments"][0]["amount_pence"]
    await adds_up(funding)


async def test_the_rules_of_the_day_decide(funding: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = BOOK["2026-04"]
    stricter = replace(
        usual, version="2026-12", since=date(2026, 12, 1), small=replace(usual.small, most_per_award_pence=1)
    )
    monkeypatch.setattr(policy, "BOOK", {**BOOK, "2026-12": stricter})
    await a_case(funding, requested=("early-funding",))
    funding.runtime.clock.simulate(
        funding.runtime.clock.now().replace(month=12, day=2), anchor=funding.runtime.clock.now(), rate=0.0
    )
    later = await a_case(funding, requested=("early-funding",))
    [award] = await funding.said(FundingAwarded)
    assert isinstance(award, FundingAwarded)
    assert award.rules_version == "2026-04"
    [waiting] = (await get(funding, "requests", case=later)).json()["items"]
    assert waiting["waits_because"] == "above-limit"
