"""From an accepted case to a completed assessment: what opens, who is asked, what is said, in which order."""

import asyncio
from datetime import date

from integration.assessments.county import (
    NEEDS,
    SCHOOL,
    TRUST,
    a_case,
    accepted,
    advice,
    answer_all,
    assigned,
    change,
    complete,
    get,
    hear_voices,
    opened,
    post,
    read,
    taken_over,
)
from schemas.assessment import (
    AdviceReceived,
    AdviceRequested,
    AssessmentCompleted,
    AssessmentOpened,
    ClockMet,
    ClockStarted,
    ViewsRecorded,
)
from schemas.referral import CaseCircumstancesChanged, Need
from support.service import Served


async def test_an_accepted_case_opens_an_assessment_that_asks_whom_the_needs_call_for(service: Served) -> None:
    case = await a_case(service, "SLCN")
    said = await service.said()
    assert [type(event) for event in said] == [
        AssessmentOpened, AdviceRequested, ClockStarted, AdviceRequested, ClockStarted,
    ]  # fmt: skip
    begun = said[0]
    assert isinstance(begun, AssessmentOpened)
    assert (begun.case_id, begun.cluster_id, begun.organisation_id) == (case, "north", "lead-north")
    assert (begun.needs, begun.disciplines) == (("SLCN",), ("education", "speech-and-language"))
    asked = await service.said(AdviceRequested)
    assert [one.asked_of for one in asked if isinstance(one, AdviceRequested)] == ["school-100002", "nhs-trust"]
    clock = said[2]
    assert isinstance(clock, ClockStarted)
    assert isinstance(asked[0], AdviceRequested)
    assert (clock.kind, clock.about, clock.due_on) == ("advice", asked[0].advice_id, date(2027, 1, 4))
    assert asked[0].due_on == clock.due_on


async def test_a_case_that_is_not_known_yet_is_waited_for(service: Served) -> None:
    case = opened()
    await service.hear(assigned(case.case_id))
    await service.hear(accepted(case.case_id))
    assert await service.said() == []
    await service.hear(case)
    consumer = service.runtime.consumer
    assert consumer is not None
    await service.rows("UPDATE parked SET retry_at = NULL")
    await consumer.retry_parked(subjects={case.case_id})
    assert len(await service.said(AssessmentOpened)) == 1


async def test_a_second_acceptance_after_a_hand_over_keeps_the_assessment_with_the_new_cluster(service: Served) -> None:
    case = await a_case(service)
    await service.hear(taken_over(case, "south"))
    await service.hear(accepted(case, "south"))
    assert len(await service.said(AssessmentOpened)) == 1
    [row] = await service.rows("SELECT cluster_id, organisation_id FROM assessment")
    assert row == {"cluster_id": "south", "organisation_id": "lead-south"}
    assert await service.rows("SELECT reason FROM parked") == []
    await service.hear(accepted(case, "west"))
    assert await service.rows("SELECT cluster_id FROM assessment") == [{"cluster_id": "west"}]


async def test_the_school_and_the_therapist_answer_and_see_only_what_they_were_asked(service: Served) -> None:
    case = await a_case(service)
    theirs = await advice(service, case, "speech-and-language")
    body = await read(service, f"/v1/advice/{theirs['id']}", TRUST)
    assert (body["reference"], body["needs"], body["state"]) == (f"J-{case[-8:]}", ["SLCN"], "requested")
    assert (await get(service, f"/v1/advice/{theirs['id']}", SCHOOL)).status_code == 404
    assert (await get(service, f"/v1/assessments/{case}", TRUST)).status_code == 404
    listed = await read(service, "/v1/advice?ours=true", TRUST)
    assert [one["id"] for one in listed["items"]] == [theirs["id"]]
    answer = await change(service, f"/v1/advice/{theirs['id']}", "answer", {"text": "Pictures first."}, TRUST)
    assert (answer.status_code, answer.json()["state"]) == (200, "received")
    assert "Pictures" not in answer.text, "an answer is kept under its key: what was written is not"
    assert (await read(service, f"/v1/advice/{theirs['id']}", TRUST))["text"] == "Pictures first."
    received = await service.said(AdviceReceived, ClockMet)
    assert [type(event) for event in received] == [AdviceReceived, ClockMet]
    assert isinstance(received[1], ClockMet)
    assert received[1].in_time
    again = await change(service, f"/v1/advice/{theirs['id']}", "answer", {"text": "More."}, TRUST)
    assert (again.status_code, again.json()["title"]) == (409, "Advice over")


