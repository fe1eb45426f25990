"""One timeline of a case over all services: in order, in words, one line per fact told, no more than one may see."""

import uuid
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from chassis.clock import new_id
from integration.referral_api.steps import HOSPITAL, INTAKE, LEAD, SCHOOL, House
from integration.referral_api.test_access import a_cluster, assigned
from schemas.assessment import ClockBreached
from schemas.envelope import Envelope
from schemas.event import Event
from schemas.funding import FundingAwarded, FundingPaid, FundingRequested
from schemas.notification import NotificationDelivered, NotificationFailed, NotificationSent
from schemas.placement import PlacementAtRisk, Provider, ProviderChanged, RiskRaised
from schemas.routing import HandoverDeclined, HandoverOffered

DAY = "2026-11-23"


async def lines(house: House, case_id: str, *, by: dict[str, Any] | None = None, **query: Any) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await house.read(f"/v1/cases/{case_id}/timeline", by=by, **query))["items"]
    return items


def requested(case_id: str, request_id: str = "r-1", organisation: str = "school-115482") -> FundingRequested:
    return FundingRequested.model_validate(
        {
            "case_id": case_id, "request_id": request_id, "cluster_id": "gloucester-primary",
            "organisation_id": organisation, "purpose": "therapy", "amount_pence": 120_000, "since": DAY,
            "until": "2027-03-31", "referred_at": "2026-11-23T09:00:00Z",
        }
    )  # fmt: skip


def awarded(case_id: str, request_id: str = "r-1", organisation: str = "school-115482") -> FundingAwarded:
    return FundingAwarded.model_validate(
        {
            "case_id": case_id, "request_id": request_id, "award_id": "a-1", "budget_id": "b-1",
            "cluster_id": "gloucester-primary", "organisation_id": organisation, "amount_pence": 120_000,
            "since": DAY, "until": "2027-03-31", "rules_version": "2026-09",
        }
    )  # fmt: skip


def sent(case_id: str, number: int, *, channel: str = "in-app", rule: str = "case-assigned") -> NotificationSent:
    return NotificationSent(
        case_id=case_id, notification_id=f"n-{rule}-{channel}-{number}", channel=channel, person_id=f"person-{number}",
        rule=rule,
    )  # fmt: skip


def an_id(ago: timedelta) -> str:
    """An id as it would have been made so long ago."""
    made = uuid.UUID(new_id()).int
    return str(uuid.UUID(int=made - (int(ago.total_seconds() * 1000) << 80)))


async def hear(house: House, *events: Event, journey: str | None = None, ago: timedelta = timedelta()) -> None:
    """Deliver events that belong to one journey, as said so long ago."""
    consumer = house.served.runtime.consumer
    assert consumer is not None
    for event in events:
        plain = house.served.record(event)
        envelope = Envelope.from_kafka(plain.key, plain.headers, plain.value)
        changed = replace(envelope, id=an_id(ago), correlationid=journey or new_id(), time=envelope.time - ago)
        key, headers, value = changed.to_kafka()
        await consumer.deliver(
            [type(plain)(plain.partition, plain.offset, key, value, tuple(headers), plain.appended_at)]
        )


async def test_it_tells_what_every_service_did_in_order_with_who_did_it(house: House) -> None:
    case_id = (await house.sent())["case_id"]
    await house.hear_itself()
    await house.served.hear(
        a_cluster("gloucester-primary", "school-115600"),
        assigned(case_id),
        requested(case_id),
        awarded(case_id),
        ProviderChanged(
            provider_id="p-1",
            provider=Provider(name="The Orchard", kind="ap-academy", phases=("primary",), active=True),
        ),
        PlacementAtRisk(case_id=case_id, placement_id="pl-1", provider_id="p-1", reasons=("silence",)),
    )
    told = await lines(house, case_id, by=INTAKE)
    assert [(line["at"], line["source"], line["sequence"]) for line in told] == sorted(
        (line["at"], line["source"], line["sequence"]) for line in told
    )
    by_kind = {line["kind"]: line for line in told}
    assert by_kind["referral.submitted"]["by"] == "school-115482"
    assert by_kind["case.assigned"]["by"] == "Routing to clusters"
    assert (by_kind["funding.awarded"]["by"], by_kind["funding.awarded"]["service"]) == ("Early funding", "funding")
    assert by_kind["placement.at-risk"]["text"] == (
        "The placement at The Orchard is at risk: Nobody has heard of attendance."
    )
    assert not any(line["late"] for line in told)


async def test_it_is_narrowed_by_service_and_time_and_pages_without_gaps(house: House) -> None:
    case_id = (await house.sent())["case_id"]
    await house.hear_itself()
    await house.served.hear(assigned(case_id), requested(case_id), awarded(case_id))
    every = await lines(house, case_id, by=INTAKE)
    assert [line["kind"] for line in await lines(house, case_id, by=INTAKE, service="funding")] == [
        "funding.requested", "funding.awarded",
    ]  # fmt: skip
    moment = every[-1]["at"]
    assert [line["id"] for line in await lines(house, case_id, by=INTAKE, since=moment)] == [
        line["id"] for line in every if line["at"] >= moment
    ]
    assert [line["id"] for line in await lines(house, case_id, by=INTAKE, until=moment)] == [
        line["id"] for line in every if line["at"] < moment
    ]
    path = f"/v1/cases/{case_id}/timeline"
    assert (await house.get(path, by=INTAKE, since="yesterday")).status_code == 422
    assert (await house.get(path, by=INTAKE, service="no such")).status_code == 422
    seen: list[str] = []
    page = await house.read(path, by=INTAKE, limit=2)
    seen += [line["id"] for line in page["items"]]
    while page["next"]:
        page = await house.read(path, by=INTAKE, limit=2, cursor=page["next"])
        seen += [line["id"] for line in page["items"]]
    assert seen == [line["id"] for line in every]


