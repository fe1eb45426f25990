"""The answer to what was sent: a message for a message, a ServiceRequest for a ServiceRequest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from chassis.actions import Answer
from chassis.http import etag

from referral_api.domain.case_file import Referral
from referral_api.domain.fhir.message import Message
from referral_api.domain.fhir.rules import FhirRules
from referral_api.handlers.amendment import Changed
from referral_api.handlers.intake import Submitted
from referral_api.views.fhir import outcome
from referral_api.views.fhir.capability import MESSAGE_EVENTS
from referral_api.views.fhir.shown import receipt

MEDIA: Final = "application/fhir+json"
_SOFTWARE: Final = "Jointly"


@dataclass(frozen=True, slots=True)
class Reply:
    """What an answer is made with."""

    #: Where the facade is.
    base: str
    #: Ids of the answer and of what is in it.
    ids: Sequence[str]
    #: What the sender calls its message; None: it was no message.
    answers: str | None
    at: str
    rules: FhirRules
    #: Whom to call: name, telephone, hours, advice.
    front_door: Mapping[str, Any]


def taken(result: Submitted, message: Message, reply: Reply) -> Answer:
    """A fresh referral."""
    issues = outcome.notes(message.draft.assumptions, reply.rules)
    issues += _call(result.referral.content["urgency"], reply)
    if result.repeats:
        said = f"You have an open referral for this child: {', '.join(result.repeats)}. If you meant it, update it."
        issues.append(outcome.issue("warning", "already-referred", said, reply.rules))
    return _answer(result.referral, result.reference, issues, reply, status=201)


def changed(result: Changed, message: Message, reply: Reply) -> Answer:
    """A referral that was changed or taken back."""
    issues = outcome.notes(message.draft.assumptions, reply.rules)
    if "/urgency" in result.fields:
        issues += _call(result.file.referral.content["urgency"], reply)
    return _answer(result.file.referral, result.file.case.reference, issues, reply, status=200)


def _call(urgency: str, reply: Reply) -> list[dict[str, Any]]:
    """A referral is no way to report that a child is in danger."""
    if urgency != "immediate":
        return []
    door = reply.front_door
    said = f"{door['advice']} {door['name']}: {door['telephone']} ({door['hours']})"
    return [outcome.issue("warning", "call-now", said, reply.rules)]


def _answer(referral: Referral, reference: str, issues: list[dict[str, Any]], reply: Reply, *, status: int) -> Answer:
    request = receipt(referral, reference, reply.rules)
    headers = {"Content-Type": MEDIA, "ETag": f"W/{etag(referral.version)}"}
    address = f"/fhir/R4/ServiceRequest/{request['id']}"
    if reply.answers is None:
        return Answer(status, request, {**headers, "Location": address})
    told = outcome.told(reply.ids[2], issues)
    header = {
        "resourceType": "MessageHeader",
        "id": reply.ids[1],
        "eventCoding": {
            "system": MESSAGE_EVENTS,
            "code": reply.rules.messages.event,
        },
        "source": {"name": _SOFTWARE, "software": _SOFTWARE, "endpoint": f"{reply.base}/$process-message"},
        "response": {
            "identifier": reply.answers,
            "code": "ok",
            **({"details": {"reference": f"urn:uuid:{reply.ids[2]}"}} if told else {}),
        },
        "focus": [{"reference": f"{reply.base}/ServiceRequest/{request['id']}"}],
    }
    entries = [
        {"fullUrl": f"urn:uuid:{reply.ids[1]}", "resource": header},
        {"fullUrl": f"{reply.base}/ServiceRequest/{request['id']}", "resource": request},
    ]
    if told:
        entries.append({"fullUrl": f"urn:uuid:{reply.ids[2]}", "resource": told})
    bundle = {
        "resourceType": "Bundle",
        "id": reply.ids[0],
        "type": "message",
        "timestamp": reply.at,
        "entry": entries,
    }
    # BaRS answers every message that was taken with 200.
    return Answer(200, bundle, headers)
