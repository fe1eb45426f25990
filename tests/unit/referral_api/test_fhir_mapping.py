"""What health's FHIR stands for here: the table of codes, what is assumed, and that nothing strange gets through."""

import json
from contextlib import suppress
from copy import deepcopy
from datetime import date
from typing import Any, Final

import pytest
from chassis.bodies import validate
from chassis.errors import Invalid
from hypothesis import given
from hypothesis import strategies as st
from referral_api.domain.fhir.draft import Misfit, located
from referral_api.domain.fhir.message import Kind, Message, Unreadable, read_message, read_request
from referral_api.store.fhir_rules import fhir_rules
from referral_api.views.incoming import ReferralIn
from schemas.codes import registry

TODAY: Final = date(2026, 11, 24)
RULES: Final = fhir_rules(TODAY)
SNOMED: Final = "http://snomed.info/sct"
OURS: Final = "https://schemas.jointly.example/fhir/CodeSystem"


def read(request: dict[str, Any] | None = None, *beside: dict[str, Any], **patient: Any) -> Message:
    """A message with a request of these parts, a Patient of these, and what else there is."""
    asked = {
        "resourceType": "ServiceRequest", "status": "active", "subject": {"reference": "Patient/p"},
        "reasonCode": [{"text": "Why."}], "requester": {"display": "A clinic"},
    }  # fmt: skip
    child = {
        "resourceType": "Patient", "id": "p", "birthDate": "2016-03-09", "gender": "female",
        "name": [{"family": "Reader-Test", "given": ["Ada"]}],
    }  # fmt: skip
    header = {
        "resourceType": "MessageHeader", "eventCoding": {"code": "servicerequest-request"},
        "reason": {"coding": [{"code": "new"}]},
    }  # fmt: skip
    resources = [header, asked | (request or {}), child | patient, *beside]
    entries = [{"resource": each} for each in resources]
    return read_message(
        {"resourceType": "Bundle", "type": "message", "entry": entries}, RULES, sector="health", today=TODAY
    )


def said(message: Message, pointer: str) -> Any:
    """What stands at a pointer of the content."""
    return message.draft.said(pointer)


def coded(system: str, *codes: str) -> dict[str, Any]:
    """A concept with these codes of a system."""
    return {"coding": [{"system": system, "code": code} for code in codes]}


@pytest.mark.parametrize(
    ("system", "code", "need"),
    [
        (SNOMED, "35919005", "ASD"),
        (SNOMED, "280032002", "SLCN"),
        (SNOMED, "406506008", "SEMH"),
        (SNOMED, "59770006", "SPLD"),
        (SNOMED, "86765009", "MLD"),
        (SNOMED, "40700009", "SLD"),
        (SNOMED, "31216003", "PMLD"),
        (SNOMED, "41040004", "DS"),
        (SNOMED, "15188001", "HI"),
        (SNOMED, "397540003", "VI"),
        (SNOMED, "128188000", "PD"),
        (f"{OURS}/need-types", "MSI", "MSI"),
        (SNOMED, "38341003", "NSA"),
        ("http://hl7.org/fhir/sid/icd-10", "35919005", "NSA"),
    ],
)
def test_a_code_is_a_need_or_none_is_known_yet(system: str, code: str, need: str) -> None:
    assert said(read({"reasonCode": [coded(system, code)]}), "/needs") == [{"type": need, "rank": 1}]


def test_the_first_code_is_the_primary_need_and_each_need_counts_once() -> None:
    autism = {"resourceType": "Condition", "id": "c", "code": coded(SNOMED, "408856003")}
    message = read(
        {
            "reasonCode": [coded(SNOMED, "406506008", "35919005"), coded(SNOMED, "197480006")],
            "reasonReference": [{"reference": "Condition/c"}],
        },
        autism,
    )
    assert said(message, "/needs") == [{"type": "SEMH", "rank": 1}, {"type": "ASD", "rank": 2}]
    assert located("/needs/1/type", message.draft.places) == "Bundle.entry[1].resource.reasonCode[0].coding[1]"


def test_what_was_found_not_to_be_so_is_no_need() -> None:
    refuted = {
        "resourceType": "Condition", "id": "c", "code": coded(SNOMED, "408856003"),
        "verificationStatus": coded("http://terminology.hl7.org/CodeSystem/condition-ver-status", "refuted"),
    }  # fmt: skip
    message = read({"reasonReference": [{"reference": "Condition/c"}]}, refuted)
    assert said(message, "/needs") == [{"type": "NSA", "rank": 1}]


