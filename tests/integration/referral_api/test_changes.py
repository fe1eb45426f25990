"""What happens to a referral afterwards: changes, questions and answers, withdrawal, the end of its case."""

import asyncio
from typing import Any

import pytest
from chassis.clock import new_id
from integration.referral_api.steps import HOSPITAL, INTAKE, SCHOOL, House, a_child, a_referral
from schemas.referral import (
    CaseBasisWithdrawn,
    CaseCircumstancesChanged,
    CaseClosed,
    ReferralAmended,
    ReferralInformationProvided,
    ReferralInformationRequested,
    ReferralWithdrawn,
)
from schemas.routing import CaseAccepted
from support.service import keyed, signed_in

NOBODY = "01a20a30-0000-7000-8000-000000000000"
DUE = "2099-01-01"


async def test_a_change_gives_a_new_version_and_says_which_fields(house: House) -> None:
    answer = await house.sent()
    response = await house.patch(
        answer["referral_id"], {"child": {"school_urn": "115600"}, "concern": {"attendance": 0.5}}
    )
    assert response.status_code == 200
    assert response.headers["ETag"] == '"2"'
    assert response.json()["fields"] == ["/child/school_urn", "/concern/attendance"]
    assert response.json()["circumstances_changed"] == ["school_urn"]
    (amended,) = await house.said(ReferralAmended)
    assert isinstance(amended, ReferralAmended)
    assert (amended.version, amended.fields) == (2, ("/child/school_urn", "/concern/attendance"))
    (changed,) = await house.said(CaseCircumstancesChanged)
    assert isinstance(changed, CaseCircumstancesChanged)
    assert changed.circumstances.school_urn == "115600"
    found = await house.read(f"/v1/referrals/{answer['referral_id']}")
    assert (found["child"]["school_urn"], found["child"]["given_name"]) == ("115600", "Zoë")


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"child": {"school_urn": None}}, "school_urn"),
        ({"child": {"year_group": "6"}}, "year_group"),
        ({"child": {"postcode": "GL50 1AA"}}, "home"),
        ({"child": {"address_restricted": True}}, "home"),
        ({"needs": [{"type": "ASD", "rank": 1}]}, "needs"),
        ({"urgency": "urgent"}, "urgency"),
        ({"concern": {"risk_of_exclusion": "imminent"}}, "risk_of_exclusion"),
    ],
)
async def test_what_decides_where_the_case_belongs_is_told(house: House, change: dict[str, Any], part: str) -> None:
    await house.served.rows("INSERT INTO postcode VALUES ('GL1 4AW', 383, 218), ('GL50 1AA', 394, 222)")
    answer = await house.sent()
    response = await house.patch(answer["referral_id"], change)
    assert part in response.json()["circumstances_changed"]
    (event,) = await house.said(CaseCircumstancesChanged)
    assert isinstance(event, CaseCircumstancesChanged)
    assert part in event.changed


async def test_a_restricted_address_takes_square_and_school_out_of_every_later_event(house: House) -> None:
    await house.served.rows("INSERT INTO postcode VALUES ('GL1 4AW', 383, 218)")
    answer = await house.sent()
    await house.patch(answer["referral_id"], {"child": {"address_restricted": True}})
    (event,) = await house.said(CaseCircumstancesChanged)
    assert isinstance(event, CaseCircumstancesChanged)
    assert event.circumstances.home.state == "restricted"
    assert (event.circumstances.home.easting, event.circumstances.school_urn) == (None, None)


async def test_a_referral_that_becomes_immediate_is_answered_with_whom_to_call(house: House) -> None:
    answer = await house.sent()
    first = await house.patch(answer["referral_id"], {"urgency": "immediate"})
    assert first.json()["safeguarding"]["telephone"]
    second = await house.patch(answer["referral_id"], {"concern": {"attendance": 0.5}}, version=2)
    assert "safeguarding" not in second.json()


