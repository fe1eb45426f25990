"""Who may see and change what: every role against every rule."""

from typing import Any

import pytest
from directory.policy import changes_organisation, gives_role, makes_organisations, reports_absence, sees_email
from hypothesis import given, settings
from hypothesis import strategies as st

ROLES = (
    "agency-system", "referrer", "caseworker", "cluster-lead", "adviser", "finance-officer", "provider-staff",
    "data-protection-officer", "operator", "service",
)  # fmt: skip


class Somebody:
    """A caller."""

    def __init__(self, *roles: str, organisation: str = "nhs-trust", sector: str = "health") -> None:
        self.subject = "me"
        self.organisation = organisation
        self.sector = sector
        self._roles = set(roles)

    def has(self, *roles: str) -> bool:
        return not self._roles.isdisjoint(roles)


@pytest.mark.parametrize("role", ROLES)
def test_an_address_of_the_own_organisation_is_for_people_not_for_systems(role: str) -> None:
    assert sees_email(Somebody(role), "nhs-trust") is (role not in {"agency-system", "service"})


@pytest.mark.parametrize("role", ROLES)
def test_an_address_of_another_organisation_is_for_operators(role: str) -> None:
    assert sees_email(Somebody(role), "school-115482") is (role == "operator")


@pytest.mark.parametrize("role", ROLES)
def test_the_councils_people_see_every_address(role: str) -> None:
    viewer = Somebody(role, organisation="county-council", sector="council")
    assert sees_email(viewer, "school-115482") is (role not in {"agency-system", "service"})


def test_whoever_has_no_role_sees_no_address() -> None:
    assert not sees_email(Somebody(), "nhs-trust")
    assert not sees_email(Somebody("agency-system", "caseworker"), "nhs-trust")


@pytest.mark.parametrize("role", ROLES)
def test_an_organisation_is_changed_by_operators_and_its_own_lead(role: str) -> None:
    assert changes_organisation(Somebody(role), "nhs-trust") is (role in {"operator", "cluster-lead"})
    assert changes_organisation(Somebody(role), "school-115482") is (role == "operator")
    assert makes_organisations(Somebody(role)) is (role == "operator")


@settings(deadline=None)
@given(st.sets(st.sampled_from(ROLES)), st.sampled_from(ROLES))
def test_nobody_but_an_operator_makes_an_operator(held: set[str], given_role: str) -> None:
    viewer: Any = Somebody(*held)
    assert gives_role(viewer, given_role) or (given_role == "operator" and "operator" not in held)
    assert not gives_role(viewer, "operator") or "operator" in held


def test_people_say_themselves_that_they_are_away() -> None:
    assert reports_absence(Somebody("caseworker"), "me", "nhs-trust")
    assert not reports_absence(Somebody("caseworker"), "you", "nhs-trust")
    assert reports_absence(Somebody("cluster-lead"), "you", "nhs-trust")
    assert not reports_absence(Somebody("cluster-lead"), "you", "school-115482")
