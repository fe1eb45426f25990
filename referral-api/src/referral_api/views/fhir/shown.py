"""Referrals as ServiceRequests, and how far they are as Tasks."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from schemas.codes import NoSuchCode, registry

from referral_api.domain.case_file import Referral
from referral_api.domain.fhir.rules import FhirRules
from referral_api.handlers.files import File
from referral_api.views.outgoing import instant

Resource = dict[str, Any]
_CHILD: Final = "child"
_TASK_CODES: Final = "http://hl7.org/fhir/CodeSystem/task-code"
#: Whom a request concerns, where that is not to be said.
_SOMEBODY: Final = {"type": "Patient", "display": "The child of this referral"}


@dataclass(frozen=True, slots=True)
class Shown:
    """A referral that somebody may read, with what they may read of it."""

    file: File
    child: Mapping[str, Any]
    #: Whether it is their own.
    own: bool
    #: (kind, id) -> name.
    names: Mapping[tuple[str, str], str]
    begun: bool = False


def receipt(referral: Referral, reference: str, rules: FhirRules) -> Resource:
    """A ServiceRequest as the answer to its sender: it names nobody, since answers are kept."""
    return {
        "resourceType": "ServiceRequest",
        "id": referral.referral_id,
        "meta": {"versionId": str(referral.version)},
        "identifier": _identifiers(referral.case_id, reference, rules),
        "status": rules.shown["status"][referral.status.value],
        "intent": "plan",
        "priority": rules.shown["priority"][referral.content["urgency"]],
        "subject": dict(_SOMEBODY),
        "authoredOn": instant(referral.submitted_at),
    }


def service_request(shown: Shown, rules: FhirRules) -> Resource:
    """A referral, its Patient contained."""
    referral, content = shown.file.referral, shown.file.referral.content
    resource = receipt(referral, shown.file.case.reference, rules)
    resource["meta"]["lastUpdated"] = instant(referral.said_at)
    if shown.child.get("address_restricted"):
        ((system, (code, *_)),) = tuple(rules.restricted.items())[:1]
        resource["meta"]["security"] = [{"system": system, "code": code}]
    own = content["referrer"].get("reference") if shown.own else None
    if own:
        resource["identifier"].append({"use": "secondary", "value": own})
    resource["contained"] = [_patient(shown.child, rules)]
    resource["subject"] = {"reference": f"#{_CHILD}", "type": "Patient"}
    resource["category"] = [
        _concept(rules.categories["system"], [rules.categories["taken"][0]]),
        *(_concept(rules.own["requested"], [each], "requested-help") for each in content["requested"]),
    ]
    resource["requester"] = _organisation(referral.organisation_id, shown.names, rules)
    needs = sorted(content["needs"], key=lambda need: need["rank"])
    resource["reasonCode"] = [
        *(_concept(rules.own["needs"], [need["type"]], "need-types") for need in needs),
        _concept(rules.own["risk_of_exclusion"], [content["concern"]["risk_of_exclusion"]], "risk-of-exclusion"),
        {"text": content["concern"]["summary"]},
    ]
    return resource


def task(shown: Shown, rules: FhirRules, *, status: str) -> Resource:
    """How far a referral is. Whoever holds the case owns it."""
    referral, case = shown.file.referral, shown.file.case
    held = case.assignment
    changed = max(each for each in (referral.said_at, held.since, case.closed_at) if each is not None)
    reference = _identifiers(case.case_id, case.reference, rules)
    resource: Resource = {
        "resourceType": "Task",
        "id": referral.referral_id,
        "meta": {"versionId": str(case.version), "lastUpdated": instant(changed)},
        "groupIdentifier": reference[0],
        "status": status,
        "businessStatus": _concept(rules.own["assignment"], [held.state]),
        "intent": "order",
        "priority": rules.shown["priority"][referral.content["urgency"]],
        "code": _concept(_TASK_CODES, ["fulfill"]),
        "focus": {"reference": f"ServiceRequest/{referral.referral_id}", "type": "ServiceRequest"},
        "authoredOn": instant(referral.submitted_at),
        "lastModified": instant(changed),
    }
    if case.closing_reason is not None:
        resource["statusReason"] = {"text": _label("closing-reasons", case.closing_reason)}
    if held.cluster_id is not None:
        name = shown.names.get(("cluster", held.cluster_id))
        resource["owner"] = {
            "type": "Organization",
            "identifier": {"system": rules.systems["cluster"][0], "value": held.cluster_id},
            **({"display": name} if name else {}),
        }
    return resource


def searchset(base: str, path: str, found: Sequence[Resource]) -> Resource:
    """What a search found. Its own address repeats nothing that was looked for."""
    return {
        "resourceType": "Bundle",
        "type": "searchset",
        "total": len(found),
        "link": [{"relation": "self", "url": f"{base}/{path}"}],
        **({"entry": list(_entries(base, found))} if found else {}),
    }


def _entries(base: str, found: Iterable[Resource]) -> Iterable[Resource]:
    for each in found:
        address = f"{base}/{each['resourceType']}/{each['id']}"
        yield {"fullUrl": address, "resource": each, "search": {"mode": "match"}}


def _identifiers(case_id: str, reference: str, rules: FhirRules) -> list[Resource]:
    return [
        {"use": "usual", "system": rules.systems["reference"][0], "value": reference},
        {"use": "official", "system": rules.systems["case"][0], "value": case_id},
    ]


def _patient(child: Mapping[str, Any], rules: FhirRules) -> Resource:
    patient: Resource = {"resourceType": "Patient", "id": _CHILD}
    numbers = [
        {"system": rules.systems[name][0], "value": child[name]} for name in ("nhs_number", "upn") if child.get(name)
    ]
    if numbers:
        patient["identifier"] = numbers
    patient["name"] = [{"family": child["family_name"], "given": [child["given_name"]]}]
    patient["gender"] = child["sex"]
    patient["birthDate"] = child["date_of_birth"]
    if child.get("postcode"):
        patient["address"] = [{"use": "home", "postalCode": child["postcode"]}]
    return patient


def _organisation(id: str, names: Mapping[tuple[str, str], str], rules: FhirRules) -> Resource:
    name = names.get(("organisation", id))
    return {
        "type": "Organization",
        "identifier": {"system": rules.systems["organisation"][0], "value": id},
        **({"display": name} if name else {}),
    }


def _concept(system: str, codes: Sequence[str], registry_name: str | None = None) -> Resource:
    coding = [{"system": system, "code": code} for code in codes]
    if registry_name is not None:
        for each in coding:
            each["display"] = _label(registry_name, each["code"])
    return {"coding": coding}


def _label(name: str, code: str) -> str:
    try:
        return registry(name).label(code)
    except NoSuchCode:
        return code
