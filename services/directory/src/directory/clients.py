"""What is read from outside the database: the code lists that come with it, and an operator's files."""

import json
from collections.abc import Iterable
from datetime import date
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import holidays

from directory.domain.calendars import Bounds
from directory.domain.extract import Unreadable
from directory.domain.people import Words
from directory.domain.register import Codes, Columns, TypeGuess

#: The register's largest extract is some 60 MB; far beyond that somebody has named the wrong file.
FILE_AT_MOST: Final = 256 * 1024 * 1024


def _data(name: str) -> Any:
    return json.loads(files("directory").joinpath("data", name).read_text(encoding="utf-8"))


@lru_cache(maxsize=1)
def codes() -> Codes:
    """The register's code lists."""
    data = _data("register_codes.json")
    return Codes(
        phases=data["phases"],
        statuses=data["statuses"],
        establishment_types=data["establishment_types"],
        other_names_of_types=data["other_names_of_types"],
        provision=data["provision"],
        needs=data["needs"],
        local_authorities=data["local_authorities"],
    )


@lru_cache(maxsize=1)
def columns() -> Columns:
    """Which columns of an extract say what."""
    data = _data("register_columns.json")
    guesses = data["type_guesses"]
    return Columns(
        schools=data["columns"],
        blank_says_nothing_beside=data["blank_says_nothing_beside"],
        type_guesses=[
            TypeGuess({name: rule[name] for name in guesses["from"] if name in rule}, rule["guess"])
            for rule in guesses["rules"]
        ],
        links={name: data["links"][name] for name in ("urn", "linked", "type", "since")},
        link_types=data["links"]["types"],
    )


@lru_cache(maxsize=1)
def words() -> Words:
    """The words for sectors, kinds of organisation and roles."""
    data = _data("words.json")
    return Words(frozenset(data["sectors"]), frozenset(data["kinds"]), frozenset(data["roles"]))


@lru_cache(maxsize=1)
def calendar_bounds() -> Bounds:
    """What a file of term dates may say."""
    data = _data("calendar.json")
    return Bounds(data["longest_term_days"], data["earliest_year"], data["latest_year"])


def bank_holidays(years: Iterable[int]) -> tuple[date, ...]:
    """The days of these years on which England rests by law: where one falls on a weekend, the day instead of it."""
    known = holidays.country_holidays("GB", subdiv="ENG", years=list(years) or None)
    return tuple(sorted(day for day in known if day.weekday() not in known.weekend))


def file_bytes(path: Path) -> bytes:
    """A file an operator names. Raises `Unreadable` when it cannot be had."""
    try:
        if path.stat().st_size > FILE_AT_MOST:
            raise Unreadable("The file is larger than any extract of the register.")
        return path.read_bytes()
    except OSError as error:
        raise Unreadable(f"The file cannot be opened: {error.strerror}.") from error
