"""Subject access, the access log, reading from outside one's team, and how a case is closed."""

import json
from typing import Any

import httpx
import pytest
from chassis.http import openapi_of
from chassis.service import create_app
from integration.referral_api.steps import HOSPITAL, INTAKE, LEAD, SCHOOL, House, a_child, a_referral
from integration.referral_api.test_access import OTHER_LEAD, a_cluster, assigned
from integration.referral_api.test_canary import MARKED, MARKS
from integration.referral_api.test_erasure import OFFICER, OTHERS_OFFICER, closed, erase
from referral_api.queries import holdings
from referral_api.views.protection import AccessOut, AccessRequestOut, ExportOut
from schemas.referral import CaseClosed

STRANGER = OTHER_LEAD | {"clusters": ("stroud-primary",)}


async def ask(house: House, sent: dict[str, Any], by: dict[str, Any], **parts: Any) -> httpx.Response:
    body = {"reason": "safeguarding", "reference": sent["reference"]} | parts
    return await house.post(f"/v1/cases/{sent['case_id']}/access-requests", body, by=by)


async def log(house: House, case_id: str, *, by: dict[str, Any] = OFFICER, **query: Any) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await house.read(f"/v1/cases/{case_id}/access-log", by=by, **query))["items"]
    return items


async def test_an_export_holds_everything_that_was_sent_and_is_noted(house: House) -> None:
    sent = await house.sent(MARKED)
    path = f"/v1/referrals/{sent['referral_id']}/information-requests"
    await house.post(path, {"question": "Cnryquestion", "due_on": "2099-01-01", "fields": []}, by=INTAKE)
    await house.sent(a_referral(child=a_child(7)))
    await house.hear_itself()
    answer = await house.get(f"/v1/cases/{sent['case_id']}/export", by=OFFICER)
    found = ExportOut.model_validate(answer.json())
    assert set(answer.json()) == set(ExportOut.model_fields)
    text = json.dumps(answer.json())
    # Every mark as it was sent; the other spellings are of nobody.
    assert {mark for mark in MARKS if mark not in text} == {"20161213", "GL522GH"}
    assert "Cnryquestion" in text
    assert (len(found.cases), len(found.referrals), len(found.information_requests)) == (1, 1, 1)
    assert {each["case_id"] for each in found.timeline} == {sent["case_id"]}
    assert sent["reference"] in answer.headers["Content-Disposition"]
    (row,) = await house.served.rows("SELECT actor, case_id, reason FROM audit WHERE action = 'exported'")
    assert row == {"actor": "person-officer", "case_id": sent["case_id"], "reason": "subject-access"}


async def test_an_export_holds_every_case_of_the_child_and_is_noted_for_each(house: House) -> None:
    first, second = await closed(house), await house.sent()
    found = await house.read(f"/v1/cases/{first['case_id']}/export", by=OFFICER)
    assert [each["case_id"] for each in found["cases"]] == [first["case_id"], second["case_id"]]
    for each in (first, second):
        assert (await log(house, each["case_id"]))[0]["did"] == "exported"


async def test_only_the_councils_officer_exports(house: House) -> None:
    sent = await house.sent()
    path = f"/v1/cases/{sent['case_id']}/export"
    assert [(await house.get(path, by=by)).status_code for by in (SCHOOL, INTAKE, LEAD, OTHERS_OFFICER)] == [
        403, 403, 403, 404,
    ]  # fmt: skip
    await house.post(f"/v1/cases/{sent['case_id']}/close", {"reason": "needs-met"}, by=INTAKE, key=None)
    await erase(house, sent)
    assert (await house.get(path, by=OFFICER)).status_code == 404


async def test_the_log_says_who_did_what_when_and_why(house: House) -> None:
    sent = await house.sent()
    case = f"/v1/cases/{sent['case_id']}"
    await house.read(case, by=INTAKE)
    await house.post("/v1/cases:search", {"reference": sent["reference"], "reason": "triage"}, by=INTAKE, key=None)
    await ask(house, sent, STRANGER)
    await house.read(case, by=STRANGER)
    await house.post(f"{case}/close", {"reason": "needs-met"}, by=INTAKE, key=None)
    rows = await log(house, sent["case_id"])
    for row in rows:
        AccessOut.model_validate(row)
    assert [(row["did"], row["subject"], row["organisation_id"], row["reason"]) for row in rows] == [
        ("changed", "person-intake", "county-council", "needs-met"),
        ("read", "person-other-lead", "school-115700", "safeguarding"),
        ("asked-to-see", "person-other-lead", "school-115700", "safeguarding"),
        ("searched", "person-intake", "county-council", "triage: reference"),
        ("read", "person-intake", "county-council", None),
        ("created", "school-115482", "school-115482", None),
    ]
    # To look at the log is in the log.
    (looked, *_) = await log(house, sent["case_id"])
    assert (looked["what"], looked["subject"]) == ("access-log", "person-officer")


