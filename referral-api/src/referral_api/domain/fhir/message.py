"""What somebody sends, as one of three things: a fresh referral, a change of one, or that it is taken back."""

import re
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any, Final

from referral_api.domain.fhir.child import note_child, note_family
from referral_api.domain.fhir.draft import WHOLE, Assumption, Draft, Misfit
from referral_api.domain.fhir.reading import Node, Resources, codings
from referral_api.domain.fhir.request import (
    complete,
    note_basis,
    note_referrer,
    note_request,
    own_references,
    withdrawal_reason,
)
from referral_api.domain.fhir.rules import FhirRules

_ACTIVE: Final = "active"
_VERSION: Final = re.compile(r"[0-9]{1,15}")
#: What may be looked up: one line, without control characters.
_CALLED: Final = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]{1,100}")


class Kind(StrEnum):
    """What is to be done."""

    NEW = "new"
    UPDATE = "update"
    WITHDRAW = "withdraw"


@dataclass(slots=True)
class Message:
    """What was sent, read."""

    kind: Kind
    draft: Draft
    #: Of an update: how the sender calls what it means, the likeliest first.
    references: tuple[str, ...] = ()
    #: Where those stand.
    named_at: str = ""
    #: Which version the sender has read.
    version: int | None = None
    #: Why it is taken back.
    reason: str | None = None
    #: What the sender's `priority` was.
    priority: str | None = None
    #: By which a repeat of the same message is known, the likeliest first, and where each stands.
    marks: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Sent:
    """The request, what is beside it, the header it came under, and the sector that it comes from."""

    request: Node
    resources: Resources
    header: Node
    sector: str


@dataclass(slots=True)
class Unreadable(Exception):
    """It cannot be taken: what is wrong, and where."""

    misfits: list[Misfit] = field(default_factory=list)


def read_message(raw: Any, rules: FhirRules, *, sector: str, today: date) -> Message:
    """A Bundle of type message, as `$process-message` gets it. Raises `Unreadable`."""
    bundle = Node(raw, "Bundle")
    _must_be(bundle, "Bundle", "Send a Bundle of type message.")
    if bundle.get("type").text != "message":
        raise _unreadable(bundle.get("type"), "not-supported", "Send a Bundle of type message.")
    resources = Resources.of_bundle(bundle)
    header = bundle.get("entry", "resource")
    if header.type != "MessageHeader":
        raise _unreadable(header, "required", "The first entry must be the MessageHeader.")
    kind = _kind_by_header(header, rules)
    focus = resources.named(header.get("focus"), "ServiceRequest")
    request = focus or next(resources.of_type("ServiceRequest"), None)
    if request is None:
        raise _unreadable(header.get("focus"), "required", "Send the ServiceRequest that this is about.")
    message = _read(Sent(request, resources, header, sector), kind, rules, today=today)
    marks = (header.get("id"), bundle.get("identifier", "value"), bundle.get("id"))
    message.marks = tuple((mark.text, mark.path) for mark in marks if mark.text is not None)
    return message


def read_request(raw: Any, rules: FhirRules, *, sector: str, today: date) -> Message:
    """A fresh ServiceRequest that carries its Patient. Raises `Unreadable`."""
    request = Node(raw, "ServiceRequest")
    _must_be(request, "ServiceRequest", "Send a ServiceRequest with its Patient contained in it.")
    sent = Sent(request, Resources.contained_in(request), Node(None, request.path), sector)
    message = _read(sent, Kind.NEW, rules, today=today)
    identifiers = [each.get("value") for each in request.each("identifier")]
    message.marks = tuple((each.text, each.path) for each in identifiers if each.text is not None)
    return message


def message_id(raw: Any) -> str | None:
    """What an answer calls the message that it answers."""
    bundle = Node(raw, "Bundle")
    return bundle.get("entry", "resource", "id").text or bundle.get("id").text


