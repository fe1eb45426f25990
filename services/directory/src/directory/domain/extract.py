"""From the bytes of a comma-separated file to records by column name, with the lines that could not be read.

Files come from spreadsheets and from several systems: with or without a byte order mark, in UTF-8, UTF-16 or
Windows-1252, with rows longer than their header.
"""

import codecs
import csv
import io
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

from chassis.errors import Invalid


class Unreadable(Invalid):
    """The file as a whole is not what the command takes."""

    code: ClassVar[str] = "file-unreadable"


@dataclass(frozen=True, slots=True)
class Rejection:
    """Something in the file that was not taken: where, and why. Never what stood there."""

    line: int
    field: str | None
    reason: str
    #: False: only this cell was passed over, the rest of the row was taken.
    whole_row: bool = True


@dataclass(frozen=True, slots=True)
class Record:
    """One row: cells by `column_key` of their column. A column that the file lacks is not there."""

    line: int
    cells: Mapping[str, str]
    #: Fields beyond the header. Their row may have shifted, so each of its cells must make sense.
    surplus: int = 0

    def first(self, columns: Sequence[str]) -> str | None:
        """The first filled cell of these columns; "" when all are blank; None when the file has none."""
        present = [self.cells[key] for column in columns if (key := column_key(column)) in self.cells]
        if not present:
            return None
        return next((cell for cell in present if cell), "")


@dataclass(frozen=True, slots=True)
class Table:
    """A file as it was read."""

    columns: tuple[str, ...]
    records: tuple[Record, ...]
    rejections: tuple[Rejection, ...]


@lru_cache(maxsize=1024)
def column_key(name: str) -> str:
    """How column names are compared."""
    return " ".join(name.split()).casefold()


def decoded(data: bytes) -> str:
    """The text of a file. Raises `Unreadable` when it is none."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encodings: tuple[str, ...] = ("utf-16",)
    else:
        # What is valid UTF-8 with letters beyond ASCII is practically never Windows-1252.
        encodings = ("utf-8-sig", "cp1252")
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" in text:
            break
        return text
    raise Unreadable("The file is not text in UTF-8, UTF-16 or Windows-1252.")


def table(data: bytes, *, needs: Sequence[Sequence[str]]) -> Table:
    """Read a whole file. `needs`: for each indispensable field the columns that can give it.

    Raises `Unreadable` when the file is no text, has no header, or lacks an indispensable column.
    """
    rows = _rows(decoded(data))
    header: tuple[str, ...] = ()
    records: list[Record] = []
    rejections: list[Rejection] = []
    for item in rows:
        if isinstance(item, Rejection):
            rejections.append(item)
            continue
        line, cells = item
        if not any(cells):
            continue
        if not header:
            header = tuple(column_key(cell) for cell in cells)
            _check(header, needs)
            continue
        if len(cells) < len(header):
            # A row cut short may have lost the end of its last cell as well.
            rejections.append(Rejection(line, None, "row-cut-short"))
            continue
        by_name: dict[str, str] = {}
        for name, cell in zip(header, cells, strict=False):
            by_name.setdefault(name, cell)
        surplus = sum(1 for cell in cells[len(header) :] if cell)
        records.append(Record(line, by_name, surplus))
    if not header:
        raise Unreadable("The file is empty: not even a header.")
    return Table(header, tuple(records), tuple(rejections))


def _rows(text: str) -> Iterator[tuple[int, list[str]] | Rejection]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            # An open quote swallows whatever follows: nothing after it can be trusted.
            yield Rejection(line, None, "unreadable-from-here")
            return
        yield line, [cleaned(cell) for cell in cells]


def cleaned(cell: str) -> str:
    """A cell in one normal form, its runs of white space made single spaces."""
    return " ".join(unicodedata.normalize("NFC", cell).split())


def is_plain(text: str) -> bool:
    """Whether text has no control characters, surrogates or marks that turn writing round."""
    if text.isascii():
        return text.isprintable()
    return not any(unicodedata.category(letter) in {"Cc", "Cs", "Co", "Cn"} or letter in _TURNING for letter in text)


_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def _check(header: Sequence[str], needs: Sequence[Sequence[str]]) -> None:
    present = set(header)
    for columns in needs:
        if present.isdisjoint(column_key(column) for column in columns):
            raise Unreadable(f"The file has no column named {' or '.join(columns)}.")
