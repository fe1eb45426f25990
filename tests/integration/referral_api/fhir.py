"""Referrals as health's systems write them in FHIR R4, and how tests send them."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any, Final

import httpx
from chassis.clock import new_id
from integration.referral_api.steps import HOSPITAL, House
from support.service import signed_in

BASE: Final = "/fhir/R4"
NHS_NUMBER: Final = "https://fhir.nhs.uk/Id/nhs-number"
SNOMED: Final = "http://snomed.info/sct"

PATIENT: Final[dict[str, Any]] = {
    "resourceType": "Patient",
    "identifier": [{"system": NHS_NUMBER, "value": "999 000 0018"}],
    "name": [
        {"use": "old", "family": "Before-Test", "given": ["Zoë"]},
        {"use": "official", "family": "O'Brien-Test", "given": ["Zoë", "Ann"]},
    ],
    "gender": "female",
    "birthDate": "2016-03-09",
    "address": [{"use": "home", "postalCode": "GL1 4AW"}],
}
REQUEST: Final[dict[str, Any]] = {
    "resourceType": "ServiceRequest",
    "identifier": [{"system": "https://trust.example/referrals", "value": "T-1001"}],
    "status": "active",
    "intent": "plan",
    "priority": "urgent",
    "authoredOn": "2026-11-20T09:00:00+00:00",
    "reasonCode": [
        {"coding": [{"system": SNOMED, "code": "280032002", "display": "Developmental language disorder"}]},
        {"text": "Hardly speaks at school, and is often in tears."},
    ],
    "requester": {"display": "Community paediatrics"},
}


def a_request(*, patient: dict[str, Any] | None = None, **parts: Any) -> dict[str, Any]:
    """A ServiceRequest with its Patient contained in it; what is None is left out."""
    contained = {**PATIENT, **(patient or {}), "id": "child"}
    body = {**deepcopy(REQUEST), "contained": [contained], "subject": {"reference": "#child"}, **parts}
    return {name: value for name, value in body.items() if value is not None}


def a_message(
    *beside: dict[str, Any], reason: str = "new", patient: dict[str, Any] | None = None, id: str | None = None,
    **parts: Any,
) -> dict[str, Any]:  # fmt: skip
    """A BaRS message with a ServiceRequest of these parts, a Patient (none when it is empty) and what else there is."""
    request = {**deepcopy(REQUEST), "subject": {"reference": "urn:uuid:patient"}, **parts}
    request = {name: value for name, value in request.items() if value is not None}
    header = {
        "resourceType": "MessageHeader",
        "id": id or new_id(),
        "eventCoding": {
            "system": "https://fhir.nhs.uk/CodeSystem/message-events-bars",
            "code": "servicerequest-request",
        },
        "source": {"name": "The trust's records", "endpoint": "https://trust.example/fhir"},
        "reason": {"coding": [{"system": "https://fhir.nhs.uk/CodeSystem/message-reason-bars", "code": reason}]},
        "focus": [{"reference": "urn:uuid:request"}],
    }
    entries = [("header", header), ("request", request)]
    if patient != {}:
        entries.append(("patient", {**deepcopy(PATIENT), **(patient or {})}))
    entries += [(str(each.get("id", number)), each) for number, each in enumerate(beside)]
    return {
        "resourceType": "Bundle",
        "id": new_id(),
        "type": "message",
        "timestamp": "2026-11-20T09:00:00+00:00",
        "entry": [{"fullUrl": f"urn:uuid:{name}", "resource": resource} for name, resource in entries],
    }


async def tell(
    house: House, body: Any, headers: Mapping[str, str] | None = None, *, by: dict[str, Any] | None = None,
    path: str = "$process-message",
) -> httpx.Response:  # fmt: skip
    """Post FHIR."""
    sent = signed_in(**(by or HOSPITAL)) | {"Content-Type": "application/fhir+json"} | dict(headers or {})
    if isinstance(body, bytes):
        return await house.client.post(f"{BASE}/{path}", content=body, headers=sent)
    return await house.client.post(f"{BASE}/{path}", json=body, headers=sent)


async def taken(house: House, body: dict[str, Any], *, by: dict[str, Any] | None = None) -> dict[str, Any]:
    """Post a message that is taken; the ServiceRequest of the answer."""
    response = await tell(house, body, by=by)
    assert response.status_code == 200, response.text
    return resource_of(response.json(), "ServiceRequest")


def resource_of(bundle: dict[str, Any], type: str) -> dict[str, Any]:
    """The first resource of a type in a Bundle."""
    found: dict[str, Any] = next(
        each["resource"] for each in bundle["entry"] if each["resource"]["resourceType"] == type
    )
    return found


def value_of(request: dict[str, Any], name: str) -> str:
    """One of our identifiers of a ServiceRequest: case, or case-reference."""
    return str(next(each["value"] for each in request["identifier"] if each.get("system", "").endswith(f"/{name}")))
