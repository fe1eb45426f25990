"""Files that operators bring: tables, documents, postcodes."""

import csv
import io
import json
import tomllib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, ClassVar, Final

from chassis.errors import Invalid

_COLUMNS: Final[dict[str, Any]] = tomllib.loads(
    (files("placements") / "data" / "register_columns.toml").read_text(encoding="utf-8")
)
#: Before the URN in the id of a school's organisation.
SCHOOL_PREFIX: Final[str] = _COLUMNS["organisation"]["prefix"]
_MOST_BYTES: Final = 64 * 1024 * 1024


class Unreadable(Invalid):
    """The file as a whole is not what the command takes."""

    code: ClassVar[str] = "file-unreadable"


def read_bytes(path: Path) -> bytes:
    """The file's bytes. Raises `Unreadable`."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise Unreadable(f"{path.name} is too large.")
        return path.read_bytes()
    except OSError as error:
        raise Unreadable(f"{path.name} cannot be read.") from error


def rows_of(data: bytes, *, needs: Sequence[Sequence[str]] = ()) -> list[dict[str, str]]:
    """The rows of a comma-separated file with a header, in UTF-8 or Windows-1252. Raises `Unreadable`.

    `needs` names columns, each by any of several names, that must be there.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")
    if "\x00" in text:
        raise Unreadable("The file is not text.")
    try:
        reader = csv.DictReader(io.StringIO(text, newline=""))
        rows = [
            {name.strip(): (value or "").strip() for name, value in row.items() if isinstance(name, str)}
            for row in reader
        ]
    except csv.Error as error:
        raise Unreadable("The file is not comma-separated.") from error
    names = {name.strip() for name in reader.fieldnames or ()}
    for column in needs:
        if names.isdisjoint(column):
            raise Unreadable(f"The file has no column {column[0]}.")
    return rows


def document_of(data: bytes) -> Any:
    """The value of a JSON file. Raises `Unreadable`."""
    try:
        return json.loads(data.decode("utf-8-sig"))
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise Unreadable("The file is not JSON.") from error


def register_columns(name: str) -> tuple[str, ...]:
    """What a column of the register is called in the layouts that are met."""
    return tuple(_COLUMNS[name])


def cell(row: Mapping[str, str], name: str) -> str | None:
    """A cell of the register; None when it is blank or the file has no such column."""
    return next((row[column] for column in register_columns(name) if row.get(column)), None)


def postcodes_of(data: bytes) -> dict[str, tuple[int, int]]:
    """Easting and northing by postcode, without spaces; rows are postcode, quality, easting, northing."""
    found = {}
    for row in csv.reader(io.StringIO(data.decode("utf-8-sig", "replace"))):
        if len(row) >= 4 and row[2].isdigit() and row[3].isdigit():  # noqa: PLR2004  its fourth column
            found["".join(row[0].split()).upper()] = int(row[2]), int(row[3])
    return found
