"""Term dates: what files may state, how statements come together, and what then applies at a school."""

import json
from datetime import date, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from directory import clients
from directory.domain.calendars import (
    CALENDAR_COLUMNS,
    OwnCalendar,
    Stated,
    announce_calendar,
    applying,
    calendar_document,
    calendar_row,
    restated,
    years_of,
)
from directory.domain.extract import Rejection, Unreadable, table
from hypothesis import given
from hypothesis import strategies as st
from schemas.days import Calendar, school_year

BOUNDS = clients.calendar_bounds()
COUNTY = OwnCalendar("county")
AUTUMN, SPRING = (date(2026, 9, 1), date(2026, 10, 23)), (date(2027, 1, 4), date(2027, 2, 12))
NEXT = (date(2027, 9, 1), date(2027, 10, 22))


def rows_of(text: str) -> list[Stated | Rejection]:
    """The rows of a file, as they are read."""
    needs = [CALENDAR_COLUMNS[name] for name in ("kind", "first", "last")]
    return [calendar_row(record, BOUNDS) for record in table(text.encode(), needs=needs).records]


def term(first: date, last: date, line: int = 2, calendar: str = "county") -> Stated:
    """A row with a term."""
    return Stated(line, calendar, "term", first, last)


def closed(first: date, last: date | None = None, line: int = 9, calendar: str = "county") -> Stated:
    """A row with days on which no pupil comes."""
    return Stated(line, calendar, "closure", first, last or first)


def test_rows_are_read_in_the_ways_that_days_are_written() -> None:
    assert rows_of("calendar,kind,first,last\n,Term,01/09/2026,2026-10-23\n115482,closure,02-11-2026,\n") == [
        term(*AUTUMN),
        Stated(3, "115482", "closure", date(2026, 11, 2), date(2026, 11, 2)),
    ]


@pytest.mark.parametrize(
    ("row", "field", "reason"),
    [
        ("Gloucester,term,2026-09-01,2026-10-23", "calendar", "neither-county-nor-urn"),
        ("county,holiday,2026-09-01,2026-10-23", "kind", "neither-term-nor-closure"),
        ("county,term,2026-09-01,", "last", "not-a-date"),
        ("county,term,2026-09-31,2026-10-23", "first", "not-a-date"),
        ("county,term,2026-10-23,2026-09-01", "last", "ends-before-it-begins"),
        ("county,term,2026-09-01,2027-07-20", "last", "too-long"),
        ("county,term,1926-09-01,1926-10-23", "last", "year-out-of-range"),
    ],
)
def test_a_row_that_makes_no_sense_is_named_by_line_and_field(row: str, field: str, reason: str) -> None:
    assert rows_of(f"calendar,kind,first,last\n{row}\n") == [Rejection(2, field, reason)]


def test_the_same_can_be_said_in_json() -> None:
    document = {"terms": [{"first": "2026-09-01", "last": "2026-10-23"}], "closures": ["2026-09-01"]}
    own = {"calendar": "115482", "closures": [{"first": "2026-09-01", "last": "2026-09-02"}, 7]}
    assert list(calendar_document(json.dumps([document, own]).encode(), BOUNDS)) == [
        term(*AUTUMN, line=1),
        closed(date(2026, 9, 1), line=2),
        closed(date(2026, 9, 1), date(2026, 9, 2), line=3, calendar="115482"),
        Rejection(4, None, "not-a-span-of-days"),
    ]


@pytest.mark.parametrize("text", ["{", "[7]", '{"terms": 7}', '{"holidays": []}', '{"terms": [], "x": 1}'])
def test_what_is_no_calendar_at_all_is_refused_as_a_whole(text: str) -> None:
    with pytest.raises(Unreadable):
        list(calendar_document(text.encode(), BOUNDS))


def test_a_school_year_that_a_file_speaks_of_is_as_it_says_and_the_others_stay() -> None:
    first, wrong = restated(COUNTY, [term(*AUTUMN), term(*SPRING), term(*NEXT), closed(AUTUMN[0])], COUNTY)
    assert (first.terms, first.closures, wrong) == ((AUTUMN, SPRING, NEXT), (AUTUMN[0],), [])
    shorter = (AUTUMN[0], date(2026, 10, 20))
    second, wrong = restated(first, [term(*shorter)], COUNTY)
    assert (second.terms, second.closures, wrong) == ((shorter, NEXT), (), [])
    third, wrong = restated(second, [closed(NEXT[0])], COUNTY)
    assert (third.terms, third.closures, wrong) == (second.terms, (NEXT[0],), [])


