"""Casework in, inbox rows out: whom each fact is for, what takes a message's reason away, and who sees to it."""

from datetime import UTC, date, datetime
from typing import Any

from integration.notifier.events import (
    CLUSTER,
    REFERRING,
    a_case,
    assigned,
    at_school,
    clock,
    clock_met,
    cluster,
    desk,
    duty,
    notice,
    person,
    provider,
    referrer,
    role,
)
from schemas.assessment import AdviceReceived, AdviceRequested, AssessmentOpened, ClockBreached, PlanAgreed
from schemas.event import Event
from schemas.funding import BudgetChanged, BudgetLow, FundingAwarded, FundingRequested
from schemas.notification import NotificationSent
from schemas.placement import (
    DutyMet,
    ExclusionCancelled,
    ExclusionReported,
    PlacementAccepted,
    PlacementDeclined,
    PlacementOffered,
    ReintegrationChecked,
    RiskDismissed,
    RiskRaised,
)
from schemas.referral import CaseClosed
from schemas.routing import CaseAccepted, HandoverAccepted, HandoverDeclined, HandoverEscalated, HandoverOffered
from support.service import Served, signed_in

TEAM: tuple[Event, ...] = (cluster(), role("lead", "cluster-lead"), role("worker"), desk("desk"))
COUNCIL: tuple[Event, ...] = (
    role("finance", "finance-officer", cluster=None, sector="council"),
    role("head", "head-of-service", cluster=None, sector="council"),
    role("virtual", "virtual-school", cluster=None, sector="council"),
)
SOON = datetime(2026, 12, 4, 12, tzinfo=UTC)


async def held(served: Served, *more: Event, social_care: str | None = None) -> str:
    """A case that the cluster holds and has taken on; its school takes part."""
    case, events = a_case()
    taken = CaseAccepted(case_id=case, cluster_id=CLUSTER, organisation_id="x", accepted_by="worker")
    await served.hear(*TEAM, *COUNCIL, referrer("senco"), *more)
    await served.hear(*events, at_school(case, social_care=social_care))
    await served.hear(assigned(case))
    await served.hear(taken)
    await served.rows("DELETE FROM notification")
    return case


async def told(served: Served, case: str) -> set[tuple[str, str]]:
    rows = await served.rows("SELECT person_id, rule FROM notification WHERE case_id = $1", case)
    return {(row["person_id"], row["rule"]) for row in rows}


async def cleared(served: Served, case: str) -> dict[str, str | None]:
    rows = await served.rows("SELECT rule, cleared_because FROM notification WHERE case_id = $1", case)
    return {row["rule"]: row["cleared_because"] for row in rows}


async def fire(served: Served) -> None:
    while await served.runtime.deadlines().fire():
        pass


async def test_a_permanent_exclusion_is_told_to_the_cluster_and_the_desk(notifier: Served) -> None:
    case = await held(notifier)
    await notifier.hear(notice(case, kind="PERM"))
    assert await told(notifier, case) == {
        ("lead", "notice-permanent"),
        ("worker", "notice-permanent"),
        ("desk", "notice-permanent-desk"),
    }


async def test_a_child_with_a_social_worker_has_them_and_the_virtual_school_told(notifier: Served) -> None:
    social = role("social", "caseworker", cluster=None, organisation="childrens-services", sector="social-care")
    case = await held(notifier, social, social_care="childrens-services")
    await notifier.hear(notice(case, social_worker=True))
    assert {("social", "notice-social-worker"), ("virtual", "notice-virtual-school")} <= await told(notifier, case)
    another = await held(notifier, social)
    await notifier.hear(notice(another))
    assert not {p for p, _ in await told(notifier, another)} & {"social", "virtual"}


async def test_a_social_worker_of_no_known_organisation_is_told_by_the_countys_social_care(notifier: Served) -> None:
    case = await held(notifier)
    await notifier.hear(notice(case, social_worker=True))
    assert ("desk", "notice-social-worker") in await told(notifier, case)
    await notifier.hear(role("duty", "caseworker", cluster=None, organisation="any", sector="social-care"))
    await fire(notifier)
    assert ("duty", "notice-social-worker") in await told(notifier, case)


