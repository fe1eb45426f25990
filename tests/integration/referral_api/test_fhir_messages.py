"""BaRS messages: a referral is taken as by `/v1`, changed, taken back, and a repeat is answered as before."""

import asyncio
from typing import Any

import pytest
from chassis.clock import new_id
from integration.referral_api.fhir import BASE, SNOMED, a_message, a_request, resource_of, taken, tell, value_of
from integration.referral_api.steps import HOSPITAL, SCHOOL, SOCIAL_CARE, House, a_referral
from schemas.referral import CaseOpened, ReferralAmended, ReferralSubmitted, ReferralWithdrawn

GP = {"organisation": "gp-practice", "sector": "health"}


async def content(house: House, referral_id: str, *, by: dict[str, Any] = HOSPITAL) -> dict[str, Any]:
    return await house.read(f"/v1/referrals/{referral_id}", by=by)


async def test_a_message_is_taken_as_a_referral_and_answered_by_a_message(house: House) -> None:
    message = a_message()
    response = await tell(house, message)
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/fhir+json"
    answer = response.json()
    assert (answer["resourceType"], answer["type"]) == ("Bundle", "message")
    header = answer["entry"][0]["resource"]
    assert header["response"]["identifier"] == message["entry"][0]["resource"]["id"]
    assert header["response"]["code"] == "ok"
    request = resource_of(answer, "ServiceRequest")
    assert request["status"] == "active"
    kept = await content(house, request["id"])
    assert kept["case_id"] == value_of(request, "case")
    assert kept["reference"] == value_of(request, "case-reference")
    assert kept["child"] | {"year_group": None} == {
        "given_name": "Zoë Ann", "family_name": "O'Brien-Test", "date_of_birth": "2016-03-09", "sex": "female",
        "postcode": "GL1 4AW", "nhs_number": "9990000018", "upn": None, "school_urn": None, "year_group": None,
        "address_restricted": False, "has_social_worker": False,
    }  # fmt: skip
    assert kept["needs"] == [{"type": "SLCN", "rank": 1}]
    assert kept["concern"]["summary"] == (
        "Developmental language disorder\nHardly speaks at school, and is often in tears."
    )
    assert kept["urgency"] == "urgent"
    assert kept["basis"] == {
        "kind": "public-task", "special_category": "health-or-social-care", "recorded_on": "2026-11-20",
    }  # fmt: skip
    assert kept["referrer"]["name"] == "Community paediatrics"
    assert kept["referrer"]["reference"] == "T-1001"
    assert [type(event) for event in await house.said(ReferralSubmitted, CaseOpened)] == [ReferralSubmitted, CaseOpened]


async def test_the_answer_says_what_was_taken_for_granted_and_names_nobody(house: House) -> None:
    medication = {"resourceType": "MedicationStatement", "status": "active"}
    response = await tell(house, a_message(medication, reasonCode=[{"text": "Falls asleep in class."}]))
    answer = response.json()
    outcome = resource_of(answer, "OperationOutcome")
    codes = [issue["details"]["coding"][0]["code"] for issue in outcome["issue"]]
    assert codes == ["need-not-coded", "help-not-named", "basis-by-agreement", "not-kept"]
    assert {issue["severity"] for issue in outcome["issue"]} == {"information"}
    assert "MedicationStatement" in outcome["issue"][-1]["diagnostics"]
    details = answer["entry"][0]["resource"]["response"]["details"]["reference"]
    assert details == f"urn:uuid:{outcome['id']}"
    for personal in ("O'Brien", "Zoë", "9990000018", "2016-03-09", "GL1", "asleep"):
        assert personal not in response.text


async def test_it_joins_the_case_of_a_child_that_a_school_has_referred(house: House) -> None:
    mine = await house.sent(a_referral(child={"nhs_number": "9990000018"}), by=SCHOOL)
    request = await taken(house, a_message())
    assert value_of(request, "case") == mine["case_id"]


async def test_a_repeat_is_answered_as_before_and_makes_nothing(house: House) -> None:
    message = a_message()
    first = await tell(house, message)
    again = await tell(house, message)
    assert again.status_code == 200
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.headers["Content-Type"] == "application/fhir+json"
    assert again.content == first.content
    assert await house.count("referral") == 1


async def test_many_repeats_at_once_make_one_referral(house: House) -> None:
    message = a_message()
    answers = await asyncio.gather(*(tell(house, message) for _ in range(50)))
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert await house.count("referral") == 1
    for answer in answers:
        if answer.status_code == 409:
            assert answer.json()["issue"][0]["details"]["coding"][1]["code"] == "in-flight"


async def test_a_repeat_is_known_by_the_bundle_by_the_header_or_by_the_request_id(house: House) -> None:
    nameless = a_message()
    del nameless["entry"][0]["resource"]["id"]
    assert (await tell(house, nameless)).content == (await tell(house, nameless)).content
    keyed = a_message(patient={"birthDate": "2015-01-02", "identifier": []})
    for mark in ({"Idempotency-Key": new_id()}, {"X-Request-Id": new_id()}):
        body = a_message(patient={"birthDate": "2014-03-04", "identifier": []})
        del body["entry"][0]["resource"]["id"], body["id"]
        assert (await tell(house, body, mark)).content == (await tell(house, body, mark)).content
    assert (await tell(house, keyed)).status_code == 200
    assert await house.count("referral") == 4


