"""Reading files that spreadsheets and other systems made."""

import pytest
from directory.domain.extract import Rejection, Unreadable, table

NEEDS = (("URN",), ("EstablishmentName", "school_name"))


@pytest.mark.parametrize(
    "data",
    [
        "URN,EstablishmentName\n100001,Ysgol Cefn Coch / Tŷ\n".encode(),
        "\ufeffURN,EstablishmentName\r\n100001,Ysgol Cefn Coch / Tŷ\r\n".encode(),
        "URN,EstablishmentName\n100001,Ysgol Cefn Coch / Tŷ\n".encode("utf-16"),
        " urn , ESTABLISHMENTNAME \n100001,  Ysgol Cefn   Coch / Ty\u0302 \n".encode(),
    ],
    ids=["utf-8", "byte order mark", "utf-16", "untidy"],
)
def test_the_same_record_is_read_however_the_file_was_saved(data: bytes) -> None:
    [record] = table(data, needs=NEEDS).records
    # y with a combining circumflex is the letter that the others have as one character.
    assert record.first(["URN"]) == "100001"
    assert record.first(["EstablishmentName"]) == "Ysgol Cefn Coch / Tŷ"


def test_a_file_in_windows_1252_keeps_its_apostrophes() -> None:
    data = "URN,school_name\n100001,St Anne\u2019s\n".encode("cp1252")
    [record] = table(data, needs=NEEDS).records
    assert record.first(["school_name"]) == "St Anne\u2019s"


def test_fields_beyond_the_header_are_counted_and_passed_over() -> None:
    data = b"URN,school_name\n100001,North,,\n100002,South,x,y\n"
    found = table(data, needs=NEEDS)
    assert [record.surplus for record in found.records] == [0, 2]
    assert found.rejections == ()


def test_a_row_cut_short_is_rejected_with_its_line() -> None:
    found = table(b"URN,school_name,status\n100001,North,Open\n100002,Sou\n", needs=NEEDS)
    assert [record.line for record in found.records] == [2]
    assert found.rejections == (Rejection(3, None, "row-cut-short"),)


def test_a_quoted_line_break_does_not_shift_the_line_numbers_that_follow() -> None:
    data = b'URN,school_name\n100001,"North\nand East"\n100002\n'
    found = table(data, needs=NEEDS)
    assert found.records[0].first(["school_name"]) == "North and East"
    assert found.rejections == (Rejection(4, None, "row-cut-short"),)


def test_an_unusual_line_separator_inside_a_cell_does_not_end_the_row() -> None:
    [record] = table("URN,school_name\n100001,North\u2028East\n".encode(), needs=NEEDS).records
    assert record.first(["school_name"]) == "North East"


def test_nothing_is_read_after_a_quote_that_never_closes() -> None:
    data = b'URN,school_name\n100001,North\n100002,"South\n100003,East\n'
    found = table(data, needs=NEEDS)
    assert [record.first(["URN"]) for record in found.records] == ["100001"]
    assert found.rejections == (Rejection(3, None, "unreadable-from-here"),)


def test_a_blank_column_and_an_absent_column_are_told_apart() -> None:
    [record] = table(b"URN,school_name,phase\n100001,North,\n", needs=NEEDS).records
    assert record.first(["phase"]) == ""
    assert record.first(["status"]) is None


def test_the_first_filled_of_several_columns_is_read() -> None:
    [record] = table(b"URN,school_name,LA (code),LA (name)\n100001,North,,Gloucestershire\n", needs=NEEDS).records
    assert record.first(["LA (code)", "LA (name)"]) == "Gloucestershire"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"\n\n", "empty"),
        (b"PK\x03\x04\x00\x00", "not text"),
        (b"\x81\x8d\x8f", "not text"),
        (b"name,town\nNorth,Stroud\n", "no column named URN"),
        (b"URN\n100001\n", "no column named EstablishmentName or school_name"),
    ],
)
def test_what_is_not_such_a_file_is_refused_whole(data: bytes, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        table(data, needs=NEEDS)
