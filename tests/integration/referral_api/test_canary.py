"""A marked child: every field carries a mark, and no mark is found where nobody may read it."""

import asyncio
from typing import Any

import pytest
from integration.referral_api.steps import HOSPITAL, INTAKE, SCHOOL, House, a_referral
from support.service import signed_in

MARK = "Cnry"
#: Where personal data lives, and nowhere else.
PERSONAL = {"referral", "information_request"}
MARKED: dict[str, Any] = a_referral(
    child={
        "given_name": f"{MARK}given",
        "family_name": f"{MARK}family-Test",
        "date_of_birth": "2016-12-13",
        "nhs_number": "9990000042",
        "upn": "V91620001801A",
        "postcode": "GL52 2GH",
    },
    family={
        "informed": True,
        "views": f"{MARK}views",
        "interpreter_language": f"{MARK}language",
        "contacts": [
            {
                "name": f"{MARK}contact",
                "relationship": f"{MARK}relationship",
                "parental_responsibility": True,
                "safe_to_contact": False,
            }
        ],
    },
    concern={"summary": f"{MARK}summary", "risk_of_exclusion": "emerging", "attendance": None},
    referrer={
        "name": f"{MARK}referrer",
        "role": f"{MARK}role",
        "email": f"{MARK}@example.org",
        "reference": f"{MARK}reference",
    },
)
MARKS = (MARK, MARK.lower(), "2016-12-13", "20161213", "9990000042", "V91620001801A", "GL52 2GH", "GL522GH")


def marks_in(text: str) -> list[str]:
    return [mark for mark in MARKS if mark in text]


async def everything_but_personal(house: House) -> dict[str, str]:
    """Each table of the service as text."""
    tables = await house.served.rows(
        "SELECT c.relname AS name FROM pg_class c WHERE c.relnamespace = 'referral_api'::regnamespace"
        " AND c.relkind IN ('r', 'p') AND NOT c.relispartition"
    )
    texts = {}
    for row in tables:
        if row["name"] not in PERSONAL:
            rows = await house.served.rows(f'SELECT * FROM "{row["name"]}"')
            texts[row["name"]] = repr(rows) + "".join(
                value.decode("utf-8", "replace") for each in rows for value in each.values() if isinstance(value, bytes)
            )
    return texts


async def test_no_mark_leaves_the_two_tables(house: House, capfd: pytest.CaptureFixture[str]) -> None:
    sent = await house.sent(MARKED)
    # Somebody alike, so that a question is asked; the same child again; a change; a question and its answer.
    await house.sent({**MARKED, "child": MARKED["child"] | {"given_name": f"{MARK}givem", "nhs_number": None}})
    await house.sent(MARKED, by=HOSPITAL)
    changed = await house.patch(sent["referral_id"], {"concern": {"summary": f"{MARK}changed"}})
    assert changed.status_code == 200
    path = f"/v1/referrals/{sent['referral_id']}/information-requests"
    question = {"question": f"{MARK}question", "due_on": "2099-01-01", "fields": ["/child/upn"]}
    asked = await house.post(path, question, by=INTAKE)
    await house.post(f"{path}/{asked.json()['request_id']}/answer", {"answer": f"{MARK}answer"})
    await house.hear_itself()
    await house.withdraw(sent["referral_id"], version=4)
    for by in (SCHOOL, INTAKE):
        await house.get(f"/v1/cases/{sent['case_id']}", by=by)
    tables = await everything_but_personal(house)
    assert {"outbox", "audit", "idempotency", "case_file", "timeline_entry", "fingerprint"} <= set(tables)
    assert {name: marks for name, text in tables.items() if (marks := marks_in(text))} == {}
    for event in await house.said():
        assert marks_in(event.to_json().decode()) == []
    timeline = await house.get(f"/v1/cases/{sent['case_id']}/timeline")
    assert marks_in(timeline.text) == []
    out, err = capfd.readouterr()
    assert marks_in(out + err) == []