async def test_only_a_corrected_total_is_news(notifier: Served) -> None:
    case = await held(notifier)

    def reported(version: int) -> ExclusionReported:
        return ExclusionReported(
            case_id=case, exclusion_id="e", version=version, organisation_id=REFERRING, school_urn="115500",
            kind="SUSP", reasons=("DB",), first_on=date(2026, 11, 20), sessions=4, sessions_in_term=4,
            sessions_in_year=4,
        )  # fmt: skip

    await notifier.hear(reported(1))
    assert await told(notifier, case) == set()
    await notifier.hear(reported(2))
    assert ("worker", "notice-corrected") in await told(notifier, case)


async def test_a_duty_is_told_to_whoever_must_do_it_whatever_their_role_there(notifier: Served) -> None:
    governor = role("governor", "safeguarding-lead", cluster=None, organisation=REFERRING)
    case = await held(notifier, governor)
    await notifier.hear(duty(case))
    assert {("senco", "duty-started"), ("governor", "duty-started"), ("worker", "duty-started-holder")} <= (
        await told(notifier, case)
    )


async def test_an_offer_finds_the_providers_people_also_when_the_provider_becomes_known_later(
    notifier: Served,
) -> None:
    case = await held(notifier, role("staff", "provider-staff", cluster=None, organisation="ap-academy"))
    offer = PlacementOffered(case_id=case, request_id="r", provider_id="provider-1", offer_id="o", answer_by=SOON)
    await notifier.hear(offer)
    assert await told(notifier, case) == {("desk", "place-offered")}
    await notifier.hear(provider())
    await fire(notifier)
    assert ("staff", "place-offered") in await told(notifier, case)
    [row] = await notifier.rows("SELECT text FROM notification WHERE person_id = 'staff'")
    assert row["text"].endswith("Answer by 4 December 2026.")


async def test_alerts_clear_themselves_when_their_reason_is_gone_and_say_why(notifier: Served) -> None:
    case = await held(notifier, provider(), role("staff", "provider-staff", cluster=None, organisation="ap-academy"))
    on = date(2026, 11, 25)
    asked = AdviceRequested(
        case_id=case, assessment_id="a", advice_id="adv", discipline="ep", asked_of=REFERRING, requested_on=on,
        due_on=on,
    )  # fmt: skip
    money = FundingRequested(
        case_id=case, request_id="f", cluster_id=CLUSTER, organisation_id=REFERRING, purpose="support",
        amount_pence=1, since=on, until=on, referred_at=SOON,
    )  # fmt: skip
    steps: list[tuple[Event, Event, str, str]] = [
        (
            ClockBreached(case_id=case, clock_id="k", kind="advice", due_on=on, excused=False, days_late=1),
            clock_met(case, id="k", due=on), "clock-breached", "met",
        ),
        (
            duty(case),
            DutyMet(case_id=case, exclusion_id="exclusion-1", duty_id="duty-1", kind="governors-meet-15",
                    holder=REFERRING, due_on=on, met_on=on, in_time=True),
            "duty-started", "met",
        ),
        (
            RiskRaised(case_id=case, risk_id="r", reasons=("x",), rules_version="1"),
            RiskDismissed(case_id=case, risk_id="r", dismissed_by="lead", reason="x"), "risk-raised", "reason-gone",
        ),
        (
            HandoverOffered(case_id=case, handover_id="h", from_cluster_id=CLUSTER, to_cluster_id="forest-primary",
                            reason="move", answer_by=SOON),
            HandoverDeclined(case_id=case, handover_id="h", from_cluster_id=CLUSTER, to_cluster_id="forest-primary",
                             declined_by="x", reason="full"),
            "handover-offered", "answered",
        ),
        (
            PlacementOffered(case_id=case, request_id="q", provider_id="provider-1", offer_id="o", answer_by=SOON),
            PlacementDeclined(case_id=case, request_id="q", provider_id="provider-1", offer_id="o", reason="full"),
            "place-offered", "answered",
        ),
        (
            notice(case),
            ExclusionCancelled(case_id=case, exclusion_id="exclusion-1", reason="overturned", sessions_in_term=0,
                               sessions_in_year=0),
            "notice-suspension", "withdrawn",
        ),
        (asked, AdviceReceived(case_id=case, assessment_id="a", advice_id="adv", discipline="ep", received_on=on,
                               due_on=on), "advice-asked", "answered"),
        (money, FundingAwarded(case_id=case, request_id="f", award_id="w", budget_id="b", cluster_id=CLUSTER,
                               organisation_id=REFERRING, amount_pence=1, since=on, until=on, rules_version="1"),
         "money-asked", "decided"),
    ]  # fmt: skip
    for raises, ends, rule, why in steps:
        await notifier.hear(raises)
        assert (await cleared(notifier, case))[rule] is None, rule
        await notifier.hear(ends)
        assert (await cleared(notifier, case))[rule] == why, rule