async def test_another_message_under_the_same_id_is_refused(house: House) -> None:
    await taken(house, a_message(id="m-1"))
    refused = await tell(house, a_message(id="m-1"))
    assert refused.status_code == 422
    (issue,) = refused.json()["issue"]
    assert issue["code"] == "duplicate"
    assert issue["expression"] == ["Bundle.entry[0].resource.id"]


async def test_a_message_without_any_id_is_refused(house: House) -> None:
    body = a_message()
    del body["entry"][0]["resource"]["id"], body["id"]
    refused = await tell(house, body)
    assert refused.status_code == 400
    assert refused.json()["issue"][0]["location"] == ["http.Idempotency-Key"]


async def test_the_senders_ids_of_request_and_conversation_come_back(house: House) -> None:
    marks = {"X-Request-Id": new_id(), "X-Correlation-Id": new_id()}
    for body in (a_message(), {}):
        response = await tell(house, body, marks)
        assert {name: response.headers[name] for name in marks} == marks
    (event,) = await house.served.rows("SELECT DISTINCT correlation_id FROM outbox")
    assert event["correlation_id"] == marks["X-Correlation-Id"]


async def test_an_update_changes_what_it_says_and_nothing_else(house: House) -> None:
    request = await taken(house, a_message())
    update = a_message(
        reason="update", patient={}, id=request["id"] + "-u", meta={"versionId": request["meta"]["versionId"]},
        priority="stat", identifier=None, reasonCode=[{"coding": [{"system": SNOMED, "code": "406506008"}]}],
        requester=None,
    )  # fmt: skip
    update["entry"][1]["resource"]["id"] = request["id"]
    changed = await tell(house, update)
    assert changed.status_code == 200, changed.text
    after = resource_of(changed.json(), "ServiceRequest")
    assert (after["id"], after["meta"]["versionId"], after["priority"]) == (request["id"], "2", "stat")
    kept = await content(house, request["id"])
    assert kept["urgency"] == "immediate"
    assert kept["needs"] == [{"type": "SEMH", "rank": 1}]
    assert kept["child"]["given_name"] == "Zoë Ann"
    assert "Hardly speaks" in kept["concern"]["summary"]
    (amended,) = await house.said(ReferralAmended)
    assert set(amended.fields) == {"/needs", "/urgency"}  # type: ignore[attr-defined]
    (call,) = [
        each for each in resource_of(changed.json(), "OperationOutcome")["issue"] if each["severity"] == "warning"
    ]
    assert "999" in call["diagnostics"]


async def test_what_was_read_and_sent_back_unchanged_changes_nothing(house: House) -> None:
    sent = await house.sent(a_referral(urgency="soon", child={"upn": None, "address_restricted": True}), by=HOSPITAL)
    read = await house.read(f"{BASE}/ServiceRequest/{sent['referral_id']}", by=HOSPITAL)
    update = a_message(reason="update", patient={})
    update["entry"][1]["resource"] = read
    response = await tell(house, update)
    assert response.status_code == 200, response.text
    assert resource_of(response.json(), "ServiceRequest")["meta"]["versionId"] == "1"
    assert await house.said(ReferralAmended) == []


@pytest.mark.parametrize(
    ("status", "reason", "why"),
    [
        ("revoked", "update", "other-route"),
        ("entered-in-error", "update", "sent-in-error"),
        ("active", "delete", "sent-in-error"),
    ],
)
async def test_a_referral_is_taken_back(house: House, status: str, reason: str, why: str) -> None:
    await taken(house, a_message())
    # Found by the sender's own reference.
    cancelling = a_message(reason=reason, patient={}, status=status, meta={"versionId": "1"})
    response = await tell(house, cancelling)
    assert response.status_code == 200, response.text
    assert resource_of(response.json(), "ServiceRequest")["status"] == "revoked"
    (withdrawn,) = await house.said(ReferralWithdrawn)
    assert withdrawn.reason == why  # type: ignore[attr-defined]
    # A repeat is answered as before; a second cancelling finds nothing that stands.
    assert (await tell(house, cancelling)).content == response.content
    late = await tell(house, a_message(reason=reason, patient={}, status=status, meta={"versionId": "2"}))
    assert late.status_code == 409
    assert late.json()["issue"][0]["details"]["coding"][0]["code"] == "REC_CONFLICT"


async def test_a_sender_may_say_why_it_takes_a_referral_back(house: House) -> None:
    await taken(house, a_message())

    def because(code: str) -> list[dict[str, Any]]:
        system = "https://schemas.jointly.example/fhir/CodeSystem/withdrawal-reasons"
        said = {"coding": [{"system": system, "code": code}]}
        url = "http://hl7.org/fhir/StructureDefinition/request-statusReason"
        return [{"url": url, "valueCodeableConcept": said}]

    wrong = a_message(reason="update", status="revoked", meta={"versionId": "1"}, extension=because("bored"))
    refused = await tell(house, wrong)
    assert refused.status_code == 422
    assert refused.json()["issue"][0]["expression"] == ["Bundle.entry[1].resource.extension"]
    right = a_message(reason="update", status="revoked", meta={"versionId": "1"}, extension=because("moved-away"))
    await taken(house, right)
    (withdrawn,) = await house.said(ReferralWithdrawn)
    assert withdrawn.reason == "moved-away"  # type: ignore[attr-defined]


