"""What a term of the county is made of: bundled shares, or the real county's where its statistics are at hand."""

import csv
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

_ALL: Final = "All EHC plans"
_AGE: Final = "Child or young persons age"
_REQUESTS: Final = "All requests for EHC needs assessments"
#: Children whom schools and clusters meet.
_AGES: Final = range(4, 16)


@cache
def plan() -> Mapping[str, Any]:
    """How the demo's term is played."""
    return tomllib.loads(files("jointly").joinpath("data/demo_term.toml").read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True)
class Volumes:
    """Shares of needs and ages that replace the bundled ones, and how many requests a county has in a year."""

    shares: Mapping[str, Mapping[str, float]]
    requests_a_year: int
    real: bool


def volumes(reference: Path | None) -> Volumes:
    """The real county's where the folder has its statistics, else the bundled ones."""
    wanted = plan()["reference"]
    if reference is None or not (reference / wanted["needs"]).exists():
        return Volumes({}, plan()["volume"]["requests_a_year"], real=False)
    needs: dict[str, float] = {}
    ages: dict[str, float] = {}
    for row in _rows(reference / wanted["needs"], wanted["authority"]):
        age = row["breakdown"].removeprefix("age ")
        if row["breakdown_topic"] == _ALL:
            needs = {code: count for code, name in wanted["columns"].items() if (count := _number(row[name]))}
        elif row["breakdown_topic"] == _AGE and age.isdigit() and int(age) in _AGES:
            ages[age] = _number(row["ehc_plans"])
    requests = [
        (row["time_period"], _number(row["requests_received_in_year"]))
        for row in _rows(reference / wanted["requests"], wanted["authority"])
        if row["breakdown_topic"] == _REQUESTS
    ]
    _, newest = max(requests)
    return Volumes({"primary_need": needs, "age": ages}, int(newest), real=True)


def _rows(file: Path, authority: str) -> Iterator[dict[str, str]]:
    with file.open(encoding="utf-8-sig", newline="") as lines:
        yield from (row for row in csv.DictReader(lines) if row["new_la_code"] == authority)


def _number(text: str) -> float:
    """A count; what is hidden or does not apply is none."""
    return float(text) if text.replace(".", "", 1).isdigit() else 0.0