async def test_a_fact_told_to_many_is_one_line(house: House) -> None:
    case_id = (await house.sent())["case_id"]
    journey = new_id()
    told = [sent(case_id, n) for n in range(3)]
    mails = [sent(case_id, n, channel="email") for n in range(2)]
    await hear(house, *told, *mails, journey=journey)
    usual = {"case_id": case_id, "notification_id": mails[0].notification_id, "channel": "email"}
    await hear(house, NotificationDelivered(**usual, person_id="person-0"), journey=journey)
    usual["notification_id"] = mails[1].notification_id
    await hear(house, NotificationFailed(**usual, person_id="person-1", reason="refused"), journey=journey)
    (line,) = await lines(house, case_id, by=INTAKE, service="notifier")
    assert line["text"] == "3 people were told (E-mail and In the portal); 1 message did not arrive."
    assert line["people"] == 3
    await hear(house, sent(case_id, 9, rule="handover-offered"), journey=journey)
    await hear(house, sent(case_id, 9), journey=new_id())
    assert [each["people"] for each in await lines(house, case_id, by=INTAKE, service="notifier")] == [3, 1, 1]
    assert [each["people"] for each in await lines(house, case_id, by=SCHOOL, service="notifier")] == [3, 1, 1]


async def test_who_does_not_work_the_case_sees_no_amounts_but_their_own(house: House) -> None:
    case_id = (await house.sent())["case_id"]
    await house.sent(by=HOSPITAL)
    await house.served.hear(
        requested(case_id),
        awarded(case_id),
        requested(case_id, "r-2", "school-115700"),
        FundingPaid.model_validate(
            {
                "case_id": case_id, "request_id": "r-2", "award_id": "a-2", "payment_id": "p-1", "budget_id": "b-1",
                "amount_pence": 99_900, "paid_on": DAY, "days_since_referral": 3,
            }
        ),
    )  # fmt: skip

    async def with_amounts(by: dict[str, Any]) -> list[str]:
        return [each["kind"] for each in await lines(house, case_id, by=by) if "£" in each["text"]]

    assert await with_amounts(SCHOOL) == ["funding.requested", "funding.awarded"]
    assert await with_amounts(HOSPITAL) == []
    assert len(await with_amounts(INTAKE)) == 4
    assert len(await lines(house, case_id, by=HOSPITAL)) == 4


async def test_a_risk_that_nobody_has_looked_at_is_for_who_works_the_case(house: House) -> None:
    case_id = (await house.sent())["case_id"]
    await house.served.hear(
        assigned(case_id),
        RiskRaised(case_id=case_id, risk_id="k-1", reasons=("near-45-days",), rules_version="2026-09"),
    )
    assert "risk.raised" in [each["kind"] for each in await lines(house, case_id, by=LEAD)]
    assert "risk.raised" not in [each["kind"] for each in await lines(house, case_id, by=SCHOOL)]


async def test_what_is_heard_long_after_it_was_said_or_done_is_marked(house: House) -> None:
    case_id = (await house.sent())["case_id"]
    await hear(house, assigned(case_id), ago=timedelta(hours=3))
    breached = ClockBreached(case_id=case_id, clock_id="c-1", kind="advice", due_on=DAY, excused=False, days_late=2)  # type: ignore[arg-type]
    await hear(house, breached, requested(case_id))
    told = await lines(house, case_id, by=INTAKE)
    assert [(line["kind"], line["late"]) for line in told] == [
        ("case.assigned", True), ("clock.breached", True), ("funding.requested", False),
    ]  # fmt: skip


async def test_a_receiver_that_declines_no_longer_sees_the_case(house: House) -> None:
    case_id = (await house.sent())["case_id"]
    receiver = {**LEAD, "organisation": "school-115700"}
    await house.served.hear(a_cluster("gloucester-secondary", "school-115700"), assigned(case_id))
    offer = {"case_id": case_id, "handover_id": "h", "from_cluster_id": "gloucester-primary"}
    offer["to_cluster_id"] = "gloucester-secondary"
    await house.served.hear(
        HandoverOffered.model_validate({**offer, "reason": "phase-transfer", "answer_by": "2026-12-01T00:00:00Z"})
    )
    assert (await house.get(f"/v1/cases/{case_id}", by=receiver)).status_code == 200
    await house.served.hear(HandoverDeclined.model_validate({**offer, "declined_by": "p", "reason": "too-early"}))
    assert (await house.get(f"/v1/cases/{case_id}", by=receiver)).status_code == 404
    assert (await lines(house, case_id, by=INTAKE))[-1]["text"] == (
        "Gloucester secondary did not take the case: Too early. gloucester-primary keeps it."
    )


async def test_a_notice_of_an_exclusion_is_one_line(house: House) -> None:
    from integration.referral_api.test_exclusions import told as told_of

    case_id = (await told_of(house))["case_id"]
    await house.hear_itself()
    told = await lines(house, case_id)
    assert [line["kind"] for line in told] == ["case.opened", "case.participants-changed", "exclusion.notified"]
    assert told[-1]["text"] == (
        "school-115482 told of an exclusion from 23 November 2026: Suspension"
        " (Persistent or general disruptive behaviour)."
    )


@pytest.mark.parametrize(
    "path", ["/v1/cases/nothing/timeline", "/v1/cases/01a20a30-0000-7000-8000-000000000000/timeline"]
)
async def test_there_is_no_timeline_of_what_one_may_not_see(house: House, path: str) -> None:
    case_id = (await house.sent())["case_id"]
    assert (await house.get(path)).status_code == 404
    assert (await house.get(f"/v1/cases/{case_id}/timeline", by=HOSPITAL)).status_code == 404
