"""A school system's CSV export, as such systems write it."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from referral_api.domain.school_export import Form, NotAnExport, Row, read_export
from referral_api.store.dated import export_form

KNOWN = export_form(date(2026, 11, 23))
FORM = Form(KNOWN["columns"], KNOWN["words"], most_rows=5)
HEADINGS = "Reference,Surname,Forename,DOB,Category,Reason,Start date,Sessions"


def read(*lines: str, headings: str = HEADINGS, end: str = "\r\n") -> list[Row]:
    return read_export(end.join((headings, *lines)) + end, FORM)


def test_a_row_is_read_in_the_shape_of_a_notice() -> None:
    (row,) = read("E-1,O'Brien-Test,Zoë,09/03/2016,SUSP,DB,23/11/2026,4")
    assert row.line == 2
    assert row.notice == {
        "child": {"family_name": "O'Brien-Test", "given_name": "Zoë", "date_of_birth": "2016-03-09"},
        "reference": "E-1",
        "kind": "SUSP",
        "reasons": ["DB"],
        "first_on": "2026-11-23",
        "sessions": 4,
    }


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        ("09/03/2016", "2016-03-09"),
        ("9/3/2016", "2016-03-09"),
        ("09-03-2016", "2016-03-09"),
        ("09.03.2016", "2016-03-09"),
        ("2016-03-09", "2016-03-09"),
        ("2016-03-09T00:00:00", "2016-03-09"),
        ("09/03/2016 00:00:00", "2016-03-09"),
        ("29/02/2016", "2016-02-29"),
        # No such day, or not to be read without guessing: left for the body's check, which names the column.
        ("30/02/2016", "30/02/2016"),
        ("03/13/2016", "03/13/2016"),
        ("09/03/16", "09/03/16"),
        ("42438", "42438"),
    ],
)
def test_days_are_day_first_or_iso(written: str, read_as: str) -> None:
    (row,) = read(f"E-1,A-Test,B,{written},SUSP,DB,23/11/2026,4")
    assert row.notice["child"]["date_of_birth"] == read_as


@pytest.mark.parametrize(
    ("heading", "written", "field", "read_as"),
    [
        ("Gender", "F", "sex", "female"),
        ("Sex", "male", "sex", "male"),
        ("NC Year", "Year 5", "year_group", "5"),
        ("year_group", "R", "year_group", "R"),
        ("Year", "reception", "year_group", "R"),
        ("Year", "07", "year_group", "7"),
        ("Social Worker", "Y", "has_social_worker", True),
        ("has_social_worker", "FALSE", "has_social_worker", False),
        ("NHS Number", "999 000 0018", "nhs_number", "999 000 0018"),
        ("URN", "115482", "school_urn", "115482"),
    ],
)
def test_what_schools_systems_write_is_understood(heading: str, written: str, field: str, read_as: object) -> None:
    (row,) = read(f"E-1,A-Test,B,2016-03-09,PERM,DB,23/11/2026,0,{written}", headings=f"{HEADINGS},{heading}")
    assert row.notice["child"][field] == read_as


def test_reasons_stand_in_three_columns_or_in_one() -> None:
    (row,) = read("E-1,A-Test,B,2016-03-09,susp,db; pp,2026-11-23,4")
    assert row.notice["reasons"] == ["DB", "PP"]
    (row,) = read("E-1,A-Test,B,2016-03-09,Suspension,DB,2026-11-23,4,,PP", headings=f"{HEADINGS},Reason 2,Reason 3")
    assert (row.notice["reasons"], row.notice["kind"]) == (["DB", "PP"], "SUSP")
    assert row.column("/reasons/1") == "Reason 3"


def test_a_row_knows_its_line_though_cells_hold_line_breaks_and_rows_are_empty() -> None:
    rows = read('E-1,"A\nTest",B,2016-03-09,SUSP,DB,2026-11-23,4', ",,,,,,,", "E-2,A-Test,B,2016-03-09,SUSP,DB,x,4")
    assert [(row.line, row.notice["reference"]) for row in rows] == [(2, "E-1"), (5, "E-2")]


def test_a_wrong_field_is_told_by_its_own_heading() -> None:
    (row,) = read("E-1,A-Test,B,soon,SUSP,DB,2026-11-23,many")
    assert [row.column(p) for p in ("/child/date_of_birth", "/sessions", "/reasons", "/child/upn", "")] == [
        "DOB", "Sessions", "Reason", "", "",
    ]  # fmt: skip


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_any_usual_delimiter_and_line_end_does(delimiter: str, end: str) -> None:
    line = "E-1,A-Test,B,2016-03-09,SUSP,DB,2026-11-23,4".replace(",", delimiter)
    (row,) = read(line, headings=HEADINGS.replace(",", delimiter), end=end)
    assert row.notice["reference"] == "E-1"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "headings"),
        ("\r\n\r\n", "headings"),
        ("Surname,Forename\r\n", "missing: reference, date_of_birth, kind, reason, first_on"),
        (f"{HEADINGS},Last name\r\n", "Columns 2 and 9"),
        (f'{HEADINGS}\r\nE-1,"A-Test,B\r\n', "not CSV"),
        (f"{HEADINGS}\r\n" + "E-1,A,B,C,D,E,F,G\r\n" * 6, "more than 5 rows"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_as_a_whole_and_nothing_of_it_quoted(text: str, why: str) -> None:
    with pytest.raises(NotAnExport, match=why):
        read_export(text, FORM)


@given(st.text(max_size=400))
def test_no_text_breaks_it(text: str) -> None:
    for whole in (text, f"{HEADINGS}\r\n{text}"):
        try:
            rows = read_export(whole, FORM)
        except NotAnExport:
            continue
        assert all(row.line > 1 for row in rows)
