"""What travels over HTTP: bodies in, answers out."""

from collections.abc import Sequence
from datetime import date
from math import isqrt
from typing import Annotated

from chassis.wire import Action, Day, In, Line, Moment, Out, Word
from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints

from directory import policy
from directory.domain.duty import Absence, OnDuty, Role, Shift
from directory.domain.people import CLUSTER_PATTERN, EMAIL_PATTERN, ID_PATTERN, SCHOOL_PREFIX, Organisation, Person
from directory.domain.schools import School
from directory.domain.successors import CarriedOn
from directory.policy import Viewer

FIRST_YEAR, LAST_YEAR = 1900, 2199

OrganisationId = Annotated[str, StringConstraints(pattern=f"^{ID_PATTERN}$")]
ClusterId = Annotated[str, StringConstraints(pattern=f"^{CLUSTER_PATTERN}$")]
Email = Annotated[str, StringConstraints(max_length=254, pattern=f"^{EMAIL_PATTERN}$")]


def _of_our_time(instant: AwareDatetime) -> AwareDatetime:
    """Far enough from the ends of the calendar that every time zone can say it."""
    if not FIRST_YEAR <= instant.year <= LAST_YEAR:
        raise ValueError(f"must lie between {FIRST_YEAR} and {LAST_YEAR}")
    return instant


Instant = Annotated[Moment, AfterValidator(_of_our_time)]
Title = Annotated[Line, StringConstraints(max_length=120)]


class OrganisationIn(In):
    """An organisation that is not a school."""

    id: OrganisationId
    name: Line
    #: education, health, social-care or council.
    sector: Word
    kind: Word


class OrganisationPatch(In):
    """What may change of an organisation; what is left out stays."""

    name: Line | None = None
    kind: Word | None = None
    active: bool | None = None


class OrganisationOut(Out):
    """An organisation."""

    id: str
    name: str
    sector: str
    kind: str
    active: bool
    version: int
    actions: tuple[Action, ...]

    @classmethod
    def of(cls, organisation: Organisation, viewer: Viewer) -> "OrganisationOut":
        """The organisation as this viewer sees it."""
        is_school = organisation.id.startswith(SCHOOL_PREFIX)
        may = policy.changes_organisation(viewer, organisation.id)
        why = "An operator or the organisation's own lead changes it." if not may else None
        if is_school:
            why = "A school is changed by importing the register."
        amend = Action(
            name="amend",
            method="PATCH",
            href=f"/v1/organisations/{organisation.id}",
            allowed=why is None,
            reason=why,
        )
        return cls(
            id=organisation.id,
            name=organisation.name,
            sector=organisation.sector,
            kind=organisation.kind,
            active=organisation.active,
            version=organisation.version,
            actions=(amend,),
        )


class CarriedOnOut(Out):
    """Where the children of a school are on a day."""

    at: date
    #: Schools that teach then; the school itself when it is open.
    open: tuple[str, ...]
    to_open: tuple[str, ...]
    #: Named by a link of the register, described by no extract yet.
    undescribed: tuple[str, ...]
    #: True: nobody is known to carry on.
    nobody: bool
    steps: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, found: CarriedOn, at: date) -> "CarriedOnOut":
        """The answer of the links."""
        return cls(
            at=at,
            open=found.open,
            to_open=found.to_open,
            undescribed=found.undescribed,
            nobody=found.nobody,
            steps=found.steps,
        )


class SchoolOut(Out):
    """A school as the register last described it."""

    urn: str
    organisation_id: str
    name: str
    #: The register's PhaseOfEducation, 0-7.
    phase: int
    #: 1 open, 2 closed, 3 open but proposed to close, 4 proposed to open.
    status: int
    #: The register's code, or a coarser word where only that much is known.
    establishment_type: str
    #: mainstream, special, alternative, post-16 or other.
    provision: str
    local_authority: str | None
    establishment_number: str | None
    district: str | None
    street: str | None
    town: str | None
    postcode: str | None
    opened_on: date | None
    closed_on: date | None
    closing_on: date | None
    low_age: int | None
    high_age: int | None
    capacity: int | None
    pupils: int | None
    easting: int | None
    northing: int | None
    need_types: tuple[str, ...]
    resourced_places: int | None
    unit_places: int | None
    ukprn: str | None
    #: The day of the newest extract that described it.
    as_of: date
    #: Fields that no extract has stated: taken over from the school before it, or guessed.
    supposed: tuple[str, ...]
    version: int
    #: Metres from the place that was asked about.
    distance: int | None

    @classmethod
    def of(cls, school: School, provision: str, *, squared: int | None = None) -> "SchoolOut":
        """A school, and how far it is."""
        plain = {name: getattr(school, name) for name in cls.model_fields if hasattr(school, name)}
        supposed = tuple(
            name for name in cls.model_fields if name in _SUPPOSABLE and name not in school.said and plain.get(name)
        )
        return cls(
            **plain,
            provision=provision,
            supposed=supposed,
            distance=None if squared is None else isqrt(squared),
        )


