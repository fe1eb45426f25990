"""Made-up referrals: the same for the same seed, plainly of no real child, in the proportions of a real county."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from importlib.resources import files
from random import Random
from typing import Any, Final

_PRIMARY: Final = frozenset({1, 2, 3, 7})
_SECONDARY: Final = frozenset({4, 5, 7})
_SECONDARY_FROM_AGE: Final = 11
_YEARS: Final = ("R", *(str(year) for year in range(1, 15)))
_UPN_LETTERS: Final = "ABCDEFGHJKLMNPQRTUVWXYZ"
#: An establishment number that no school of the county has.
_UPN_SCHOOL: Final = "9169999"
_INVALID_CHECK: Final = 10


@dataclass(frozen=True, slots=True)
class DemoSchool:
    """A school that children of the demo go to."""

    urn: str
    phase: int
    postcode: str
    #: The organisation whose system can post for it, when it has one.
    system: str | None = None


@dataclass(frozen=True, slots=True)
class DemoReferral:
    """A body for `POST /v1/referrals`, the sector whose system posts it, and the school's own system if it does."""

    sector: str
    system: str | None
    body: Mapping[str, Any]


@cache
def mix() -> Mapping[str, Any]:
    """The proportions and words."""
    return tomllib.loads(files("jointly").joinpath("data/demo_referrals.toml").read_text(encoding="utf-8"))


def referrals(
    count: int,
    schools: Sequence[DemoSchool],
    *,
    today: date,
    seed: int = 1,
    shares: Mapping[str, Mapping[str, float]] | None = None,
) -> list[DemoReferral]:
    """So many referrals for children at these schools; `shares` of `primary_need` and `age` replace the bundled ones.

    The same seed gives the same children. Identifiers follow the seed, so two runs with two seeds share no child.
    """
    known = {**mix(), **(shares or {})}
    chance = Random(seed)  # noqa: S311  repeatable on purpose, nothing depends on it being unguessable
    made: list[DemoReferral] = []
    for number in range(count):
        rare = chance.uniform(0, 100)
        often = mix()["in_a_hundred"]
        earlier = [referral for referral in made if referral.body["child"]["nhs_number"]]
        if earlier and rare < often["second_agency"]:
            made.append(_second_agency(chance.choice(earlier), schools, number, chance, today, shares=known))
            continue
        sector = _pick(mix()["sector"], chance)
        senders = [school for school in schools if school.system] if sector == "education" else []
        unique = (seed * 1_000 + number) % 100_000
        child, school = _child(unique, senders or schools, chance, today, known)
        if made and rare > 100 - often["sibling"]:
            family = chance.choice(made).body["child"]
            child |= {"family_name": family["family_name"], "postcode": family["postcode"]}
        system = school.system if sector == "education" else None
        made.append(_referral(child, sector, number, chance, today, shares=known, system=system))
    return made


def _child(
    unique: int, schools: Sequence[DemoSchool], chance: Random, today: date, known: Mapping[str, Any]
) -> tuple[dict[str, Any], DemoSchool]:
    words, shares = mix()["words"], mix()["in_a_hundred"]
    age = int(_pick(known["age"], chance))
    phases = _SECONDARY if age >= _SECONDARY_FROM_AGE else _PRIMARY
    school = chance.choice([school for school in schools if school.phase in phases] or list(schools))
    at_school = not _happens(shares["no_school"], chance)
    child = {
        "given_name": chance.choice(words["given_names"]),
        "family_name": f"{chance.choice(words['surnames'])}-Test",
        "date_of_birth": _born(age, chance, today).isoformat(),
        "sex": _pick(mix()["sex"], chance),
        "postcode": school.postcode,
        "nhs_number": nhs_number(unique),
        "upn": upn(unique) if at_school else None,
        "school_urn": school.urn if at_school else None,
        "year_group": _YEARS[age - 4] if at_school else None,
        "address_restricted": _happens(shares["restricted"], chance),
        "has_social_worker": _happens(shares["social_worker"], chance),
    }
    return child, school


