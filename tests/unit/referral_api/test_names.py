"""Names compare without case, accents, apostrophes, hyphens or order, in any script."""

import csv
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from referral_api.domain import names


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Zoë", ("zoe",)),
        ("O'Brien", ("obrien",)),
        ("O\u2019Brien", ("obrien",)),
        ("Smith-Jones", ("smith", "jones")),
        ("Smith\u2010Jones", ("smith", "jones")),
        ("  de   la  Cruz ", ("de", "la", "cruz")),
        ("Łukasz", ("lukasz",)),
        ("Åse Øyvind", ("ase", "oyvind")),
        ("Nguyễn", ("nguyen",)),
        ("WEIß", ("weiss",)),
        ("İpek", ("ipek",)),
        ("Ангеліна", ("ангеліна",)),
        ("محمّد", ("محمد",)),
        ("김", ("김",)),
    ],
)
def test_a_name_folds_to_its_words(name: str, words: tuple[str, ...]) -> None:
    # A Cyrillic short i loses its breve like any accent; the other letters stay.
    expected = tuple(names.words(word)[0] for word in words)
    assert names.words(name) == expected
    if all(word.isascii() for word in words):
        assert names.words(name) == words


def test_vowel_signs_that_are_part_of_the_word_are_kept() -> None:
    assert names.words("थापा") == ("थापा",)
    assert names.words("थापा") != names.words("थप")


def test_a_word_that_tells_nobody_apart_is_left_out_unless_it_is_the_whole_name() -> None:
    assert names.words("Baker-Test", ignored={"test"}) == ("baker",)
    assert names.words("Test", ignored={"test"}) == ("test",)


def test_every_real_name_has_words_and_the_same_ones_however_it_is_encoded(reference_data: Path) -> None:
    seen = 0
    for file in ("common-forenames-by-country.csv", "common-surnames-by-country.csv"):
        with (reference_data / "names" / file).open(encoding="utf-8-sig", newline="") as lines:
            for row in csv.DictReader(lines):
                for name in {row["Localized Name"], row["Romanized Name"]} - {""}:
                    seen += 1
                    words = names.words(name)
                    assert words, name
                    assert words == names.words(unicodedata.normalize("NFD", name)), name
                    assert words == names.words(f" {name} "), name
                    assert " ".join(words) == " ".join(names.words(" ".join(words))), name
                    if name.isascii():
                        assert words == names.words(name.upper()), name
    assert seen > 4000


@given(st.text(max_size=40))
def test_folding_what_is_folded_changes_nothing(name: str) -> None:
    once = names.words(name)
    assert names.words(" ".join(once)) == once


@pytest.mark.parametrize(
    ("word", "code"),
    [
        ("robert", "R163"),
        ("rupert", "R163"),
        ("ashcraft", "A261"),
        ("tymczak", "T522"),
        ("pfister", "P236"),
        ("lee", "L000"),
    ],
)
def test_sounds_are_those_of_the_american_rules(word: str, code: str) -> None:
    assert names.sound(word) == code.lower()


@pytest.mark.parametrize(
    ("one", "other"),
    [("brown", "browne"), ("stephen", "steven"), ("kahn", "khan"), ("gabrielle", "gabriella"), ("allen", "alan")],
)
def test_a_misspelling_is_near(one: str, other: str) -> None:
    assert names.nearly(one, other)
    assert names.nearly(other, one)


@pytest.mark.parametrize(("one", "other"), [("ali", "eli"), ("smith", "jones"), ("amy", "ann"), ("li", "lu")])
def test_another_name_or_a_short_one_is_not(one: str, other: str) -> None:
    assert not names.nearly(one, other)


@given(st.text("abc", max_size=7), st.text("abc", max_size=7))
def test_slips_are_the_same_both_ways_and_none_only_for_equals(one: str, other: str) -> None:
    there, back = names.slips(one, other, at_most=3), names.slips(other, one, at_most=3)
    assert there == back
    assert (there == 0) is (one == other)


def test_neighbours_swapped_are_one_slip() -> None:
    assert names.slips("rowe", "rwoe", at_most=1) == 1
    assert names.slips("rowe", "ewor", at_most=1) is None


@given(st.text("abcd", max_size=6), st.text("abcd", max_size=6))
def test_one_slip_is_found_by_the_quick_way_as_by_the_thorough_one(one: str, other: str) -> None:
    thorough = names.slips(one, other, at_most=3)
    assert names.slips(one, other, at_most=1) == (thorough if thorough in {0, 1} else None)
