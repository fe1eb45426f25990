"""A ServiceRequest as what is asked for a child: needs, worries, urgency, on what basis, by whom."""

import re
from collections.abc import Iterator
from datetime import date
from typing import Final

from referral_api.domain.fhir.child import full_name, holds
from referral_api.domain.fhir.draft import Draft
from referral_api.domain.fhir.reading import Node, Resources, codings, extension, words
from referral_api.domain.fhir.rules import FhirRules

#: Elements of a ServiceRequest that say why and what, in the order in which they count.
_WHY: Final = ("reasonCode", "code", "orderDetail")
#: What is pointed at as the reason, or beside it.
_BESIDE: Final = ("reasonReference", "supportingInfo")
_TOLD_BY: Final = ("Condition", "Observation", "Flag", "Communication", "ClinicalImpression")
_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
#: What others wrote may fall short of our rule for one line; these are brought onto one.
_SPACES: Final = re.compile(r"\s+")


def note_request(draft: Draft, request: Node, resources: Resources, rules: FhirRules) -> None:
    """What is asked for, and why."""
    sources = list(_sources(request, resources))
    _note_needs(draft, sources, rules)
    _note_concern(draft, request, sources, rules)
    _note_requested(draft, request, rules)
    priority = request.get("priority")
    if priority.text is not None and priority.text not in rules.urgency:
        draft.refuse(priority, "unknown-code", f"Use one of: {', '.join(rules.urgency)}.")
    else:
        draft.put("/urgency", rules.urgency.get(priority.text or ""), priority)


def note_basis(draft: Draft, request: Node, resources: Resources, rules: FhirRules, *, fresh: bool) -> None:
    """Why the law allows it: the family's consent if it was given; else, in a fresh referral, what was agreed."""
    rule = rules.consent
    draft.places["/basis"] = request.path
    for consent in resources.of_type("Consent"):
        status = consent.get("status").text
        policies = {code for _, code, _ in codings(consent.get("policyRule"))}
        denied = consent.get("provision", "type").text == "deny" or policies & set(rule.denied)
        if status in rule.refused or (status in rule.active and denied):
            where = consent.get("status") if status in rule.refused else consent.get("provision", "type")
            draft.refuse(
                where, "consent-refused",
                "The family has refused. If the law asks you to refer all the same, send it to POST /v1/referrals with"
                " the basis that you rely on.",
            )  # fmt: skip
            return
        if status in rule.active and not policies & set(rule.implied):
            given = consent.get("dateTime")
            draft.put("/basis/kind", rule.kind, consent)
            draft.put("/basis/special_category", rule.special_category, consent)
            draft.put("/basis/recorded_on", _day(given) or _day(request.get("authoredOn")), given)
            draft.put("/family/informed", value=True, where=consent)
            return
    if fresh:
        draft.put("/basis/recorded_on", _day(request.get("authoredOn")), request.get("authoredOn"))


def note_referrer(draft: Draft, request: Node, resources: Resources, header: Node) -> None:
    """Who refers: the requester, else who sends the message."""
    requester = request.get("requester")
    draft.places["/referrer"] = requester.path
    person = resources.named(requester, "Practitioner", "PractitionerRole", "Organization")
    role = person if person is not None and person.type == "PractitionerRole" else None
    if role is not None:
        person = resources.named(role.get("practitioner"), "Practitioner") or role
    elif person is not None and person.type == "Practitioner":
        roles = resources.of_type("PractitionerRole")
        role = next((each for each in roles if resources.named(each.get("practitioner")) == person), None)
    sender = resources.named(header.get("sender"), "Organization", "PractitionerRole", "Practitioner")
    called = (person, requester.get("display"), sender, header.get("source", "name"))
    names = ((_name_of(each), each) for each in called if each is not None)
    name, where = next(((name, where) for name, where in names if name), (None, requester))
    draft.put("/referrer/name", _line(name), where)
    if role is not None:
        said = [found for code in role.each("code") for found in words(code)]
        if said:
            draft.put("/referrer/role", _line(said[0][0]), said[0][1])
    for each in (person, role):
        for telecom in each.each("telecom") if each is not None else ():
            address = telecom.get("value").text
            if telecom.get("system").text == "email" and address and _EMAIL.fullmatch(address):
                draft.put("/referrer/email", address, telecom.get("value"))


def own_references(request: Node, rules: FhirRules) -> list[Node]:
    """How the sender itself calls its request: its identifiers, then its id. What we have given it is not its own."""
    ours = {*rules.systems["reference"], *rules.systems["case"]}
    found = [each.get("value") for each in request.each("identifier") if each.get("system").text not in ours]
    return [each for each in (*found, request.get("id")) if each.text is not None]