async def test_other_changes_are_no_news_for_routing(house: House) -> None:
    answer = await house.sent()
    await house.patch(answer["referral_id"], {"concern": {"summary": "Other words."}})
    assert await house.said(CaseCircumstancesChanged) == []
    assert len(await house.said(ReferralAmended)) == 1


async def test_a_change_that_changes_nothing_says_nothing(house: House) -> None:
    answer = await house.sent()
    response = await house.patch(answer["referral_id"], {"urgency": "soon"})
    assert (response.status_code, response.headers["ETag"], response.json()["fields"]) == (200, '"1"', [])
    assert await house.said(ReferralAmended) == []


async def test_who_does_not_say_which_version_it_read_is_asked_to(house: House) -> None:
    answer = await house.sent()
    assert (await house.patch(answer["referral_id"], {"urgency": "urgent"}, version=None)).status_code == 428
    response = await house.post(f"/v1/referrals/{answer['referral_id']}/withdraw", {"reason": "family-declined"})
    assert response.status_code == 428


async def test_a_stale_copy_changes_nothing(house: House) -> None:
    answer = await house.sent()
    await house.patch(answer["referral_id"], {"urgency": "urgent"})
    assert (await house.patch(answer["referral_id"], {"urgency": "routine"})).status_code == 412
    assert (await house.withdraw(answer["referral_id"], version=1)).status_code == 412


async def test_of_changes_that_arrive_together_one_wins(house: House) -> None:
    answer = await house.sent()
    responses = await asyncio.gather(
        *(house.patch(answer["referral_id"], {"referrer": {"role": f"Role {n}"}}) for n in range(6))
    )
    assert sorted(response.status_code for response in responses) == [200, 412, 412, 412, 412, 412]
    assert len(await house.said(ReferralAmended)) == 1


async def test_a_change_with_a_key_is_safe_to_repeat(house: House) -> None:
    answer = await house.sent()
    headers = signed_in() | keyed() | {"If-Match": '"1"'}
    responses = [
        await house.client.patch(f"/v1/referrals/{answer['referral_id']}", json={"urgency": "urgent"}, headers=headers)
        for _ in range(2)
    ]
    assert [response.status_code for response in responses] == [200, 200]
    assert responses[0].content == responses[1].content


async def test_a_change_that_makes_no_sense_is_refused_by_its_pointers(house: House) -> None:
    answer = await house.sent()
    for change, pointer in (
        ({"needs": [{"type": "XXX", "rank": 1}]}, "/needs/0/type"),
        ({"child": {"nhs_number": "9990000019"}}, "/child/nhs_number"),
        ({"child": {"given_name": None}}, "/child/given_name"),
        ({"case_id": "x"}, "/case_id"),
    ):
        response = await house.patch(answer["referral_id"], change)
        assert response.status_code == 422
        assert response.json()["errors"][0]["pointer"] == pointer


async def test_a_change_can_be_rehearsed(house: House) -> None:
    answer = await house.sent()
    response = await house.patch(answer["referral_id"], {"urgency": "urgent"}, dry_run="true")
    assert response.json() == {
        "dry_run": True,
        "status": "submitted",
        "fields": ["/urgency"],
        "circumstances_changed": ["urgency"],
        "closes_case": False,
    }
    assert (await house.read(f"/v1/referrals/{answer['referral_id']}"))["urgency"] == "soon"
    assert await house.said(ReferralAmended) == []


async def test_a_withdrawn_referral_ends_a_case_that_nobody_else_asked_for(house: House) -> None:
    answer = await house.sent()
    rehearsal = await house.post(
        f"/v1/referrals/{answer['referral_id']}/withdraw",
        {"reason": "family-declined"},
        version=1,
        dry_run="true",
    )
    assert rehearsal.json()["closes_case"] is True
    response = await house.withdraw(answer["referral_id"])
    assert (response.status_code, response.json()["status"]) == (200, "withdrawn")
    assert [event.type for event in (await house.said())[-2:]] == [ReferralWithdrawn.type, CaseClosed.type]
    assert (await house.read(f"/v1/cases/{answer['case_id']}"))["status"] == "closed"


