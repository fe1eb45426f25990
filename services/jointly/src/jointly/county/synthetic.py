"""The synthetic county's schools: the same every time, at postcodes that the house knows, named so that nobody errs."""

import csv
import io
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any, Final

#: The first number given: far above every number that the register has used.
_FIRST_URN: Final = 900_001
#: A school of the primary phase counts as junior, infant or all of it; here they are all of it.
_PRIMARY_AGES: Final = (4, 11)
_SECONDARY_AGES: Final = (11, 18)
_TYPES: Final = ("Community school", "Academy converter", "Voluntary controlled school")
_HEADER: Final = (
    "URN",
    "LA (code)",
    "EstablishmentName",
    "TypeOfEstablishment (name)",
    "EstablishmentStatus (name)",
    "OpenDate",
    "CloseDate",
    "PhaseOfEducation (name)",
    "StatutoryLowAge",
    "StatutoryHighAge",
    "SchoolCapacity",
    "NumberOfPupils",
    "Town",
    "Postcode",
    "DistrictAdministrative (name)",
    "Easting",
    "Northing",
)


@dataclass(frozen=True, slots=True)
class Place:
    """A postcode, and the south-west corner of its square kilometre, in metres on the British National Grid."""

    postcode: str
    easting: int
    northing: int

    def spot(self, number: int) -> tuple[int, int]:
        """A place in the square, another one for the next number."""
        return self.easting + number * 137 % 1_000, self.northing + number * 271 % 1_000


@dataclass(frozen=True, slots=True)
class SyntheticSchool:
    """A school that exists nowhere."""

    urn: str
    name: str
    phase: str
    district: str
    place: Place
    easting: int
    northing: int
    ages: tuple[int, int]
    capacity: int
    pupils: int
    type: str


@cache
def plan() -> Mapping[str, Any]:
    """Districts, how many schools each has, and what they are called."""
    return tomllib.loads(files("jointly").joinpath("data/county.toml").read_text(encoding="utf-8"))


def as_of() -> date:
    """The day on which the county is as described."""
    day: date = plan()["as_of"]
    return day


def schools(places: Sequence[Place]) -> list[SyntheticSchool]:
    """The county's schools, spread evenly over the places of each district.

    Raises `ValueError` when the first school's postcode is not among the places, or a district has none.
    """
    first = plan()["first_school"]
    home = next((place for place in places if place.postcode == first["postcode"]), None)
    if home is None:
        raise ValueError(f"The county needs the postcode {first['postcode']}.")
    made: list[SyntheticSchool] = []
    numbers = iter(range(_FIRST_URN, _FIRST_URN + 1_000))
    for district in plan()["districts"]:
        for phase, place in _sites(district, [each for each in places if each != home]):
            made.append(_school(str(next(numbers)), len(made), phase, district["name"], place))
    nearest = min(
        (school for school in made if school.phase == "Primary"),
        key=lambda school: _squared(school.place, home.easting, home.northing),
    )
    made[made.index(nearest)] = SyntheticSchool(
        first["urn"], first["name"], "Primary", nearest.district, home, *home.spot(1), (7, 11), 320, 299, _TYPES[0]
    )
    return made


def as_register(made: Sequence[SyntheticSchool]) -> bytes:
    """The schools as an extract of the register, which is how a county's schools arrive."""
    out = io.StringIO(newline="")
    sheet = csv.writer(out)
    sheet.writerow(_HEADER)
    for school in made:
        sheet.writerow(
            [
                school.urn, 916, school.name, school.type, "Open", "01-09-2010", "", school.phase, *school.ages,
                school.capacity, school.pupils, school.district, school.place.postcode, school.district,
                school.easting, school.northing,
            ]
        )  # fmt: skip
    return out.getvalue().encode()


def _sites(district: Mapping[str, Any], places: Sequence[Place]) -> Iterator[tuple[str, Place]]:
    own = sorted(
        (place for place in places if _district_of(place) == district["name"]), key=lambda place: place.postcode
    )
    wanted = ["Primary"] * district["primary"] + ["Secondary"] * district["secondary"]
    if not own:
        raise ValueError(f"No postcode lies in {district['name']}.")
    # Evenly through the postcodes, which lie street by street; several share one where there are few.
    for number, phase in enumerate(wanted):
        yield phase, own[number * len(own) // len(wanted)]


def _district_of(place: Place) -> str:
    nearest = min(plan()["districts"], key=lambda each: _squared(place, each["easting"], each["northing"]))
    return str(nearest["name"])


def _squared(place: Place, easting: int, northing: int) -> int:
    return (place.easting - easting) ** 2 + (place.northing - northing) ** 2


def _school(urn: str, number: int, phase: str, district: str, place: Place) -> SyntheticSchool:
    names = plan()["words"]["names"]
    word = names[number % len(names)]
    kind = f"{'New ' if number >= len(names) else ''}{word} {'Primary' if phase == 'Primary' else 'High'} School"
    forms = 1 + number % 3
    capacity = forms * (210 if phase == "Primary" else 300)
    pupils = capacity * (80 + number * 7 % 20) // 100
    ages = _PRIMARY_AGES if phase == "Primary" else _SECONDARY_AGES
    return SyntheticSchool(
        urn,
        f"{kind} (synthetic)",
        phase,
        district,
        place,
        *place.spot(number),
        ages,
        capacity,
        pupils,
        _TYPES[number % len(_TYPES)],
    )
