"""References that people quote: short, without look-alikes, with a check; ids that do not tell a case's age."""

import uuid

from hypothesis import given
from hypothesis import strategies as st
from referral_api.domain.references import case_id_from, clean_reference, reference_from

CASES = st.uuids(version=4).map(str)


@given(CASES)
def test_a_reference_is_nine_sayable_characters(case_id: str) -> None:
    reference = reference_from(case_id)
    assert len(reference) == 11
    assert reference[3] == reference[7] == "-"
    assert not set(reference) & set("01OILSZBGQUAE")


@given(CASES, st.integers(0, 8), st.sampled_from("23456789CDFHJKMNPRTVWXY"))
def test_one_wrong_character_is_noticed(case_id: str, position: int, wrong: str) -> None:
    word = reference_from(case_id).replace("-", "")
    if word[position] == wrong:
        return
    assert clean_reference(word[:position] + wrong + word[position + 1 :]) is None


@given(CASES, st.integers(0, 7))
def test_two_neighbours_swapped_are_noticed(case_id: str, position: int) -> None:
    word = list(reference_from(case_id).replace("-", ""))
    if word[position] == word[position + 1]:
        return
    word[position], word[position + 1] = word[position + 1], word[position]
    assert clean_reference("".join(word)) is None


@given(CASES)
def test_a_reference_may_be_typed_small_and_without_hyphens(case_id: str) -> None:
    reference = reference_from(case_id)
    assert clean_reference(reference.lower().replace("-", " ")) == reference


def test_another_attempt_gives_another_reference() -> None:
    assert len({reference_from("a-case", attempt=n) for n in range(50)}) == 50


def test_a_case_id_is_a_uuid_that_does_not_carry_the_time_of_its_seed() -> None:
    seeds = [f"019ab000-0000-7000-8000-{n:012d}" for n in range(200)]
    ids = [case_id_from(seed) for seed in seeds]
    assert {uuid.UUID(id).version for id in ids} == {8}
    assert len({id[:4] for id in ids}) > 150
    assert ids != sorted(ids)