async def test_a_case_that_another_agency_asked_for_goes_on(house: House) -> None:
    answer = await house.sent()
    await house.sent(a_referral(urgency="urgent"), by=HOSPITAL)
    await house.withdraw(answer["referral_id"])
    assert await house.said(CaseClosed) == []
    case = await house.read(f"/v1/cases/{answer['case_id']}", by=INTAKE)
    assert case["status"] == "open"


async def test_a_case_that_a_cluster_works_on_goes_on(house: House) -> None:
    answer = await house.sent()
    await house.served.hear(
        CaseAccepted(
            case_id=answer["case_id"],
            cluster_id="gloucester-primary",
            organisation_id="school-115600",
            accepted_by="person-lead",
        )
    )
    await house.withdraw(answer["referral_id"])
    assert await house.said(CaseClosed) == []


async def test_a_withdrawn_referral_is_not_changed_any_more(house: House) -> None:
    answer = await house.sent()
    await house.withdraw(answer["referral_id"])
    response = await house.patch(answer["referral_id"], {"urgency": "urgent"}, version=2)
    assert (response.status_code, response.json()["title"]) == (409, "Out of turn")


async def test_a_reason_that_no_registry_has_is_refused(house: House) -> None:
    answer = await house.sent()
    response = await house.withdraw(answer["referral_id"], reason="because")
    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, "/reason")


async def test_withdrawn_consent_ends_the_basis(house: House) -> None:
    answer = await house.sent(a_referral(basis={"kind": "consent"}))
    await house.withdraw(answer["referral_id"], reason="consent-withdrawn")
    (event,) = await house.said(CaseBasisWithdrawn)
    assert isinstance(event, CaseBasisWithdrawn)
    assert event.kind == "consent"


async def test_whoever_works_the_case_asks_and_the_sender_answers(house: House) -> None:
    answer = await house.sent()
    path = f"/v1/referrals/{answer['referral_id']}/information-requests"
    asked = await house.post(
        path, {"fields": ["/child/school_urn"], "question": "Which school?", "due_on": DUE}, by=INTAKE
    )
    assert asked.status_code == 201
    assert asked.json()["status"] == "information-requested"
    (event,) = await house.said(ReferralInformationRequested)
    assert isinstance(event, ReferralInformationRequested)
    assert (event.asked_by, event.asked_of, event.fields) == (
        "county-council",
        "school-115482",
        ("/child/school_urn",),
    )
    found = await house.read(f"/v1/referrals/{answer['referral_id']}")
    (request,) = found["information_requests"]
    action = next(each for each in found["actions"] if each["name"] == "answer")
    assert action["allowed"]
    answered = await house.post(action["href"], {"answer": "That one."})
    assert (answered.status_code, answered.json()["status"]) == (200, "submitted")
    assert len(await house.said(ReferralInformationProvided)) == 1
    again = await house.post(f"{path}/{request['request_id']}/answer", {"answer": "That one."})
    assert again.status_code == 409
    read = await house.read(asked.headers["Location"], by=INTAKE)
    assert read["answer"] == "That one."


async def test_a_referral_waits_until_every_question_is_answered(house: House) -> None:
    answer = await house.sent()
    path = f"/v1/referrals/{answer['referral_id']}/information-requests"
    ids = [
        (await house.post(path, {"question": "And?", "due_on": DUE}, by=INTAKE)).json()["request_id"] for _ in range(2)
    ]
    first = await house.post(f"{path}/{ids[0]}/answer", {"answer": "Yes."})
    second = await house.post(f"{path}/{ids[1]}/answer", {"answer": "Yes."})
    assert [first.json()["status"], second.json()["status"]] == ["information-requested", "submitted"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"question": "?", "due_on": "2020-01-01"}, "/due_on"),
        ({"question": "?", "due_on": DUE, "fields": ["/child/given_name/Zoë"]}, "/fields/0"),
        ({"question": "", "due_on": DUE}, "/question"),
    ],
)
async def test_a_question_that_makes_no_sense_is_refused(house: House, body: dict[str, Any], pointer: str) -> None:
    answer = await house.sent()
    response = await house.post(f"/v1/referrals/{answer['referral_id']}/information-requests", body, by=INTAKE)
    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, pointer)


