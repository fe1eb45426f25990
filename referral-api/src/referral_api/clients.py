"""The outside world's files: postcodes as Ordnance Survey publishes them (Code-Point Open), and our synthetic ones."""

import csv
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Final

from referral_api.domain.postcodes import clean_postcode

_KILOMETRE: Final = 1000
#: Code-Point Open's quality of a postcode that has no place.
_NO_PLACE: Final = "90"

Square = tuple[str, int, int]


class NotPostcodes(ValueError):
    """The file is not one of postcode, quality, easting, northing, without a header."""


def read_code_point(path: Path) -> Iterator[Square]:
    """Postcode, easting and northing of its square in kilometres. Raises `NotPostcodes` with the number of the line."""
    with path.open(encoding="utf-8-sig", newline="") as lines:
        for number, row in enumerate(csv.reader(lines), start=1):
            try:
                typed, quality, easting, northing = row[:4]
                square = int(easting) // _KILOMETRE, int(northing) // _KILOMETRE
            except ValueError as error:
                raise NotPostcodes(f"{path.name}, line {number}") from error
            code = clean_postcode(typed)
            if code is None:
                raise NotPostcodes(f"{path.name}, line {number}")
            if quality != _NO_PLACE:
                yield (code, *square)


def bundled_postcodes() -> Iterator[Square]:
    """The synthetic county's: enough to try everything from a clone alone."""
    text = (files("referral_api") / "data" / "postcodes.csv").read_text(encoding="utf-8")
    for row in csv.DictReader(line for line in text.splitlines() if not line.startswith("#")):
        yield row["postcode"], int(row["easting_km"]), int(row["northing_km"])
