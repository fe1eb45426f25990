"""Shifts and absences: who is called first, who is away, who covers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from chassis.auth import Caller
from chassis.errors import Forbidden, NotFound, PreconditionFailed, Refusal

from directory import policy
from directory.domain.duty import COUNTY, Absence, Shift
from directory.domain.people import CoversThemselves, EndsBeforeItBegins, Person, PersonUnknown, RoleNotHeld
from directory.store import Tx


@dataclass(frozen=True, slots=True)
class AddShift:
    """A person is put on duty."""

    shift: Shift
    caller: Caller


@dataclass(frozen=True, slots=True)
class DropShift:
    """A shift was a mistake, or is swapped."""

    id: str
    organisation_id: str
    caller: Caller


@dataclass(frozen=True, slots=True)
class ReportAbsence:
    """A person will be away."""

    absence: Absence
    caller: Caller


@dataclass(frozen=True, slots=True)
class AmendAbsence:
    """An absence that was read at this version ends at another time, or somebody else covers."""

    id: str
    person_id: str
    version: int
    #: Only the fields that were sent: starts_at, ends_at, cover_id.
    changes: Mapping[str, Any]
    caller: Caller


async def add_shifts(commands: Sequence[AddShift], tx: Tx) -> Sequence[Shift | Refusal]:
    """Put each person on duty, if they hold the role on the days of the shift."""
    outcomes: list[Shift | Refusal] = []
    for command in commands:
        shift = command.shift
        refusal = await _refusal_of_shift(shift, command.caller, tx)
        if refusal is None:
            await tx.rota.add_shift(shift)
            tx.audit(action="created", what="shift", what_id=shift.id, caller=command.caller)
        outcomes.append(refusal or shift)
    return outcomes


async def _refusal_of_shift(shift: Shift, caller: Caller, tx: Tx) -> Refusal | None:
    if not await tx.organisations.held([shift.organisation_id]):
        return NotFound()
    if not policy.changes_organisation(caller, shift.organisation_id):
        return Forbidden("An operator or the organisation's own lead plans its shifts.")
    if shift.ends_at <= shift.starts_at:
        return EndsBeforeItBegins("A shift ends after it begins.", pointer="/ends_at")
    person = (await tx.people.known([shift.person_id])).get(shift.person_id)
    if person is None or person.organisation_id != shift.organisation_id or not person.active:
        return PersonUnknown("There is no such person at this organisation.", pointer="/person_id")
    roles = (await tx.people.roles_of([person.id])).get(person.id, [])
    days = {shift.starts_at.astimezone(COUNTY).date(), shift.ends_at.astimezone(COUNTY).date()}
    # Whoever holds the role for the whole organisation may be put on duty for any of its clusters.
    fitting = [r for r in roles if r.role == shift.role and r.cluster_id in {None, shift.cluster_id}]
    if not all(any(role.held_on(day) for role in fitting) for day in days):
        return RoleNotHeld("The person does not hold this role on these days.", pointer="/role")
    return None


async def drop_shifts(commands: Sequence[DropShift], tx: Tx) -> Sequence[Shift | Refusal]:
    """Forget each shift."""
    outcomes: list[Shift | Refusal] = []
    for command in commands:
        shift = await tx.rota.shift(command.id)
        if shift is None or shift.organisation_id != command.organisation_id:
            outcomes.append(NotFound())
        elif not policy.changes_organisation(command.caller, shift.organisation_id):
            outcomes.append(Forbidden("An operator or the organisation's own lead plans its shifts."))
        else:
            await tx.rota.drop_shift(shift.id)
            tx.audit(action="removed", what="shift", what_id=shift.id, caller=command.caller)
            outcomes.append(shift)
    return outcomes


async def report_absences(commands: Sequence[ReportAbsence], tx: Tx) -> Sequence[Absence | Refusal]:
    """Note each absence."""
    outcomes: list[Absence | Refusal] = []
    for command in commands:
        absence = command.absence
        person = (await tx.people.known([absence.person_id])).get(absence.person_id)
        refusal = await _refusal_of_absence(absence, person, command.caller, tx)
        if refusal is None:
            await _keep(absence, command.caller, tx, action="created")
        outcomes.append(refusal or absence)
    return outcomes


async def amend_absences(commands: Sequence[AmendAbsence], tx: Tx) -> Sequence[Absence | Refusal]:
    """Change each absence, unless somebody else has since it was read."""
    found = await tx.people.known(command.person_id for command in commands)
    await tx.organisations.held(person.organisation_id for person in found.values())
    outcomes: list[Absence | Refusal] = []
    for command in commands:
        person = found.get(command.person_id)
        known = await tx.rota.absence(command.id)
        if known is None or known.person_id != command.person_id:
            outcomes.append(NotFound())
            continue
        absence = replace(known, **command.changes)
        refusal = await _refusal_of_absence(absence, person, command.caller, tx)
        if refusal is None and known.version != command.version:
            refusal = PreconditionFailed()
        if refusal is None and absence != known:
            absence = replace(absence, version=known.version + 1)
            await _keep(absence, command.caller, tx, action="changed")
        outcomes.append(refusal or absence)
    return outcomes


async def _refusal_of_absence(absence: Absence, person: Person | None, caller: Caller, tx: Tx) -> Refusal | None:
    if person is None:
        return NotFound()
    if not policy.reports_absence(caller, person.id, person.organisation_id):
        return Forbidden("The person themselves, their organisation's lead or an operator says that they are away.")
    if absence.ends_at is not None and absence.ends_at <= absence.starts_at:
        return EndsBeforeItBegins("An absence ends after it begins.", pointer="/ends_at")
    if absence.cover_id == person.id:
        return CoversThemselves("Somebody else must cover.", pointer="/cover_id")
    if absence.cover_id is not None:
        cover = (await tx.people.known([absence.cover_id])).get(absence.cover_id)
        if cover is None or not cover.active or cover.organisation_id != person.organisation_id:
            return PersonUnknown("There is no such person at this organisation.", pointer="/cover_id")
    return None


async def _keep(absence: Absence, caller: Caller, tx: Tx, *, action: str) -> None:
    await tx.rota.save_absence(absence)
    tx.audit(action=action, what="absence", what_id=absence.id, caller=caller)
