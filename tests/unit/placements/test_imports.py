"""What becomes of services of Open Referral and of schools of the register."""

from datetime import date
from typing import Any

import pytest
from placements.domain import register
from placements.domain.openref import NotAProvider, assurance_of, postcode_of, provider_of, services_in
from placements.policy import open_referral_rules, phase_rules, register_rules
from schemas.directory import SchoolChanged
from unit.placements.builders import MONDAY

RULES = open_referral_rules(MONDAY)


def service(**changes: Any) -> dict[str, Any]:
    """A service for young people."""
    usual = {
        "id": "ac148810-d857-441c-9679-408f346de14b", "name": "Mentoring for  young people", "status": "active",
        "minimum_age": 11, "maximum_age": 16, "organization": {"name": "A Charity"}, "assured_date": "2026-01-05",
    }  # fmt: skip
    return usual | changes


def test_a_service_becomes_a_provider() -> None:
    found = provider_of(service(), RULES, organisations={"a charity": "charity-1"})
    assert found.id == "or-ac148810-d857-441c-9679-408f346de14b"
    assert (found.name, found.organisation_id, found.kind) == ("Mentoring for young people", "charity-1", "voluntary")
    assert (found.phases, found.needs, found.active) == (("secondary", "post-16"), ("SEMH",), True)


@pytest.mark.parametrize(
    ("ages", "phases"),
    [
        ({"minimum_age": 5, "maximum_age": 10}, ("primary",)),
        ({"minimum_age": 10, "maximum_age": 11}, ("primary", "secondary")),
        ({"minimum_age": 16, "maximum_age": None}, ("post-16",)),
        ({"minimum_age": None, "maximum_age": 9}, ("primary",)),
        (
            {"minimum_age": None, "maximum_age": None, "eligibility": [{"minimum_age": 12, "maximum_age": 14}]},
            ("secondary",),
        ),
    ],
)
def test_ages_make_phases(ages: dict[str, Any], phases: tuple[str, ...]) -> None:
    assert provider_of(service(**ages), RULES, organisations={}).phases == phases


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"minimum_age": None, "maximum_age": None}, "not-for-school-age"),
        ({"minimum_age": 60, "maximum_age": 100}, "not-for-school-age"),
        ({"minimum_age": "12", "maximum_age": True}, "not-for-school-age"),
        ({"id": None}, "no-id-or-name"),
        ({"name": "  "}, "no-id-or-name"),
    ],
)
def test_what_is_no_provider_says_why(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(NotAProvider, match=why):
        provider_of(service(**changes), RULES, organisations={})


def test_words_of_the_taxonomy_make_kind_and_needs() -> None:
    attributes = [{"taxonomy_term": {"name": "Autism"}}, {"taxonomy_term": {"name": "Online tuition"}}, None]
    found = provider_of(service(name="Learning", attributes=attributes), RULES, organisations={})
    assert (found.kind, found.needs) == ("online", ("ASD",))


def test_an_assurance_is_a_quality_check_and_no_safeguarding_check() -> None:
    found = assurance_of(service(), "p")
    assert found is not None
    assert (found.kind, found.checked_on) == ("quality", date(2026, 1, 5))
    assert assurance_of(service(assured_date="soon"), "p") is None


def test_pages_lists_and_single_services_are_read_and_others_are_not() -> None:
    assert len(services_in({"contents": [service(), service()]})) == 2
    assert len(services_in([service()])) == len(services_in(service())) == 1
    for document in ({"contents": "x"}, {"a": 1}, 5, ["x"], None):
        with pytest.raises(NotAProvider):
            services_in(document)


def test_the_postcode_of_the_first_location() -> None:
    locations = [{"location": {"addresses": [{"postal_code": " gl1 1ad"}]}}]
    assert postcode_of(service(service_at_locations=locations)) == "GL11AD"
    assert postcode_of(service(service_at_locations=[None, {"location": None}, {}])) is None


@pytest.mark.parametrize(
    ("type", "kind"),
    [("14", "pupil-referral-unit"), ("38", "ap-free-school"), ("42", "ap-academy"), ("43", "ap-academy"), ("01", None)],
)
def test_schools_for_alternative_provision_are_providers(type: str, kind: str | None) -> None:
    school = SchoolChanged(
        school_urn="135330", organisation_id="school-135330", name="A unit", phase=0, establishment_type=type,
        status=1, low_age=11, high_age=16, as_of=MONDAY,
    )  # fmt: skip
    found = register.provider_of(school, register_rules(MONDAY), phase_rules(MONDAY))
    assert (found.kind if found else None) == kind
    if found:
        assert (found.phases, found.organisation_id, found.active) == (("secondary",), "school-135330", True)


@pytest.mark.parametrize(
    ("phase", "low", "high", "phases"),
    [
        (2, None, None, ("primary",)), (4, 3, 19, ("secondary",)), (0, 5, 11, ("primary",)),
        (0, 5, 16, ("primary", "secondary")), (0, None, None, ("primary", "secondary")),
    ],
)  # fmt: skip
def test_phases_of_a_school(phase: int, low: int | None, high: int | None, phases: tuple[str, ...]) -> None:
    assert phase_rules(MONDAY).of_school(phase, low, high) == phases