@pytest.mark.parametrize(
    ("priority", "urgency"),
    [("routine", "routine"), ("urgent", "urgent"), ("asap", "urgent"), ("stat", "immediate"), (None, "routine")],
)
def test_a_priority_is_never_taken_for_less_than_it_says(priority: str | None, urgency: str) -> None:
    assert said(read({"priority": priority}), "/urgency") == urgency


@pytest.mark.parametrize("gender", ["female", "male", "other", "unknown", None])
def test_a_gender_is_a_sex(gender: str | None) -> None:
    assert said(read(gender=gender), "/child/sex") == (gender or "unknown")


def test_a_number_counts_by_its_system() -> None:
    numbers = [
        {"system": "https://trust.example/hospital-number", "value": "1"},
        {"system": "https://fhir.nhs.uk/Id/nhs-number", "value": "9990000077", "use": "old"},
        {"system": "https://fhir.nhs.uk/Id/nhs-number", "value": "999 000 0018"},
        {"system": RULES.systems["upn"][0], "value": "B801200005001"},
    ]
    message = read(identifier=numbers)
    assert said(message, "/child/nhs_number") == "999 000 0018"
    assert said(message, "/child/upn") == "B801200005001"


def test_the_official_name_and_the_home_count() -> None:
    message = read(
        name=[
            {"use": "maiden", "family": "Before-Test", "given": ["A"]},
            {"use": "usual", "family": "Usual-Test", "given": ["B"]},
            {"use": "official", "family": "Now-Test", "given": ["Ada", "Bea"]},
        ],
        address=[{"use": "old", "postalCode": "GL2 0AA"}, {"use": "home", "postalCode": "GL1 4AW"}],
    )
    assert (said(message, "/child/given_name"), said(message, "/child/family_name")) == ("Ada Bea", "Now-Test")
    assert said(message, "/child/postcode") == "GL1 4AW"


def test_a_sensitive_record_restricts_the_address() -> None:
    label = {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}
    assert said(read(meta={"security": [label]}), "/child/address_restricted") is True
    assert said(read({"meta": {"security": [label]}}), "/child/address_restricted") is True
    assert said(read(meta={"security": [label | {"code": "N"}]}), "/child/address_restricted") is None


@pytest.mark.parametrize("code", ["342191000000101", "764841000000100"])
def test_a_child_protection_plan_means_a_social_worker(code: str) -> None:
    flag = {"resourceType": "Flag", "status": "active", "code": coded(SNOMED, code)}
    assert said(read(None, flag), "/child/has_social_worker") is True
    assert said(read(None, flag | {"status": "inactive"}), "/child/has_social_worker") is None


def test_a_school_is_known_by_its_urn() -> None:
    school = {
        "resourceType": "Organization", "identifier": [{"system": RULES.systems["school_urn"][0], "value": "115482"}],
    }  # fmt: skip
    assert said(read(None, school), "/child/school_urn") == "115482"


def test_consent_that_is_only_implied_is_no_basis() -> None:
    consent = {"resourceType": "Consent", "status": "active", "dateTime": "2026-10-01T10:00:00Z"}
    assert said(read(None, consent), "/basis") == {
        "kind": "consent", "special_category": "explicit-consent", "recorded_on": "2026-10-01",
    }  # fmt: skip
    policy = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
    implied = consent | {"policyRule": coded(policy, "IMPLIED")}
    assert said(read(None, implied), "/basis/kind") == "public-task"
    assert said(read(None, consent | {"status": "draft"}), "/basis/kind") == "public-task"
    for refusal in ({"status": "rejected"}, {"policyRule": coded(policy, "OPTOUT")}, {"provision": {"type": "deny"}}):
        with pytest.raises(Unreadable) as refused:
            read(None, consent | refusal)
        assert [misfit.code for misfit in refused.value.misfits] == ["consent-refused"]


def test_what_we_call_a_case_is_no_reference_of_the_senders() -> None:
    ours = [{"system": RULES.systems[name][0], "value": "X"} for name in ("reference", "case")]
    assert said(read({"identifier": [*ours, {"value": "T-1"}]}), "/referrer/reference") == "T-1"


def test_what_has_no_code_is_kept_in_words() -> None:
    observation = {"resourceType": "Observation", "id": "o", "code": {"text": "Seen alone in the yard."}}
    message = read(
        {
            "reasonCode": [{"coding": [{"system": "x", "code": "1", "display": "Tired"}], "text": "Sleeps little."}],
            "supportingInfo": [{"reference": "Observation/o"}],
            "note": [{"text": "Moved twice this year."}],
            "patientInstruction": "Call us back.",
        },
        observation,
    )
    assert said(message, "/concern/summary").split("\n") == [
        "Sleeps little.", "Tired", "Seen alone in the yard.", "Moved twice this year.", "Call us back.",
    ]  # fmt: skip