async def test_the_log_comes_in_pages_that_miss_and_repeat_nothing(house: House) -> None:
    sent = await house.sent()
    for _ in range(6):
        await house.read(f"/v1/cases/{sent['case_id']}", by=INTAKE)
    whole = await log(house, sent["case_id"])
    seen: list[str] = []
    cursor, path = None, f"/v1/cases/{sent['case_id']}/access-log"
    while True:
        page = await house.read(path, by=OFFICER, limit=2, **({"cursor": cursor} if cursor else {}))
        seen += [row["id"] for row in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
        # What is noted meanwhile comes before the first page.
        assert len(page["items"]) == 2
    assert seen[1:] == [row["id"] for row in whole]
    later = whole[2]["at"]
    newer = await log(house, sent["case_id"], since=later)
    assert {row["id"] for row in whole[:3]} <= {row["id"] for row in newer}
    assert not {row["id"] for row in whole[3:]} & {row["id"] for row in newer}
    assert (await house.get(path, by=OFFICER, cursor="nonsense")).status_code == 400


async def test_the_log_is_read_from_an_index_without_sorting(house: House) -> None:
    async with house.served.runtime.transaction() as tx:
        await tx.rows("SET LOCAL enable_seqscan = off")
        await tx.rows("SET LOCAL enable_bitmapscan = off")
        plan = await tx.rows("EXPLAIN " + holdings.LOG, "case-1", None, None, 10)
    text = "\n".join(row[0] for row in plan)
    assert "audit_case_log" in text
    assert "Sort" not in text


async def test_the_log_is_for_the_officer_and_who_leads_the_team_that_holds_the_case(house: House) -> None:
    sent = await house.sent()
    await house.served.hear(a_cluster("gloucester-primary", "school-115600"), assigned(sent["case_id"]))
    path = f"/v1/cases/{sent['case_id']}/access-log"
    of_the_team = LEAD | {"organisation": "school-115999", "clusters": ("gloucester-primary",)}
    callers = (OFFICER, LEAD, of_the_team, STRANGER, OTHERS_OFFICER, LEAD | {"roles": ("caseworker",)}, SCHOOL)
    # Whose organisation holds the case, but who leads no team.
    theirs = LEAD | {"roles": ("data-protection-officer",)}
    assert (await house.get(path, by=theirs)).status_code == 404
    assert [(await house.get(path, by=by)).status_code for by in callers] == [200, 200, 200, 404, 404, 403, 403]


async def test_the_log_outlives_the_case(house: House) -> None:
    sent = await closed(house)
    await erase(house, sent)
    assert next(row["did"] for row in await log(house, sent["case_id"])) == "erased"


async def test_who_says_why_reads_a_case_outside_their_team_and_may_do_no_more(house: House) -> None:
    sent = await house.sent()
    case = f"/v1/cases/{sent['case_id']}"
    paths = (case, f"{case}/timeline", f"/v1/referrals/{sent['referral_id']}")
    assert [(await house.get(path, by=STRANGER)).status_code for path in paths] == [404] * 3
    granted = await ask(house, sent, STRANGER, note="The duty desk has a call.")
    assert granted.status_code == 201
    AccessRequestOut.model_validate(granted.json())
    assert "duty" not in granted.text
    assert [(await house.get(path, by=STRANGER)).status_code for path in paths] == [200] * 3
    found = await house.read(case, by=STRANGER)
    assert found["child"]["family_name"] == "O'Brien-Test"
    assert {each["name"]: each["allowed"] for each in found["actions"]}["close"] is False
    names = await house.post(
        "/v1/children:names", {"case_ids": [sent["case_id"]], "reason": "worklist"}, by=STRANGER, key=None
    )
    assert len(names.json()["items"]) == 1
    assert (await house.post(f"{case}/close", {"reason": "needs-met"}, by=STRANGER, key=None)).status_code == 404
    reads = [row for row in await log(house, sent["case_id"]) if row["subject"] == "person-other-lead"]
    assert [row["what"] for row in reads] == ["name", "case", "referral", "timeline", "case", "case"]
    assert {row["reason"] for row in reads} == {"safeguarding"}


async def test_leave_is_one_persons_and_ends_by_itself(house: House) -> None:
    sent = await house.sent()
    assert (await ask(house, sent, STRANGER)).status_code == 201
    case = f"/v1/cases/{sent['case_id']}"
    assert (await house.get(case, by=STRANGER)).status_code == 200
    for other in ({"subject": "person-third"}, {"organisation": "school-115800"}):
        assert (await house.get(case, by=STRANGER | other)).status_code == 404
    await house.served.rows("UPDATE access_request SET until = asked_at")
    assert (await house.get(case, by=STRANGER)).status_code == 404


async def test_a_case_is_asked_for_by_its_reference_alone_too(house: House) -> None:
    sent = await house.sent()
    answer = await ask(house, {**sent, "case_id": sent["reference"]}, STRANGER)
    assert (answer.status_code, answer.json()["case_id"]) == (201, sent["case_id"])


@pytest.mark.parametrize(
    ("by", "parts", "status"),
    [
        (INTAKE | {"organisation": "another-council-desk"}, {}, 201),
        (STRANGER, {"reason": "curiosity"}, 422),
        (STRANGER, {"reference": "ABC-DEF-GHI"}, 404),
        # A caseworker of neither council nor cluster.
        (HOSPITAL | {"roles": ("caseworker",)}, {}, 404),
        (HOSPITAL, {}, 403),
        (INTAKE | {"roles": ("adviser",)}, {}, 403),
        # They see it as it is.
        (INTAKE, {}, 409),
    ],
)
async def test_the_councils_and_the_clusters_people_may_ask(
    house: House, by: dict[str, Any], parts: dict[str, Any], status: int
) -> None:
    sent = await house.sent()
    assert (await ask(house, sent, by, **parts)).status_code == status
    assert await house.count("access_request") == (status == 201)


async def test_who_answers_for_a_cluster_is_of_it(house: House) -> None:
    sent = await house.sent()
    assert (await ask(house, sent, OTHER_LEAD)).status_code == 404
    await house.served.hear(a_cluster("gloucester-secondary", "school-115700"))
    assert (await ask(house, sent, OTHER_LEAD)).status_code == 201


async def test_for_who_may_not_ask_a_case_is_as_one_that_never_was(house: House) -> None:
    sent, other = await house.sent(), await house.sent(a_referral(child=a_child(4)))
    real = await ask(house, {**sent, "reference": other["reference"]}, STRANGER)
    never = await ask(house, {"case_id": "019a0000-0000-7000-8000-000000000000", "reference": "ABC-DEF-GHI"}, STRANGER)
    texts = {
        answer.text.replace(answer.json()["instance"], "").replace(answer.json()["correlation_id"], "")
        for answer in (real, never)
    }
    assert (len(texts), real.status_code) == (1, 404)


async def test_a_case_is_closed_as_it_was_read_or_not_at_all(house: House) -> None:
    sent = await house.sent()
    case = f"/v1/cases/{sent['case_id']}"
    tag = int((await house.get(case, by=INTAKE)).headers["ETag"].strip('"'))
    # Another referral joins meanwhile.
    await house.sent(by=HOSPITAL)
    stale = await house.post(f"{case}/close", {"reason": "needs-met"}, by=INTAKE, key=None, version=tag)
    assert stale.status_code == 412
    tag = int((await house.get(case, by=INTAKE)).headers["ETag"].strip('"'))
    done = await house.post(f"{case}/close", {"reason": "needs-met"}, by=INTAKE, key=None, version=tag)
    assert done.status_code == 200
    assert await house.said(CaseClosed) == [CaseClosed(case_id=sent["case_id"], reason="needs-met")]


async def test_nobody_waits_for_an_answer_when_the_case_is_closed(house: House) -> None:
    sent = await house.sent()
    path = f"/v1/referrals/{sent['referral_id']}/information-requests"
    asked = await house.post(path, {"question": "?", "due_on": "2099-01-01", "fields": []}, by=INTAKE)
    assert (await house.read(asked.headers["Location"]))["ended_at"] is None
    await house.post(f"/v1/cases/{sent['case_id']}/close", {"reason": "needs-met"}, by=INTAKE, key=None)
    assert (await house.read(asked.headers["Location"]))["ended_at"] is not None
    answer = await house.post(f"{asked.headers['Location']}/answer", {"answer": "late"})
    assert (answer.status_code, answer.json()["title"]) == (409, "Out of turn")


async def test_the_officer_is_offered_what_they_can_do(house: House) -> None:
    sent = await house.sent()
    found = await house.read(f"/v1/cases/{sent['case_id']}", by=OFFICER)
    offered = {each["name"]: each["allowed"] for each in found["actions"]}
    assert {name: offered.get(name) for name in ("read-access-log", "export", "erase")} == {
        "read-access-log": True, "export": True, "erase": False,
    }  # fmt: skip
    document = openapi_of(create_app(house.served.runtime), title="referral-api", version="1")
    for path in ("erase", "access-requests"):
        body = document["paths"][f"/v1/cases/{{id}}/{path}"]["post"]["requestBody"]["content"]["application/json"]
        assert {"reason", "reference"} <= set(body["example"])
