"""What directory says: organisations, schools, people and roles as they now are. Never leaves the house."""

from datetime import date
from typing import ClassVar

from pydantic import Field

from schemas.event import Code, Contract, Event, Id, Urn
from schemas.topics import DIRECTORY, Topic


class DirectoryEvent(Event):
    """Somebody or something of the directory, whole."""

    topic: ClassVar[Topic] = DIRECTORY


class OrganisationChanged(DirectoryEvent):
    """An organisation as it now is."""

    type: ClassVar[str] = "jointly.organisation.changed.v1"
    subject_field: ClassVar[str] = "organisation_id"
    organisation_id: Id
    name: str = Field(min_length=1, max_length=200)
    #: education, health, social-care or council.
    sector: Code
    kind: Code
    active: bool


class Successor(Contract):
    """The school that carries on for one that closed."""

    school_urn: Urn
    since: date | None = None


class SchoolChanged(DirectoryEvent):
    """A school as the register last described it."""

    type: ClassVar[str] = "jointly.school.changed.v1"
    subject_field: ClassVar[str] = "school_urn"
    school_urn: Urn
    organisation_id: Id
    name: str = Field(min_length=1, max_length=200)
    #: The register's PhaseOfEducation code, 0-7.
    phase: int = Field(ge=0, le=7)
    #: The register's type of establishment code.
    establishment_type: Code
    #: The register's status code: 1 open, 2 closed, 3 open but proposed to close, 4 proposed to open.
    status: int = Field(ge=1, le=4)
    local_authority: Code | None = None
    district: str | None = Field(default=None, max_length=120)
    opened_on: date | None = None
    closed_on: date | None = None
    low_age: int | None = None
    high_age: int | None = None
    pupils: int | None = None
    capacity: int | None = None
    #: Metres on the British National Grid.
    easting: int | None = None
    northing: int | None = None
    successors: tuple[Successor, ...] = ()
    #: The day the register's extract was taken; the newest statement about a school wins.
    as_of: date


class PersonChanged(DirectoryEvent):
    """A member of staff as they now are, with their work contacts."""

    type: ClassVar[str] = "jointly.person.changed.v1"
    subject_field: ClassVar[str] = "person_id"
    person_id: Id
    organisation_id: Id
    name: str = Field(min_length=1, max_length=200)
    title: str | None = Field(default=None, max_length=200)
    email: str | None = Field(default=None, max_length=254)
    active: bool


class RoleChanged(DirectoryEvent):
    """A role that a person holds at an organisation, for one cluster or for all of it."""

    type: ClassVar[str] = "jointly.role.changed.v1"
    subject_field: ClassVar[str] = "role_id"
    role_id: Id
    person_id: Id
    organisation_id: Id
    sector: Code
    #: cluster-lead, caseworker, adviser, finance-officer, intake, ...
    role: Code
    cluster_id: Id | None = None
    since: date
    until: date | None = None


class Span(Contract):
    """Days from the first to the last, both included."""

    first: date
    last: date


class CalendarChanged(DirectoryEvent):
    """Which days are school days: the county's, or one school's own instead of it, whole."""

    type: ClassVar[str] = "jointly.calendar.changed.v1"
    subject_field: ClassVar[str] = "calendar_id"
    subject_prefix: ClassVar[str] = "calendar-"
    #: `county`, or the school's URN.
    calendar_id: Id
    #: In order; half terms lie between two of them. A day in none of them is no school day.
    terms: tuple[Span, ...]
    #: Days inside terms on which no pupil comes: INSET days and the like.
    closures: tuple[date, ...] = ()
    #: Bank holidays in England over the years of the terms: neither school days nor working days.
    bank_holidays: tuple[date, ...] = ()
