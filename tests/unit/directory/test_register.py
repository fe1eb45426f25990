"""What rows of the register's extracts say, in each of the layouts in which extracts come."""

from datetime import date

import pytest
from directory.clients import codes, columns
from directory.domain.extract import Rejection, table
from directory.domain.register import statement
from directory.domain.schools import Statement, Status

REGISTER_HEADER = (
    "URN,LA (code),LA (name),EstablishmentNumber,EstablishmentName,TypeOfEstablishment (code),"
    "TypeOfEstablishment (name),EstablishmentStatus (name),OpenDate,CloseDate,PhaseOfEducation (name),"
    "StatutoryLowAge,StatutoryHighAge,SchoolCapacity,NumberOfPupils,Postcode,DistrictAdministrative (name),"
    "Easting,Northing,SEN1 (name),SEN2 (name),UKPRN"
)
REGISTER_ROW = (
    '100001,916,Gloucestershire,2000,North School,34,Academy converter,"Open, but proposed to close",01-09-2011,'
    '31-08-2027,Primary,4,11,210,"1,199",gl14aw,Gloucester,383967,218224,'
    '"SLCN - Speech, language and Communication",ASD - Autistic Spectrum Disorder,10012345'
)
SHORT_HEADER = (
    "urn,school_name,school_status,phase_type,establishment_type,close_date,la_code,easting,northing,number_of_pupils"
)
JOINED_HEADER = (
    "urn,name,local_authority_name,phase_of_education,status,Type,SCHOOLTYPE,Age From,Age To,NOR,"
    "Postcode,easting,northing"
)


def read(header: str, row: str) -> tuple[Statement | None, tuple[Rejection, ...]]:
    [record] = table(f"{header}\n{row}\n".encode(), needs=(("URN",),)).records
    return statement(record, columns(), codes())


def says(header: str, row: str) -> Statement:
    found, rejections = read(header, row)
    assert found is not None
    assert rejections == ()
    return found


def test_the_registers_own_columns_are_understood() -> None:
    found = says(REGISTER_HEADER, REGISTER_ROW)
    assert found.urn == "100001"
    assert found.supposes == {}
    assert found.says == {
        "name": "North School",
        "status": Status.PROPOSED_TO_CLOSE,
        "phase": 2,
        "establishment_type": "34",
        "local_authority": "916",
        "establishment_number": "2000",
        "district": "Gloucester",
        "postcode": "GL1 4AW",
        "opened_on": date(2011, 9, 1),
        "closed_on": None,
        "closing_on": date(2027, 8, 31),
        "low_age": 4,
        "high_age": 11,
        "capacity": 210,
        "pupils": 1199,
        "easting": 383967,
        "northing": 218224,
        "need_types": ("SLCN", "ASD"),
        "ukprn": "10012345",
    }


def test_a_joined_extract_is_understood_and_its_blanks_say_nothing() -> None:
    found = says(
        JOINED_HEADER,
        "100001,North School,Gloucestershire,Secondary,Open,Academy,State-funded secondary,11.0,18.0,,,383967,218224",
    )
    assert found.says == {
        "name": "North School",
        "status": Status.OPEN,
        "phase": 4,
        "local_authority": "916",
        "low_age": 11,
        "high_age": 18,
        "easting": 383967,
        "northing": 218224,
    }
    assert found.supposes == {"establishment_type": "academy"}


def test_a_blank_in_the_register_says_that_there_is_none() -> None:
    found = says(SHORT_HEADER, "100001,North School,Open,Primary,Community school,,916,,,")
    assert found.says["pupils"] is None
    assert found.says["closed_on"] is None
    assert "district" not in found.says


@pytest.mark.parametrize(
    ("kind", "schooltype", "guess"),
    [
        ("", "Pupil referral unit", "14"),
        ("Special School", "Non-maintained special school", "08"),
        ("Special School", "Independent school", "10"),
        ("Special School", "State-funded special school", "special"),
        ("Independent School", "", "11"),
        ("Maintained School", "State-funded primary", "maintained"),
    ],
)
def test_coarse_words_allow_a_guess_at_the_type(kind: str, schooltype: str, guess: str) -> None:
    row = f"100001,North School,Gloucestershire,Not applicable,Open,{kind},{schooltype},,,,,,"
    assert says(JOINED_HEADER, row).supposes == {"establishment_type": guess}


