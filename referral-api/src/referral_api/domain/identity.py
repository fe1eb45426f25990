"""Whether two descriptions are of one child: field by field, then as a whole.

Weights and marks are dated data (`data/identity.toml`); what they are weighed on is here.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Final

from referral_api.domain import names, postcodes
from referral_api.domain.identifiers import is_temporary_upn


class Verdict(StrEnum):
    """What two descriptions of a child amount to."""

    SAME = "same"
    #: A person decides; until then they count as two children.
    ASK = "ask"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Child:
    """Who a child is, as one sender says: identifiers in their one form, names as spelt."""

    given_name: str
    family_name: str
    date_of_birth: date | None
    sex: str | None = None
    postcode: str | None = None
    nhs_number: str | None = None
    upn: str | None = None
    school_urn: str | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """How much each kind of agreement counts, and where the marks are, from a day on."""

    since: date
    #: At this weight or above it is the same child.
    high: int
    #: At this weight or above, and below `high`, a person is asked.
    low: int
    #: Field -> level of agreement -> weight. A level that is not named weighs nothing.
    weights: Mapping[str, Mapping[str, int]]
    #: Words of names that tell nobody apart.
    ignored: frozenset[str] = frozenset()
    #: Short form of a given name -> the forms it may stand for.
    short_forms: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def weigh(self, levels: Mapping[str, str]) -> int:
        """The sum of what each field's agreement counts."""
        return sum(self.weights[name].get(level, 0) for name, level in levels.items() if name in self.weights)


@dataclass(frozen=True, slots=True)
class Likeness:
    """How two descriptions compare, and why; levels are words, never values."""

    verdict: Verdict
    #: A code: nhs-number, upn, exact, weighted.
    by: str
    weight: int
    levels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Described:
    """A child made ready to be compared many times."""

    child: Child
    given: tuple[str, ...]
    family: tuple[str, ...]

    @classmethod
    def of(cls, child: Child, rules: Rules) -> "Described":
        """Fold the names once."""
        return cls(
            child,
            names.words(child.given_name, ignored=rules.ignored),
            names.words(child.family_name, ignored=rules.ignored),
        )


#: Levels of a date of birth and of a family name that do not speak against an equal identifier.
_SAME_DAY: Final = frozenset({"equal", "missing"})
_SAME_FAMILY: Final = frozenset({"equal", "part", "near", "swapped", "missing"})
#: A word of a name that is longer than this is more than initials.
_INITIALS: Final = 2
#: Given names at these levels may link two records by weight. A slip of a key may not: twins are called Ella and
#: Ellie, and share everything else. Nor may another family name: whether a child's has changed, a person finds out.
_SAME_GIVEN: Final = frozenset({"equal", "short", "swapped"})


def compare(one: Described, other: Described, rules: Rules) -> Likeness:
    """Whether these two are one child.

    An equal NHS number or UPN says yes, unless date of birth and family name both speak against it: then a
    person decides. Two different NHS numbers never match by themselves, whatever else agrees.
    """
    levels = agreement(one, other, rules)
    weight = rules.weigh(levels)
    against = levels["date_of_birth"] not in _SAME_DAY and levels["family_name"] not in _SAME_FAMILY
    verdict_by_number = Verdict.ASK if against else Verdict.SAME
    numbers_differ = levels["nhs_number"] == "different"
    if levels["nhs_number"] == "equal":
        return Likeness(verdict_by_number, "nhs-number", weight, levels)
    if levels["upn"] == "equal":
        return Likeness(Verdict.ASK if numbers_differ else verdict_by_number, "upn", weight, levels)
    if numbers_differ or weight < rules.low:
        return Likeness(Verdict.OTHER, "weighted", weight, levels)
    doubtful = (
        levels["given_name"] not in _SAME_GIVEN
        or levels["family_name"] not in _SAME_FAMILY
        or levels["upn"] == "different"
    )
    sure = weight >= rules.high and not doubtful
    exact = {levels[name] for name in ("given_name", "family_name", "date_of_birth")} == {"equal"}
    return Likeness(Verdict.SAME if sure else Verdict.ASK, "exact" if exact else "weighted", weight, levels)


