"""A Patient as the child of a referral, with what is said of the family and by flags."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from referral_api.domain.fhir.draft import Assumption, Draft
from referral_api.domain.fhir.reading import Node, Resources, codings, extension, words
from referral_api.domain.fhir.rules import FhirRules

_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
#: Which of several names and addresses counts, first first; those that held once count last.
_NAMES: Final = ("official", "usual", None, "temp", "nickname", "anonymous", "maiden", "old")
_HOMES: Final = ("home", None, "temp", "billing", "work", "old")
#: States of what is no longer so, or never was.
_GONE: Final = frozenset({"inactive", "entered-in-error", "cancelled", "resolved", "remission", "refuted"})
#: People who are the child themselves, as contacts of it.
_SELF: Final = frozenset({"ONESELF", "SELF"})


def note_child(draft: Draft, patient: Node, request: Node, resources: Resources, rules: FhirRules) -> None:
    """Who the child is."""
    draft.places["/child"] = patient.path
    name = _preferred(patient.each("name"), _NAMES)
    name = name if name is not None else patient.get("name")
    given = name.get("given")
    draft.put("/child/given_name", " ".join(each.text for each in name.each("given") if each.text) or None, given)
    draft.put("/child/family_name", name.get("family").text, name.get("family"))
    born = patient.get("birthDate")
    if born.text is not None and not _DAY.fullmatch(born.text):
        draft.refuse(born, "value-error", "Send the whole day of birth: YYYY-MM-DD.")
    draft.put("/child/date_of_birth", born.text, born)
    _note_sex(draft, patient.get("gender"), rules)
    home = _preferred(patient.each("address"), _HOMES)
    home = home if home is not None else patient.get("address")
    draft.put("/child/postcode", home.get("postalCode").text, home.get("postalCode"))
    for field, systems in (("nhs_number", rules.systems["nhs_number"]), ("upn", rules.systems["upn"])):
        number = identified(patient, systems)
        if number is not None:
            draft.put(f"/child/{field}", number.text, number)
    _note_school(draft, resources, rules)
    # A contained resource has no label of its own: what contains it has.
    for marked in (patient, request):
        if _is_marked(marked.get("meta").each("security"), rules.restricted):
            draft.put("/child/address_restricted", value=True, where=marked.get("meta", "security"))
    _note_social_worker(draft, resources, rules)


def note_family(draft: Draft, patient: Node, rules: FhirRules) -> None:
    """Whom to speak with, and in which language; nothing when nothing is said."""
    contacts = [each for each in patient.each("contact") if not _is_self(each)]
    told = [contact for contact in (_contact(each, rules) for each in contacts) if contact is not None]
    language = _interpreter(patient, rules)
    if told:
        draft.put("/family/contacts", told, contacts[0])
        draft.assumptions.append(
            Assumption(
                "contacts-to-be-checked",
                "FHIR does not say who holds parental responsibility, nor whom it is safe to contact: a person asks"
                " before anybody is called.",
            )
        )
    if language is not None:
        draft.put("/family/interpreter_language", language.text, language)


def identified(resource: Node, systems: Sequence[str]) -> Node | None:
    """The value of the first identifier of one of these systems that holds."""
    for identifier in resource.each("identifier"):
        if identifier.get("system").text in systems and identifier.get("use").text != "old":
            value = identifier.get("value")
            if value.text is not None:
                return value
    return None


def holds(resource: Node) -> bool:
    """Whether what a Flag, a Condition or an Observation says is so, as far as it says."""
    states = (
        resource.get("status").text,
        resource.get("clinicalStatus", "coding", "code").text,
        resource.get("verificationStatus", "coding", "code").text,
    )
    return _GONE.isdisjoint(states)


def full_name(name: Node) -> str | None:
    """A HumanName as people write it."""
    parts = [each.text for part in ("prefix", "given", "family") for each in name.each(part) if each.text]
    return name.get("text").text or " ".join(parts) or None


def _preferred(nodes: Iterable[Node], order: Sequence[str | None]) -> Node | None:
    ranked = sorted(nodes, key=lambda node: order.index(use) if (use := node.get("use").text) in order else len(order))
    return ranked[0] if ranked else None


def _note_sex(draft: Draft, gender: Node, rules: FhirRules) -> None:
    code = gender.text
    if code is not None and code not in rules.sex:
        draft.refuse(gender, "unknown-code", f"Use one of: {', '.join(rules.sex)}.")
        return
    draft.put("/child/sex", None if code is None else rules.sex[code], gender)


def _note_school(draft: Draft, resources: Resources, rules: FhirRules) -> None:
    for organisation in resources.of_type("Organization"):
        number = identified(organisation, rules.systems["school_urn"])
        if number is not None:
            draft.put("/child/school_urn", number.text, number)
            return


def _note_social_worker(draft: Draft, resources: Resources, rules: FhirRules) -> None:
    for each in resources.of_type("Flag", "Observation", "Condition"):
        coded = [*codings(each.get("code")), *codings(each.get("valueCodeableConcept"))]
        if holds(each) and any(code in rules.social_worker.get(system, ()) for system, code, _ in coded):
            draft.put("/child/has_social_worker", value=True, where=each.get("code"))
            return


def _is_marked(labels: Iterable[Node], marks: Mapping[str, Sequence[str]]) -> bool:
    return any(each.get("code").text in marks.get(each.get("system").text or "", ()) for each in labels)


def _is_self(contact: Node) -> bool:
    return any(code in _SELF for relation in contact.each("relationship") for _, code, _ in codings(relation))


def _contact(contact: Node, rules: FhirRules) -> dict[str, object] | None:
    name = full_name(contact.get("name"))
    if name is None:
        return None
    said = [text for relation in contact.each("relationship") for text, _ in words(relation)]
    coded = [code for relation in contact.each("relationship") for _, code, _ in codings(relation)]
    return {
        "name": name,
        "relationship": next(iter([*said, *coded]), rules.defaults["relationship"]),
        "parental_responsibility": rules.defaults["parental_responsibility"],
        "safe_to_contact": rules.defaults["safe_to_contact"],
    }


def _interpreter(patient: Node, rules: FhirRules) -> Node | None:
    """The language that an interpreter is needed for, if somebody says that one is."""
    for each in patient.each("extension"):
        if each.get("url").text in rules.extensions["communication"]:
            needed = extension(each, "interpreterRequired")
            language = extension(each, "language")
            if needed is not None and needed.get("valueBoolean").value is True and language is not None:
                return _said(language.get("valueCodeableConcept"))
    needed = extension(patient, *rules.extensions["interpreter"])
    if needed is None or needed.get("valueBoolean").value is not True:
        return None
    spoken = sorted(patient.each("communication"), key=lambda each: each.get("preferred").value is not True)
    return _said(spoken[0].get("language")) if spoken else None


def _said(concept: Node) -> Node | None:
    known = [where for _, where in words(concept)] + [where.get("code") for _, _, where in codings(concept)]
    return next(iter(known), None)