_SUPPOSABLE = frozenset(
    {
        "establishment_type", "local_authority", "district", "street", "town", "postcode", "easting", "northing",
        "low_age", "high_age",
    }
)  # fmt: skip


class SchoolDetailOut(SchoolOut):
    """A school with whoever carries on for it."""

    carried_on_by: CarriedOnOut


class PersonIn(In):
    """A member of staff and their work contacts."""

    organisation_id: OrganisationId
    name: Line
    title: Title | None = None
    email: Email | None = None


class PersonPatch(In):
    """What may change of a person; what is left out stays, null empties a title or an address."""

    # Made, not given: the API's document must not say that leaving it out sets it.
    name: Line = Field(default_factory=str)
    title: Title | None = None
    email: Email | None = None
    active: bool = Field(default_factory=bool)


class RoleIn(In):
    """A role at the person's organisation."""

    role: Word
    #: None: for the whole organisation.
    cluster_id: ClusterId | None = None
    since: Day
    #: The last day.
    until: Day | None = None


class RolePatch(In):
    """The days of a role; what is left out stays, a null `until` means: until further notice."""

    since: Day = Field(default_factory=lambda: date.min)
    until: Day | None = None


class RoleOut(Out):
    """A role that somebody holds."""

    id: str
    person_id: str
    organisation_id: str
    sector: str
    role: str
    cluster_id: str | None
    since: date
    until: date | None
    version: int

    @classmethod
    def of(cls, role: Role) -> "RoleOut":
        """A role."""
        return cls(**{name: getattr(role, name) for name in cls.model_fields})


class PersonOut(Out):
    """A member of staff, as far as the viewer may see."""

    id: str
    organisation_id: str
    name: str
    title: str | None
    #: Null where there is none, and for viewers who do not get addresses of this organisation.
    email: str | None
    active: bool
    roles: tuple[RoleOut, ...]
    version: int

    @classmethod
    def of(cls, person: Person, roles: Sequence[Role], viewer: Viewer) -> "PersonOut":
        """The person as this viewer sees them."""
        return cls(
            id=person.id,
            organisation_id=person.organisation_id,
            name=person.name,
            title=person.title,
            email=person.email if policy.sees_email(viewer, person.organisation_id) else None,
            active=person.active,
            roles=tuple(RoleOut.of(role) for role in roles),
            version=person.version,
        )


class AbsenceIn(In):
    """A time away, and who covers. Not why."""

    starts_at: Instant
    ends_at: Instant | None = None
    cover_id: Word | None = None


class AbsencePatch(In):
    """What may change of an absence; what is left out stays."""

    ends_at: Instant | None = None
    cover_id: Word | None = None


class AbsenceOut(Out):
    """A time away."""

    id: str
    person_id: str
    starts_at: AwareDatetime
    ends_at: AwareDatetime | None
    cover_id: str | None
    version: int

    @classmethod
    def of(cls, absence: Absence) -> "AbsenceOut":
        """An absence."""
        return cls(**{name: getattr(absence, name) for name in cls.model_fields})


class PersonDetailOut(PersonOut):
    """A person, and for their own organisation when they are away."""

    absences: tuple[AbsenceOut, ...]


class ShiftIn(In):
    """A person is called first for a role, from an instant until before another."""

    role: Word
    cluster_id: ClusterId | None = None
    person_id: Word
    starts_at: Instant
    ends_at: Instant


class ShiftOut(Out):
    """A shift."""

    id: str
    organisation_id: str
    role: str
    cluster_id: str | None
    person_id: str
    starts_at: AwareDatetime
    ends_at: AwareDatetime

    @classmethod
    def of(cls, shift: Shift) -> "ShiftOut":
        """A shift."""
        return cls(**{name: getattr(shift, name) for name in cls.model_fields})


class OnDutyOut(Out):
    """Somebody to turn to now."""

    person_id: str
    name: str
    title: str | None
    email: str | None
    #: shift or role.
    why: str
    covers_for: str | None
    of_the_cluster: bool

    @classmethod
    def of(cls, found: OnDuty, person: Person, viewer: Viewer) -> "OnDutyOut":
        """Who is on duty, as this viewer sees them."""
        return cls(
            person_id=person.id,
            name=person.name,
            title=person.title,
            email=person.email if policy.sees_email(viewer, person.organisation_id) else None,
            why=found.why,
            covers_for=found.covers_for,
            of_the_cluster=found.of_the_cluster,
        )


class DutyOut(Out):
    """Who is on duty for a role at an instant, whom to try first first."""

    role: str
    cluster_id: str | None
    at: AwareDatetime
    on_duty: tuple[OnDutyOut, ...]
