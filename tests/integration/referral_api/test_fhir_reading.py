"""Referrals read as ServiceRequests and Tasks: the rights of `/v1`, audited, and nothing personal in an address."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

import httpx
from chassis.clock import wall_now
from integration.referral_api.fhir import BASE, NHS_NUMBER, a_message, taken, tell, value_of
from integration.referral_api.steps import HOSPITAL, INTAKE, LEAD, SCHOOL, SOCIAL_CARE, House, a_child, a_referral
from referral_api.views.notices import NOTICE
from schemas.assessment import AssessmentOpened
from schemas.routing import CaseAccepted, CaseAssigned
from support.service import signed_in

NUMBER: Final = "patient:identifier"
GP = {"organisation": "gp-practice", "sector": "health"}
TEAM = {"organisation": "school-115600", "sector": "education", "roles": ("caseworker",), "clusters": ("north",)}


async def search(house: House, asked: Mapping[str, str], *, by: dict[str, Any] | None = None) -> httpx.Response:
    """`_search` with these parameters."""
    headers = signed_in(**(by or HOSPITAL)) | {"Content-Type": "application/x-www-form-urlencoded"}
    return await house.client.post(f"{BASE}/ServiceRequest/_search", content=urlencode(asked), headers=headers)


def ids(response: httpx.Response) -> list[str]:
    """The ids of what a search found."""
    assert response.status_code == 200, response.text
    bundle = response.json()
    found = [each["resource"]["id"] for each in bundle.get("entry", ())]
    assert bundle["total"] == len(found)
    return found


async def test_a_service_request_shows_what_was_understood(house: House) -> None:
    request = await taken(house, a_message())
    response = await house.get(f"{BASE}/ServiceRequest/{request['id']}", by=HOSPITAL)
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/fhir+json"
    assert response.headers["ETag"] == 'W/"1"'
    read = response.json()
    (patient,) = read["contained"]
    assert patient["name"] == [{"family": "O'Brien-Test", "given": ["Zoë Ann"]}]
    assert patient["identifier"] == [{"system": NHS_NUMBER, "value": "9990000018"}]
    assert read["subject"]["reference"] == f"#{patient['id']}"
    assert read["reasonCode"][0]["coding"][0]["code"] == "SLCN"
    assert read["identifier"][-1]["value"] == "T-1001"
    assert read["priority"] == "urgent"


async def test_what_one_may_not_see_is_not_there(house: House) -> None:
    request = await taken(house, a_message())
    for path in (f"ServiceRequest/{request['id']}", f"Task/{request['id']}", "ServiceRequest/none", "Task/none"):
        for other in (GP, SCHOOL, SOCIAL_CARE):
            response = await house.get(f"{BASE}/{path}", by=other)
            assert response.status_code == 404, path
            assert response.json()["issue"][0]["code"] == "not-found"
    for path in ("ServiceRequest?_id=", "Task?focus=ServiceRequest/"):
        found = await house.client.get(f"{BASE}/{path}{request['id']}", headers=signed_in(**GP))
        assert ids(found) == []


async def test_a_reader_gets_their_own_sectors_number_and_no_restricted_address(house: House) -> None:
    sent = await house.sent(
        a_referral(child={"upn": "B801200005001", "nhs_number": "9990000018", "address_restricted": True}), by=SCHOOL
    )
    path = f"{BASE}/ServiceRequest/{sent['referral_id']}"
    mine = await house.read(path, by=SCHOOL)
    assert {each["value"] for each in mine["contained"][0]["identifier"]} == {"9990000018", "B801200005001"}
    assert mine["meta"]["security"][0]["code"] == "R"
    desk = await house.read(path, by=INTAKE)
    assert "identifier" not in desk["contained"][0]
    assert desk["contained"][0]["address"][0]["postalCode"]
    # The sender's own id of it is the sender's.
    assert [each["use"] for each in desk["identifier"]] == ["usual", "official"]


async def test_every_read_is_audited(house: House) -> None:
    request = await taken(house, a_message())
    await house.read(f"{BASE}/ServiceRequest/{request['id']}", by=HOSPITAL)
    await house.read(f"{BASE}/Task/{request['id']}", by=HOSPITAL)
    await house.client.get(f"{BASE}/Task?focus=ServiceRequest/{request['id']}", headers=signed_in(**HOSPITAL))
    await search(house, {NUMBER: f"{NHS_NUMBER}|9990000018"})
    rows = await house.served.rows("SELECT action, what, case_id, reason FROM audit ORDER BY id")
    case_id = value_of(request, "case")
    assert [(row["action"], row["what"]) for row in rows] == [
        ("created", "referral"), ("read", "referral"), ("read", "task"), ("read", "task"), ("searched", "cases"),
        ("found", "case"), ("read", "referral"),
    ]  # fmt: skip
    assert {row["case_id"] for row in rows} == {case_id, None}
    assert not any("999" in (row["reason"] or "") for row in rows)


async def test_nothing_personal_stands_in_an_address(house: House) -> None:
    await taken(house, a_message())
    for name, value in (
        ("patient:identifier", f"{NHS_NUMBER}|9990000018"),
        ("patient:name", "o'brien"),
        ("patient:birthdate", "2016-03-09"),
        ("patient:address-postalcode", "GL1 4AW"),
    ):
        response = await house.client.get(f"{BASE}/ServiceRequest", params={name: value}, headers=signed_in(**HOSPITAL))
        assert response.status_code == 400
        (issue,) = response.json()["issue"]
        assert "_search" in issue["diagnostics"]
        assert issue["location"] == [f"http.{name}"]
        assert value not in response.text


async def test_a_referral_is_found_by_who_the_child_is(house: House) -> None:
    request = await taken(house, a_message())
    await taken(house, a_message(patient={"name": [{"family": "Other-Test", "given": ["Ada"]}], "identifier": []}))
    by_number = await search(house, {NUMBER: f"{NHS_NUMBER}|999 000 0018"})
    assert ids(by_number) == [request["id"]]
    assert "9990000018" not in by_number.json()["link"][0]["url"]
    assert ids(await search(house, {NUMBER: "9990000018"})) == [request["id"]]
    demographics = {"patient:name": "o'brien zoe", "patient:birthdate": "eq2016-03-09"}
    assert ids(await search(house, demographics)) == [request["id"]]
    assert ids(await search(house, demographics | {"patient:address-postalcode": "GL14AW"})) == [request["id"]]
    assert ids(await search(house, demographics | {"patient:address-postalcode": "GL50 1AA"})) == []
    assert ids(await search(house, {NUMBER: "9434765919"})) == []


async def test_a_search_finds_only_what_one_may_see(house: House) -> None:
    request = await taken(house, a_message())
    number = f"{NHS_NUMBER}|9990000018"
    assert ids(await search(house, {NUMBER: number}, by=GP)) == []
    # The same child's case, but each sees its own referral of it.
    own = await taken(house, a_message(), by=GP)
    assert value_of(own, "case") == value_of(request, "case")
    assert ids(await search(house, {NUMBER: number}, by=GP)) == [own["id"]]
    school = await search(house, {NUMBER: number}, by=SCHOOL)
    assert school.status_code == 422
    assert school.json()["issue"][0]["location"] == ["http.patient:identifier"]


async def test_a_search_for_too_little_is_refused(house: House) -> None:
    many = [a_referral(child=a_child(number) | {"date_of_birth": "2016-03-09"}) for number in range(51)]
    for answer in await asyncio.gather(*(house.send(body, by=HOSPITAL) for body in many)):
        assert answer.status_code == 201
    # Also where what was not looked at might have fitted.
    for more in ({}, {"patient:address-postalcode": "GL1 4AW"}):
        refused = await search(house, {"patient:birthdate": "2016-03-09"} | more)
        assert refused.status_code == 422
        assert refused.json()["issue"][0]["code"] == "too-costly"


async def test_a_notice_of_an_exclusion_is_no_request(house: House) -> None:
    notice = await house.post("/v1/exclusion-notices", NOTICE)
    assert notice.status_code == 201, notice.text
    id = notice.json()["exclusion_id"]
    for path in (f"ServiceRequest/{id}", f"Task/{id}"):
        assert (await house.get(f"{BASE}/{path}", by=SCHOOL)).status_code == 404
    found = await house.client.get(f"{BASE}/ServiceRequest?_id={id}", headers=signed_in(**SCHOOL))
    assert ids(found) == []


async def test_a_referral_is_found_by_the_senders_own_reference(house: House) -> None:
    request = await taken(house, a_message())
    for value in ("T-1001", "https://trust.example/referrals|T-1001"):
        found = await house.client.get(
            f"{BASE}/ServiceRequest", params={"identifier": value}, headers=signed_in(**HOSPITAL)
        )
        assert ids(found) == [request["id"]]
    other = await house.client.get(f"{BASE}/ServiceRequest", params={"identifier": "T-1001"}, headers=signed_in(**GP))
    assert ids(other) == []
    assert ids(await search(house, {"_id": request["id"]})) == [request["id"]]
    # What is said together must fit together.
    number = {NUMBER: "9990000018"}
    assert ids(await search(house, number | {"identifier": "T-1001"})) == [request["id"]]
    assert ids(await search(house, number | {"identifier": "T-2"})) == []
    assert ids(await search(house, number | {"_id": "another"})) == []


async def test_a_referral_is_found_by_the_reference_that_people_use(house: House) -> None:
    request = await taken(house, a_message())
    system = next(each["system"] for each in request["identifier"] if each["use"] == "usual")
    asked = {"identifier": f"{system}|{value_of(request, 'case-reference').lower()}"}
    for by, found in ((HOSPITAL, [request["id"]]), (GP, []), (INTAKE, [request["id"]])):
        answer = await house.client.get(f"{BASE}/ServiceRequest", params=asked, headers=signed_in(**by))
        assert ids(answer) == found, by


async def test_a_search_that_is_not_understood_is_refused_rather_than_widened(house: House) -> None:
    for asked, status in (
        ({}, 400),
        ({"status": "active"}, 400),
        ({"patient:identifier": "123"}, 422),
        ({"patient:identifier": "https://other.example/Id|9990000018"}, 400),
        ({"patient:birthdate": "gt2016"}, 422),
        ({"patient:address-postalcode": "nowhere", "patient:name": "brien"}, 400),
        ({"patient:address-postalcode": "GL1 4AW"}, 400),
        ({"patient:name": " "}, 400),
        ({"patient:name": "\x00\x01"}, 400),
        ({"identifier": "\x00"}, 400),
        ({"_id": "a\nb"}, 400),
    ):
        response = await search(house, asked)
        assert response.status_code == status, asked
        assert response.json()["issue"][0]["location"], asked
    headers = signed_in(**HOSPITAL)
    for body in (b"patient:name=a&patient:name=b", b"&".join(b"a=b" for _ in range(20)), b"_id=%FF"):
        form = headers | {"Content-Type": "application/x-www-form-urlencoded"}
        response = await house.client.post(f"{BASE}/ServiceRequest/_search", content=body, headers=form)
        assert response.status_code in {400, 413}, body
    as_json = await tell(house, {"_id": "x"}, path="ServiceRequest/_search")
    assert as_json.status_code == 415


async def test_a_task_says_how_far_things_are(house: House) -> None:
    request = await taken(house, a_message())
    case_id, reference = value_of(request, "case"), value_of(request, "case-reference")

    async def task() -> dict[str, Any]:
        return await house.read(f"{BASE}/Task/{request['id']}", by=HOSPITAL)

    first = await task()
    assert first["focus"]["reference"] == f"ServiceRequest/{request['id']}"
    assert first["groupIdentifier"]["value"] == reference
    assert (first["status"], first["businessStatus"]["coding"][0]["code"]) == ("requested", "pending")
    assert "owner" not in first
    await house.served.hear(
        CaseAssigned(
            case_id=case_id, cluster_id="north", organisation_id="school-115600", decision=1,
            reasons=("school-cluster",), rules_version="1",
        )
    )  # fmt: skip
    assigned = await task()
    assert (assigned["status"], assigned["businessStatus"]["coding"][0]["code"]) == ("received", "assigned")
    assert assigned["owner"]["identifier"]["value"] == "north"
    # Who is in the cluster's team sees it too.
    assert (await house.get(f"{BASE}/Task/{request['id']}", by=TEAM)).status_code == 200
    await house.served.hear(
        CaseAccepted(case_id=case_id, cluster_id="north", organisation_id="school-115600", accepted_by="person-lead")
    )
    assert (await task())["status"] == "accepted"
    await house.served.hear(
        AssessmentOpened(
            case_id=case_id,
            assessment_id="a-1",
            cluster_id="north",
            organisation_id="school-115600",
            needs=("SLCN",),
            disciplines=("health",),
        )
    )
    assert (await task())["status"] == "in-progress"
    closed = await house.post(
        f"/v1/cases/{case_id}/close", {"reason": "plan-in-place"}, by=LEAD | {"clusters": ("north",)}
    )
    assert closed.status_code == 200, closed.text
    last = await task()
    assert last["status"] == "completed"
    assert last["statusReason"]["text"] == "A plan is in place without a statutory plan"
    found = await house.client.get(f"{BASE}/Task?focus=ServiceRequest/{request['id']}", headers=signed_in(**HOSPITAL))
    assert found.json()["entry"][0]["resource"] == last
    assert last["lastModified"] <= wall_now().isoformat()


async def test_an_erased_case_is_not_there(house: House) -> None:
    request = await taken(house, a_message())
    await house.served.rows("UPDATE case_file SET status = 'erased'")
    await house.served.rows("DELETE FROM referral")
    assert (await house.get(f"{BASE}/ServiceRequest/{request['id']}", by=HOSPITAL)).status_code == 404
    assert ids(await search(house, {NUMBER: "9990000018"})) == []