async def test_the_sender_cannot_ask_itself(house: House) -> None:
    answer = await house.sent()
    response = await house.post(
        f"/v1/referrals/{answer['referral_id']}/information-requests",
        {"question": "?", "due_on": DUE},
        by={**SCHOOL, "roles": ("caseworker",)},
    )
    assert response.status_code == 403


async def test_whoever_works_a_case_ends_it_and_its_referrals_with_it(house: House) -> None:
    answer = await house.sent()
    path = f"/v1/cases/{answer['case_id']}/close"
    assert (await house.post(path, {"reason": "because"}, by=INTAKE)).status_code == 422
    assert (await house.post(path, {"reason": "needs-met"}, by={**SCHOOL, "roles": ("caseworker",)})).status_code == 403
    closed = await house.post(path, {"reason": "needs-met"}, by=INTAKE)
    assert (closed.status_code, closed.json()["status"]) == (200, "closed")
    assert (await house.post(path, {"reason": "needs-met"}, by=INTAKE)).status_code == 409
    assert (await house.read(f"/v1/referrals/{answer['referral_id']}"))["status"] == "closed"
    (event,) = await house.said(CaseClosed)
    assert isinstance(event, CaseClosed)
    assert event.reason == "needs-met"


async def test_what_belongs_to_others_and_what_does_not_exist_are_the_same_404(house: House) -> None:
    answer = await house.sent()
    other = (await house.sent(a_referral(child=a_child(1)), by=HOSPITAL))["referral_id"]
    for id in (answer["referral_id"], NOBODY):
        assert (await house.patch(id, {"urgency": "urgent"}, by=HOSPITAL)).status_code == 404
        assert (await house.withdraw(id, by=HOSPITAL)).status_code == 404
        assert (await house.get(f"/v1/referrals/{id}", by=HOSPITAL)).status_code == 404
        response = await house.post(
            f"/v1/referrals/{id}/information-requests",
            {"question": "?", "due_on": DUE},
            by={**HOSPITAL, "roles": ("caseworker",)},
        )
        assert response.status_code == 404
        answered = await house.post(
            f"/v1/referrals/{id}/information-requests/{new_id()}/answer", {"answer": "?"}, by=HOSPITAL
        )
        assert answered.status_code == 404
    bodies = [(await house.get(f"/v1/referrals/{id}", by=HOSPITAL)).json() for id in (answer["referral_id"], NOBODY)]
    for body in bodies:
        del body["instance"], body["correlation_id"]
    assert bodies[0] == bodies[1]
    assert (await house.get(f"/v1/referrals/{other}")).status_code == 404


async def test_every_read_and_write_leaves_an_audit_row(house: House) -> None:
    answer = await house.sent()
    await house.get(f"/v1/referrals/{answer['referral_id']}")
    await house.patch(answer["referral_id"], {"urgency": "urgent"})
    await house.withdraw(answer["referral_id"], version=2)
    rows = await house.served.rows(
        "SELECT action, what, what_id, case_id, organisation, correlation_id FROM audit ORDER BY id"
    )
    assert [row["action"] for row in rows] == ["created", "read", "updated", "withdrawn"]
    assert {row["what_id"] for row in rows} == {answer["referral_id"]}
    assert {row["case_id"] for row in rows} == {answer["case_id"]}
    assert all(row["correlation_id"] for row in rows)