async def test_another_clocks_end_clears_nothing(notifier: Served) -> None:
    case = await held(notifier)
    late = ClockBreached(case_id=case, clock_id="k", kind="advice", due_on=SOON.date(), excused=False, days_late=1)
    await notifier.hear(late)
    await notifier.hear(clock_met(case, id="another"))
    assert (await cleared(notifier, case))["clock-breached"] is None
    await notifier.hear(CaseClosed(case_id=case, reason="done"))
    assert await cleared(notifier, case) == {
        "clock-breached": "closed",
        "case-closed": None,
        "referral-closed": None,
    }


async def test_what_is_cleared_is_not_told_to_newcomers_and_does_not_leave_the_house(notifier: Served) -> None:
    case = await held(notifier, person("lead"), person("worker"))
    await notifier.rows("DELETE FROM letter_item")
    await notifier.hear(RiskRaised(case_id=case, risk_id="r", reasons=("x",), rules_version="1"))
    assert len(await notifier.rows("SELECT 1 FROM letter_item WHERE rule = 'risk-raised'")) == 3
    await notifier.hear(RiskDismissed(case_id=case, risk_id="r", dismissed_by="lead", reason="x"))
    assert await notifier.rows("SELECT 1 FROM letter_item") == []
    await notifier.hear(role("new"))
    await fire(notifier)
    assert "new" not in {p for p, rule in await told(notifier, case) if rule == "risk-raised"}


async def test_a_late_hand_over_goes_to_the_receiver_first_and_then_to_the_desk(notifier: Served) -> None:
    receiver = role("receiver", "cluster-lead", cluster="forest-primary")
    case = await held(notifier, receiver)

    def late(rung: int) -> HandoverEscalated:
        return HandoverEscalated(
            case_id=case, handover_id="h", from_cluster_id=CLUSTER, to_cluster_id="forest-primary", rung=rung,
            answer_by=SOON,
        )  # fmt: skip

    await notifier.hear(late(1))
    assert await told(notifier, case) == {("receiver", "handover-late")}
    await notifier.hear(late(2))
    assert ("desk", "handover-late-desk") in await told(notifier, case)
    accepted = HandoverAccepted(
        case_id=case, handover_id="h", cluster_id="forest-primary", organisation_id="x", accepted_by="receiver"
    )
    await notifier.hear(accepted)
    assert {why for rule, why in (await cleared(notifier, case)).items() if rule.startswith("handover-late")} == {
        "answered"
    }


async def test_a_budget_is_no_case_and_says_nothing_outside(notifier: Served) -> None:
    await notifier.hear(*TEAM, *COUNCIL)
    said: dict[str, Any] = {"budget_id": "b-1", "cluster_id": CLUSTER, "financial_year": "2026-27"}
    await notifier.hear(BudgetLow(**said, amount_pence=100, remaining_pence=5, mark_percent=5))
    assert await told(notifier, "budget:b-1") == {("lead", "budget-low"), ("finance", "budget-low-finance")}
    assert await notifier.said(NotificationSent) == []
    answer = await notifier.client.get("/v1/notifications", headers=signed_in(subject="finance"))
    [item] = answer.json()["items"]
    assert (item["case_id"], item["href"], item["text"]) == (
        None, "/money", "Budget 2026-27 of a cluster runs low. Look at it before the next award.",
    )  # fmt: skip
    await notifier.hear(BudgetChanged(**said, amount_pence=1000))
    assert (await cleared(notifier, "budget:b-1"))["budget-low"] == "changed"


async def test_casework_that_is_heard_before_its_case_waits_for_it(notifier: Served) -> None:
    await notifier.hear(*TEAM)
    case, events = a_case()
    await notifier.hear(clock(case), AssessmentOpened(
        case_id=case, assessment_id="a", cluster_id=CLUSTER, organisation_id="x", needs=("SEMH",), disciplines=()
    ))  # fmt: skip
    assert "case-unknown" in [row["reason"] for row in await notifier.rows("SELECT reason FROM parked")]
    await notifier.hear(*events)
    assert await notifier.rows("SELECT 1 FROM parked") == []
    assert [row["id"] for row in await notifier.rows("SELECT id FROM time_limit")] == ["clock-1"]


