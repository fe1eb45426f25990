"""What cannot be taken: an OperationOutcome that says where and what to do, in FHIR's form for every kind of no."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any, Final

import asyncpg
import pytest
from integration.referral_api.fhir import BASE, REQUEST, a_message, a_request, taken, tell
from integration.referral_api.steps import HOSPITAL, House
from support.database import Copy
from support.service import signed_in

REQUESTED: Final = "Bundle.entry[1].resource"
PATIENT: Final = "Bundle.entry[2].resource"
CONSENT: Final = {"resourceType": "Consent", "status": "active", "provision": {"type": "deny"}}


def without(message: dict[str, Any], *path: str | int) -> dict[str, Any]:
    """The same without what stands there."""
    changed: Any = deepcopy(message)
    here = changed
    for step in path[:-1]:
        here = here[step]
    del here[path[-1]]
    return dict(changed)


def with_header(**parts: Any) -> dict[str, Any]:
    """A message with another header."""
    message = a_message()
    message["entry"][0]["resource"] |= parts
    return message


CASES: Final[dict[str, tuple[dict[str, Any], str]]] = {
    "no bundle": ({"resourceType": "Patient"}, "Bundle.resourceType"),
    "another bundle": (a_message() | {"type": "batch"}, "Bundle.type"),
    "no entries": (without(a_message(), "entry"), "Bundle.entry.resource"),
    "no header": (a_message() | {"entry": a_message()["entry"][1:]}, "Bundle.entry[0].resource"),
    "another event": (
        with_header(eventCoding={"code": "booking-request"}), "Bundle.entry[0].resource.eventCoding.code",
    ),
    "another reason": (
        with_header(reason={"coding": [{"code": "why"}]}), "Bundle.entry[0].resource.reason.coding[0].code",
    ),
    "no reason": (with_header(reason=None), "Bundle.entry[0].resource.reason.coding.code"),
    "nothing asked": (
        a_message() | {"entry": [a_message()["entry"][0]]}, "Bundle.entry[0].resource.focus[0]",
    ),
    "no patient": (a_message(patient={}), f"{REQUESTED}.subject"),
    "not active": (a_message(status="draft"), f"{REQUESTED}.status"),
    "taken back before it came": (a_message(status="revoked"), f"{REQUESTED}.status"),
    "a validation": (
        a_message(
            category=[
                {"coding": [{
                    "system": "https://fhir.nhs.uk/CodeSystem/message-category-servicerequest", "code": "validation",
                }]}
            ]
        ),
        f"{REQUESTED}.category[0].coding[0].code",
    ),
    "nothing said": (a_message(reasonCode=None), f"{REQUESTED}.reasonCode.text"),
    "no such priority": (a_message(priority="now"), f"{REQUESTED}.priority"),
    "no such gender": (a_message(patient={"gender": "F"}), f"{PATIENT}.gender"),
    "no name": (a_message(patient={"name": [{"text": "Zoë O'Brien-Test"}]}), f"{PATIENT}.name[0].given"),
    "half a day": (a_message(patient={"birthDate": "2016-03"}), f"{PATIENT}.birthDate"),
    "no such day": (a_message(patient={"birthDate": "2016-02-30"}), f"{PATIENT}.birthDate"),
    "grown up": (a_message(patient={"birthDate": "1959-05-04"}), f"{PATIENT}.birthDate"),
    "no such number": (
        a_message(patient={"identifier": [{"system": "https://fhir.nhs.uk/Id/nhs-number", "value": "9990000019"}]}),
        f"{PATIENT}.identifier[0].value",
    ),
    "no such postcode": (
        a_message(patient={"address": [{"postalCode": "somewhere"}]}), f"{PATIENT}.address[0].postalCode",
    ),
    "no such need": (
        a_message(
            reasonCode=[
                {"text": "x", "coding": [
                    {"system": "https://schemas.jointly.example/fhir/CodeSystem/need-types", "code": "X"}
                ]}
            ]
        ),
        f"{REQUESTED}.reasonCode[0].coding[0]",
    ),
    "a sender without a name": (
        without(a_message(requester=None), "entry", 0, "resource", "source"), f"{REQUESTED}.requester",
    ),
    "a family that refused": (a_message(CONSENT), "Bundle.entry[3].resource.provision.type"),
    "a basis of tomorrow": (a_message(authoredOn="2999-01-01"), f"{REQUESTED}.authoredOn"),
    "a text that nobody sees": (a_message(reasonCode=[{"text": "a\u202eb"}]), f"{REQUESTED}.reasonCode[0].text"),
    "too long a name": (
        a_message(patient={"name": [{"family": "x" * 101, "given": ["y"]}]}), f"{PATIENT}.name[0].family",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
async def test_what_is_wrong_is_named_by_its_place(house: House, case: str) -> None:
    body, where = CASES[case]
    response = await tell(house, body)
    assert response.status_code == 422, response.text
    assert response.headers["Content-Type"] == "application/fhir+json"
    outcome = response.json()
    assert outcome["resourceType"] == "OperationOutcome"
    assert outcome["id"] == response.headers["X-Correlation-Id"]
    assert where in [place for issue in outcome["issue"] for place in issue["expression"]]
    for issue in outcome["issue"]:
        assert issue["severity"] == "error"
        assert issue["diagnostics"]
        assert issue["details"]["coding"][0]["code"] == "REC_UNPROCESSABLE_ENTITY"
    assert "O'Brien" not in response.text
    assert await house.count("referral") == 0


async def test_a_contained_patient_is_named_by_its_place_too(house: House) -> None:
    response = await tell(house, a_request(patient={"birthDate": "1959-05-04"}), path="ServiceRequest")
    assert response.status_code == 422
    assert response.json()["issue"][0]["expression"] == ["ServiceRequest.contained[0].birthDate"]
    missing = await tell(house, deepcopy(REQUEST), path="ServiceRequest")
    assert missing.json()["issue"][0]["expression"] == ["ServiceRequest.subject"]


@pytest.mark.parametrize(
    ("content", "headers", "status", "said"),
    [
        (b"{", {}, 400, ("invalid", "REC_BAD_REQUEST")),
        (b'{"resourceType": "Bundle", "resourceType": "Bundle"}', {}, 400, ("invalid", "REC_BAD_REQUEST")),
        (b"[" * 30, {}, 400, ("invalid", "REC_BAD_REQUEST")),
        (b'{"a": NaN}', {}, 400, ("invalid", "REC_BAD_REQUEST")),
        (b"\xff", {}, 400, ("invalid", "REC_BAD_REQUEST")),
        (b" " * 300_000, {}, 413, ("too-long", "REC_UNPROCESSABLE_ENTITY")),
        (b"<Bundle/>", {"Content-Type": "application/fhir+xml"}, 415, ("not-supported", "REC_BAD_REQUEST")),
        (b"{}", {"Content-Type": "application/fhir+json; charset=utf-16"}, 415, ("not-supported", "REC_BAD_REQUEST")),
        (b"{}", {"Content-Encoding": "gzip"}, 415, ("not-supported", "REC_BAD_REQUEST")),
        (b"{}", {"Accept": "application/fhir+xml"}, 406, ("not-supported", "REC_NOT_ACCEPTABLE")),
        (b"{}", {"Authorization": "Bearer x"}, 401, ("login", "REC_UNAUTHORIZED")),
    ],
)
async def test_what_cannot_be_read_is_refused_in_fhirs_form(
    house: House, content: bytes, headers: dict[str, str], status: int, said: tuple[str, str]
) -> None:
    response = await tell(house, content, headers)
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == "application/fhir+json"
    assert response.headers["Cache-Control"] == "no-store"
    (issue,) = response.json()["issue"]
    assert (issue["code"], issue["details"]["coding"][0]["code"]) == said
    if status == 401:
        assert response.headers["WWW-Authenticate"].startswith("Bearer")


async def test_who_may_not_refer_is_told_so(house: House) -> None:
    response = await tell(house, a_message(), by=HOSPITAL | {"roles": ("finance-officer",)})
    assert response.status_code == 403
    assert response.json()["issue"][0]["code"] == "forbidden"


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("GET", "/Patient/1", 404, None),
        ("GET", "", 404, None),
        ("POST", "/$nothing", 404, None),
        ("GET", "/$process-message", 405, "POST"),
        ("DELETE", "/ServiceRequest/1", 405, "GET"),
        ("FOO", "/metadata", 405, "GET"),
        ("PUT", "/ServiceRequest", 405, "GET, POST"),
    ],
)
async def test_wherever_there_is_nothing_fhir_says_so(
    house: House, method: str, path: str, status: int, allow: str | None
) -> None:
    response = await house.client.request(method, BASE + path, headers=signed_in(**HOSPITAL))
    assert response.status_code == status
    assert response.headers["Content-Type"] == "application/fhir+json"
    assert response.json()["resourceType"] == "OperationOutcome"
    assert response.headers.get("Allow") == allow


async def test_a_failure_of_ours_tells_nothing_of_it(house: House, database: Copy) -> None:
    request = await taken(house, a_message())
    connection = await asyncpg.connect(database.dsn())
    await connection.execute("ALTER TABLE referral_api.case_file RENAME COLUMN reasons TO whatever")
    await connection.close()
    response = await house.get(f"{BASE}/ServiceRequest/{request['id']}", by=HOSPITAL)
    assert response.status_code == 500
    (issue,) = response.json()["issue"]
    assert issue["code"] == "exception"
    assert "reasons" not in response.text


async def test_elements_that_nobody_reads_hurt_nobody(house: House) -> None:
    strange = {"resourceType": "Basic", "extension": [{"x": "\ud800"}, {"y": "\x00"}, {"z": 1.5}], "\ud801": [[], {}]}
    message = a_message(strange, PatientInstruction="misspelt by BaRS's own examples", basedOn={"reference": "#x"})
    message["entry"].append({"fullUrl": 7, "resource": ["no resource"]})
    message["entry"].append(None)
    response = await tell(house, json.dumps(message).encode())
    assert response.status_code == 200, response.text


async def test_half_a_character_in_what_is_read_is_refused(house: House) -> None:
    response = await tell(house, json.dumps(a_message(reasonCode=[{"text": "a\ud800"}])).encode())
    assert response.status_code == 422
    assert response.json()["issue"][0]["expression"] == [f"{REQUESTED}.reasonCode[0].text"]


async def test_bars_own_examples_are_taken_or_refused_by_name(house: House, reference_data: Path) -> None:
    seen = 0
    for path in sorted((reference_data / "fhir" / "bars").glob("*.json")):
        try:
            body = json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            continue
        for where in ("$process-message", "ServiceRequest"):
            response = await tell(house, body, path=where)
            assert response.status_code in {200, 201, 400, 422}, (path.name, response.text)
            if response.status_code >= 400:
                for issue in response.json()["issue"]:
                    assert issue.get("expression") or issue.get("location"), (path.name, issue)
        seen += 1
    assert seen > 40


async def test_bars_own_referral_is_taken_once_it_is_of_a_child(house: House, reference_data: Path) -> None:
    name = "process_message_response_ValidationRequest_(HTTP_Response)_.json"
    body = json.loads((reference_data / "fhir" / "bars" / name).read_text(encoding="utf-8"))
    assert (await tell(house, body)).status_code == 422
    by_type = {each["resource"]["resourceType"]: each["resource"] for each in body["entry"]}
    by_type["Patient"]["birthDate"] = "2016-05-04"
    # The example's own number has a wrong check digit.
    by_type["Patient"]["identifier"][0]["value"] = "9990000018"
    by_type["ServiceRequest"]["category"][0]["coding"][0]["code"] = "referral"
    request = await taken(house, body)
    kept = await house.read(f"/v1/referrals/{request['id']}", by=HOSPITAL)
    assert kept["child"]["nhs_number"] == "9990000018"
    assert kept["referrer"]["role"] == "Administrative healthcare staff"
