"""A request for an education, health and care needs assessment: its clocks, its steps, and what each is late for."""

from datetime import date
from typing import Any

import httpx
from chassis.clock import BusinessClock
from integration.assessments.county import DESK, a_case, at, fire, get, opened, post, read, taking_part
from schemas.assessment import (
    AdviceCancelled,
    AdviceRequested,
    ClockBreached,
    ClockCancelled,
    ClockMet,
    ClockStarted,
)
from support.service import Served

REQUEST = {"asked_by": "parent", "received_on": "2026-11-20"}


async def a_request(service: Served) -> tuple[str, dict[str, Any]]:
    """A case with a request that the council received on a Friday."""
    case = await a_case(service)
    answer = await post(service, f"/v1/assessments/{case}/statutory-requests", REQUEST, DESK)
    assert answer.status_code == 201, answer.text
    return case, answer.json()


async def step(service: Served, case: str, name: str, on: str, **more: str) -> httpx.Response:
    """Take a step, on the request as it is."""
    [now] = (await read(service, f"/v1/assessments/{case}"))["statutory_requests"]
    path = f"/v1/assessments/{case}/statutory-requests/{now['id']}/steps"
    version = f'"{now["version"]}"'
    return await post(service, path, {"step": name, "on": on, **more}, DESK, version=version)


async def running(service: Served, case: str) -> dict[str, str]:
    """What runs for the request, and until when; advice apart."""
    items = (await read(service, f"/v1/clocks?case={case}&state=running&limit=200"))["items"]
    return {one["kind"]: one["due_on"] for one in items if one["kind"].startswith("ehc-")}


async def test_a_request_starts_the_clocks_from_the_day_it_was_received(service: Served) -> None:
    case, body = await a_request(service)
    assert (body["state"], body["received_on"]) == ("requested", "2026-11-20")
    assert await running(service, case) == {
        "ehc-decide-to-assess": "2027-01-01", "ehc-decide-plan": "2027-03-12", "ehc-final-plan": "2027-04-09",
    }  # fmt: skip
    begun = [e for e in await service.said(ClockStarted) if isinstance(e, ClockStarted) and e.kind != "advice"]
    assert {event.started_on for event in begun} == {date(2026, 11, 20)}
    again = await post(service, f"/v1/assessments/{case}/statutory-requests", REQUEST, DESK)
    assert (again.status_code, again.json()["title"]) == (409, "Request open")


async def test_the_whole_way_from_request_to_annual_review(service: Served, clock: BusinessClock) -> None:
    case, _ = await a_request(service)
    assert (await step(service, case, "issue-final", "2026-11-23")).json()["title"] == "Step out of turn"
    at(clock, "2026-12-18T12:00:00+00:00")
    assert (await step(service, case, "decide-to-assess", "2026-12-18")).json()["state"] == "assessing"
    asked = [e.discipline for e in await service.said(AdviceRequested) if isinstance(e, AdviceRequested)]
    # The school is asked already: it is not asked twice.
    assert asked == ["education", "speech-and-language", "educational-psychology", "health", "social-care"]
    at(clock, "2027-03-08T12:00:00+00:00")
    assert (await step(service, case, "issue-draft", "2027-03-08")).json()["state"] == "drafted"
    assert (await running(service, case))["ehc-draft-comments"] == "2027-03-23"
    early = await step(service, case, "issue-final", "2027-03-08")
    assert (early.status_code, early.json()["title"]) == (409, "Comments still open")
    at(clock, "2027-03-24T00:30:00+00:00")
    await fire(service)
    assert (await step(service, case, "issue-final", "2027-03-24")).json()["state"] == "maintained"
    met = {e.kind: e for e in await service.said(ClockMet) if isinstance(e, ClockMet)}
    assert {kind: (one.met_on, one.in_time) for kind, one in met.items()} == {
        "ehc-decide-to-assess": (date(2026, 12, 18), True), "ehc-decide-plan": (date(2027, 3, 8), True),
        # Time that was given: when it is over nobody is late.
        "ehc-draft-comments": (date(2027, 3, 23), True), "ehc-final-plan": (date(2027, 3, 24), True),
    }  # fmt: skip
    assert "ehc-draft-comments" not in {e.kind for e in await service.said(ClockBreached) if hasattr(e, "kind")}
    assert await running(service, case) == {"ehc-annual-review": "2028-03-24"}
    at(clock, "2028-03-01T12:00:00+00:00")
    assert (await step(service, case, "review-meeting", "2028-03-01")).json()["state"] == "reviewing"
    assert await running(service, case) == {"ehc-review-decision": "2028-03-29"}
    assert (await step(service, case, "notice-to-amend", "2028-03-01")).json()["state"] == "amending"
    assert await running(service, case) == {"ehc-amended-plan": "2028-04-26", "ehc-annual-review": "2029-03-01"}
    at(clock, "2028-05-02T12:00:00+00:00")
    await fire(service)
    assert (await step(service, case, "issue-amended", "2028-05-02")).json()["state"] == "maintained"
    late = [e for e in await service.said(ClockMet) if isinstance(e, ClockMet) and e.kind == "ehc-amended-plan"]
    assert [(one.met_on, one.in_time) for one in late] == [(date(2028, 5, 2), False)]
    assert await running(service, case) == {"ehc-annual-review": "2029-03-01"}