def test_contacts_are_never_taken_for_safe() -> None:
    contacts = [
        {"name": {"text": "A Parent-Test"}, "relationship": [{"text": "mother"}]},
        {"relationship": [coded("x", "ONESELF")], "name": {"text": "Ada Reader-Test"}},
        {"telecom": [{"value": "1"}]},
    ]
    message = read(contact=contacts)
    assert said(message, "/family") == {
        "contacts": [
            {
                "name": "A Parent-Test", "relationship": "mother", "parental_responsibility": False,
                "safe_to_contact": False,
            }
        ],
        "informed": False,
    }  # fmt: skip
    assert "contacts-to-be-checked" in {each.code for each in message.draft.assumptions}


def test_an_interpreter_is_asked_for_in_either_way() -> None:
    polish = {"coding": [{"system": "urn:ietf:bcp:47", "code": "pl", "display": "Polish"}]}
    core = {"url": "http://hl7.org/fhir/StructureDefinition/patient-interpreterRequired", "valueBoolean": True}
    assert (
        said(read(extension=[core], communication=[{"language": polish}]), "/family/interpreter_language") == "Polish"
    )
    uk = {
        "url": "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-NHSCommunication",
        "extension": [
            {"url": "language", "valueCodeableConcept": polish}, {"url": "interpreterRequired", "valueBoolean": True},
        ],
    }  # fmt: skip
    assert said(read(extension=[uk]), "/family/interpreter_language") == "Polish"
    assert said(read(communication=[{"language": polish}]), "/family") is None


def test_who_refers_is_found_by_the_way_that_there_is() -> None:
    person = {
        "resourceType": "Practitioner",
        "id": "d",
        "name": [{"prefix": ["Dr"], "given": ["B"], "family": "C-Test"}],
    }
    role = {
        "resourceType": "PractitionerRole", "id": "r", "practitioner": {"reference": "Practitioner/d"},
        "code": [{"text": "Paediatrician"}], "telecom": [{"system": "email", "value": "team@trust.example"}],
    }  # fmt: skip
    for reference in ("PractitionerRole/r", "Practitioner/d"):
        referrer = said(read({"requester": {"reference": reference}}, person, role), "/referrer")
        assert referrer["name"] == "Dr B C-Test", reference
        assert (referrer["role"], referrer["email"]) == ("Paediatrician", "team@trust.example")
    clinic = {"resourceType": "Organization", "id": "g", "name": "A  surgery"}
    assert said(read({"requester": {"reference": "urn:uuid:g"}}, clinic), "/referrer/name") == "A surgery"


@pytest.mark.parametrize("reason", ["new", "update", "delete"])
@pytest.mark.parametrize("status", ["active", "revoked", "entered-in-error", "draft"])
def test_what_is_to_be_done_follows_from_reason_and_status(reason: str, status: str) -> None:
    body = {
        "resourceType": "Bundle", "type": "message",
        "entry": [
            {"resource": {
                "resourceType": "MessageHeader", "eventCoding": {"code": "servicerequest-request"},
                "reason": {"coding": [{"code": reason}]},
            }},
            {"resource": {"resourceType": "ServiceRequest", "id": "s", "status": status}},
        ],
    }  # fmt: skip
    taken_back = reason == "delete" or (reason == "update" and status in RULES.withdrawals)
    if taken_back or (reason == "update" and status == "active"):
        message = read_message(body, RULES, sector="health", today=TODAY)
        assert message.kind is (Kind.WITHDRAW if taken_back else Kind.UPDATE)
        assert message.references == ("s",)
    else:
        with pytest.raises(Unreadable):
            read_message(body, RULES, sector="health", today=TODAY)


def test_an_update_assumes_nothing() -> None:
    header = {
        "resourceType": "MessageHeader", "eventCoding": {"code": "servicerequest-request"},
        "reason": {"coding": [{"code": "update"}]},
    }  # fmt: skip
    request = {"resourceType": "ServiceRequest", "id": "s", "status": "active", "priority": "routine"}
    body = {"resourceType": "Bundle", "type": "message", "entry": [{"resource": header}, {"resource": request}]}
    message = read_message(body, RULES, sector="health", today=TODAY)
    assert message.draft.content == {"urgency": "routine"}
    assert message.draft.assumptions == []


def test_what_is_complete_is_a_referral_by_the_houses_contract() -> None:
    content = read().draft.content
    assert ReferralIn.model_validate_json(json.dumps(content)).urgency == "routine"