async def test_an_assessment_completes_with_need_provision_and_outcome(service: Served) -> None:
    case = await a_case(service, "SLCN", "SEMH")
    await answer_all(service, case)
    await hear_voices(service, case)
    body = await read(service, f"/v1/assessments/{case}")
    assert {action["name"]: action["allowed"] for action in body["actions"]}["complete"]
    answer = await complete(service, case)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/needs")
    answer = await complete(service, case, needs=[*NEEDS, {"need": "SEMH"}])
    assert (answer.status_code, answer.json()["state"]) == (200, "completed"), answer.text
    [done] = await service.said(AssessmentCompleted)
    assert isinstance(done, AssessmentCompleted)
    assert (done.outcome, done.provisions, done.needs_without_provision, done.completed_on) == (
        "plan", ("therapy-speech",), ("SEMH",), date(2026, 11, 23),
    )  # fmt: skip
    body = await read(service, f"/v1/assessments/{case}")
    assert body["findings"][0]["provisions"][0]["outcome"] == "Asks for help in words."
    assert body["needs_without_provision"] == ["SEMH"]
    assert (await complete(service, case, needs=[*NEEDS, {"need": "SEMH"}])).json()["title"] == "Assessment over"


async def test_it_does_not_complete_before_child_and_family_were_heard_and_advice_came(service: Served) -> None:
    case = await a_case(service)
    answer = await complete(service, case)
    assert (answer.status_code, answer.json()["title"]) == (409, "Views missing")
    views = {"of": "child", "method": "drawing", "asked_on": "2026-11-20", "not_given": "too-young"}
    assert (await post(service, f"/v1/assessments/{case}/views", views)).status_code == 201
    assert "family" in (await complete(service, case)).json()["detail"]
    assert (await post(service, f"/v1/assessments/{case}/views", {**views, "of": "family"})).status_code == 201
    answer = await complete(service, case)
    assert (answer.status_code, answer.json()["title"]) == (409, "Advice outstanding")
    await answer_all(service, case)
    assert (await complete(service, case)).status_code == 200
    said = await service.said(ViewsRecorded)
    assert [(one.of, one.not_given) for one in said if isinstance(one, ViewsRecorded)] == [
        ("child", "too-young"), ("family", "too-young"),
    ]  # fmt: skip


async def test_two_topics_that_speak_of_a_case_at_once_lose_no_word(service: Served) -> None:
    """Each topic may have a reader of its own: what one writes the other must not write over."""
    consumer = service.runtime.consumer
    assert consumer is not None
    cases = [opened() for _ in range(30)]
    await service.hear(*cases)
    changes = [
        CaseCircumstancesChanged(
            case_id=case.case_id,
            changed=("needs",),
            circumstances=case.circumstances.model_copy(update={"needs": (Need(type="ASD", rank=1),)}),
        )
        for case in cases
    ]
    said = [
        [service.record(event)]
        for pair in zip(changes, [assigned(c.case_id) for c in cases], strict=True)
        for event in pair
    ]
    await asyncio.gather(*(consumer.deliver(records) for records in said))
    rows = await service.rows("SELECT DISTINCT needs, cluster_id FROM case_file")
    assert rows == [{"needs": ["ASD"], "cluster_id": "north"}]


async def test_everything_about_a_case_is_said_in_order_under_one_subject(service: Served) -> None:
    case = await a_case(service)
    await answer_all(service, case)
    rows = await service.rows("SELECT subject, sequence FROM outbox ORDER BY id")
    assert {row["subject"] for row in rows} == {case}
    assert [row["sequence"] for row in rows] == list(range(1, len(rows) + 1))
