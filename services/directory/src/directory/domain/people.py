"""Organisations and the people who work for them: what they are, and what cannot be."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Final

from chassis.errors import Conflict, FieldError, Invalid
from schemas.directory import OrganisationChanged, PersonChanged, RoleChanged

from directory.domain.duty import Role
from directory.domain.extract import is_plain

NAME_AT_MOST: Final = 200
TITLE_AT_MOST: Final = 120
EMAIL_AT_MOST: Final = 254
#: Organisations whose id begins so are schools, and the register alone describes them.
SCHOOL_PREFIX: Final = "school-"
ID_PATTERN: Final = r"[a-z0-9][a-z0-9-]{0,62}"
CLUSTER_PATTERN: Final = r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}"
EMAIL_PATTERN: Final = r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+"


class DescribedByTheRegister(Conflict):
    """A school is changed by importing the register, not by hand."""

    code: ClassVar[str] = "described-by-the-register"


class OrganisationExists(Conflict):
    """Another organisation has this id."""

    code: ClassVar[str] = "organisation-exists"


class EmailInUse(Conflict):
    """Somebody else of this organisation has this address."""

    code: ClassVar[str] = "email-in-use"


class RoleHeldAlready(Conflict):
    """The person holds this role there on some of these days."""

    code: ClassVar[str] = "role-held-already"


class OrganisationUnknown(Invalid):
    """No such organisation, or no longer active."""

    code: ClassVar[str] = "organisation-unknown"


class PersonUnknown(Invalid):
    """No such person at this organisation."""

    code: ClassVar[str] = "person-unknown"


class EndsBeforeItBegins(Invalid):
    """The end lies before the beginning."""

    code: ClassVar[str] = "ends-before-it-begins"


class CoversThemselves(Invalid):
    """Nobody stands in for themselves."""

    code: ClassVar[str] = "covers-themselves"


class RoleNotHeld(Conflict):
    """Only somebody who holds the role can be put on duty for it."""

    code: ClassVar[str] = "role-not-held"


@dataclass(frozen=True, slots=True)
class Words:
    """The words that organisations and roles are described with."""

    sectors: frozenset[str]
    kinds: frozenset[str]
    roles: frozenset[str]


@dataclass(frozen=True, slots=True)
class Organisation:
    """An agency, a school, a team: whoever has people or a system of their own."""

    id: str
    name: str
    sector: str
    kind: str
    active: bool = True
    version: int = 1


@dataclass(frozen=True, slots=True)
class Person:
    """A member of staff, with their work contacts."""

    id: str
    organisation_id: str
    name: str
    title: str | None = None
    email: str | None = None
    active: bool = True
    version: int = 1


def faults_of_organisation(organisation: Organisation, words: Words) -> list[FieldError]:
    """What is wrong with an organisation, field by field; nothing when it can be."""
    faults = _faults_of_name(organisation.name)
    if not re.fullmatch(ID_PATTERN, organisation.id):
        faults.append(FieldError("/id", "not-an-id", "Use lower-case letters, digits and hyphens, at most 63."))
    elif organisation.id.startswith(SCHOOL_PREFIX):
        faults.append(
            FieldError("/id", DescribedByTheRegister.code, "Ids that begin with school- are given by the register.")
        )
    if organisation.sector not in words.sectors:
        faults.append(FieldError("/sector", "unknown-sector", f"Use one of {', '.join(sorted(words.sectors))}."))
    if organisation.kind not in words.kinds:
        faults.append(FieldError("/kind", "unknown-kind", f"Use one of {', '.join(sorted(words.kinds))}."))
    return faults


def faults_of_person(person: Person) -> list[FieldError]:
    """What is wrong with a person, field by field; nothing when they can be."""
    faults = _faults_of_name(person.name)
    if person.title is not None and not (0 < len(person.title) <= TITLE_AT_MOST and is_plain(person.title)):
        faults.append(FieldError("/title", "not-a-title", f"Plain text, at most {TITLE_AT_MOST} characters."))
    if person.email is not None and not (
        len(person.email) <= EMAIL_AT_MOST and re.fullmatch(EMAIL_PATTERN, person.email)
    ):
        faults.append(FieldError("/email", "not-an-email", "Send an address such as name@example.org."))
    return faults


def _faults_of_name(name: str) -> list[FieldError]:
    if 0 < len(name) <= NAME_AT_MOST and is_plain(name):
        return []
    return [FieldError("/name", "not-a-name", f"Plain text, 1 to {NAME_AT_MOST} characters.")]


def faults_of_role(role: Role, words: Words) -> list[FieldError]:
    """What is wrong with a role, field by field; nothing when it can be."""
    faults = []
    if role.role not in words.roles:
        faults.append(FieldError("/role", "unknown-role", f"Use one of {', '.join(sorted(words.roles))}."))
    if role.cluster_id is not None and not re.fullmatch(CLUSTER_PATTERN, role.cluster_id):
        faults.append(FieldError("/cluster_id", "not-an-id", "Use the cluster's id, such as gloucester-primary."))
    if role.until is not None and role.until < role.since:
        faults.append(FieldError("/until", EndsBeforeItBegins.code, "A role ends on or after the day it begins."))
    return faults


def held_already(role: Role, others: Sequence[Role]) -> bool:
    """Whether one of the person's other roles is the same one on some of the same days."""
    return any(
        other.id != role.id
        and (other.person_id, other.organisation_id, other.role, other.cluster_id)
        == (role.person_id, role.organisation_id, role.role, role.cluster_id)
        and other.since <= (role.until or date.max)
        and role.since <= (other.until or date.max)
        for other in others
    )


def announce_organisation(organisation: Organisation) -> OrganisationChanged:
    """The organisation as others hear of it."""
    return OrganisationChanged(
        organisation_id=organisation.id,
        name=organisation.name,
        sector=organisation.sector,
        kind=organisation.kind,
        active=organisation.active,
    )


def announce_person(person: Person) -> PersonChanged:
    """The person as others hear of them; this topic never leaves the house."""
    return PersonChanged(
        person_id=person.id,
        organisation_id=person.organisation_id,
        name=person.name,
        title=person.title,
        email=person.email,
        active=person.active,
    )


def announce_role(role: Role) -> RoleChanged:
    """The role as others hear of it."""
    return RoleChanged(
        role_id=role.id,
        person_id=role.person_id,
        organisation_id=role.organisation_id,
        sector=role.sector,
        role=role.role,
        cluster_id=role.cluster_id,
        since=role.since,
        until=role.until,
    )
