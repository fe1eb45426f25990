"""What a child's exclusions add up to in a term and a school year."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from placements.domain.days import Calendars
from placements.policy import tariff, terms
from schemas.days import Calendar
from unit.placements.builders import CALENDARS, MONDAY, TERM, counted, exclusion, permanent


@pytest.mark.parametrize(
    ("day", "term"),
    [
        ("2026-09-02", "autumn"),
        ("2026-10-26", "autumn"),  # half term
        ("2026-12-18", "autumn"),
        ("2026-12-29", "autumn"),  # Christmas
        ("2027-01-04", "spring"),
        ("2027-02-17", "spring"),
        ("2027-04-05", "spring"),  # Easter
        ("2027-04-12", "summer"),
        ("2027-08-10", "summer"),
        ("2027-09-01", "autumn"),  # the day before the term
    ],
)
def test_both_halves_and_the_holiday_after_are_one_term(day: str, term: str) -> None:
    assert terms(MONDAY).term_of(date.fromisoformat(day), TERM)[1] == term


def test_without_a_calendar_the_months_tell() -> None:
    assert terms(MONDAY).term_of(date(2030, 4, 3), Calendar()) == (date(2029, 9, 1), "summer")
    assert CALENDARS.of("999999") is TERM
    assert Calendars({}).of("999999") == Calendar()


@pytest.mark.parametrize(
    ("kind", "sessions", "days"),
    [
        ("SUSP", 1, [1]),
        ("SUSP", 2, [2]),
        ("SUSP", 5, [2, 2, 1]),
        ("LNCH", 0, [1]),
        ("LNCH", 1, [1]),
        ("LNCH", 3, [1, 1, 1]),
        ("PERM", 0, []),
    ],
)
def test_a_day_is_two_sessions_and_a_lunchtime_one(kind: str, sessions: int, days: list[int]) -> None:
    [one] = counted(exclusion(sessions=sessions, kind=kind))
    assert [count for _, count in one.days] == days


def test_it_runs_over_weekend_inset_and_half_term() -> None:
    [one] = counted(exclusion("2026-11-26", 6))
    # Thursday; Friday is INSET; Monday and Tuesday.
    assert [day.isoformat() for day, _ in one.days] == ["2026-11-26", "2026-11-30", "2026-12-01"]
    [one] = counted(exclusion("2026-10-23", 4))
    assert [day.isoformat() for day, _ in one.days] == ["2026-10-23", "2026-11-02"]


def test_over_a_holiday_it_counts_in_two_terms() -> None:
    first, second = counted(exclusion("2026-12-17", 8), exclusion("2027-01-11", 2))
    assert (first.total.in_term, first.total.in_year) == (4, 8)
    assert (second.total.in_term, second.total.in_year) == (6, 10)


def test_a_new_school_year_begins_at_nothing() -> None:
    one, two = counted(exclusion("2027-07-19", 4), exclusion("2027-09-06", 2))
    assert (one.total.in_year, two.total.in_term, two.total.in_year) == (4, 2, 2)
    one, two = counted(exclusion("2026-09-07", 4), exclusion("2027-09-06", 2))
    assert (one.total.in_term, two.total.in_term) == (4, 2), "another autumn"


def test_what_was_cancelled_counts_nothing() -> None:
    [one] = counted(exclusion("2026-11-09", 10, cancelled="reported-in-error"), exclusion(sessions=2))
    assert one.total.in_term == 2


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(0, 40)), max_size=8))
def test_totals_are_the_sums_of_what_lies_before(said: list[tuple[int, int]]) -> None:
    ones = [
        exclusion(date(2026, 9, 2) + timedelta(days=day), sessions, id=f"{n:02}", kind="SUSP" if sessions else "PERM")
        for n, (day, sessions) in enumerate(said)
    ]
    found = counted(*ones)
    assert sum(one.sessions for one in found) == sum(sessions for _, sessions in said)
    for n, one in enumerate(found):
        year = [
            count for each in found[: n + 1] for day, count in each.days if day <= date(2027, 8, 31)
        ] if one.exclusion.first_on <= date(2027, 8, 31) else None  # fmt: skip
        if year is not None:
            assert one.total.in_year == sum(year)
            assert one.total.in_term <= one.total.in_year
    assert all(TERM.is_school_day(day) for one in found for day, _ in one.days)


def test_a_kind_that_is_not_known_counts_whole_days() -> None:
    assert tariff(MONDAY).a_day.get("NEW", 2) == 2
    assert counted(permanent())[0].total.in_term == 0