def complete(draft: Draft, request: Node, rules: FhirRules, *, sector: str, today: date) -> None:
    """Fill in what holds where a fresh referral says nothing, and note what that was."""
    defaults = rules.defaults
    draft.fill("/child/sex", defaults["sex"])
    draft.places.setdefault("/needs", request.get("reasonCode").path)
    draft.assume(
        "/needs", [{"type": need, "rank": rank} for rank, need in enumerate(defaults["needs"], start=1)],
        "need-not-coded", f"No code names a type of need: taken as {', '.join(defaults['needs'])}, not assessed yet.",
    )  # fmt: skip
    draft.fill("/concern/risk_of_exclusion", defaults["risk_of_exclusion"])
    draft.assume(
        "/requested", list(defaults["requested"]), "help-not-named",
        f"No code says what help is wanted: taken as {', '.join(defaults['requested'])}.",
    )  # fmt: skip
    draft.fill("/urgency", defaults["urgency"])
    _complete_basis(draft, request, rules, sector=sector, today=today)
    draft.fill("/referrer/role", defaults["role"])
    if draft.said("/family") is not None:
        draft.fill("/family/informed", defaults["informed"])


def _complete_basis(draft: Draft, request: Node, rules: FhirRules, *, sector: str, today: date) -> None:
    defaults = rules.defaults
    if draft.said("/basis/kind") is None:
        if sector not in defaults["agreed_with"]:
            draft.refuse(
                request, "basis-required",
                "Nothing is agreed with your sector. Send the family's Consent, or send it to POST /v1/referrals with"
                " the basis that you rely on.",
            )  # fmt: skip
            return
        draft.fill("/basis/special_category", defaults["special_category"])
        said = f"No consent was sent: taken as {defaults['basis']}, as agreed with health."
        draft.assume("/basis/kind", defaults["basis"], "basis-by-agreement", said)
    draft.fill("/basis/recorded_on", today.isoformat())


def _sources(request: Node, resources: Resources) -> Iterator[Node]:
    """Every concept that says why: of the request, and of what it points at."""
    for name in _WHY:
        yield from request.each(name)
    seen: set[str] = set()
    for name in _BESIDE:
        for reference in request.each(name):
            found = resources.named(reference, *_TOLD_BY)
            if found is not None and found.path not in seen and holds(found):
                seen.add(found.path)
                yield from found.each("code")
                yield from found.each("reasonCode")
                yield from found.each("valueCodeableConcept")


def _note_needs(draft: Draft, sources: list[Node], rules: FhirRules) -> None:
    found: dict[str, Node] = {}
    for concept in sources:
        for system, code, where in codings(concept):
            need = rules.need(system, code)
            if need is not None:
                found.setdefault(need, where)
    if found:
        needs = [{"type": need, "rank": rank} for rank, need in enumerate(found, start=1)]
        draft.put("/needs", needs, next(iter(found.values())))
        for index, where in enumerate(found.values()):
            draft.places[f"/needs/{index}"] = where.path


def _note_concern(draft: Draft, request: Node, sources: list[Node], rules: FhirRules) -> None:
    told: dict[str, Node] = {}
    for concept in sources:
        # What our own codes are called is no news.
        ours = {each.path for system, _, each in codings(concept) if system in rules.own.values()}
        for text, where in words(concept):
            if where.path.removesuffix(".display") not in ours:
                told.setdefault(text, where)
    for name in ("note", "patientInstruction"):
        for each in request.each(name):
            where = each.get("text") if name == "note" else each
            if where.text is not None:
                told.setdefault(where.text, where)
    draft.put("/concern/summary", "\n".join(told) or None, request.get("reasonCode", "text"))
    for concept in sources:
        for system, code, where in codings(concept):
            if system == rules.own["risk_of_exclusion"]:
                draft.put("/concern/risk_of_exclusion", code, where)


def _note_requested(draft: Draft, request: Node, rules: FhirRules) -> None:
    asked: dict[str, Node] = {}
    for name in ("category", *_WHY):
        for concept in request.each(name):
            for system, code, where in codings(concept):
                if system == rules.own["requested"]:
                    asked.setdefault(code, where)
    if asked:
        draft.put("/requested", list(asked), next(iter(asked.values())))
        for index, where in enumerate(asked.values()):
            draft.places[f"/requested/{index}"] = where.path


def withdrawal_reason(request: Node, rules: FhirRules) -> tuple[str, bool]:
    """Why a request is taken back, and whether the sender said so."""
    said = extension(request, rules.extensions["status_reason"])
    if said is not None:
        for system, code, _ in codings(said.get("valueCodeableConcept")):
            if system == rules.own["withdrawal"]:
                return code, True
    # A message that is deleted was sent in error, whatever its status.
    reason = rules.withdrawals.get(request.get("status").text or "", rules.withdrawals["entered-in-error"])
    return reason, reason == rules.withdrawals["entered-in-error"]


def _name_of(called: Node) -> str | None:
    """What a resource is called, or the text that says it."""
    name = called.get("name") if isinstance(called.value, dict) else called
    return full_name(name) if isinstance(name.value, dict) else name.text


def _line(text: str | None) -> str | None:
    return None if text is None else _SPACES.sub(" ", text)


def _day(moment: Node) -> str | None:
    """The day of a date or an instant, as the sender's clock had it."""
    return moment.text[:10] if moment.text else None