def test_every_code_of_ours_in_the_data_is_one() -> None:
    def valid(name: str, *codes: str) -> None:
        for code in codes:
            assert registry(name).valid(code, on=TODAY), (name, code)

    valid("need-types", *(need for codes in RULES.needs.values() for need in codes.values()))
    valid("need-types", *RULES.defaults["needs"])
    valid("urgency", *RULES.urgency.values(), *RULES.shown["priority"], RULES.defaults["urgency"])
    valid("withdrawal-reasons", *RULES.withdrawals.values())
    valid("requested-help", *RULES.defaults["requested"])
    valid("risk-of-exclusion", RULES.defaults["risk_of_exclusion"])
    valid("basis-kinds", RULES.defaults["basis"], RULES.consent.kind)
    valid("special-category-conditions", RULES.defaults["special_category"], RULES.consent.special_category)
    closing = [code for line in RULES.states for code in line.get("closing", ())]
    valid("closing-reasons", *closing)


JSON: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=10,
)
SOMEWHERE: Final = st.lists(st.integers(min_value=0, max_value=6), min_size=1, max_size=8)


def whole() -> dict[str, Any]:
    """A message with something of everything that is read."""
    entry = {
        "extension": [{"url": "x"}], "meta": {"security": [{"code": "R"}]}, "name": [{"family": "A", "given": ["B"]}],
        "identifier": [{"system": "s", "value": "v"}], "contact": [{"name": {"family": "C"}}], "telecom": [{}],
        "code": coded("a", "b"), "category": [coded("a", "b")], "reasonCode": [coded("a", "b") | {"text": "t"}],
        "reasonReference": [{"reference": "r"}], "requester": {"reference": "r"}, "note": [{"text": "n"}],
        "practitioner": {"reference": "r"}, "policyRule": coded("a", "b"), "provision": {"type": "permit"},
        "status": "active", "address": [{"postalCode": "p"}], "communication": [{"language": coded("a", "b")}],
        "gender": "male", "birthDate": "2016-01-01", "priority": "routine", "authoredOn": "2026-01-01",
        "eventCoding": {"code": "servicerequest-request"}, "reason": {"coding": [{"code": "new"}]},
        "focus": [{"reference": "f"}], "sender": {"reference": "r"}, "source": {"name": "n"}, "dateTime": "2026-01-01",
    }  # fmt: skip
    types = (
        "MessageHeader", "ServiceRequest", "Patient", "Consent", "PractitionerRole", "Practitioner", "Condition",
        "Flag", "Organization",
    )  # fmt: skip
    return {
        "resourceType": "Bundle", "type": "message", "id": "b",
        "entry": [{"fullUrl": "r", "resource": {"resourceType": each, "id": "i", **deepcopy(entry)}} for each in types],
    }  # fmt: skip


def put(body: Any, way: list[int], value: Any) -> None:
    """Replace what stands somewhere inside."""
    here = body
    for step in way[:-1]:
        names = list(here) if isinstance(here, dict) else list(range(len(here))) if isinstance(here, list) else []
        if not names:
            return
        inner = here[names[step % len(names)]]
        if not isinstance(inner, (dict, list)) or not inner:
            here[names[step % len(names)]] = value
            return
        here = inner
    names = list(here) if isinstance(here, dict) else list(range(len(here)))
    here[names[way[-1] % len(names)]] = value


def outcome(body: Any, *, message: bool = True) -> Message | list[Misfit]:
    """What comes of a body."""
    try:
        return (read_message if message else read_request)(body, RULES, sector="health", today=TODAY)
    except Unreadable as refused:
        return refused.misfits


def test_the_whole_message_is_read() -> None:
    assert isinstance(outcome(whole()), Message)


@given(way=SOMEWHERE, value=JSON, second=SOMEWHERE, other=JSON)
def test_whatever_stands_anywhere_is_taken_or_refused_with_a_place(
    way: list[int], value: Any, second: list[int], other: Any
) -> None:
    body = whole()
    put(body, way, value)
    put(body, second, other)
    found = outcome(body)
    if isinstance(found, Message):
        # What was read stands up to the contract, or is refused by it: nothing else happens.
        with suppress(Invalid):
            validate(ReferralIn, json.dumps(found.draft.content).encode(), found.draft.content)
    else:
        assert found
        assert all(each.expression and each.code and each.detail for each in found)


@given(value=JSON)
def test_whatever_is_sent_is_refused_unless_it_is_a_message(value: Any) -> None:
    for message in (True, False):
        assert not isinstance(outcome(value, message=message), Message)
