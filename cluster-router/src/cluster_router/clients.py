"""Files that operators bring."""

import csv
from pathlib import Path

from cluster_router.domain.clusters import NotAClusterFile


def read_csv(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file with a header, UTF-8 with or without a mark. Raises `NotAClusterFile`."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return [
                {(name or "").strip(): value or "" for name, value in row.items() if isinstance(value, str | None)}
                for row in csv.DictReader(file)
            ]
    except (UnicodeDecodeError, csv.Error) as error:
        raise NotAClusterFile(f"{path.name} is not a CSV file in UTF-8.") from error
