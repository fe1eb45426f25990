"""Files that operators bring."""

import csv
import io
from pathlib import Path
from typing import Final

from chassis.errors import Invalid

from funding.domain.budgets import COLUMNS

#: More than every cluster of every county for a decade.
MOST_BYTES: Final = 4 * 1024 * 1024


class NotABudgetFile(Invalid):
    """The file cannot be read at all."""

    code = "not-a-budget-file"


def file_bytes(path: Path) -> bytes:
    """What is in a file. Raises `NotABudgetFile`."""
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise NotABudgetFile("The file cannot be read.") from error
    if len(data) > MOST_BYTES:
        raise NotABudgetFile("The file is larger than any file of budgets.")
    return data


def budget_rows(data: bytes) -> list[tuple[int, dict[str, str]]]:
    """The rows of a CSV with a header, each with its line. Raises `NotABudgetFile`."""
    try:
        text = data.decode("utf-8-sig")
        if "\0" in text:
            raise NotABudgetFile("The file is not text.")
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        header = [name.strip() for name in next(reader, [])]
        if any(header.count(name) != 1 for name in COLUMNS):
            raise NotABudgetFile(f"The first line must name each of these columns once: {', '.join(COLUMNS)}.")
        rows = []
        for cells in reader:
            if any(cell.strip() for cell in cells):
                # A row of another length cannot be told apart: all of its fields are wrong.
                fits = len(cells) == len(header)
                rows.append((reader.line_num, dict(zip(header, cells, strict=True)) if fits else {}))
    except (UnicodeDecodeError, csv.Error) as error:
        raise NotABudgetFile("The file is not comma-separated text in UTF-8.") from error
    return rows