async def test_the_school_hears_of_the_plan_and_of_a_place(notifier: Served) -> None:
    case = await held(notifier)
    on = date(2026, 11, 25)
    await notifier.hear(PlanAgreed(case_id=case, plan_id="p", stage="support", cycle=1, agreed_on=on, review_on=on))
    found = PlacementAccepted(
        case_id=case, request_id="q", provider_id="p", offer_id="o", placement_id="pl", starts_on=on
    )
    await notifier.hear(found)
    lasted = ReintegrationChecked(case_id=case, placement_id="pl", provider_id="p", checked_on=on, sustained=True)
    await notifier.hear(lasted)
    assert {rule for p, rule in await told(notifier, case) if p == "senco"} == {
        "plan-agreed-school",
        "place-found-school",
    }
    assert "return-lasted" in {rule for _, rule in await told(notifier, case)}


async def test_who_claims_a_message_claims_it_for_all_and_gives_it_back_by_leaving(notifier: Served) -> None:
    case = await held(notifier, person("lead"), person("worker"))
    await notifier.hear(RiskRaised(case_id=case, risk_id="r", reasons=("x",), rules_version="1"))
    rows = await notifier.rows("SELECT person_id, id FROM notification WHERE rule = 'risk-raised'")
    ids = {row["person_id"]: row["id"] for row in rows}

    async def claim(who: str, *, take: bool = True) -> tuple[int, Any]:
        answer = await notifier.client.post(
            f"/v1/notifications/{ids[who]}/claim", json={"claim": take}, headers=signed_in(subject=who)
        )
        return answer.status_code, answer.json().get("claimed_by", answer.json().get("title"))

    assert await claim("worker") == (200, "worker")
    assert await claim("worker") == (200, "worker")
    assert (await claim("lead"))[0] == 409
    listed = await notifier.client.get("/v1/notifications", headers=signed_in(subject="lead"))
    [item] = listed.json()["items"]
    assert (item["claimed_by"], item["actions"][1]["allowed"]) == ("worker", False)
    await notifier.hear(person("worker", active=False))
    assert await claim("lead") == (200, "lead")
    assert await claim("lead", take=False) == (200, None)
    nobodys = await notifier.client.post(
        f"/v1/notifications/{ids['lead']}/claim", json={}, headers=signed_in(subject="desk")
    )
    assert nobodys.status_code == 404


async def test_of_many_who_claim_at_once_one_has_it(notifier: Served) -> None:
    import asyncio

    people: list[Event] = [role(f"p{n}") for n in range(20)]
    case = await held(notifier, *people)
    await notifier.hear(RiskRaised(case_id=case, risk_id="r", reasons=("x",), rules_version="1"))
    rows = await notifier.rows("SELECT person_id, id FROM notification WHERE rule = 'risk-raised'")

    async def claim(row: dict[str, Any]) -> int:
        url = f"/v1/notifications/{row['id']}/claim"
        return (await notifier.client.post(url, json={}, headers=signed_in(subject=row["person_id"]))).status_code

    codes = await asyncio.gather(*(claim(row) for row in rows))
    assert sorted(codes) == [200, *[409] * (len(rows) - 1)]
    assert len(await notifier.rows("SELECT DISTINCT claimed_by FROM notification")) == 1


async def test_the_unread_are_counted_without_what_is_cleared(notifier: Served) -> None:
    case = await held(notifier)
    await notifier.hear(RiskRaised(case_id=case, risk_id="r", reasons=("x",), rules_version="1"))
    await notifier.hear(notice(case))

    async def unread() -> Any:
        return (await notifier.client.get("/v1/notifications/unread", headers=signed_in(subject="lead"))).json()

    assert await unread() == {"unread": 2}
    await notifier.hear(RiskDismissed(case_id=case, risk_id="r", dismissed_by="worker", reason="x"))
    assert await unread() == {"unread": 1}


async def test_ones_own_lines_of_one_case_can_be_listed(notifier: Served) -> None:
    case = await held(notifier)
    another = await held(notifier)
    for one in (case, another):
        await notifier.hear(notice(one))
    mine = signed_in(subject="worker", roles=["caseworker"], clusters=[CLUSTER])
    answer = await notifier.client.get(f"/v1/notifications?case={case}&mine=true", headers=mine)
    assert [item["case_id"] for item in answer.json()["items"]] == [case]
    stranger = signed_in(subject="stranger")
    answer = await notifier.client.get(f"/v1/notifications?case={case}&mine=true", headers=stranger)
    assert answer.json()["items"] == []