def agreement(one: Described, other: Described, rules: Rules) -> dict[str, str]:
    """Field -> how far the two agree on it: equal, some lesser degree, different, or missing."""
    a, b = one.child, other.child
    given = _given_level(one.given, other.given, rules)
    family = _family_level(one.family, other.family)
    if _swapped(one, other):
        given = family = "swapped"
    return {
        "given_name": given,
        "family_name": family,
        "date_of_birth": _day_level(a.date_of_birth, b.date_of_birth),
        "sex": _level(_said(a.sex), _said(b.sex)),
        "postcode": _postcode_level(a.postcode, b.postcode),
        "school_urn": _level(a.school_urn, b.school_urn),
        "nhs_number": _level(a.nhs_number, b.nhs_number),
        "upn": _upn_level(a.upn, b.upn),
    }


def _level(one: str | None, other: str | None) -> str:
    if one is None or other is None:
        return "missing"
    return "equal" if one == other else "different"


def _said(sex: str | None) -> str | None:
    return sex if sex in {"female", "male"} else None


def _given_level(one: tuple[str, ...], other: tuple[str, ...], rules: Rules) -> str:
    if not one or not other:
        return "missing"
    if names.joined(one) == names.joined(other):
        return "equal"
    if one[0] == other[0]:
        # A further name that only one of them gives says nothing; two that differ do.
        return "equal" if all(a == b for a, b in zip(one, other, strict=False)) else "near"
    return _first_names_level(one, other, rules)


def _first_names_level(one: tuple[str, ...], other: tuple[str, ...], rules: Rules) -> str:
    if _one_is_short_for_the_other(one[0], other[0], rules.short_forms):
        return "short"
    if len(one[0]) == 1 or len(other[0]) == 1:
        return "initial" if one[0][0] == other[0][0] else "different"
    if names.nearly(names.joined(one), names.joined(other)) or names.nearly(one[0], other[0]):
        return "near"
    return "different" if set(one).isdisjoint(other) else "part"


def _one_is_short_for_the_other(one: str, other: str, short_forms: Mapping[str, Collection[str]]) -> bool:
    mine, yours = {one, *short_forms.get(one, ())}, {other, *short_forms.get(other, ())}
    return not mine.isdisjoint(yours)


def _family_level(one: tuple[str, ...], other: tuple[str, ...]) -> str:
    if not one or not other:
        return "missing"
    if names.joined(one) == names.joined(other) or sorted(one) == sorted(other):
        return "equal"
    shared = set(one) & set(other)
    if shared in (set(one), set(other)) and any(len(word) > _INITIALS for word in shared):
        # Half of a double name, or a name with another joined to it; two halves that differ are two names.
        return "part"
    if names.nearly(names.joined(one), names.joined(other)):
        return "near"
    return "different"


def _swapped(one: Described, other: Described) -> bool:
    mine = (names.joined(one.given), names.joined(one.family))
    yours = (names.joined(other.family), names.joined(other.given))
    return all(mine) and mine == yours and mine[0] != mine[1]


def _day_level(one: date | None, other: date | None) -> str:
    if one is None or other is None:
        return "missing"
    if one == other:
        return "equal"
    if (one.year, one.month, one.day) == (other.year, other.day, other.month):
        return "swapped"
    slips = names.slips(f"{one:%Y%m%d}", f"{other:%Y%m%d}", at_most=1)
    return "near" if slips is not None else "different"


def _postcode_level(one: str | None, other: str | None) -> str:
    if one is None or other is None or postcodes.is_stand_in(one) or postcodes.is_stand_in(other):
        return "missing"
    if one == other:
        return "equal"
    if postcodes.sector(one) == postcodes.sector(other) or names.slips(one, other, at_most=1) is not None:
        return "near"
    return "part" if postcodes.district(one) == postcodes.district(other) else "different"


def _upn_level(one: str | None, other: str | None) -> str:
    level = _level(one, other)
    if level == "different" and one and other and (is_temporary_upn(one) or is_temporary_upn(other)):
        return "missing"
    return level
