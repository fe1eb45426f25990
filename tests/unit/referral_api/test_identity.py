"""When two descriptions are of one child: equal numbers, unequal numbers, and weighted agreement."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from referral_api.domain.fingerprints import fingerprints
from referral_api.domain.identity import Child, Described, Likeness, Verdict, compare
from referral_api.store.dated import identity_rules

RULES = identity_rules(date(2026, 11, 23))
NHS, OTHER_NHS = "9990000018", "9990000026"
UPN, OTHER_UPN, TEMPORARY_UPN = "W916200018001", "P207000016049", "V91620001801A"

ZOE = Child(
    given_name="Zoë",
    family_name="O'Brien-Test",
    date_of_birth=date(2016, 3, 9),
    sex="female",
    postcode="GL1 4AW",
    school_urn="115482",
)


def likeness(one: Child, other: Child) -> Likeness:
    forth = compare(Described.of(one, RULES), Described.of(other, RULES), RULES)
    back = compare(Described.of(other, RULES), Described.of(one, RULES), RULES)
    assert forth == back
    return forth


def shares_a_fingerprint(one: Child, other: Child) -> bool:
    mine, yours = (set(fingerprints(Described.of(child, RULES))) for child in (one, other))
    return bool(mine & yours)


@pytest.mark.parametrize("number", [{"nhs_number": NHS}, {"upn": UPN}])
def test_an_equal_number_matches_whatever_else_is_spelt_otherwise(number: dict[str, Any]) -> None:
    other = replace(ZOE, given_name="Chloe", family_name="Obrian-Test", postcode=None, school_urn=None)
    found = likeness(replace(ZOE, **number), replace(other, **number))
    assert found.verdict is Verdict.SAME
    assert found.by in {"nhs-number", "upn"}


@pytest.mark.parametrize("number", [{"nhs_number": NHS}, {"upn": UPN}])
def test_an_equal_number_with_another_birthday_or_another_family_name_still_matches(number: dict[str, Any]) -> None:
    mine = replace(ZOE, **number)
    assert likeness(mine, replace(mine, date_of_birth=date(2014, 7, 21))).verdict is Verdict.SAME
    assert likeness(mine, replace(mine, family_name="Carter-Test")).verdict is Verdict.SAME


@pytest.mark.parametrize("number", [{"nhs_number": NHS}, {"upn": UPN}])
def test_an_equal_number_with_another_birthday_and_another_family_name_asks_a_person(number: dict[str, Any]) -> None:
    mine = replace(ZOE, **number)
    other = replace(mine, date_of_birth=date(2015, 3, 9), family_name="Carter-Test")
    assert likeness(mine, other).verdict is Verdict.ASK


def test_two_different_nhs_numbers_never_match_though_all_else_is_equal() -> None:
    assert likeness(replace(ZOE, nhs_number=NHS), replace(ZOE, nhs_number=OTHER_NHS)).verdict is Verdict.OTHER


def test_two_different_nhs_numbers_under_one_upn_ask_a_person() -> None:
    mine = replace(ZOE, nhs_number=NHS, upn=UPN)
    assert likeness(mine, replace(mine, nhs_number=OTHER_NHS)).verdict is Verdict.ASK


def test_two_different_permanent_upns_ask_a_person_and_a_temporary_one_says_nothing() -> None:
    mine = replace(ZOE, upn=UPN)
    assert likeness(mine, replace(mine, upn=OTHER_UPN)).verdict is Verdict.ASK
    assert likeness(mine, replace(mine, upn=TEMPORARY_UPN)).verdict is Verdict.SAME


@pytest.mark.parametrize(
    "difference",
    [
        {},
        {"given_name": "ZOE", "family_name": "OBRIEN-TEST"},
        {"family_name": "O\u2019Brien-Test"},
        {"given_name": "Zoe Marie"},
        {"given_name": "O'Brien-Test", "family_name": "Zoë"},
        {"date_of_birth": date(2016, 9, 3)},
        {"date_of_birth": date(2016, 3, 8)},
        {"postcode": None, "school_urn": None},
        {"postcode": "GL50 1AA"},
        {"school_urn": "115600"},
        {"family_name": "O'Brian-Test"},
        {"family_name": "O'Brien-Baker-Test"},
        {"sex": "unknown", "postcode": None},
    ],
)
def test_the_same_child_told_otherwise_is_the_same_child(difference: dict[str, Any]) -> None:
    other = replace(ZOE, **difference)
    assert likeness(ZOE, other).verdict is Verdict.SAME
    assert shares_a_fingerprint(ZOE, other)


def test_a_short_form_is_the_same_name() -> None:
    assert likeness(replace(ZOE, given_name="Robert"), replace(ZOE, given_name="Rob")).verdict is Verdict.SAME


@pytest.mark.parametrize("given", ["Zoya", "Chloe", "Zo", "Z"])
def test_a_twin_of_a_like_or_another_name_is_never_linked_by_weight(given: str) -> None:
    assert likeness(ZOE, replace(ZOE, given_name=given)).verdict is not Verdict.SAME


def test_another_family_name_asks_a_person_though_all_else_is_equal() -> None:
    assert likeness(ZOE, replace(ZOE, family_name="Carter-Test")).verdict is Verdict.ASK


def test_further_given_names_that_differ_ask_a_person() -> None:
    anna = replace(ZOE, given_name="Anna Marie")
    assert likeness(anna, replace(anna, given_name="Anna Louise")).verdict is Verdict.ASK
    assert likeness(anna, replace(anna, given_name="Anna Marie Louise")).verdict is Verdict.SAME


@pytest.mark.parametrize("names", [("Load 1", "Load 2"), ("Child0001", "Child0002")])
def test_names_that_are_numbered_are_of_different_children(names: tuple[str, str]) -> None:
    one, other = (replace(ZOE, given_name=name) for name in names)
    assert likeness(one, other).verdict is not Verdict.SAME
    one, other = (replace(ZOE, family_name=f"{name}-Test") for name in names)
    assert likeness(one, other).verdict is not Verdict.SAME


def test_a_twin_of_the_other_sex_is_not_even_asked_about() -> None:
    brother = replace(ZOE, given_name="Oscar", sex="male")
    assert likeness(ZOE, brother).verdict is Verdict.OTHER


def test_the_same_name_and_birthday_in_another_town_at_another_school_asks_a_person() -> None:
    other = replace(ZOE, postcode="GL50 1AA", school_urn="115600")
    assert likeness(ZOE, other).verdict is Verdict.ASK


@pytest.mark.parametrize(
    "difference",
    [
        {"date_of_birth": date(2013, 11, 30), "postcode": None, "school_urn": None},
        {"given_name": "Oscar", "family_name": "Carter-Test"},
        {"given_name": "Oscar", "date_of_birth": date(2013, 11, 30)},
        {"family_name": "Carter-Test", "postcode": "GL50 1AA", "school_urn": None},
    ],
)
def test_another_child_is_another_child(difference: dict[str, Any]) -> None:
    assert likeness(ZOE, replace(ZOE, **difference)).verdict is Verdict.OTHER


def test_what_both_call_synthetic_is_no_agreement() -> None:
    levels = likeness(ZOE, replace(ZOE, family_name="Carter-Test")).levels
    assert levels["family_name"] == "different"


def test_levels_never_hold_a_value() -> None:
    levels = likeness(ZOE, replace(ZOE, nhs_number=NHS)).levels
    assert set(levels.values()) <= {"equal", "near", "part", "short", "swapped", "initial", "different", "missing"}


NAMES = st.sampled_from(["Zoë", "Zoe", "Oscar", "Rob", "Robert", "Li", "O'Brien", "Smith-Jones", "Jones", "Test", "김"])
CHILDREN = st.builds(
    Child,
    given_name=NAMES,
    family_name=NAMES,
    date_of_birth=st.sampled_from([date(2016, 3, 9), date(2016, 9, 3), date(2016, 3, 8), date(2012, 1, 1)]),
    sex=st.sampled_from([None, "female", "male"]),
    postcode=st.sampled_from([None, "GL1 4AW", "GL1 4AX", "GL50 1AA", "ZZ99 3VZ"]),
    nhs_number=st.sampled_from([None, NHS, OTHER_NHS]),
    upn=st.sampled_from([None, UPN, OTHER_UPN]),
    school_urn=st.sampled_from([None, "115482", "115600"]),
)


@given(CHILDREN, CHILDREN)
def test_comparing_is_the_same_both_ways_and_whoever_is_surely_the_same_meets(one: Child, other: Child) -> None:
    found = likeness(one, other)
    if found.verdict is Verdict.SAME:
        assert shares_a_fingerprint(one, other)
        assert one.nhs_number is None or other.nhs_number in {None, one.nhs_number}


@given(CHILDREN)
def test_fingerprints_are_sorted_signed_and_few(child: Child) -> None:
    prints = fingerprints(Described.of(child, RULES))
    assert list(prints) == sorted(set(prints))
    assert all(-(2**63) <= number < 2**63 for number in prints)
    assert len(prints) <= 12
