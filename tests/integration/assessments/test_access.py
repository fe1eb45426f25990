"""Who sees and does what; that a retry never does a thing twice; that nothing anybody wrote survives its erasure."""

from typing import Any

import pytest
from chassis.clock import BusinessClock, new_id
from integration.assessments.county import (
    DESK,
    NEEDS,
    REFERRER,
    SCHOOL,
    SOUTH,
    STRANGER,
    TEAM,
    a_case,
    advice,
    answer_all,
    change,
    complete,
    fire,
    get,
    later,
    post,
    read,
    taking_part,
)
from schemas.assessment import AdviceRequested, AssessmentCompleted, AssessmentOpened, ClockBreached
from schemas.referral import CaseErased
from support.service import Served, keyed, signed_in

CANARY = "CNRY-what-somebody-wrote"
VIEWS = {"of": "child", "method": "conversation", "asked_on": "2026-11-23", "text": CANARY}
PLAN = {
    "stage": "my-plan", "basis": {"kind": "consent", "recorded_on": "2026-11-20"}, "agreed_on": "2026-11-23",
    "provisions": [], "text": CANARY,
}  # fmt: skip


async def things(service: Served, case: str) -> list[str]:
    """The paths of all that there is about a case."""
    plan = await post(service, f"/v1/assessments/{case}/plans", PLAN)
    [first, *_] = (await read(service, f"/v1/clocks?case={case}"))["items"]
    whole = await read(service, f"/v1/assessments/{case}")
    school = await advice(service, case, "education")
    return [
        f"/v1/assessments/{case}", f"/v1/assessments/{whole['id']}", f"/v1/advice/{school['id']}",
        plan.headers["Location"], f"/v1/clocks/{first['id']}",
    ]  # fmt: skip


async def test_what_one_may_not_see_is_not_there(service: Served) -> None:
    case = await a_case(service)
    paths = await things(service, case)
    for who in (STRANGER, SOUTH):
        assert {(await get(service, path, who)).status_code for path in paths} == {404}
        for listed in ("assessments", "advice", "plans", "clocks"):
            assert (await read(service, f"/v1/{listed}?case={case}", who))["items"] == []
        answer = await post(service, f"/v1/assessments/{case}/views", VIEWS, who)
        assert answer.status_code == 404
    missing = await get(service, f"/v1/assessments/{new_id()}")
    assert missing.json()["detail"] == (await get(service, paths[0], STRANGER)).json()["detail"]


async def test_who_referred_knows_where_it_stands_and_changes_nothing(service: Served) -> None:
    case = await a_case(service)
    paths = await things(service, case)
    assert {(await get(service, path, REFERRER)).status_code for path in paths} == {200}
    whole = await read(service, f"/v1/assessments/{case}", REFERRER)
    assert not any(action["allowed"] for action in whole["actions"])
    assert CANARY not in (await get(service, paths[3], REFERRER)).text
    worker = REFERRER | {"roles": ("caseworker",)}
    assert (await post(service, f"/v1/assessments/{case}/views", VIEWS, worker)).status_code == 403
    await service.hear(taking_part(case, "gp-practice", until="2026-11-01"))
    assert (await get(service, paths[0], REFERRER)).status_code == 404, "who has left sees nothing"


async def test_an_adviser_who_was_not_asked_does_not_answer(service: Served) -> None:
    case = await a_case(service)
    path = f"/v1/advice/{(await advice(service, case, 'speech-and-language'))['id']}"
    assert (await change(service, path, "answer", {"text": "."}, SCHOOL)).status_code == 404
    await service.hear(taking_part(case, "school-100002", role="school"))
    refused = await change(service, path, "answer", {"text": "."}, SCHOOL)
    assert (refused.status_code, refused.json()["detail"]) == (403, "Only who was asked may answer.")


async def test_the_same_key_does_a_thing_once(service: Served) -> None:
    case = await a_case(service)
    key = keyed()
    for body, path in (
        (VIEWS, "views"), ({"discipline": "health"}, "advice"), (PLAN, "plans"),
        ({"asked_by": "school", "received_on": "2026-11-23"}, "statutory-requests"),
    ):  # fmt: skip
        headers = {**signed_in(**TEAM), **key}
        first = await service.client.post(f"/v1/assessments/{case}/{path}", json=body, headers=headers)
        said = len(await service.said())
        # The same key on another path is another request, and the one table of keys is per organisation.
        again = await service.client.post(f"/v1/assessments/{case}/{path}", json=body, headers=headers)
        assert (first.status_code, again.status_code, first.json()) == (201, 201, again.json()), first.text
        assert len(await service.said()) == said
        assert CANARY not in first.text
        bare = await service.client.post(f"/v1/assessments/{case}/{path}", json=body, headers=signed_in(**TEAM))
        assert bare.status_code == 400
        key = keyed()


async def test_hearing_twice_opens_once(service: Served) -> None:
    from integration.assessments.county import accepted, assigned, opened

    case = opened()
    events = [case, assigned(case.case_id), accepted(case.case_id)]
    records = [service.record(event) for event in events]
    consumer = service.runtime.consumer
    assert consumer is not None
    for record in records + records:
        await consumer.deliver([record])
    assert len(await service.said(AssessmentOpened)) == 1
    assert len(await service.said(AdviceRequested)) == 2