@pytest.mark.parametrize(
    "change",
    [
        {"child": {"nhs_number": f"{MARK}9990000019"}},
        {"child": {"date_of_birth": "2016-12-13T00:00:00"}},
        {"child": {"sex": f"{MARK}"}},
        {"child": {"postcode": f"{MARK}"}},
        {"child": {"school_urn": f"{MARK}"}},
        {"child": {"given_name": f"{MARK}\u0000"}},
        {"child": {"given_name": f"{MARK}\nagain"}},
        {"needs": [{"type": MARK, "rank": 1}]},
        {"urgency": MARK},
        {"requested": [MARK]},
        {"basis": {"recorded_on": f"{MARK}"}},
        {"referrer": {"email": MARK}},
        {"concern": {"attendance": MARK}},
    ],
)
async def test_no_refusal_quotes_what_was_sent(
    house: House, change: dict[str, Any], capfd: pytest.CaptureFixture[str]
) -> None:
    body = {name: dict(value) if isinstance(value, dict) else value for name, value in MARKED.items()}
    for name, value in change.items():
        body[name] = body[name] | value if isinstance(value, dict) else value
    response = await house.send(body)
    assert response.status_code == 422
    assert response.headers["Content-Type"] == "application/problem+json"
    assert marks_in(response.text) == []
    assert response.json()["errors"]
    out, err = capfd.readouterr()
    assert marks_in(out + err) == []


async def test_a_failure_that_nobody_expected_quotes_nothing(house: House, capfd: pytest.CaptureFixture[str]) -> None:
    by = {"organisation": "not an id", "sector": "education"}
    responses = await asyncio.gather(*(house.send(MARKED, by=by) for _ in range(3)))
    assert {response.status_code for response in responses} == {500}
    out, err = capfd.readouterr()
    assert [mark for response in responses for mark in marks_in(response.text)] == []
    assert marks_in(out + err) == []


async def test_nobody_else_finds_a_mark_by_asking(house: House) -> None:
    sent = await house.sent(MARKED)
    for path in (
        f"/v1/referrals/{sent['referral_id']}",
        f"/v1/cases/{sent['case_id']}",
        f"/v1/cases/{sent['case_id']}/timeline",
        "/v1/referrals",
        "/v1/cases",
        f"/v1/cases?reference={sent['reference']}",
        f"/v1/referrals?case_id={sent['case_id']}",
    ):
        text = (await house.get(path, by=HOSPITAL)).text
        assert marks_in(text) == []
        assert sent["reference"] not in text


async def test_no_mark_of_a_notice_a_file_or_a_search_leaves_the_table(
    house: House, capfd: pytest.CaptureFixture[str]
) -> None:
    notice = {
        "child": MARKED["child"], "kind": "SUSP", "reasons": ["DB"], "first_on": "2026-11-23", "sessions": 2,
        "reference": f"{MARK}own",
    }  # fmt: skip
    sent = await house.post("/v1/exclusion-notices", notice)
    assert sent.status_code == 201
    other = await house.post("/v1/exclusion-notices", notice | {"sessions": 4})
    wrong = await house.post("/v1/exclusion-notices", notice | {"kind": MARK, "reasons": [MARK]})
    file = (
        "Reference,Surname,Forename,DOB,URN,Category,Reason,Start date,Sessions\n"
        f"{MARK}1,{MARK}family-Test,{MARK}given,13/12/2016,115482,SUSP,DB,23/11/2026,2\n"
        f"{MARK}2,{MARK}family-Test,{MARK}given,{MARK},{MARK},{MARK},{MARK},{MARK},{MARK}\n"
    )
    headers = signed_in(**SCHOOL) | {"Content-Type": "text/csv"}
    taken = await house.client.post("/v1/exclusion-notices:import", content=file.encode(), headers=headers)
    assert (taken.json()["notified"], taken.json()["refused"]) == (1, 1)
    searches = [
        await house.post("/v1/cases:search", body, key=None)
        for body in (
            {"name": f"{MARK}given"}, {"date_of_birth": "2016-12-13"}, {"upn": "V91620001801A"},
            {"nhs_number": "9990000042"}, {"upn": MARK}, {"reference": MARK}, {"name": "x", "urgency": MARK},
        )
    ]  # fmt: skip
    assert [search.status_code for search in searches] == [200, 200, 200, 422, 422, 422, 422]
    await house.hear_itself()
    timeline = await house.get(f"/v1/cases/{sent.json()['case_id']}/timeline")
    for response in (sent, other, wrong, taken, timeline, *searches):
        assert marks_in(response.text) == []
    tables = await everything_but_personal(house)
    assert {name: marks for name, text in tables.items() if (marks := marks_in(text))} == {}
    for event in await house.said():
        assert marks_in(event.to_json().decode()) == []
    out, err = capfd.readouterr()
    assert marks_in(out + err) == []