def _read(sent: Sent, kind: Kind, rules: FhirRules, *, today: date) -> Message:
    request = sent.request
    draft = Draft(places={WHOLE: request.path})
    kind = _kind_by_status(draft, request, kind, rules)
    _check_category(draft, request, rules)
    message = Message(kind, draft, priority=request.get("priority").text)
    if kind is Kind.WITHDRAW:
        message.reason, said = withdrawal_reason(request, rules)
        if not said:
            draft.assumptions.append(Assumption("reason-not-said", f"No reason was said: taken as {message.reason}."))
    else:
        _note_everything(draft, sent, rules, fresh=kind is Kind.NEW, today=today)
    if kind is not Kind.NEW:
        _note_which(message, request, rules)
    if draft.misfits:
        raise Unreadable(draft.misfits)
    return message


def _note_everything(draft: Draft, sent: Sent, rules: FhirRules, *, fresh: bool, today: date) -> None:
    request, resources = sent.request, sent.resources
    patient = resources.named(request.get("subject"), "Patient") or next(resources.of_type("Patient"), None)
    if patient is not None:
        note_child(draft, patient, request, resources, rules)
        note_family(draft, patient, rules)
    elif fresh:
        draft.refuse(request.get("subject"), "required", "Send the Patient that this refers to.")
    note_request(draft, request, resources, rules)
    note_basis(draft, request, resources, rules, fresh=fresh)
    if fresh:
        note_referrer(draft, request, resources, sent.header)
        reference = next(iter(own_references(request, rules)), None)
        if reference is not None:
            draft.put("/referrer/reference", reference.text, reference)
        complete(draft, request, rules, sector=sent.sector, today=today)
    unread = sorted({each.type for each in resources.of_type(*rules.unread) if each.type})
    if unread:
        draft.assumptions.append(
            Assumption("not-kept", f"Not needed for help at school, and so not kept: {', '.join(unread)}.")
        )


def _note_which(message: Message, request: Node, rules: FhirRules) -> None:
    known = (request.get("id"), *own_references(request, rules))
    message.references = tuple(dict.fromkeys(each.text for each in known if each.text and _CALLED.fullmatch(each.text)))
    message.named_at = request.get("id").path
    if not message.references:
        message.draft.refuse(request.get("id"), "required", "Send the id of the ServiceRequest that this changes.")
    version = request.get("meta", "versionId").text
    message.version = int(version) if version and _VERSION.fullmatch(version) else None


def _kind_by_header(header: Node, rules: FhirRules) -> Kind:
    rule = rules.messages
    event = header.get("eventCoding", "code")
    if event.text != rule.event:
        raise _unreadable(event, "not-supported", f"Of all messages only {rule.event} is taken here.")
    reasons = {code for _, code, _ in codings(header.get("reason"))}
    for kind, codes in ((Kind.WITHDRAW, rule.delete), (Kind.UPDATE, rule.update), (Kind.NEW, rule.new)):
        if not reasons.isdisjoint(codes):
            return kind
    known = ", ".join((*rule.new, *rule.update, *rule.delete))
    raise _unreadable(header.get("reason", "coding", "code"), "unknown-code", f"Use one of: {known}.")


def _kind_by_status(draft: Draft, request: Node, kind: Kind, rules: FhirRules) -> Kind:
    status = request.get("status")
    if kind is Kind.WITHDRAW:
        return kind
    if kind is Kind.UPDATE and status.text in rules.withdrawals:
        return Kind.WITHDRAW
    if status.text != _ACTIVE:
        others = f", or to take it back one of: {', '.join(rules.withdrawals)}" if kind is Kind.UPDATE else ""
        draft.refuse(status, "not-supported", f"The status must be {_ACTIVE}{others}.")
    return kind


def _check_category(draft: Draft, request: Node, rules: FhirRules) -> None:
    taken = rules.categories["taken"]
    for concept in request.each("category"):
        for system, code, where in codings(concept):
            if system == rules.categories["system"] and code not in taken:
                draft.refuse(
                    where.get("code"), "not-supported", f"Of all categories these are taken: {', '.join(taken)}."
                )


def _must_be(node: Node, type: str, detail: str) -> None:
    if node.type != type:
        raise _unreadable(node.get("resourceType"), "not-supported", detail)


def _unreadable(where: Node, code: str, detail: str) -> Unreadable:
    return Unreadable([Misfit(where.path, code, detail)])