async def test_a_batch_of_accepted_cases_opens_each_with_few_statements(service: Served) -> None:
    from integration.assessments.county import accepted, assigned, opened

    cases = [opened() for _ in range(40)]
    await service.hear(*cases)
    await service.hear(*(assigned(case.case_id) for case in cases))
    await service.hear(*(accepted(case.case_id) for case in cases))
    assert len(await service.said(AssessmentOpened)) == 40
    assert len(await service.said(AdviceRequested)) == 80
    assert (await service.rows("SELECT count(*) AS n FROM deadline"))[0]["n"] == 40


async def test_nothing_anybody_wrote_survives_its_erasure(service: Served, clock: BusinessClock) -> None:
    case = await a_case(service)
    base = f"/v1/assessments/{case}"
    for of in ("child", "family"):
        assert (await post(service, f"{base}/views", VIEWS | {"of": of})).status_code == 201
    assert (await post(service, f"{base}/plans", PLAN)).status_code == 201
    asked = {"discipline": "health", "without_account": True, "question": CANARY}
    by_link = (await post(service, f"{base}/advice", asked)).json()
    link = await change(service, f"/v1/advice/{by_link['id']}", "link")
    [one, *_] = (await read(service, f"/v1/clocks?case={case}&kind=advice"))["items"]
    away = {"exception": "away-from-area", "since": "2026-12-01", "evidence": CANARY}
    assert (await post(service, f"/v1/clocks/{one['id']}/exceptions", away)).status_code == 201
    for waiting in (await read(service, f"/v1/advice?case={case}&state=requested"))["items"]:
        if waiting["id"] != by_link["id"]:
            await change(service, f"/v1/advice/{waiting['id']}", "answer", {"text": CANARY})
    await change(service, f"/v1/advice/{by_link['id']}", "cancel", {"reason": "not-needed"})
    needs = [{"need": "SLCN", "provisions": [{"kind": "mentoring", "outcome": CANARY}]}]
    assert (await complete(service, case, needs=needs)).status_code == 200
    assert CANARY in await everything(service)
    await service.hear(CaseErased(case_id=case))
    assert CANARY not in await everything(service)
    assert (await service.client.get(link.json()["answers_url"])).status_code == 404
    assert (await get(service, base, REFERRER)).status_code == 404
    body = await read(service, base, DESK)
    assert body["findings"] == [{"need": "SLCN", "provisions": [{"kind": "mentoring", "outcome": None}]}]
    later(clock, days=400)
    await fire(service)
    assert await service.said(ClockBreached) == []
    await service.hear(CaseErased(case_id=new_id()))


async def everything(service: Served) -> str:
    """Every row of every table, as text."""
    tables = await service.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'assessments'")
    found: list[Any] = []
    for table in tables:
        name = table["tablename"]
        if not name.startswith("outbox_"):
            found += await service.rows(f"SELECT t::text AS row FROM {name} t")
    bodies = await service.rows("SELECT convert_from(data, 'UTF8') AS row FROM outbox")
    answers = await service.rows("SELECT convert_from(body, 'UTF8') AS row FROM idempotency")
    return str([*found, *bodies, *answers])


async def test_no_text_is_in_any_event_or_kept_answer(service: Served) -> None:
    case = await a_case(service)
    assert (await post(service, f"/v1/assessments/{case}/views", VIEWS)).status_code == 201
    assert (await post(service, f"/v1/assessments/{case}/plans", PLAN)).status_code == 201
    bodies = await service.rows("SELECT convert_from(data, 'UTF8') AS row FROM outbox")
    answers = await service.rows("SELECT convert_from(body, 'UTF8') AS row FROM idempotency")
    assert CANARY not in str([*bodies, *answers])


async def test_every_read_and_change_is_audited(service: Served) -> None:
    case = await a_case(service)
    await read(service, f"/v1/assessments/{case}")
    await post(service, f"/v1/assessments/{case}/views", VIEWS)
    rows = await service.rows("SELECT actor, action, what, case_id FROM audit ORDER BY id")
    assert [(row["actor"], row["action"], row["what"]) for row in rows] == [
        ("team-north", "read", "assessment"), ("team-north", "views-recorded", "assessment"),
    ]  # fmt: skip
    assert {row["case_id"] for row in rows} == {case}


async def test_a_second_completion_at_the_same_instant_is_stale(service: Served) -> None:
    import asyncio

    case = await a_case(service)
    await answer_all(service, case)
    for of in ("child", "family"):
        await post(service, f"/v1/assessments/{case}/views", VIEWS | {"of": of})
    etag = (await get(service, f"/v1/assessments/{case}")).headers["ETag"]
    body = {"outcome": "plan", "needs": NEEDS}
    answers = await asyncio.gather(
        *(post(service, f"/v1/assessments/{case}/complete", body, version=etag) for _ in range(10))
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 9
    assert len(await service.said(AssessmentCompleted)) == 1


@pytest.mark.parametrize("path", ["views", "advice", "complete", "plans", "statutory-requests"])
async def test_advisers_and_systems_do_not_work_the_assessment(service: Served, path: str) -> None:
    case = await a_case(service)
    assert (await post(service, f"/v1/assessments/{case}/{path}", {}, SCHOOL)).status_code == 403
