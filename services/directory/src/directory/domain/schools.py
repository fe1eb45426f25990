"""What a school is to us, and how the register's statements about it are put together.

Extracts differ in age and in columns. Each field keeps the day on which an extract last said it; the newest
statement of a field wins, whatever order the extracts are read in. A column that an extract lacks says
nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date
from enum import IntEnum, StrEnum
from typing import Any, Final

from schemas.directory import SchoolChanged, Successor

#: What a statement can say of one field.
Value = str | int | date | tuple[str, ...] | None

#: The type of a school that no extract has stated.
TYPE_NOT_STATED: Final = "unknown"
MAINSTREAM: Final = "mainstream"


class Status(IntEnum):
    """The register's EstablishmentStatus."""

    OPEN = 1
    CLOSED = 2
    #: Open, and somebody proposes to close it: a proposal is not yet a fact.
    PROPOSED_TO_CLOSE = 3
    PROPOSED_TO_OPEN = 4


@dataclass(frozen=True, slots=True)
class School:
    """A school as the register last described it."""

    urn: str
    name: str
    #: The register's PhaseOfEducation, 0-7.
    phase: int
    status: Status
    #: The register's two-digit code, or a coarser word (special, academy ...) where only that much is known.
    establishment_type: str = TYPE_NOT_STATED
    local_authority: str | None = None
    establishment_number: str | None = None
    district: str | None = None
    street: str | None = None
    town: str | None = None
    postcode: str | None = None
    opened_on: date | None = None
    #: The last day, once it has closed.
    closed_on: date | None = None
    #: The last day, should a proposal to close it go ahead.
    closing_on: date | None = None
    low_age: int | None = None
    high_age: int | None = None
    capacity: int | None = None
    pupils: int | None = None
    #: Metres on the British National Grid.
    easting: int | None = None
    northing: int | None = None
    #: Needs for which the school has a unit or resourced places.
    need_types: tuple[str, ...] = ()
    resourced_places: int | None = None
    unit_places: int | None = None
    ukprn: str | None = None
    #: Field -> the as-of date of the extract that said it. A field that is not here is unknown or supposed.
    said: Mapping[str, date] = field(default_factory=dict)
    version: int = 1

    @property
    def organisation_id(self) -> str:
        """Every school is an organisation too."""
        return f"school-{self.urn}"

    @property
    def as_of(self) -> date:
        """The newest extract that said anything of this school."""
        return max(self.said.values(), default=date.min)

    @property
    def active(self) -> bool:
        """Whether it teaches now, as far as the register says."""
        return self.status in {Status.OPEN, Status.PROPOSED_TO_CLOSE}


#: What a statement may say; the URN is whom it is about.
STATABLE: Final = tuple(f.name for f in fields(School) if f.name not in {"urn", "said", "version"})
#: Without these nobody can tell what a school is.
ESSENTIAL: Final = ("name", "status", "phase")
#: What a school that carries on for another is supposed to have from it until an extract says otherwise.
HANDED_DOWN: Final = (
    "local_authority", "district", "street", "town", "postcode", "easting", "northing", "low_age", "high_age"
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Statement:
    """What one row of an extract says of one school: only fields that the extract has a column for."""

    urn: str
    says: Mapping[str, Value]
    #: What the row lets us suppose. Anything stated, however old, beats it.
    supposes: Mapping[str, Value] = field(default_factory=dict)
    line: int = 0


class Outcome(StrEnum):
    """What a statement did to what is known."""

    NEW = "new"
    CHANGED = "changed"
    CLOSED = "closed"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Told:
    """A school after a statement, and what the statement did."""

    school: School
    outcome: Outcome
    #: Fields whose value changed; for a new school all that are known.
    changed: tuple[str, ...] = ()
    #: Whether the statement left anything to store, be it only a fresher date.
    stored: bool = True
    #: Whether the statement is older than what is known.
    older: bool = False


def tell(known: School | None, statement: Statement, as_of: date) -> Told | str:
    """Put a statement to what is known. Answers the missing field when it cannot make a school."""
    said = dict(known.said) if known else {}
    values: dict[str, Any] = {name: getattr(known, name) for name in STATABLE} if known else {}
    values |= {name: value for name, value in statement.supposes.items() if name not in said}
    for name, value in statement.says.items():
        if name not in said or said[name] <= as_of:
            values[name] = value
            said[name] = as_of
    missing = next((name for name in ESSENTIAL if values.get(name) is None), None)
    if missing is not None:
        return missing
    values["status"] = Status(values["status"])
    school = School(urn=statement.urn, **values, said=said)
    if known is None:
        return Told(school, Outcome.NEW, tuple(n for n in STATABLE if getattr(school, n) not in {None, ()}))
    school = replace(school, version=known.version)
    changed = differences(known, school)
    closed = school.status is Status.CLOSED and known.status is not Status.CLOSED
    outcome = Outcome.CLOSED if closed else Outcome.CHANGED if changed else Outcome.UNCHANGED
    return Told(school, outcome, changed, stored=bool(changed) or said != known.said, older=as_of < known.as_of)


def differences(before: School, after: School) -> tuple[str, ...]:
    """The fields whose values differ, in the order of the class."""
    return tuple(name for name in STATABLE if getattr(before, name) != getattr(after, name))


def hand_down(school: School, predecessors: Sequence[School]) -> School:
    """Suppose of a school what no extract has said of it and the school before it has.

    A new academy stands where the old school stood: without that, its children could not be routed by place
    until the next extract. All of it comes from one school: that which closed last, if its place is known.
    """
    newest_first = sorted(predecessors, key=lambda p: (p.closed_on or date.max, p.urn), reverse=True)
    giver = next((p for p in newest_first if p.easting is not None), next(iter(newest_first), None))
    if giver is None:
        return school
    supposed: dict[str, Any] = {
        name: value for name in HANDED_DOWN if name not in school.said and (value := getattr(giver, name)) is not None
    }
    if len(supposed.keys() & {"easting", "northing"}) == 1:
        # One number said and the other supposed would be a place where neither school is.
        supposed = {name: value for name, value in supposed.items() if name not in {"easting", "northing"}}
    return replace(school, **supposed)


def provision(establishment_type: str, by_type: Mapping[str, str]) -> str:
    """mainstream, special, alternative, post-16 or other. `by_type` names those that are not mainstream."""
    return by_type.get(establishment_type, MAINSTREAM)


def announcement(school: School, successors: Sequence[Successor]) -> SchoolChanged:
    """The school as others hear of it."""
    return SchoolChanged(
        school_urn=school.urn,
        organisation_id=school.organisation_id,
        name=school.name,
        phase=school.phase,
        establishment_type=school.establishment_type,
        status=school.status,
        local_authority=school.local_authority,
        district=school.district,
        opened_on=school.opened_on,
        closed_on=school.closed_on,
        low_age=school.low_age,
        high_age=school.high_age,
        pupils=school.pupils,
        capacity=school.capacity,
        easting=school.easting,
        northing=school.northing,
        successors=tuple(successors),
        as_of=school.as_of,
    )


def is_news(before: SchoolChanged | None, after: SchoolChanged) -> bool:
    """Whether others need to hear. That a newer extract said the same again is no news."""
    return before is None or before.model_copy(update={"as_of": after.as_of}) != after