def test_no_word_about_the_type_allows_no_guess() -> None:
    row = "100001,North School,Gloucestershire,Primary,Open,,,,,,,,"
    assert says(JOINED_HEADER, row).supposes == {}


@pytest.mark.parametrize(("easting", "northing"), [("0", "0"), ("383967", ""), ("", "218224")])
def test_half_a_place_or_the_corner_of_the_grid_is_no_place(easting: str, northing: str) -> None:
    found = says(SHORT_HEADER, f"100001,North School,Open,Primary,01,,916,{easting},{northing},210")
    assert (found.says["easting"], found.says["northing"]) == (None, None)


def test_a_council_newer_than_our_list_keeps_its_number() -> None:
    assert says(SHORT_HEADER, "100001,North School,Open,Primary,01,,999,1,1,210").says["local_authority"] == "999"


def test_a_closing_date_without_a_status_says_nothing() -> None:
    assert says("URN,CloseDate", "100001,31-08-2023").says == {}


@pytest.mark.parametrize(
    ("row", "field", "reason"),
    [
        ("10001,North,Open,Primary,01,,916,,,", "urn", "not-a-urn"),
        ("\uff11\uff10\uff10\uff10\uff10\uff11,North,Open,Primary,01,,916,,,", "urn", "not-a-urn"),
        (",North,Open,Primary,01,,916,,,", "urn", "blank"),
        ("100001,,Open,Primary,01,,916,,,", "name", "blank"),
        (f"100001,{'x' * 201},Open,Primary,01,,916,,,", "name", "too-long"),
        ("100001,No\u202erth,Open,Primary,01,,916,,,", "name", "not-plain-text"),
        ("100001,North,Ajar,Primary,01,,916,,,", "status", "not-in-the-register-of-codes"),
        ("100001,North,Open,9,01,,916,,,", "phase", "not-in-the-register-of-codes"),
    ],
)
def test_a_row_whose_essentials_make_no_sense_is_rejected(row: str, field: str, reason: str) -> None:
    found, rejections = read(SHORT_HEADER, row)
    assert found is None
    assert rejections == (Rejection(2, field, reason),)


@pytest.mark.parametrize(
    ("row", "field", "reason"),
    [
        (
            "100001,North,Open,Primary,Dame school,,916,,,",
            "establishment_type",
            "not-in-the-register-of-codes",
        ),
        ("100001,North,Open,Primary,01,31-02-2023,916,,,", "closed_on", "not-a-date"),
        ("100001,North,Open,Primary,01,,916,,,some", "pupils", "not-a-number-in-range"),
        ("100001,North,Open,Primary,01,,916,,,-5", "pupils", "not-a-number-in-range"),
    ],
)
def test_one_odd_cell_is_passed_over_and_does_not_lose_the_school(row: str, field: str, reason: str) -> None:
    found, rejections = read(SHORT_HEADER, row)
    assert found is not None
    assert field not in found.says
    assert rejections == (Rejection(2, field, reason, whole_row=False),)


def test_a_long_row_is_taken_when_every_cell_makes_sense() -> None:
    found, rejections = read(SHORT_HEADER, "100001,North,Open,Primary,01,,916,1,1,210,left over")
    assert found is not None
    assert rejections == ()


def test_a_long_row_is_rejected_whole_when_any_cell_makes_no_sense() -> None:
    found, rejections = read(SHORT_HEADER, "100001,North,Open,Primary,01,,916,1,1,Stroud,210")
    assert found is None
    assert rejections == (Rejection(2, "pupils", "shifted"),)


def test_a_row_that_an_unquoted_comma_shifted_is_rejected() -> None:
    found, rejections = read(SHORT_HEADER, "100001,North, South and East,Open,Primary,01,,916,1,1,210")
    assert found is None
    assert rejections[0].reason == "shifted"
