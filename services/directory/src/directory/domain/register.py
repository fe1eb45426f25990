"""From records of an extract to statements about schools, by whatever columns the extract has."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from directory.domain.extract import Record, Rejection, is_plain
from directory.domain.schools import ESSENTIAL, Statement, Status, Value

NAME_AT_MOST: Final = 200
TEXT_AT_MOST: Final = 120
#: The British National Grid ends here, in metres.
GRID_EAST, GRID_NORTH = 700_000, 1_300_000
AGE_AT_MOST: Final = 99
COUNT_AT_MOST: Final = 100_000


@dataclass(frozen=True, slots=True)
class Codes:
    """The register's code lists: code -> name."""

    phases: Mapping[str, str]
    statuses: Mapping[str, str]
    establishment_types: Mapping[str, str]
    #: Other spellings of a type -> its code.
    other_names_of_types: Mapping[str, str]
    #: Types that are not mainstream -> special, alternative, post-16 or other.
    provision: Mapping[str, str]
    needs: Mapping[str, str]
    local_authorities: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class TypeGuess:
    """Where a joined extract's coarser words are as given, this much is known of the type."""

    when: Mapping[str, str]
    guess: str


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns of an extract say what."""

    #: Field -> the columns that can give it, best first.
    schools: Mapping[str, Sequence[str]]
    #: Beside one of these columns a blank cell says nothing; elsewhere it says 'none'.
    blank_says_nothing_beside: Sequence[str]
    type_guesses: Sequence[TypeGuess]
    #: Field of a link -> its columns.
    links: Mapping[str, Sequence[str]]
    #: The register's word for a link -> successor, merged or split.
    link_types: Mapping[str, str]


class BadCellError(ValueError):
    """A cell that its column does not allow; the argument is a stable code."""


Reader = Callable[[str, Codes], Value]


def statement(record: Record, columns: Columns, codes: Codes) -> tuple[Statement | None, tuple[Rejection, ...]]:
    """What a row says, or nothing when it cannot be trusted; and every cell that was not taken."""
    says: dict[str, Value] = {}
    rejections: list[Rejection] = []
    silent_blanks = any(record.first([column]) is not None for column in columns.blank_says_nothing_beside)
    urn = ""
    for name, candidates in columns.schools.items():
        cell = _cell(record, name, candidates)
        if cell is None or (not cell and silent_blanks and name != "urn"):
            continue
        try:
            value = READERS[name](cell, codes) if cell else _blank(name)
        except BadCellError as bad:
            shifted = record.surplus > 0
            vital = name == "urn" or name in ESSENTIAL or shifted
            rejections.append(Rejection(record.line, name, "shifted" if shifted else str(bad), whole_row=vital))
            continue
        if name == "urn":
            urn = str(value)
        else:
            says[name] = value
    if any(rejection.whole_row for rejection in rejections):
        return None, tuple(rejections)
    _sort_out_dates(says)
    _sort_out_place(says)
    supposes = {} if "establishment_type" in says else _suppose_type(record, columns)
    return Statement(urn, says, supposes, record.line), tuple(rejections)


def _cell(record: Record, name: str, candidates: Sequence[str]) -> str | None:
    if name != "need_types":
        return record.first(candidates)
    present = [cell for column in candidates if (cell := record.first([column])) is not None]
    return "|".join(filter(None, present)) if present else None


def _blank(name: str) -> Value:
    if name in {"urn", "establishment_type", *ESSENTIAL}:
        raise BadCellError("blank")
    return () if name == "need_types" else None


def _sort_out_dates(says: dict[str, Value]) -> None:
    """A closing date belongs to the status it was said with: beside 'proposed to close' it is a proposal."""
    if "closed_on" not in says:
        return
    day = says.pop("closed_on")
    if "status" not in says:
        return
    says["closed_on"] = day if says["status"] == Status.CLOSED else None
    says["closing_on"] = day if says["status"] == Status.PROPOSED_TO_CLOSE else None


def _sort_out_place(says: dict[str, Value]) -> None:
    """The corner of the grid lies in the sea: there, or with half a place, a school's place is not known."""
    if "easting" not in says and "northing" not in says:
        return
    if not says.get("easting") or not says.get("northing"):
        says["easting"] = says["northing"] = None


def _suppose_type(record: Record, columns: Columns) -> dict[str, Value]:
    for rule in columns.type_guesses:
        cells = ((record.first([column]) or "", word) for column, word in rule.when.items())
        if all(cell.casefold() == word.casefold() for cell, word in cells):
            return {"establishment_type": rule.guess}
    return {}


# One reader a field: a cell and the codes to a value, or `BadCellError`.


def _urn(cell: str, _: Codes) -> Value:
    digits = whole_number_text(cell)
    if not re.fullmatch(r"[0-9]{6}", digits):
        raise BadCellError("not-a-urn")
    return digits


