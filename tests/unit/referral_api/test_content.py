"""What a referral says: tidied, checked for sense, changed in part."""

from copy import deepcopy
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from referral_api.domain.content import Limits, differences, flaws, merged, tidied

TODAY = date(2026, 11, 23)
LIMITS = Limits(since=date(2014, 9, 1), oldest=25)
CONTENT: dict[str, Any] = {
    "child": {
        "given_name": "Zoë", "family_name": "O'Brien-Test", "date_of_birth": "2016-03-09", "sex": "female",
        "postcode": "gl14aw", "nhs_number": "999 000 0018", "upn": None, "school_urn": "115482", "year_group": "5",
        "address_restricted": False, "has_social_worker": False,
    },
    "family": None,
    "needs": [{"type": "SEMH", "rank": 1}, {"type": "SLCN", "rank": 2}],
    "concern": {"summary": "Words.", "risk_of_exclusion": "emerging", "attendance": 0.78},
    "requested": ["assessment", "early-funding"],
    "urgency": "soon",
    "basis": {"kind": "public-task", "special_category": None, "recorded_on": "2026-11-20"},
    "referrer": {"name": "A title", "role": "SENCO", "email": None, "reference": None},
}  # fmt: skip


def with_change(path: str, value: object) -> dict[str, Any]:
    content = deepcopy(CONTENT)
    *before, last = path.strip("/").split("/")
    at: Any = content
    for part in before:
        at = at[int(part)] if isinstance(at, list) else at[part]
    at[int(last) if isinstance(at, list) else last] = value
    return content


def found(content: dict[str, Any]) -> set[tuple[str, str]]:
    return {(flaw.pointer, flaw.code) for flaw in flaws(tidied(content), on=TODAY, limits=LIMITS)}


def test_a_sound_referral_has_no_flaws_and_its_identifiers_get_their_one_form() -> None:
    assert found(CONTENT) == set()
    child = tidied(CONTENT)["child"]
    assert (child["postcode"], child["nhs_number"]) == ("GL1 4AW", "9990000018")


@pytest.mark.parametrize(
    ("path", "value", "code"),
    [
        ("/child/date_of_birth", "2026-11-24", "in-the-future"),
        ("/child/date_of_birth", "2000-11-23", "too-old"),
        ("/child/date_of_birth", "0001-01-01", "too-old"),
        ("/child/postcode", "GL1", "not-a-postcode"),
        ("/child/nhs_number", "9990000019", "not-an-nhs-number"),
        ("/child/upn", "Q207000016049", "not-a-upn"),
        ("/child/year_group", "15", "unknown-code"),
        ("/needs/0/type", "XXX", "unknown-code"),
        ("/needs/1/type", "SEMH", "repeated"),
        ("/needs/1/rank", 1, "repeated"),
        ("/requested/0", "money", "unknown-code"),
        ("/requested/1", "assessment", "repeated"),
        ("/urgency", "now", "unknown-code"),
        ("/concern/risk_of_exclusion", "some", "unknown-code"),
        ("/basis/kind", "because", "unknown-code"),
        ("/basis/special_category", "because", "unknown-code"),
        ("/basis/recorded_on", "2026-11-24", "in-the-future"),
    ],
)
def test_each_flaw_is_named_by_where_it_stands(path: str, value: object, code: str) -> None:
    assert found(with_change(path, value)) == {(path, code)}


def test_somebody_of_25_can_still_be_referred() -> None:
    assert found(with_change("/child/date_of_birth", "2000-11-24")) == set()


def test_a_code_is_judged_on_the_day() -> None:
    content = with_change("/needs/0/type", "DS")
    assert found(content) == set()
    early = {(f.pointer, f.code) for f in flaws(tidied(content), on=date(2024, 11, 23), limits=LIMITS)}
    assert ("/needs/0/type", "unknown-code") in early


def test_one_need_is_the_primary_one() -> None:
    content = with_change("/needs", [{"type": "SEMH", "rank": 2}])
    assert found(content) == {("/needs", "no-primary-need")}


def test_a_family_that_is_named_was_told_or_not() -> None:
    assert found(with_change("/family", {"views": None})) == {("/family/informed", "required")}


def test_no_flaw_quotes_what_was_sent() -> None:
    content = with_change("/child/nhs_number", "CANARY0019")
    content["needs"][0]["type"] = "CANARY"
    assert "CANARY" not in str(flaws(content, on=TODAY, limits=LIMITS))


def test_a_change_is_merged_and_its_differences_are_pointers() -> None:
    after = merged(CONTENT, {"child": {"school_urn": None}, "needs": [{"type": "ASD", "rank": 1}], "urgency": "soon"})
    assert after["child"]["given_name"] == "Zoë"
    assert differences(CONTENT, after) == ["/child/school_urn", "/needs"]


def test_an_absent_field_and_a_null_one_are_no_difference() -> None:
    assert differences({"child": {"upn": None}}, {"child": {}}) == []


JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3) | st.lists(inner, max_size=2),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.sampled_from("abc"), JSON, max_size=3)


@given(OBJECTS, OBJECTS)
def test_merging_twice_is_merging_once(content: dict[str, Any], change: dict[str, Any]) -> None:
    once = merged(content, change)
    assert merged(once, change) == once
    assert differences(once, merged(once, change)) == []