async def test_a_change_says_which_version_was_read(house: House) -> None:
    request = await taken(house, a_message())
    without = await tell(house, a_message(reason="update", priority="routine"))
    assert without.status_code == 428
    assert without.json()["issue"][0]["expression"] == ["Bundle.entry[1].resource.meta.versionId"]
    stale = await tell(house, a_message(reason="update", priority="routine", meta={"versionId": "7"}))
    assert stale.status_code == 412
    by_header = await tell(house, a_message(reason="update", priority="routine"), {"If-Match": 'W/"1"'})
    assert by_header.status_code == 200, by_header.text
    assert (await content(house, request["id"]))["urgency"] == "routine"


async def test_one_changes_what_one_has_sent_and_nothing_else(house: House) -> None:
    request = await taken(house, a_message())
    update = a_message(reason="update", priority="routine", meta={"versionId": "1"})
    update["entry"][1]["resource"]["id"] = request["id"]
    blind = a_message(reason="update", priority="routine")
    blind["entry"][1]["resource"]["id"] = request["id"]
    for other in (GP, SOCIAL_CARE):
        # Whether it is there is not to be learned from what else is missing.
        for body in (update, blind):
            refused = await tell(house, body, by=other)
            assert refused.status_code == 404
            assert refused.json()["issue"][0]["code"] == "not-found"
    nowhere = a_message(reason="update", meta={"versionId": "1"}, identifier=[{"value": "T-0"}])
    assert (await tell(house, nowhere)).status_code == 404


async def test_which_of_several_is_meant_must_be_said(house: House) -> None:
    await taken(house, a_message())
    await taken(house, a_message(patient={"birthDate": "2013-05-06", "identifier": []}))
    refused = await tell(house, a_message(reason="update", priority="routine", meta={"versionId": "1"}))
    assert refused.status_code == 409
    assert refused.json()["issue"][0]["expression"] == ["Bundle.entry[1].resource.id"]


async def test_a_service_request_with_its_patient_inside_is_taken_too(house: House) -> None:
    response = await tell(house, a_request(), path="ServiceRequest")
    assert response.status_code == 201, response.text
    request = response.json()
    assert response.headers["Location"] == f"{BASE}/ServiceRequest/{request['id']}"
    assert response.headers["ETag"] == 'W/"1"'
    kept = await content(house, request["id"])
    assert kept["child"]["family_name"] == "O'Brien-Test"
    again = await tell(house, a_request(), path="ServiceRequest")
    assert (again.status_code, again.content) == (201, response.content)
    nameless = await tell(house, a_request(identifier=None), path="ServiceRequest")
    assert nameless.status_code == 400


async def test_the_agreed_basis_is_healths_alone(house: House) -> None:
    refused = await tell(house, a_message(), by=SCHOOL)
    assert refused.status_code == 422
    (issue,) = refused.json()["issue"]
    assert issue["details"]["coding"][1]["code"] == "basis-required"
    consent = {"resourceType": "Consent", "status": "active", "dateTime": "2026-11-01"}
    request = await taken(house, a_message(consent), by=SCHOOL)
    kept = await content(house, request["id"], by=SCHOOL)
    assert kept["basis"]["kind"] == "consent"
    assert kept["family"]["informed"] is True


async def test_whichever_way_they_come_at_once_they_join_one_case(house: House) -> None:
    child = {"given_name": "Zoë Ann", "family_name": "O'Brien-Test", "nhs_number": "9990000018"}
    both = [
        *(tell(house, a_message(), by=HOSPITAL if number % 2 else GP) for number in range(20)),
        *(house.send(a_referral(child=child)) for _ in range(20)),
    ]
    answers = await asyncio.gather(*both)
    assert {answer.status_code for answer in answers} == {200, 201}
    assert await house.count("referral") == 40
    assert await house.count("case_file") == 1


async def test_nobody_is_named_where_others_hear_or_answers_are_kept(house: House) -> None:
    await taken(house, a_message())
    for table in ("outbox", "audit", "idempotency", "subject_head"):
        rows = await house.served.rows(f"SELECT * FROM {table}")
        assert rows
        for marked in ("O'Brien", "Zoë", "9990000018", "2016-03-09", "GL1", "tears", "paediatrics"):
            assert marked not in str(rows), (table, marked)
            assert marked.encode().hex() not in str(rows), (table, marked)


async def test_a_second_referral_of_the_same_child_is_pointed_out(house: House) -> None:
    first = await taken(house, a_message())
    outcome = resource_of((await tell(house, a_message())).json(), "OperationOutcome")
    (said,) = [each for each in outcome["issue"] if each["details"]["coding"][0]["code"] == "already-referred"]
    assert first["id"] in said["diagnostics"]
