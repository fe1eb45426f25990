"""People and the roles they hold: added and changed by hand.

Whoever changes an organisation's people holds its row first, here and in `lists`: never two at once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from chassis.auth import Caller
from chassis.cause import Cause
from chassis.errors import Forbidden, NotFound, PreconditionFailed, Refusal

from directory import clients, policy
from directory.domain.duty import Role
from directory.domain.people import (
    EmailInUse,
    OrganisationUnknown,
    Person,
    RoleHeldAlready,
    announce_person,
    announce_role,
    faults_of_person,
    faults_of_role,
    held_already,
)
from directory.handlers.organisations import not_possible
from directory.store import Tx

NOT_YOURS = "An operator or the organisation's own lead changes its people."


@dataclass(frozen=True, slots=True)
class AddPerson:
    """Somebody joins an organisation."""

    person: Person
    caller: Caller
    cause: Cause


@dataclass(frozen=True, slots=True)
class AmendPerson:
    """Somebody changes a person whom they read at this version."""

    id: str
    version: int
    #: Only the fields that were sent: name, title, email, active.
    changes: Mapping[str, Any]
    caller: Caller
    cause: Cause


@dataclass(frozen=True, slots=True)
class GiveRole:
    """A person is given a role at their organisation."""

    id: str
    person_id: str
    role: str
    cluster_id: str | None
    since: date
    until: date | None
    caller: Caller
    cause: Cause


@dataclass(frozen=True, slots=True)
class AmendRole:
    """A role that was read at this version ends, goes on, or began on another day."""

    id: str
    person_id: str
    version: int
    #: Only the fields that were sent: since, until.
    changes: Mapping[str, Any]
    caller: Caller
    cause: Cause


async def add_people(commands: Sequence[AddPerson], tx: Tx) -> Sequence[Person | Refusal]:
    """Add each to their organisation."""
    held = await tx.organisations.held(command.person.organisation_id for command in commands)
    outcomes: list[Person | Refusal] = []
    for command in commands:
        new = command.person
        organisation = held.get(new.organisation_id)
        faults = faults_of_person(new)
        outcome: Person | Refusal = new
        if not policy.changes_organisation(command.caller, new.organisation_id):
            outcome = Forbidden(NOT_YOURS)
        elif organisation is None or not organisation.active:
            outcome = OrganisationUnknown("There is no active organisation of this id.", pointer="/organisation_id")
        elif faults:
            outcome = not_possible(faults)
        elif await _email_taken(new, tx):
            outcome = EmailInUse("Somebody of this organisation has this address.", pointer="/email")
        else:
            await tx.people.save([new])
            tx.emit(announce_person(new), command.cause)
            tx.audit(action="created", what="person", what_id=new.id, caller=command.caller)
        outcomes.append(outcome)
    return outcomes


@dataclass(frozen=True, slots=True)
class Employed:
    """A person and the roles they hold, past ones too."""

    person: Person
    roles: Sequence[Role]


async def amend_people(commands: Sequence[AmendPerson], tx: Tx) -> Sequence[Employed | Refusal]:
    """Change each, unless somebody else has since they were read."""
    found = await tx.people.known(command.id for command in commands)
    await tx.organisations.held(person.organisation_id for person in found.values())
    roles = await tx.people.roles_of(found)
    outcomes: list[Employed | Refusal] = []
    for command in commands:
        # Read again under the lock, and after the change before in this batch.
        known = (await tx.people.known([command.id])).get(command.id)
        outcome = await _amended(command, known, tx)
        if isinstance(outcome, Refusal):
            outcomes.append(outcome)
            continue
        if outcome != known:
            await tx.people.save([outcome])
            tx.emit(announce_person(outcome), command.cause)
            tx.audit(action="changed", what="person", what_id=outcome.id, caller=command.caller)
        outcomes.append(Employed(outcome, roles.get(outcome.id, ())))
    return outcomes


async def _amended(command: AmendPerson, known: Person | None, tx: Tx) -> Person | Refusal:
    if known is None:
        return NotFound()
    if not policy.changes_organisation(command.caller, known.organisation_id):
        return Forbidden(NOT_YOURS)
    if known.version != command.version:
        return PreconditionFailed()
    changed = replace(known, **command.changes)
    faults = faults_of_person(changed)
    if faults:
        return not_possible(faults)
    if await _email_taken(changed, tx):
        return EmailInUse("Somebody of this organisation has this address.", pointer="/email")
    return known if changed == known else replace(changed, version=known.version + 1)


async def _email_taken(person: Person, tx: Tx) -> bool:
    if person.email is None:
        return False
    key = (person.organisation_id, person.email.lower())
    holder = (await tx.people.by_email([key])).get(key)
    return holder is not None and holder.id != person.id


async def give_roles(commands: Sequence[GiveRole], tx: Tx) -> Sequence[Role | Refusal]:
    """Give each role, unless the person holds it already on one of those days."""
    found = await tx.people.known(command.person_id for command in commands)
    held = await tx.organisations.held(person.organisation_id for person in found.values())
    outcomes: list[Role | Refusal] = []
    for command in commands:
        person = found.get(command.person_id)
        if person is None:
            outcomes.append(NotFound())
            continue
        sector = held[person.organisation_id].sector
        role = Role(
            command.id, person.id, person.organisation_id, sector,
            command.role, command.cluster_id, command.since, command.until,
        )  # fmt: skip
        refusal = await _refusal_of(role, command.caller, tx)
        if refusal is None:
            await _keep(role, command, tx, action="created")
        outcomes.append(refusal or role)
    return outcomes


async def amend_roles(commands: Sequence[AmendRole], tx: Tx) -> Sequence[Role | Refusal]:
    """Change the days of each role, unless somebody else has since it was read."""
    found = await tx.people.known(command.person_id for command in commands)
    await tx.organisations.held(person.organisation_id for person in found.values())
    outcomes: list[Role | Refusal] = []
    for command in commands:
        roles = (await tx.people.roles_of([command.person_id])).get(command.person_id, [])
        known = next((role for role in roles if role.id == command.id), None)
        if known is None:
            outcomes.append(NotFound())
            continue
        role = replace(known, **command.changes)
        refusal = await _refusal_of(role, command.caller, tx)
        if refusal is None and known.version != command.version:
            refusal = PreconditionFailed()
        if refusal is None and role != known:
            role = replace(role, version=known.version + 1)
            await _keep(role, command, tx, action="changed")
        outcomes.append(refusal or role)
    return outcomes


async def _refusal_of(role: Role, caller: Caller, tx: Tx) -> Refusal | None:
    if not policy.changes_organisation(caller, role.organisation_id) or not policy.gives_role(caller, role.role):
        return Forbidden(NOT_YOURS)
    faults = faults_of_role(role, clients.words())
    if faults:
        return not_possible(faults)
    others = (await tx.people.roles_of([role.person_id])).get(role.person_id, [])
    if held_already(role, others):
        return RoleHeldAlready("The person holds this role there on some of these days.", pointer="/since")
    return None


async def _keep(role: Role, command: GiveRole | AmendRole, tx: Tx, *, action: str) -> None:
    await tx.people.save_roles([role])
    tx.emit(announce_role(role), command.cause)
    tx.audit(action=action, what="role", what_id=role.id, caller=command.caller)
