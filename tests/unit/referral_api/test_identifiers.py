"""UPN and NHS numbers, against vectors that nobody here wrote."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from referral_api.domain.identifiers import (
    clean_nhs_number,
    clean_upn,
    is_temporary_upn,
    show_nhs_number,
    upn_check_letter,
)


@pytest.mark.parametrize(
    ("rest", "letter"), [("916200018001", "W"), ("91620001801A", "V"), ("207000016049", "P"), ("801200005001", "B")]
)
def test_a_upn_has_the_check_letter_of_the_guide(rest: str, letter: str) -> None:
    assert upn_check_letter(rest) == letter
    assert clean_upn(letter + rest) == letter + rest


def test_one_vendors_wrong_example_is_refused() -> None:
    assert clean_upn("Q207000016049") is None


@pytest.mark.parametrize("authority", ["838", "940", "941"])
def test_an_authority_that_is_newer_than_any_list_is_no_reason_to_refuse(authority: str) -> None:
    rest = f"{authority}200018001"
    assert clean_upn(upn_check_letter(rest) + rest) is not None


def test_the_published_upn_vectors_hold_but_for_those_about_authorities(reference_data: Path) -> None:
    vectors = json.loads((reference_data / "identifiers/upn_vectors.json").read_text())["vectors"]
    judged = [v for v in vectors if "LA " not in v["note"]]
    assert len(judged) >= 10
    wrong = [v["upn"] for v in judged if (clean_upn(v["upn"]) is not None) is not v["valid"]]
    assert wrong == []


def test_the_published_nhs_test_numbers_are_numbers(reference_data: Path) -> None:
    (path,) = (reference_data / "identifiers").glob("*nhs-numbers.csv")
    numbers = path.read_text(encoding="utf-8-sig").split()
    assert len(numbers) == 9
    assert [clean_nhs_number(number) for number in numbers] == numbers


@pytest.mark.parametrize("number", ["9434765919", "943 476 5919", "9912003888", "973-067-6240", " 9730676240 "])
def test_an_nhs_number_may_be_typed_with_spaces(number: str) -> None:
    assert clean_nhs_number(number) == "".join(c for c in number if c.isdigit())


@pytest.mark.parametrize(
    "typed",
    ["", "943476591", "94347659190", "9434765918", "943476591X", "٩٤٣٤٧٦٥٩١٩", "９４３４７６５９１９", "0000000001"],  # noqa: RUF001
)
def test_what_is_no_nhs_number_is_refused(typed: str) -> None:
    assert clean_nhs_number(typed) is None


def test_an_nhs_number_whose_check_would_be_ten_does_not_exist() -> None:
    # 999 000 002x: the sum leaves 1, so the check digit would be 10.
    assert all(clean_nhs_number(f"000000006{digit}") is None for digit in range(10))


def test_an_nhs_number_is_shown_in_threes() -> None:
    assert show_nhs_number("9434765919") == "943 476 5919"


@given(st.integers(0, 999_999_999), st.integers(0, 9), st.integers(0, 9))
def test_a_slip_of_one_digit_never_gives_another_nhs_number(nine: int, position: int, digit: int) -> None:
    stem = f"{nine:09d}"
    valid = next((stem + str(check) for check in range(10) if clean_nhs_number(stem + str(check))), None)
    if valid is None or valid[position] == str(digit):
        return
    assert clean_nhs_number(valid[:position] + str(digit) + valid[position + 1 :]) is None


@given(st.text(max_size=20))
def test_no_text_breaks_the_validators(typed: str) -> None:
    for clean in (clean_nhs_number, clean_upn):
        cleaned = clean(typed)
        assert cleaned is None or clean(cleaned) == cleaned


def test_a_temporary_upn_ends_in_a_letter() -> None:
    assert is_temporary_upn("V91620001801A")
    assert not is_temporary_upn("W916200018001")
