"""The FHIR facade on the running host: its CapabilityStatement is true, and every answer has FHIR's form."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

import pytest
from chassis.clock import new_id
from chassis.http import public
from chassis.worker import IDEMPOTENCY_KEPT
from fastapi.routing import APIRoute
from integration.referral_api.fhir import BASE, NHS_NUMBER, a_message, resource_of
from referral_api.app import SERVICE
from support.hostile import Outsider

FHIR: Final = {"Content-Type": "application/fhir+json"}
#: Type -> what R4 requires of it, of what we give.
REQUIRED: Final = {
    "CapabilityStatement": {"status", "date", "kind", "fhirVersion", "format", "rest", "messaging"},
    "OperationOutcome": {"issue"},
    "Bundle": {"type"},
    "MessageHeader": {"eventCoding", "source", "response", "focus"},
    "ServiceRequest": {"id", "meta", "status", "intent", "subject"},
    "MessageDefinition": {"status", "date", "eventCoding"},
    "Task": {"id", "status", "intent", "focus"},
    "Patient": {"id"},
}
#: Elements that R4 does not allow to be empty, nowhere.
_EMPTY: Final[tuple[Any, ...]] = ("", [], {}, None)


@pytest.fixture(scope="module")
def statement(outsider: Outsider) -> dict[str, Any]:
    """The CapabilityStatement, which anybody may read."""
    response = outsider.client.get(f"{BASE}/metadata")
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/fhir+json"
    found: dict[str, Any] = response.json()
    return found


def routes() -> Iterator[APIRoute]:
    """The facade's routes that do something."""
    for router in SERVICE.routers:
        for route in router.routes:
            if isinstance(route, APIRoute) and route.path.startswith(BASE):
                yield route


def nothing_is_empty(value: Any, at: str = "") -> None:
    """R4: what is there says something."""
    assert value not in _EMPTY, at
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, each in parts:
        nothing_is_empty(each, f"{at}.{name}")


def looks_right(resource: dict[str, Any]) -> None:
    """A resource of ours: what R4 requires is there, and so in what it contains."""
    nothing_is_empty(resource)
    assert REQUIRED[resource["resourceType"]] <= resource.keys(), resource["resourceType"]
    assert re.fullmatch(r"[A-Za-z0-9.-]{1,64}", resource.get("id", "-"))
    for each in (*resource.get("contained", ()), *(entry["resource"] for entry in resource.get("entry", ()))):
        looks_right(each)


def test_the_statement_says_just_what_is_served(statement: dict[str, Any]) -> None:
    looks_right(statement)
    (rest,) = statement["rest"]
    said = {f"POST {BASE}/${operation['name']}" for operation in rest["operation"]} | {f"GET {BASE}/metadata"}
    for resource in rest["resource"]:
        here = f"{BASE}/{resource['type']}"
        codes = {each["code"] for each in resource["interaction"]}
        said |= {f"GET {here}/{{id}}"} if "read" in codes else set()
        said |= {f"POST {here}"} if "create" in codes else set()
        said |= {f"GET {here}"} if "search-type" in codes else set()
        if any(":" in each["name"] for each in resource["searchParam"]):
            said |= {f"POST {here}/_search"}
    assert said == {f"{method} {route.path}" for route in routes() for method in route.methods or ()}
    # A repeat is known for as long as it says.
    assert statement["messaging"][0]["reliableCache"] * 60 == IDEMPOTENCY_KEPT.total_seconds()


def test_the_facade_describes_itself_in_fhirs_way_alone(outsider: Outsider) -> None:
    assert not any(path.startswith("/fhir") for path in outsider.document["paths"])


def test_only_the_statement_is_for_everybody(outsider: Outsider) -> None:
    for route in routes():
        open_to_all = any(each.call is public for each in route.dependant.dependencies)
        for method in route.methods or ():
            asked = outsider.client.request(method, route.path.replace("{id}", new_id()))
            assert (asked.status_code == 401) is not open_to_all, route.path
            assert asked.json()["resourceType"] == ("CapabilityStatement" if open_to_all else "OperationOutcome")


def test_a_sender_learns_what_a_message_carries(outsider: Outsider) -> None:
    school = outsider.system("school-115482")
    asked = {"context": "https://fhir.nhs.uk/Id/dos-service-id|2000099999"}
    found = outsider.client.get(f"{BASE}/MessageDefinition", params=asked, headers=school)
    looks_right(found.json())
    (definition,) = (entry["resource"] for entry in found.json()["entry"])
    least = {each["code"] for each in definition["focus"] if each["min"]}
    assert least == {each["resource"]["resourceType"] for each in a_message()["entry"]}
    refused = outsider.client.get(f"{BASE}/MessageDefinition?other=1", headers=school)
    assert refused.status_code == 400


def test_a_referral_goes_all_the_way_on_the_running_host(outsider: Outsider, statement: dict[str, Any]) -> None:
    systems = outsider.host.credentials()["systems"]
    health = outsider.system(next(row["organisation"] for row in systems if row["sector"] == "health"))
    message = a_message()
    answer = outsider.client.post(f"{BASE}/$process-message", content=json.dumps(message), headers=health | FHIR)
    assert answer.status_code == 200, answer.text
    looks_right(answer.json())
    id = resource_of(answer.json(), "ServiceRequest")["id"]
    for path in (f"ServiceRequest/{id}", f"Task/{id}", f"Task?focus=ServiceRequest/{id}", f"ServiceRequest?_id={id}"):
        found = outsider.client.get(f"{BASE}/{path}", headers=health)
        assert found.status_code == 200, path
        looks_right(found.json())
    by_number = outsider.client.post(
        f"{BASE}/ServiceRequest/_search", data={"patient:identifier": f"{NHS_NUMBER}|9990000018"}, headers=health
    )
    looks_right(by_number.json())
    assert id in by_number.text
    refused = outsider.client.post(f"{BASE}/$process-message", content=b"{", headers=health | FHIR)
    looks_right(refused.json())
    log = outsider.host.log("front")
    assert "9990000018" not in log
    assert "O'Brien-Test" not in log