def _born(age: int, chance: Random, today: date) -> date:
    """A birthday that makes the child so old on the 31 August before this school year."""
    cut_off = date(today.year if today.month > 8 else today.year - 1, 8, 31)  # noqa: PLR2004  August
    return cut_off.replace(year=cut_off.year - age) - timedelta(days=chance.randrange(0, 360))


def _referral(
    child: dict[str, Any],
    sector: str,
    number: int,
    chance: Random,
    today: date,
    *,
    shares: Mapping[str, Any],
    system: str | None = None,
) -> DemoReferral:
    often = mix()["in_a_hundred"]
    first = _pick(shares["primary_need"], chance)
    second = _pick(shares["primary_need"], chance)
    needs = [first] if second == first else [first, second]
    risk = _pick(mix()["risk_of_exclusion"], chance)
    concern = mix()["words"]["concern"]
    body = {
        "child": child if sector == "education" else {**child, "upn": None},
        "family": {
            "informed": True,
            "views": None,
            "interpreter_language": chance.choice(mix()["words"]["languages"])
            if _happens(often["interpreter"], chance)
            else None,
            "contacts": [
                {
                    "name": f"Parent {child['family_name']}",
                    "relationship": chance.choice(["mother", "father"]),
                    "parental_responsibility": True,
                    "safe_to_contact": not child["address_restricted"],
                }
            ],
        },
        "needs": [{"type": need, "rank": rank} for rank, need in enumerate(needs, start=1)],
        "concern": {
            "summary": concern.get(first, concern["other"]),
            "risk_of_exclusion": risk,
            "attendance": round(chance.uniform(0.5, 0.85) if risk == "imminent" else chance.uniform(0.8, 1.0), 2),
        },
        "requested": chance.choice(
            [["assessment"], ["assessment", "early-funding"], ["advice"], ["early-funding"], ["placement"]]
        ),
        "urgency": _pick(mix()["urgency"], chance),
        "basis": {
            "kind": "public-task",
            "special_category": "health-or-social-care" if sector == "health" else "substantial-public-interest",
            "recorded_on": today.isoformat(),
        },
        "referrer": _referrer(sector, number),
    }
    return DemoReferral(sector, system, body)


def _second_agency(
    first: DemoReferral,
    schools: Sequence[DemoSchool],
    number: int,
    chance: Random,
    today: date,
    *,
    shares: Mapping[str, Any],
) -> DemoReferral:
    """Another agency writes about the same child, as it knows them; a school only if it is the child's."""
    known = first.body["child"]
    own = next((school.system for school in schools if school.urn == known["school_urn"]), None)
    others = [each for each in mix()["sector"] if each != first.sector and (own or each != "education")]
    sector = chance.choice(others)
    system = own if sector == "education" else None
    return _referral({**known, "upn": None}, sector, number, chance, today, shares=shares, system=system)


def _referrer(sector: str, number: int) -> dict[str, Any]:
    title, at = {
        "education": ("SENCO", "schools.example"),
        "health": ("Community paediatric nurse", "nhs.example"),
        "social-care": ("Family support worker", "socialcare.example"),
    }[sector]
    return {
        "name": title,
        "role": title,
        "email": f"{title.lower().replace(' ', '-')}@{at}",
        "reference": f"DEMO-{number + 1:05d}",
    }


def nhs_number(unique: int) -> str:
    """A valid NHS number of the range that is kept for tests; `unique` below 100,000 gives different ones."""
    for last in range(10):
        digits = f"999{unique:05d}{last}"
        check = 11 - sum(weight * int(digit) for weight, digit in zip(range(10, 1, -1), digits, strict=True)) % 11
        if check != _INVALID_CHECK:
            return digits + str(check % 11)
    raise AssertionError


def upn(unique: int) -> str:
    """A valid UPN; `unique` below 100,000 gives different ones."""
    rest = f"{_UPN_SCHOOL}{unique:05d}"
    total = sum(weight * int(digit) for weight, digit in enumerate(rest, start=2))
    return _UPN_LETTERS[total % len(_UPN_LETTERS)] + rest


def _pick(shares: Mapping[str, float], chance: Random) -> str:
    return chance.choices(list(shares), weights=list(shares.values()))[0]


def _happens(in_a_hundred: float, chance: Random) -> bool:
    return chance.uniform(0, 100) < in_a_hundred
