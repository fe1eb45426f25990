"""What the facade can do, as FHIR says it: true to the routes, and a test holds it to them."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from chassis.worker import IDEMPOTENCY_KEPT

from referral_api.domain.fhir.rules import FhirRules

MESSAGE_EVENTS: Final = "https://fhir.nhs.uk/CodeSystem/message-events-bars"
_TOKENS: Final = (
    "Bearer tokens of the council's issuer, as everywhere in Jointly. A token's organisation is who refers; nothing"
    " in a message changes it."
)
_REFERRAL: Final = (
    "A request for help for a child. What stands for what is dated data; an answer to a message says what was taken"
    " for granted. Unknown elements are passed over. The id is the referral's. To change or revoke one, read it first"
    " and send the meta.versionId that was read, or If-Match."
)
_SEARCH: Final = (
    "In the body of POST ServiceRequest/_search alone: nothing that says who somebody is stands in an address."
)


def capability_statement(base: str, rules: FhirRules, *, version: str, personal: Mapping[str, str]) -> dict[str, Any]:
    """The CapabilityStatement of the facade."""
    return {
        "resourceType": "CapabilityStatement",
        "id": "jointly-referrals",
        "url": f"{base}/metadata",
        "version": version,
        "name": "JointlyReferrals",
        "title": "Jointly: referrals of children by health",
        "status": "active",
        "date": rules.since.isoformat(),
        "kind": "instance",
        "software": {"name": "Jointly", "version": version},
        "implementation": {"description": "Referrals of children to a council's inclusion clusters.", "url": base},
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json"],
        "rest": [
            {
                "mode": "server",
                "security": {
                    "service": [
                        _concept("http://terminology.hl7.org/CodeSystem/restful-security-service", "OAuth"),
                    ],
                    "description": _TOKENS,
                },
                "resource": [_service_request(personal), _task(), _message_definition()],
                "operation": [
                    {
                        "name": "process-message",
                        "definition": "http://hl7.org/fhir/OperationDefinition/MessageHeader-process-message",
                    }
                ],
            }
        ],
        "messaging": [
            {
                "endpoint": [
                    {
                        "protocol": {
                            "system": "http://terminology.hl7.org/CodeSystem/message-transport",
                            "code": "http",
                        },
                        "address": f"{base}/$process-message",
                    }
                ],
                "reliableCache": int(IDEMPOTENCY_KEPT.total_seconds() // 60),
                "documentation": "The same message again (MessageHeader.id, else Bundle.identifier or Bundle.id) is"
                " answered as before. The answer is synchronous.",
                "supportedMessage": [{"mode": "receiver", "definition": rules.messages.definition}],
            }
        ],
    }


def _service_request(personal: Mapping[str, str]) -> dict[str, Any]:
    return {
        "type": "ServiceRequest",
        "documentation": _REFERRAL,
        "interaction": _codes("read", "create", "search-type"),
        "versioning": "versioned-update",
        "readHistory": False,
        "searchParam": [
            {"name": "_id", "type": "token"},
            {"name": "identifier", "type": "token", "documentation": "The sender's own id of its request."},
            *({"name": name, "type": _TYPES[field], "documentation": _SEARCH} for name, field in personal.items()),
        ],
    }


_TYPES: Final = {"nhs_number": "token", "name": "string", "date_of_birth": "date", "postcode": "string"}


def _task() -> dict[str, Any]:
    return {
        "type": "Task",
        "documentation": "How far a referral is: its status by the case's, its businessStatus by the assignment. It has"
        " the id of its ServiceRequest.",
        "interaction": _codes("read", "search-type"),
        "versioning": "versioned",
        "readHistory": False,
        "searchParam": [{"name": "focus", "type": "reference"}],
    }


def _message_definition() -> dict[str, Any]:
    return {
        "type": "MessageDefinition",
        "documentation": "What a message carries that is read; the same for every service.",
        "interaction": _codes("search-type"),
        "versioning": "no-version",
        "searchParam": [{"name": "context", "type": "token", "documentation": "Passed over: there is one service."}],
    }


def message_definition(rules: FhirRules) -> dict[str, Any]:
    """What a message must carry, and may."""
    return {
        "resourceType": "MessageDefinition",
        "id": rules.messages.event,
        "url": rules.messages.definition,
        "name": "JointlyReferralRequest",
        "title": "A referral of a child, a change of one, or that it is taken back",
        "status": "active",
        "date": rules.since.isoformat(),
        "eventCoding": {"system": MESSAGE_EVENTS, "code": rules.messages.event},
        "category": "consequence",
        "focus": [{"code": type, "min": least, "max": most} for type, (least, most) in rules.carried.items()],
        "responseRequired": "always",
    }


def _codes(*codes: str) -> Sequence[dict[str, str]]:
    return [{"code": code} for code in codes]


def _concept(system: str, code: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code}]}
