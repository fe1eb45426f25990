"""Ages on 31 August and the year groups they usually mean; postcodes."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from referral_api.domain.postcodes import clean_postcode, district, is_stand_in, sector
from referral_api.domain.school_years import age_on, cut_off, school_age, usual_year_group

TERM = date(2026, 11, 23)


@pytest.mark.parametrize(
    ("on", "expected"),
    [
        (date(2026, 8, 31), date(2025, 8, 31)),
        (date(2026, 9, 1), date(2026, 8, 31)),
        (date(2027, 1, 1), date(2026, 8, 31)),
    ],
)
def test_the_school_year_begins_on_the_first_of_september(on: date, expected: date) -> None:
    assert cut_off(on) == expected


@pytest.mark.parametrize(
    ("born", "group"),
    [
        (date(2016, 3, 9), "6"),
        (date(2016, 8, 31), "6"),
        (date(2016, 9, 1), "5"),
        (date(2022, 8, 31), "R"),
        (date(2022, 9, 1), "N"),
        (date(2024, 1, 1), None),
        (date(2007, 9, 1), "14"),
        (date(2007, 8, 31), None),
    ],
)
def test_a_child_born_on_the_last_day_of_august_is_the_youngest_of_its_year(born: date, group: str | None) -> None:
    assert usual_year_group(born, on=TERM) == group


def test_a_child_born_on_the_29th_of_february_turns_on_the_first_of_march() -> None:
    born = date(2016, 2, 29)
    assert age_on(date(2017, 2, 28), born) == 0
    assert age_on(date(2017, 3, 1), born) == 1


@given(st.dates(date(1990, 1, 1), date(2040, 1, 1)), st.dates(date(1990, 1, 1), date(2040, 1, 1)))
def test_an_age_is_never_negative_and_grows_by_one_a_year(born: date, on: date) -> None:
    age = school_age(born, on=on)
    assert age >= 0
    if on.month != 2 or on.day != 29:
        assert school_age(born, on=on.replace(year=on.year + 1)) - age in ({0, 1} if age == 0 else {1})


@pytest.mark.parametrize("typed", ["GL1 4AW", "gl14aw", " GL1  4aw "])
def test_a_postcode_has_one_form(typed: str) -> None:
    assert clean_postcode(typed) == "GL1 4AW"


@pytest.mark.parametrize("typed", ["", "GL1", "GL1 4A", "GL1 4CV", "1GL 4AW", "GL1 4AW9", "GL1-4AW", "ＧＬ１ ４ＡＷ"])  # noqa: RUF001
def test_what_is_no_postcode_is_refused(typed: str) -> None:
    assert clean_postcode(typed) is None


def test_a_postcode_lies_in_a_sector_and_a_district() -> None:
    assert (sector("GL1 4AW"), district("GL1 4AW")) == ("GL1 4", "GL1")
    assert is_stand_in("ZZ99 3VZ")
    assert not is_stand_in("GL1 4AW")


@given(st.text(max_size=12))
def test_no_text_breaks_the_postcode(typed: str) -> None:
    cleaned = clean_postcode(typed)
    assert cleaned is None or clean_postcode(cleaned) == cleaned