def whole_number_text(cell: str) -> str:
    """Digits as they stand; a spreadsheet's `115481.0` and `1,743` without what it added."""
    return re.sub(r"\.0+$", "", cell).replace(",", "")


def _plain(at_most: int) -> Reader:
    def read(cell: str, _: Codes) -> Value:
        if len(cell) > at_most:
            raise BadCellError("too-long")
        if not is_plain(cell):
            raise BadCellError("not-plain-text")
        return cell

    return read


def _whole(at_most: int) -> Reader:
    def read(cell: str, _: Codes) -> Value:
        digits = whole_number_text(cell)
        if not re.fullmatch(r"[0-9]{1,7}", digits) or int(digits) > at_most:
            raise BadCellError("not-a-number-in-range")
        return int(digits)

    return read


def _day(cell: str, _: Codes) -> Value:
    return day(cell)


def day(cell: str) -> date:
    """A date as the register (dd-mm-yyyy) or a database (yyyy-mm-dd) writes it. Raises `BadCellError`."""
    for form in ("%d-%m-%Y", "%Y-%m-%d", "%d/%m/%Y", "%Y-%m-%d %H:%M:%S"):
        try:
            return datetime.strptime(cell, form).date()  # noqa: DTZ007  a day, not an instant
        except ValueError:
            continue
    raise BadCellError("not-a-date")


def _coded(cell: str, names: Mapping[str, str], width: int) -> str:
    """The code of a cell that holds a code or a name."""
    digits = whole_number_text(cell)
    if digits.isdigit():
        code = digits.zfill(width)
        if code in names:
            return code
    else:
        wanted = cell.casefold()
        for code, name in names.items():
            if name.casefold() == wanted:
                return code
    raise BadCellError("not-in-the-register-of-codes")


def _phase(cell: str, codes: Codes) -> Value:
    return int(_coded(cell, codes.phases, 1))


def _status(cell: str, codes: Codes) -> Value:
    return Status(int(_coded(cell, codes.statuses, 1)))


def _type(cell: str, codes: Codes) -> Value:
    other = {name.casefold(): code for name, code in codes.other_names_of_types.items()}
    return other.get(cell.casefold()) or _coded(cell, codes.establishment_types, 2)


def _authority(cell: str, codes: Codes) -> Value:
    # Councils are made and unmade: a number that is not in our list is still the register's.
    digits = whole_number_text(cell)
    if re.fullmatch(r"[0-9]{3}", digits):
        return digits
    return _coded(cell, codes.local_authorities, 3)


def _establishment_number(cell: str, _: Codes) -> Value:
    # Some extracts give it as 916/2000, the council's number first.
    digits = whole_number_text(cell.rpartition("/")[2])
    if not re.fullmatch(r"[0-9]{4}", digits):
        raise BadCellError("not-an-establishment-number")
    return digits


def _postcode(cell: str, _: Codes) -> Value:
    compact = cell.replace(" ", "").upper()
    if not re.fullmatch(r"[A-Z]{1,2}[0-9][0-9A-Z]?[0-9][A-Z]{2}", compact):
        raise BadCellError("not-a-postcode")
    return f"{compact[:-3]} {compact[-3:]}"


def _needs(cell: str, codes: Codes) -> Value:
    """Need codes of `SLCN|ASD` or `SLCN - Speech, language …|ASD - …`. Other words are passed over."""
    found = {part.partition(" - ")[0].strip().upper() for part in cell.split("|")}
    return tuple(code for code in codes.needs if code in found)


def _ukprn(cell: str, _: Codes) -> Value:
    digits = whole_number_text(cell)
    if not re.fullmatch(r"[0-9]{8}", digits):
        raise BadCellError("not-a-ukprn")
    return digits


READERS: Final[Mapping[str, Reader]] = {
    "urn": _urn,
    "name": _plain(NAME_AT_MOST),
    "status": _status,
    "phase": _phase,
    "establishment_type": _type,
    "local_authority": _authority,
    "establishment_number": _establishment_number,
    "district": _plain(TEXT_AT_MOST),
    "street": _plain(TEXT_AT_MOST),
    "town": _plain(TEXT_AT_MOST),
    "postcode": _postcode,
    "opened_on": _day,
    "closed_on": _day,
    "low_age": _whole(AGE_AT_MOST),
    "high_age": _whole(AGE_AT_MOST),
    "capacity": _whole(COUNT_AT_MOST),
    "pupils": _whole(COUNT_AT_MOST),
    "easting": _whole(GRID_EAST),
    "northing": _whole(GRID_NORTH),
    "need_types": _needs,
    "resourced_places": _whole(COUNT_AT_MOST),
    "unit_places": _whole(COUNT_AT_MOST),
    "ukprn": _ukprn,
}