def test_terms_that_overlap_and_closures_outside_them_are_named() -> None:
    _, wrong = restated(COUNTY, [term(*AUTUMN), term(date(2026, 10, 23), date(2026, 12, 1), 3)], COUNTY)
    assert wrong == [Rejection(3, "first", "overlaps-another-term")]
    _, wrong = restated(COUNTY, [term(*AUTUMN), closed(date(2026, 10, 26))], COUNTY)
    assert wrong == [Rejection(9, "first", "outside-the-terms")]


def test_a_school_that_names_only_its_own_closures_has_the_countys_terms() -> None:
    county = OwnCalendar("county", (AUTUMN, SPRING, NEXT), (AUTUMN[0], NEXT[0]))
    own, wrong = restated(OwnCalendar("115482"), [closed(date(2026, 9, 3), calendar="115482")], county)
    assert wrong == []
    assert applying(own, county) == (county.terms, (date(2026, 9, 3), NEXT[0]))


def test_a_school_that_names_terms_of_a_year_has_all_of_that_year_by_itself() -> None:
    county = OwnCalendar("county", (AUTUMN, SPRING, NEXT), (AUTUMN[0], NEXT[0]))
    mine = (date(2026, 8, 31), date(2026, 10, 16))
    own, _ = restated(OwnCalendar("115482"), [term(*mine, calendar="115482")], county)
    assert applying(own, county) == ((mine, NEXT), (NEXT[0],))


def test_a_term_that_begins_in_the_last_days_of_august_is_of_the_year_it_ends_in() -> None:
    early = (date(2026, 8, 27), date(2026, 10, 16))
    known, _ = restated(COUNTY, [term(date(2026, 6, 1), date(2026, 7, 20)), term(*early, 3)], COUNTY)
    again, wrong = restated(known, [term(*early)], COUNTY)
    assert (again, wrong) == (known, [])


@given(
    st.lists(
        st.tuples(st.dates(date(2026, 9, 1), date(2028, 8, 1)), st.integers(0, 60), st.booleans()),
        min_size=1,
        max_size=8,
    )
)
def test_saying_the_same_again_changes_nothing(rows: list[tuple[date, int, bool]]) -> None:
    said = [
        (closed if is_closure else term)(first, first + timedelta(days=days), line)
        for line, (first, days, is_closure) in enumerate(rows, 2)
    ]
    once, wrong = restated(COUNTY, said, COUNTY)
    if not wrong:
        assert restated(once, said, COUNTY) == (once, [])
        assert applying(once, once) == (once.terms, once.closures)


def test_the_bank_holidays_are_those_that_the_government_publishes(reference_data: Path) -> None:
    file = reference_data / "calendar" / "govuk_bank_holidays_bank-holidays.json"
    published: dict[str, Any] = json.loads(file.read_text())
    days = sorted(date.fromisoformat(event["date"]) for event in published["england-and-wales"]["events"])
    assert list(clients.bank_holidays(range(days[0].year, days[-1].year + 1))) == days
    assert clients.bank_holidays(range(0)) == ()


def test_the_demo_countys_calendar_has_190_days_of_school_in_each_year() -> None:
    rows = rows_of(files("jointly").joinpath("data/demo_calendar.csv").read_text())
    county, wrong = restated(COUNTY, [row for row in rows if isinstance(row, Stated)], COUNTY)
    assert wrong == [row for row in rows if isinstance(row, Rejection)] == []
    holidays = clients.bank_holidays(years_of(county.terms))
    calendar = Calendar.of(announce_calendar("county", *applying(county, county), holidays))
    for year in (2025, 2026, 2027):
        first, last = school_year(date(year, 9, 1))
        assert calendar.school_days_between(first - timedelta(days=1), last) == 190, year
    assert all(calendar.is_school_day(day) for _, day in county.terms), "a term ends with a day of school"
