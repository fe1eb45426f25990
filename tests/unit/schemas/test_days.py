"""Counting days: terms, INSET days, bank holidays, August, leap days, clock changes."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from schemas.days import Calendar, TooFar, financial_year, financial_year_days, school_year, weeks_after

#: The autumn and winter of an English county.
COUNTY = Calendar(
    terms=(
        (date(2026, 9, 1), date(2026, 10, 23)),
        (date(2026, 11, 2), date(2026, 12, 18)),
        (date(2027, 1, 4), date(2027, 2, 12)),
        (date(2027, 2, 22), date(2027, 3, 25)),
        (date(2027, 4, 12), date(2027, 5, 28)),
        (date(2027, 6, 7), date(2027, 7, 21)),
    ),
    closures=frozenset({date(2026, 9, 1), date(2026, 11, 2)}),
    bank_holidays=frozenset({date(2026, 8, 31), date(2026, 12, 25), date(2026, 12, 28), date(2027, 5, 3)}),
)
NONE = Calendar()


@pytest.mark.parametrize(
    ("day", "school", "working"),
    [
        ("2026-09-01", False, True),  # INSET
        ("2026-09-02", True, True),
        ("2026-10-23", True, True),  # the last day of a half term
        ("2026-10-24", False, False),  # Saturday
        ("2026-10-26", False, True),  # half term; the clocks went back the day before
        ("2026-11-02", False, True),  # INSET
        ("2026-12-25", False, False),
        ("2026-12-29", False, True),
        ("2027-05-03", False, False),  # a bank holiday inside a term
        ("2027-08-16", False, True),
        ("2026-08-31", False, False),
    ],
)
def test_a_day_is_a_school_day_a_working_day_or_neither(day: str, school: bool, working: bool) -> None:
    assert COUNTY.is_school_day(date.fromisoformat(day)) is school
    assert COUNTY.is_working_day(date.fromisoformat(day)) is working


@pytest.mark.parametrize(
    ("first", "sixth"),
    [
        ("2026-11-23", "2026-11-30"),  # a Monday: the next Monday
        ("2026-10-20", "2026-11-04"),  # over half term and an INSET day
        ("2026-12-17", "2027-01-07"),  # over Christmas
        ("2026-11-21", "2026-11-30"),  # a Saturday: Monday is day 1
        ("2027-07-20", "2027-09-06"),  # over the summer, into a year whose terms are not known
    ],
)
def test_day_six_of_an_exclusion_counts_its_first_school_day(first: str, sixth: str) -> None:
    assert COUNTY.school_day(6, date.fromisoformat(first)) == date.fromisoformat(sixth)


@pytest.mark.parametrize(
    ("start", "count", "end"),
    [
        ("2026-11-23", 0, "2026-11-23"),
        ("2026-11-23", 1, "2026-11-24"),
        ("2026-11-23", 15, "2026-12-14"),
        ("2026-12-11", 15, "2027-01-15"),
        ("2026-10-23", 1, "2026-11-03"),
    ],
)
def test_school_days_after_a_day_do_not_count_it(start: str, count: int, end: str) -> None:
    assert COUNTY.school_days_after(date.fromisoformat(start), count) == date.fromisoformat(end)


@pytest.mark.parametrize(
    ("start", "count", "end"),
    [("2026-12-24", 1, "2026-12-29"), ("2028-02-28", 1, "2028-02-29"), ("2026-11-20", 1, "2026-11-23")],
)
def test_working_days_after_a_day_pass_over_weekends_and_bank_holidays(start: str, count: int, end: str) -> None:
    assert COUNTY.working_days_after(date.fromisoformat(start), count) == date.fromisoformat(end)


@pytest.mark.parametrize(
    ("start", "weeks", "end"),
    [
        ("2026-11-23", 6, "2027-01-04"),
        ("2028-02-01", 6, "2028-03-14"),  # a leap day between
        ("2027-03-25", 20, "2027-08-12"),  # the clocks go forward; it may end in August
        ("2026-11-23", 0, "2026-11-23"),
    ],
)
def test_weeks_are_seven_calendar_days_and_the_first_day_is_not_counted(start: str, weeks: int, end: str) -> None:
    assert weeks_after(date.fromisoformat(start), weeks) == date.fromisoformat(end)


@pytest.mark.parametrize(
    ("day", "first", "last", "money"),
    [
        ("2026-08-31", "2025-09-01", "2026-08-31", "2026-27"),
        ("2026-09-01", "2026-09-01", "2027-08-31", "2026-27"),
        ("2027-03-31", "2026-09-01", "2027-08-31", "2026-27"),
        ("2027-04-01", "2026-09-01", "2027-08-31", "2027-28"),
        ("2099-12-31", "2099-09-01", "2100-08-31", "2099-00"),
    ],
)
def test_school_years_and_financial_years(day: str, first: str, last: str, money: str) -> None:
    assert school_year(date.fromisoformat(day)) == (date.fromisoformat(first), date.fromisoformat(last))
    assert financial_year(date.fromisoformat(day)) == money
    began, ended = financial_year_days(money)
    assert began <= date.fromisoformat(day) <= ended


def test_where_terms_are_not_known_weekdays_count_but_not_in_august() -> None:
    assert NONE.is_school_day(date(2026, 7, 31))
    assert not NONE.is_school_day(date(2026, 8, 3))
    assert NONE.is_assumed(date(2026, 7, 31))
    assert COUNTY.is_assumed(date(2026, 8, 31))
    assert not COUNTY.is_assumed(date(2027, 8, 31))


def test_no_school_day_at_all_ends_instead_of_counting_for_ever() -> None:
    closed = Calendar(closures=frozenset(date(2026, 1, 1) + timedelta(days=n) for n in range(5000)))
    with pytest.raises(TooFar):
        closed.school_day(1, date(2026, 1, 1))


days = st.dates(date(2024, 1, 1), date(2030, 12, 31))


@given(days, st.integers(0, 60))
def test_going_forward_and_counting_back_agree(start: date, count: int) -> None:
    end = COUNTY.school_days_after(start, count)
    assert COUNTY.school_days_between(start, end) == count
    assert count == 0 or COUNTY.is_school_day(end)


@given(days, st.integers(1, 60))
def test_day_one_is_the_first_school_day_and_later_days_follow_from_it(first: date, number: int) -> None:
    one = COUNTY.school_day(1, first)
    assert one >= first
    assert COUNTY.school_day(number, first) == COUNTY.school_days_after(one, number - 1)