async def test_a_refusal_is_a_decision_and_what_would_have_followed_is_cancelled(service: Served) -> None:
    case, _ = await a_request(service)
    assert (await step(service, case, "refuse-to-assess", "2026-11-23")).json()["state"] == "refused"
    met = [e.kind for e in await service.said(ClockMet) if isinstance(e, ClockMet)]
    ended = [(e.kind, e.reason) for e in await service.said(ClockCancelled) if isinstance(e, ClockCancelled)]
    assert met == ["ehc-decide-to-assess"]
    assert ended == [("ehc-decide-plan", "refused"), ("ehc-final-plan", "refused")]
    answer = await post(service, f"/v1/assessments/{case}/statutory-requests", REQUEST, DESK)
    assert answer.status_code == 201, "after a refusal it can be asked again"


async def test_a_withdrawn_request_ends_its_clocks_and_its_advice_alone(service: Served) -> None:
    case, _ = await a_request(service)
    await step(service, case, "decide-to-assess", "2026-11-23")
    assert (await step(service, case, "withdraw", "2026-11-23")).json()["state"] == "withdrawn"
    assert await running(service, case) == {}
    ended = {e.discipline for e in await service.said(AdviceCancelled) if isinstance(e, AdviceCancelled)}
    assert ended == {"educational-psychology", "health", "social-care"}
    left = (await read(service, f"/v1/advice?case={case}&state=requested"))["items"]
    assert {one["discipline"] for one in left} == {"education", "speech-and-language"}


async def test_a_phase_transfer_has_its_date_of_the_year(service: Served, clock: BusinessClock) -> None:
    case, _ = await a_request(service)
    await step(service, case, "decide-to-assess", "2026-11-23")
    await step(service, case, "issue-draft", "2026-11-23")
    await step(service, case, "comments-received", "2026-11-23")
    assert (await step(service, case, "issue-final", "2026-11-23")).json()["state"] == "maintained"
    nothing = await step(service, case, "name-transfer", "2026-11-23")
    assert nothing.json()["detail"] == "No transfer is planned."
    await step(service, case, "plan-transfer", "2026-11-23", variant="post-16")
    assert (await running(service, case))["ehc-phase-transfer"] == "2027-03-31"
    assert (await step(service, case, "plan-transfer", "2026-11-23")).status_code == 409
    assert (await step(service, case, "name-transfer", "2026-11-23")).status_code == 200
    await step(service, case, "request-reassessment", "2026-11-23")
    assert (await running(service, case))["ehc-reassess-answer"] == "2026-12-08"
    await step(service, case, "agree-reassessment", "2026-11-23")
    assert (await running(service, case))["ehc-reassess-plan"] == "2027-03-01"
    await step(service, case, "issue-reassessed", "2026-11-23")
    assert await running(service, case) == {"ehc-annual-review": "2027-11-23"}


async def test_steps_come_in_order_and_never_in_the_future(service: Served) -> None:
    case, request = await a_request(service)
    early = await step(service, case, "decide-to-assess", "2026-11-19")
    assert (early.status_code, early.json()["errors"][0]["pointer"]) == (422, "/on")
    late = await step(service, case, "decide-to-assess", "2026-11-24")
    assert (late.status_code, late.json()["title"]) == (422, "Not in the future")
    strange = await step(service, case, "celebrate", "2026-11-23")
    assert (strange.status_code, strange.json()["errors"][0]["pointer"]) == (422, "/step")
    body = await read(service, f"/v1/assessments/{case}", DESK)
    allowed = {a["name"] for a in body["statutory_requests"][0]["actions"] if a["allowed"]}
    assert allowed == {"decide-to-assess", "refuse-to-assess", "withdraw"}
    other = await a_case(service)
    path = f"/v1/assessments/{other}/statutory-requests/{request['id']}/steps"
    body = {"step": "withdraw", "on": "2026-11-23"}
    assert (await post(service, path, body, DESK, version='"1"')).status_code == 404


async def test_before_a_cluster_accepts_there_is_nothing_to_ask_for(service: Served) -> None:
    case = opened()
    await service.hear(case, taking_part(case.case_id, "county-council", role="intake"))
    answer = await post(service, f"/v1/assessments/{case.case_id}/statutory-requests", REQUEST, DESK)
    assert (answer.status_code, answer.json()["title"]) == (409, "No assessment")
    assert (await get(service, f"/v1/assessments/{case.case_id}", DESK)).status_code == 404


async def test_a_dry_run_tells_what_would_happen_and_keeps_nothing(service: Served) -> None:
    case, request = await a_request(service)
    said = await service.said()
    path = f"/v1/assessments/{case}/statutory-requests/{request['id']}/steps?dry_run=true"
    answer = await post(service, path, {"step": "decide-to-assess", "on": "2026-11-23"}, DESK, version='"1"')
    assert (answer.status_code, answer.json()["dry_run"], answer.json()["state"]) == (200, True, "assessing")
    wrong = await post(service, path, {"step": "issue-final", "on": "2026-11-23"}, DESK, version='"1"')
    assert wrong.status_code == 409
    assert await service.said() == said
    assert (await read(service, f"/v1/assessments/{case}"))["statutory_requests"][0]["state"] == "requested"
    assert "ETag" not in answer.headers
