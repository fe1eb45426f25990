"""The dated, versioned rules of routing as values, read from a rule file's mapping and checked."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from chassis.errors import Invalid


class Phase(StrEnum):
    """What a cluster is for."""

    PRIMARY = "primary"
    SECONDARY = "secondary"


class Team(StrEnum):
    """The team inside a cluster that sees a child of this age first."""

    EARLY_YEARS = "early-years"
    POST_16 = "post-16"


class WhenFull(StrEnum):
    """Where a case goes when its school's own cluster is full."""

    QUEUE = "queue"
    NEIGHBOURS = "neighbours"


class NotARule(Invalid):
    """A rule file, or a draft of one, that says something the router cannot follow."""

    code = "not-a-rule"


@dataclass(frozen=True, slots=True)
class Rules:
    """One version of the rules. Distances in metres, ages in whole years, weights per mille."""

    version: str
    valid_from: date
    #: Register phase code -> phase, for schools whose phase decides.
    phase_of_code: Mapping[int, Phase]
    #: Register phase codes of schools whose children's year group decides.
    by_year_group: frozenset[int]
    phase_of_year: Mapping[str, Phase]
    secondary_from_age: int
    to_age: int
    early_years_below_age: int
    post_16_from_age: int
    own_cluster_full: WhenFull
    neighbour_metres: int
    extra_metres: int
    farthest_metres: int
    considered: int
    full_metres: int
    fairness_metres: int
    urgency: Mapping[str, int]
    risk_of_exclusion: Mapping[str, int]
    answer_within_days: int

    def serves(self, code: int, phase: Phase) -> bool:
        """Whether a school of this register phase code is a school of the phase."""
        return code in self.by_year_group or self.phase_of_code.get(code) is phase


def rules_on(book: Iterable[Rules], day: date) -> Rules:
    """The newest rules whose time has come; before the first ones, the first."""
    ordered = sorted(book, key=lambda rules: (rules.valid_from, rules.version))
    if not ordered:
        raise NotARule("There are no rules at all.")
    return next((rules for rules in reversed(ordered) if rules.valid_from <= day), ordered[0])


def read_rules(document: Mapping[str, Any]) -> Rules:
    """The rules that a rule file's mapping states. Raises `NotARule` naming the place (a JSON pointer)."""
    reader = _Reader(document)
    phase_of_code = dict.fromkeys(reader.integers("phase", "primary"), Phase.PRIMARY)
    phase_of_code |= dict.fromkeys(reader.integers("phase", "secondary"), Phase.SECONDARY)
    phase_of_year = dict.fromkeys(reader.words("phase", "primary_years"), Phase.PRIMARY)
    phase_of_year |= dict.fromkeys(reader.words("phase", "secondary_years"), Phase.SECONDARY)
    rules = Rules(
        version=reader.word("version"),
        valid_from=reader.day("valid_from"),
        phase_of_code=phase_of_code,
        by_year_group=frozenset(reader.integers("phase", "by_year_group")),
        phase_of_year=phase_of_year,
        secondary_from_age=reader.integer("phase", "secondary_from_age"),
        to_age=reader.integer("phase", "to_age"),
        early_years_below_age=reader.integer("team", "early_years_below_age"),
        post_16_from_age=reader.integer("team", "post_16_from_age"),
        own_cluster_full=reader.when_full("choice", "own_cluster_full"),
        neighbour_metres=reader.integer("choice", "neighbour_metres"),
        extra_metres=reader.integer("choice", "extra_metres"),
        farthest_metres=reader.integer("choice", "farthest_metres"),
        considered=reader.integer("choice", "considered", least=1, most=100),
        full_metres=reader.integer("cost", "full_metres"),
        fairness_metres=reader.integer("cost", "fairness_metres"),
        urgency=reader.weights("cost", "urgency"),
        risk_of_exclusion=reader.weights("cost", "risk_of_exclusion"),
        answer_within_days=reader.integer("handover", "answer_within_days", least=1, most=365),
    )
    reader.nothing_else()
    return rules


def amended(document: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A rule document with some of its entries replaced: sections are merged, values replaced."""
    merged = dict(document)
    for name, value in changes.items():
        here = merged.get(name)
        merged[name] = amended(here, value) if isinstance(here, Mapping) and isinstance(value, Mapping) else value
    return merged


#: No distance or weight in a county comes near it; a product of two still fits 64 bits.
_MOST = 1_000_000


class _Reader:
    """Takes entries out of a rule document, remembering which, so that a misspelt one is noticed."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self._taken: set[tuple[str, ...]] = set()

    def word(self, *path: str) -> str:
        value = self._value(path)
        if not isinstance(value, str) or not value:
            raise _wrong(path, "a word")
        return value

    def words(self, *path: str) -> Sequence[str]:
        value = self._value(path)
        if not isinstance(value, (list, tuple)) or not all(isinstance(item, str) for item in value):
            raise _wrong(path, "a list of words")
        return value

    def day(self, *path: str) -> date:
        value = self._value(path)
        if isinstance(value, str):
            try:
                value = date.fromisoformat(value)
            except ValueError:
                raise _wrong(path, "a date") from None
        if type(value) is not date:
            raise _wrong(path, "a date")
        return value

    def integer(self, *path: str, least: int = 0, most: int = _MOST) -> int:
        value = self._value(path)
        if type(value) is not int or not least <= value <= most:
            raise _wrong(path, f"a whole number from {least} to {most}")
        return value

    def integers(self, *path: str) -> Sequence[int]:
        value = self._value(path)
        if not isinstance(value, (list, tuple)) or not all(type(item) is int for item in value):
            raise _wrong(path, "a list of whole numbers")
        return value

    def weights(self, *path: str) -> Mapping[str, int]:
        value = self._value(path)
        if not isinstance(value, Mapping) or not all(type(w) is int and 0 <= w <= _MOST for w in value.values()):
            raise _wrong(path, "words with whole numbers")
        return dict(value)

    def when_full(self, *path: str) -> WhenFull:
        try:
            return WhenFull(self.word(*path))
        except ValueError:
            raise _wrong(path, " or ".join(f'"{when}"' for when in WhenFull)) from None

    def nothing_else(self) -> None:
        for name, value in self._document.items():
            entries = [(name, inner) for inner in value] if isinstance(value, Mapping) else [(name,)]
            for path in entries:
                if path not in self._taken:
                    raise NotARule("No rule has this name.", pointer="/" + "/".join(path))

    def _value(self, path: tuple[str, ...]) -> Any:
        self._taken.add(path)
        value: Any = self._document
        for name in path:
            if not isinstance(value, Mapping) or name not in value:
                raise _wrong(path, "there")
            value = value[name]
        return value


def _wrong(path: Sequence[str], expected: str) -> NotARule:
    pointer = "/" + "/".join(path)
    return NotARule(f"{pointer} must be {expected}.", pointer=pointer)
