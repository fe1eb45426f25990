"""What may be let out: only named fields, only on a basis that stands, each sector's number to itself."""

from datetime import date
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from referral_api.domain.disclosure import DisclosureRule, fitting, projected
from referral_api.policy import _IDENTIFIERS
from referral_api.store.dated import disclosure_rules
from schemas.codes import registry

TODAY = date(2026, 11, 23)
RULES = disclosure_rules(TODAY)
names = st.sampled_from(["a", "b", "c"])
documents = st.recursive(st.integers(), lambda inner: st.dictionaries(names, inner, max_size=3), max_leaves=8)
paths = st.lists(st.lists(names, min_size=1, max_size=3).map(".".join), max_size=4)


def leaves(value: Any, at: str = "") -> set[tuple[str, Any]]:
    if isinstance(value, dict):
        return {leaf for name, each in value.items() for leaf in leaves(each, f"{at}.{name}".strip("."))}
    return {(at, value)}


@given(st.dictionaries(names, documents, max_size=3), paths)
def test_nothing_leaves_but_what_is_named(document: dict[str, Any], fields: list[str]) -> None:
    # A whole part is not named together with pieces of it.
    fields = [f for f in fields if not any(f != other and f.startswith(f"{other}.") for other in fields)]
    found = leaves(projected(document, fields))
    assert found <= leaves(document)
    assert all(any(at == field or at.startswith(f"{field}.") for field in fields) for at, _ in found)
    named = {leaf for leaf in leaves(document) if any(leaf[0] == f or leaf[0].startswith(f"{f}.") for f in fields)}
    assert found == named


def test_the_rules_speak_of_known_codes_and_of_a_sector_s_own_number() -> None:
    assert registry("disclosure-purposes").valid(RULES.purpose, on=TODAY)
    for rule in RULES.rules:
        assert rule.why
        assert all(registry("sectors").valid(sector, on=TODAY) for sector in rule.sectors)
        assert all(registry("disclosure-purposes").valid(purpose, on=TODAY) for purpose in rule.purposes)
        assert all(registry("basis-kinds").valid(basis, on=TODAY) for basis in rule.bases)
        numbers = {field.removeprefix("child.") for field in rule.fields} & {"upn", "nhs_number"}
        assert all(numbers <= _IDENTIFIERS.get(sector, frozenset()) for sector in rule.sectors)
        assert not {field for field in rule.fields if field.startswith(("concern", "family.contacts", "family.views"))}


def test_the_first_rule_that_fits_applies_on_its_first_basis_that_stands() -> None:
    first = DisclosureRule("1", frozenset({"health"}), frozenset({"assessment"}), ("consent",), ("a",), "")
    second = DisclosureRule(
        "2", frozenset({"health"}), frozenset({"assessment"}), ("public-task", "consent"), ("b",), ""
    )

    def found(*bases: str, **asked: Any) -> tuple[str, str] | None:
        usual = {"sector": "health", "purpose": "assessment"} | asked
        fits = fitting([first, second], bases=set(bases), **usual)
        return (fits[0].id, fits[1]) if fits else None

    assert found("consent", "public-task") == ("1", "consent")
    assert found("public-task") == ("2", "public-task")
    assert found("consent", "public-task", basis="public-task") == ("2", "public-task")
    assert found("vital-interests") is None
    assert found("consent", sector="education") is None
    assert found("consent", purpose="placement") is None
    assert found() is None
