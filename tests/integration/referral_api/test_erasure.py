"""Erasure: who may, when, what goes and what stays. A marked child leaves no byte behind."""

import asyncio
from typing import Any

import httpx
import pytest
from integration.referral_api.steps import HOSPITAL, INTAKE, SCHOOL, House, a_child, a_referral
from integration.referral_api.test_access import OTHER_LEAD, assigned
from integration.referral_api.test_canary import MARK, MARKED, marks_in
from referral_api.store.dated import kept_of_timelines
from referral_api.views.protection import ErasedOut, ErasureRehearsedOut
from schemas.referral import CaseErased

OFFICER = {
    "organisation": "county-council", "sector": "council", "roles": ("data-protection-officer",),
    "subject": "person-officer",
}  # fmt: skip
OTHERS_OFFICER = OFFICER | {"organisation": "nhs-trust", "sector": "health", "subject": "person-their-officer"}


async def closed(house: House, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """A case that was opened and closed."""
    sent = await house.sent(body)
    answer = await house.post(f"/v1/cases/{sent['case_id']}/close", {"reason": "needs-met"}, by=INTAKE, key=None)
    assert answer.status_code == 200, answer.text
    return sent


async def version(house: House, case_id: str) -> int:
    answer = await house.get(f"/v1/cases/{case_id}", by=OFFICER)
    assert answer.status_code == 200, answer.text
    return int(answer.headers["ETag"].strip('"'))


async def erase(
    house: House, sent: dict[str, Any], *, by: dict[str, Any] = OFFICER, reason: str = "right-to-erasure",
    reference: str | None = None, at: int | None = None, **more: Any,
) -> httpx.Response:  # fmt: skip
    at = await version(house, sent["case_id"]) if at is None else at
    body = {"reason": reason, "reference": reference or sent["reference"]}
    return await house.post(f"/v1/cases/{sent['case_id']}/erase", body, by=by, version=at, **more)


async def everything(house: House) -> dict[str, str]:
    """Every table of the service as text: each value of each row, bytes decoded."""
    tables = await house.served.rows(
        "SELECT c.relname AS name FROM pg_class c WHERE c.relnamespace = 'referral_api'::regnamespace"
        " AND c.relkind IN ('r', 'p') AND NOT c.relispartition"
    )
    texts = {}
    for name in (row["name"] for row in tables if row["name"] != "postcode"):
        rows = await house.served.rows(f'SELECT * FROM "{name}"')
        texts[name] = repr(rows) + "".join(
            value.decode("utf-8", "replace") for each in rows for value in each.values() if isinstance(value, bytes)
        )
    return texts


async def test_nothing_marked_is_left_in_any_table(house: House) -> None:
    sent = await house.sent(MARKED)
    same = await house.sent(MARKED, by=HOSPITAL)
    assert same["case_id"] == sent["case_id"]
    # Somebody alike has a case of their own, and a question is asked about the two.
    alike = await house.sent({**MARKED, "child": MARKED["child"] | {"given_name": "Unlike", "nhs_number": None,
                                                                  "upn": None}})  # fmt: skip
    path = f"/v1/referrals/{sent['referral_id']}/information-requests"
    asked = await house.post(path, {"question": f"{MARK}question", "due_on": "2099-01-01", "fields": []}, by=INTAKE)
    await house.post(f"{path}/{asked.json()['request_id']}/answer", {"answer": f"{MARK}answer"})
    notice = {
        "child": MARKED["child"], "kind": "SUSP", "reasons": ["DB"], "first_on": "2026-11-23", "sessions": 2,
        "reference": f"{MARK}own",
    }  # fmt: skip
    assert (await house.post("/v1/exclusion-notices", notice)).status_code == 201
    body = {"reason": "cover", "reference": sent["reference"], "note": f"{MARK}note"}
    assert (await house.post(f"/v1/cases/{sent['case_id']}/access-requests", body, by=OTHER_LEAD | {
        "clusters": ("stroud-primary",)})).status_code == 201  # fmt: skip
    await house.hear_itself()
    for each in {sent["case_id"], alike["case_id"]}:
        await house.post(f"/v1/cases/{each}/close", {"reason": "needs-met"}, by=INTAKE, key=None)
    await house.hear_itself()
    before = await everything(house)
    assert {name for name, text in before.items() if marks_in(text)} >= {
        "referral", "information_request", "access_request"
    }  # fmt: skip
    for each in {sent["case_id"]: sent, alike["case_id"]: alike}.values():
        answer = await erase(house, each)
        assert answer.status_code == 200, answer.text
        ErasedOut.model_validate(answer.json())
        assert marks_in(answer.text) == []
    await house.hear_itself()
    after = await everything(house)
    assert {name: marks for name, text in after.items() if (marks := marks_in(text))} == {}
    assert [await house.count(name) for name in ("referral", "fingerprint", "information_request", "possible_match",
                                                 "exclusion_notice", "access_request")] == [0] * 6  # fmt: skip
    # Neither where the child lived, nor which school or needs it had.
    (case,) = await house.served.rows("SELECT * FROM case_file WHERE case_id = $1", sent["case_id"])
    assert "115482" not in repr(case["circumstances"])
    facts = await house.served.rows("SELECT data FROM timeline_entry WHERE case_id = $1", sent["case_id"])
    assert facts
    assert not [fact for fact in facts if not set(fact["data"]) <= {*kept_of_timelines()}]


async def test_it_is_said_once_and_only_the_officer_still_finds_the_case(house: House) -> None:
    sent = await closed(house)
    answer = await erase(house, sent)
    done = ErasedOut.model_validate(answer.json())
    assert (done.status, done.reason, done.overridden, done.erased_by) == (
        "erased", "right-to-erasure", True, "person-officer",
    )  # fmt: skip
    assert done.erased["referrals"] == 1
    assert [each["referral_id"] for each in done.referrals] == [sent["referral_id"]]
    assert [each["organisation_id"] for each in done.participants] == ["county-council", "school-115482"]
    assert await house.said(CaseErased) == [CaseErased(case_id=sent["case_id"])]
    case = f"/v1/cases/{sent['case_id']}"
    assert (await house.read(case, by=OFFICER)) == answer.json()
    for path in (case, f"{case}/timeline", f"/v1/referrals/{sent['referral_id']}"):
        for by in (SCHOOL, INTAKE, OTHERS_OFFICER):
            assert (await house.get(path, by=by)).status_code == 404
    for by in (SCHOOL, INTAKE, OFFICER):
        assert (await house.read("/v1/cases", by=by))["items"] == []
        assert (await house.read("/v1/referrals", by=by))["items"] == []
    (row,) = await house.served.rows("SELECT actor, reason FROM audit WHERE action = 'erased'")
    assert row == {"actor": "person-officer", "reason": "right-to-erasure"}


async def test_a_retry_is_answered_as_before_and_a_referral_that_is_gone_is_still_answered(house: House) -> None:
    first_answer = (await house.send(a_referral(), key="the-referral")).json()
    await house.post(f"/v1/cases/{first_answer['case_id']}/close", {"reason": "needs-met"}, by=INTAKE, key=None)
    at = await version(house, first_answer["case_id"])
    once = await erase(house, first_answer, key="the-erasure", at=at)
    again = await erase(house, first_answer, key="the-erasure", at=at)
    assert (once.status_code, again.status_code, again.json()) == (200, 200, once.json())
    assert again.headers["Idempotency-Replayed"] == "true"
    other = await erase(house, first_answer, at=at)
    assert (other.status_code, other.json()["title"]) == (409, "Already erased")
    same = await house.send(a_referral(), key="the-referral")
    assert (same.status_code, same.json()) == (201, first_answer)
    assert len(await house.said(CaseErased)) == 1


async def test_a_rehearsal_says_what_would_go_and_changes_nothing(house: House) -> None:
    sent = await closed(house)
    before = await everything(house)
    would = await erase(house, sent, dry_run="true", key=None)
    found = ErasureRehearsedOut.model_validate(would.json())
    assert (found.dry_run, found.overridden, found.other_cases, found.would_erase["referrals"]) == (True, True, 0, 1)
    assert found.would_erase["fingerprints"] > 0
    after = await everything(house)
    assert {name for name in after if after[name] != before[name]} == {"audit"}
    assert await house.said(CaseErased) == []


async def test_it_is_refused_with_a_reason_that_says_what_to_do(house: House) -> None:
    still_open = await house.sent(a_referral(child=a_child(1)))
    sent = await closed(house, a_referral(child=a_child(2)))
    refused = {
        "Case open": await erase(house, still_open),
        "Another reference": await erase(house, sent, reference=still_open["reference"]),
        "Stale": await erase(house, sent, at=1),
        "Unknown code": await erase(house, sent, reason="because"),
        "Kept longer": await erase(house, sent, reason="retention-ended"),
        "Idempotency key required": await erase(house, sent, key=None),
    }
    assert {title: answer.json()["title"] for title, answer in refused.items()} == {title: title for title in refused}
    assert [answer.status_code for answer in refused.values()] == [409, 422, 412, 422, 409, 400]
    path, body = f"/v1/cases/{sent['case_id']}/erase", {"reason": "court-order", "reference": sent["reference"]}
    assert (await house.post(path, body, by=OFFICER)).status_code == 428
    for by, status in ((SCHOOL, 403), (INTAKE, 403), (OTHERS_OFFICER, 404)):
        assert (await house.post(path, body, by=by, version=2)).status_code == status
    assert await house.said(CaseErased) == []


async def test_when_the_time_has_passed_no_other_reason_is_needed(house: House) -> None:
    # Twenty-four, so that the birthday comes first; then closed for long enough.
    sent = await closed(house, a_referral(child=a_child(3) | {"date_of_birth": "2002-01-09", "year_group": "14"}))
    await house.served.rows("UPDATE case_file SET closed_at = closed_at - interval '8 years'")
    early = await erase(house, sent, reason="retention-ended")
    assert early.json()["title"] == "Kept longer"
    await house.served.rows(
        "UPDATE referral SET content = jsonb_set(content, '{child,date_of_birth}', '\"1998-01-09\"')"
    )
    late = await erase(house, sent, reason="retention-ended")
    assert (late.status_code, late.json()["overridden"]) == (200, False)


async def test_while_another_case_of_the_child_remains_the_child_is_still_known(house: House) -> None:
    first = await closed(house)
    second = await house.sent()
    assert second["case_id"] != first["case_id"]
    # Somebody alike: the question whether it is the same child is still worth an answer.
    await house.sent(a_referral(child={"given_name": "Zoey"}))
    asked = await house.count("possible_match")
    assert asked > 0
    would = await erase(house, first, dry_run="true", key=None)
    assert (would.json()["other_cases"], would.json()["would_erase"]["possible_matches"]) == (1, 0)
    assert (await erase(house, first)).status_code == 200
    assert await house.count("possible_match") == asked
    # Who sends again is recognised by what is left.
    third = await house.sent(by=HOSPITAL)
    assert third["case_id"] == second["case_id"]
    assert await house.count("referral") == 3


async def test_a_child_that_was_erased_is_new_when_it_comes_again(house: House) -> None:
    first = await closed(house)
    await erase(house, first)
    again = await house.sent()
    assert again["case_id"] != first["case_id"]
    (row,) = await house.served.rows(
        "SELECT count(DISTINCT child_id) AS n FROM case_file WHERE case_id IN ($1, $2)",
        first["case_id"], again["case_id"],
    )  # fmt: skip
    assert row["n"] == 2


async def test_what_is_heard_late_puts_nothing_back(house: House) -> None:
    sent = await closed(house)
    await erase(house, sent)
    await house.served.hear(assigned(sent["case_id"]))
    await house.hear_itself()
    (case,) = await house.served.rows("SELECT status, cluster_id, organisations FROM case_file")
    assert case == {"status": "erased", "cluster_id": None, "organisations": []}
    facts = await house.served.rows("SELECT data FROM timeline_entry")
    assert len(facts) > 3
    assert not [fact for fact in facts if not set(fact["data"]) <= {*kept_of_timelines()}]


@pytest.mark.parametrize("officers", [2, 20])
async def test_of_many_officers_at_once_one_erases(house: House, officers: int) -> None:
    sent = await closed(house)
    at = await version(house, sent["case_id"])
    answers = await asyncio.gather(*(erase(house, sent, at=at) for _ in range(officers)))
    assert sorted(answer.status_code for answer in answers) == [200, *[409] * (officers - 1)]
    assert len(await house.said(CaseErased)) == 1


async def test_a_referral_that_comes_while_its_childs_case_is_erased_is_not_lost(house: House) -> None:
    sent = await closed(house)
    at = await version(house, sent["case_id"])
    answer, *referrals = await asyncio.gather(
        erase(house, sent, at=at), *(house.send(by={**HOSPITAL, "organisation": f"nhs-{n}"}) for n in range(8))
    )
    assert answer.status_code == 200
    assert [each.status_code for each in referrals] == [201] * 8
    (case_id,) = {each.json()["case_id"] for each in referrals}
    assert case_id != sent["case_id"]
    assert await house.count("referral") == 8
