"""Plans in cycles of assess, plan, do, review: agreed, reviewed, stepped up and down, each resting on its own basis."""

from datetime import date
from typing import Any

import pytest
from chassis.clock import BusinessClock
from integration.assessments.county import REFERRER, a_case, at, change, fire, get, later, post, read
from schemas.assessment import ClockBreached, ClockMet, ClockStarted, PlanAgreed, PlanReviewed
from support.service import Served

CONSENT = {"kind": "consent", "recorded_on": "2026-11-20"}
PLAN: dict[str, Any] = {
    "stage": "my-plan",
    "basis": CONSENT,
    "agreed_on": "2026-11-23",
    "review_on": "2027-02-12",
    "provisions": ["small-group", "therapy-speech"],
    "text": "Quiet corner, pictures.",
}


async def a_plan(service: Served, **changes: Any) -> tuple[str, str]:
    """A case with a plan; its path."""
    case = await a_case(service)
    answer = await post(service, f"/v1/assessments/{case}/plans", PLAN | changes)
    assert answer.status_code == 201, answer.text
    return case, answer.headers["Location"]


async def test_a_plan_is_agreed_and_its_review_is_waited_for(service: Served) -> None:
    case, path = await a_plan(service)
    [agreed] = await service.said(PlanAgreed)
    assert isinstance(agreed, PlanAgreed)
    assert (agreed.stage, agreed.cycle, agreed.review_on) == ("my-plan", 1, date(2027, 2, 12))
    assert agreed.provisions == ("small-group", "therapy-speech")
    clock = (await service.said(ClockStarted))[-1]
    assert isinstance(clock, ClockStarted)
    assert (clock.kind, clock.about, clock.due_on) == ("plan-review", agreed.plan_id, date(2027, 2, 12))
    body = await read(service, path)
    assert (body["basis"], body["basis_on"], body["cycles"][0]["text"]) == (
        "consent", "2026-11-20", "Quiet corner, pictures.",
    )  # fmt: skip
    assert [one["id"] for one in (await read(service, f"/v1/plans?case={case}"))["items"]] == [body["id"]]
    theirs = await read(service, path, REFERRER)
    assert theirs["cycles"][0]["text"] is None, "who referred knows where it stands and reads no texts"


async def test_a_reviewed_plan_goes_on_in_a_further_cycle(service: Served, clock: BusinessClock) -> None:
    _, path = await a_plan(service)
    at(clock, "2027-02-10T12:00:00+00:00")
    early = await change(service, path, "agree", {"agreed_on": "2027-02-10", "provisions": []})
    assert (early.status_code, early.json()["title"]) == (409, "Plan out of turn")
    review = {"outcome": "change", "reviewed_on": "2027-02-10", "text": "Better in the mornings."}
    assert (await change(service, path, "reviews", review)).json()["state"] == "reviewed"
    met = (await service.said(ClockMet))[-1]
    assert isinstance(met, ClockMet)
    assert (met.kind, met.in_time) == ("plan-review", True)
    again = await change(service, path, "agree", {"agreed_on": "2027-02-10", "provisions": ["mentoring"]})
    assert (again.status_code, again.json()["cycle"], again.json()["review_on"]) == (200, 2, "2027-05-05")
    body = await read(service, path)
    assert [(c["number"], c["outcome"], c["review_text"]) for c in body["cycles"]] == [
        (1, "change", "Better in the mornings."), (2, None, None),
    ]  # fmt: skip
    assert [one.cycle for one in await service.said(PlanAgreed) if isinstance(one, PlanAgreed)] == [1, 2]


async def test_a_plan_steps_up_and_ends_and_another_is_agreed(service: Served) -> None:
    case, path = await a_plan(service)
    review = {"outcome": "step-up", "reviewed_on": "2026-11-23", "next_stage": "my-plan-plus"}
    answer = await change(service, path, "reviews", review)
    assert (answer.status_code, answer.json()["state"]) == (200, "ended")
    [said] = await service.said(PlanReviewed)
    assert isinstance(said, PlanReviewed)
    assert (said.stage, said.outcome, said.next_stage) == ("my-plan", "step-up", "my-plan-plus")
    plus = PLAN | {"stage": "my-plan-plus"}
    assert (await post(service, f"/v1/assessments/{case}/plans", plus)).status_code == 201
    twice = await post(service, f"/v1/assessments/{case}/plans", plus)
    assert (twice.status_code, twice.json()["title"]) == (409, "Plan is there")


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"stage": "my-way"}, "/stage"),
        ({"basis": {"kind": "legal-obligation", "recorded_on": "2026-11-20"}}, "/basis/kind"),
        ({"stage": "ehc-plan"}, "/basis/kind"),
        ({"review_on": "2026-11-23"}, "/review_on"),
        ({"review_on": "2029-01-01"}, "/review_on"),
        ({"agreed_on": "2026-12-24", "review_on": None}, "/agreed_on"),
        ({"provisions": ["magic"]}, "/provisions/0"),
    ],
)
async def test_a_plan_that_cannot_be_is_refused_by_its_field(
    service: Served, changes: dict[str, Any], pointer: str
) -> None:
    case = await a_case(service)
    answer = await post(service, f"/v1/assessments/{case}/plans", PLAN | changes)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer), answer.text
    assert await service.said(PlanAgreed) == []


@pytest.mark.parametrize(
    "review",
    [
        {"outcome": "step-up"},
        {"outcome": "step-up", "next_stage": "my-profile"},
        {"outcome": "step-down", "next_stage": "my-plan-plus"},
        {"outcome": "continue", "next_stage": "my-plan-plus"},
        {"outcome": "step-up", "next_stage": "my-plan"},
    ],
)
async def test_a_step_goes_where_it_says(service: Served, review: dict[str, str]) -> None:
    _, path = await a_plan(service)
    answer = await change(service, path, "reviews", review | {"reviewed_on": "2026-11-23"})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/next_stage")
    assert await service.said(PlanReviewed) == []


async def test_a_review_that_nobody_holds_is_late(service: Served, clock: BusinessClock) -> None:
    await a_plan(service)
    later(clock, days=100)
    await fire(service)
    late = [event for event in await service.said(ClockBreached) if isinstance(event, ClockBreached)]
    assert sorted(event.kind for event in late) == ["advice", "advice", "plan-review"]
    [review] = [event for event in late if event.kind == "plan-review"]
    assert (review.due_on, review.days_late) == (date(2027, 2, 12), 19)


async def test_a_change_needs_the_version_that_was_read(service: Served) -> None:
    _, path = await a_plan(service)
    body = {"outcome": "end", "reviewed_on": "2026-11-23"}
    assert (await post(service, f"{path}/reviews", body)).status_code == 428
    assert (await post(service, f"{path}/reviews", body, version='"7"')).status_code == 412
    etag = (await get(service, path)).headers["ETag"]
    answer = await post(service, f"{path}/reviews", body, version=etag)
    assert (answer.status_code, answer.headers["ETag"]) == (200, '"2"')
    assert (await get(service, path)).headers["ETag"] == '"2"'
