"""A school system's CSV export of suspensions and exclusions: its rows as notices in the shape of our own body.

What a cell says is not judged here: it goes on as it stands, and the body's own checks name its column.
"""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

_DAY_FIRST: Final = re.compile(r"([0-9]{1,2})[/.-]([0-9]{1,2})[/.-]([0-9]{4})")
_ISO: Final = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[T ]00:00(?::00)?)?")
_YEAR_GROUP: Final = re.compile(r"(?:year|yr|y)?\s*0?([0-9]{1,2})")
_DELIMITERS: Final = (",", ";", "\t")
#: Column -> where it stands in the body.
_PLACES: Final[Mapping[str, tuple[str, ...]]] = {
    **{
        name: ("child", name)
        for name in (
            "given_name", "family_name", "date_of_birth", "sex", "upn", "nhs_number", "postcode", "school_urn",
            "year_group", "address_restricted", "has_social_worker",
        )
    },
    "reference": ("reference",),
    "kind": ("kind",),
    "first_on": ("first_on",),
    "sessions": ("sessions",),
    "reason": ("reasons", "0"),
    "reason_2": ("reasons", "1"),
    "reason_3": ("reasons", "2"),
}  # fmt: skip
_NEEDED: Final = ("reference", "given_name", "family_name", "date_of_birth", "kind", "reason", "first_on")


class NotAnExport(ValueError):
    """The file as a whole cannot be read; says why, quoting nothing of it."""


@dataclass(frozen=True, slots=True)
class Form:
    """What an export may look like."""

    #: Column -> headings, in any case, with or without spaces.
    headings: Mapping[str, Sequence[str]]
    #: sex, kind, truth -> what schools' systems write -> our word.
    words: Mapping[str, Mapping[str, str]]
    most_rows: int


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a file."""

    #: The line on which it begins; the headings are line 1.
    line: int
    notice: dict[str, Any]
    #: JSON pointer of the body -> the column's heading in this file.
    columns: Mapping[str, str]

    def column(self, pointer: str) -> str:
        """The heading of the column that this pointer is about; empty when it is about the row."""
        return self.columns.get(pointer, self.columns.get(pointer.rpartition("/")[0], ""))


def read_export(text: str, form: Form, *, school_urn: str | None = None) -> list[Row]:
    """The rows of an export; `school_urn` is the school of rows that name none. Raises `NotAnExport`."""
    first, _, _ = text.partition("\n")
    if not first.strip():
        raise NotAnExport("The first line must hold the headings.")
    delimiter = max(_DELIMITERS, key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: list[Row] = []
    try:
        headings = [heading.strip() for heading in next(reader)]
        table = _Table(headings, _columns(headings, form), form, school_urn)
        begins = reader.line_num + 1
        for cells in reader:
            if any(cell.strip() for cell in cells):
                if len(rows) == form.most_rows:
                    raise NotAnExport(f"The file has more than {form.most_rows} rows; send it in parts.")
                rows.append(_row(begins, cells, table))
            begins = reader.line_num + 1
    except csv.Error as error:
        raise NotAnExport(f"Line {reader.line_num} is not CSV: look for quotation marks that do not close.") from error
    return rows


@dataclass(frozen=True, slots=True)
class _Table:
    """How the cells of a file are to be read."""

    headings: Sequence[str]
    #: Column -> its place in a row.
    at: Mapping[str, int]
    form: Form
    school_urn: str | None


def _columns(headings: Sequence[str], form: Form) -> dict[str, int]:
    by_word = {_folded(word): name for name, words in form.headings.items() for word in words}
    at: dict[str, int] = {}
    for index, heading in enumerate(headings):
        name = by_word.get(_folded(heading))
        if name is not None:
            if name in at:
                raise NotAnExport(f"Columns {at[name] + 1} and {index + 1} mean the same: {name}.")
            at[name] = index
    missing = [name for name in _NEEDED if name not in at]
    if missing:
        raise NotAnExport(f"Columns are missing: {', '.join(missing)}. The headings must stand in the first line.")
    return at


def _row(line: int, cells: Sequence[str], table: _Table) -> Row:
    at, headings = table.at, table.headings
    said = {name: cells[index].strip() for name, index in at.items() if index < len(cells) and cells[index].strip()}
    notice: dict[str, Any] = {
        "child": {} if table.school_urn is None else {"school_urn": table.school_urn},
        "reasons": [],
    }
    columns: dict[str, str] = {"/reasons": headings[at["reason"]]}
    for name, index in at.items():
        columns["/" + "/".join(_PLACES[name])] = headings[index]
    for number, (heading, reason) in enumerate(_reasons(said, at, headings)):
        notice["reasons"].append(reason)
        columns[f"/reasons/{number}"] = heading
    for name, value in said.items():
        place = _PLACES[name]
        if place[0] != "reasons":
            (notice["child"] if place[0] == "child" else notice)[place[-1]] = _value(name, value, table.form)
    if "sessions" not in notice:
        notice["sessions"] = 0
    return Row(line, notice, columns)


def _reasons(said: Mapping[str, str], at: Mapping[str, int], headings: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The reasons of up to three columns, or of one that names several."""
    for name in ("reason", "reason_2", "reason_3"):
        for word in re.split(r"[;,/|]", said.get(name, "")):
            if word.strip():
                yield headings[at[name]], word.strip().upper()


def _value(name: str, value: str, form: Form) -> Any:
    if name in {"date_of_birth", "first_on"}:
        return _day(value)
    if name in {"sex", "kind"}:
        return form.words[name].get(value.casefold(), value.casefold() if name == "sex" else value.upper())
    if name in {"address_restricted", "has_social_worker"}:
        word = form.words["truth"].get(value.casefold())
        return value if word is None else word == "true"
    if name == "sessions":
        return int(value) if value.isascii() and value.isdigit() and len(value) < len("1000") else value
    if name == "year_group":
        return _year_group(value)
    return value


def _day(value: str) -> str:
    """As YYYY-MM-DD when it is a day; else as it stands."""
    iso = _ISO.fullmatch(value)
    if iso is not None:
        return iso[1]
    found = _DAY_FIRST.fullmatch(value.removesuffix(" 00:00:00").removesuffix(" 00:00"))
    if found is None:
        return value
    day, month, year = map(int, found.groups())
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return value


def _year_group(value: str) -> str:
    word = value.casefold()
    if word in {"n", "n1", "n2", "nursery"}:
        return "N"
    if word in {"r", "reception", "year r", "yr r"}:
        return "R"
    found = _YEAR_GROUP.fullmatch(word)
    return found[1] if found else value.upper()


def _folded(heading: str) -> str:
    return re.sub(r"[\s_-]+", "", heading.casefold())
