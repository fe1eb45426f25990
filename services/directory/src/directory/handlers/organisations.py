"""Organisations that are not schools: added and changed by hand or from an operator's list."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from chassis.auth import Caller
from chassis.cause import Cause
from chassis.errors import FieldError, Forbidden, Invalid, NotFound, PreconditionFailed, Refusal

from directory import clients, policy
from directory.domain.people import (
    SCHOOL_PREFIX,
    DescribedByTheRegister,
    Organisation,
    OrganisationExists,
    announce_organisation,
    faults_of_organisation,
)
from directory.domain.schools import Outcome
from directory.store import Tx

REGISTER_RULES = "A school is changed by importing the register."


@dataclass(frozen=True, slots=True)
class AddOrganisation:
    """Somebody adds an organisation."""

    organisation: Organisation
    caller: Caller
    cause: Cause


@dataclass(frozen=True, slots=True)
class AmendOrganisation:
    """Somebody changes an organisation that they read at this version; what is None stays."""

    id: str
    version: int
    caller: Caller
    cause: Cause
    name: str | None = None
    kind: str | None = None
    active: bool | None = None


async def add_organisations(commands: Sequence[AddOrganisation], tx: Tx) -> Sequence[Organisation | Refusal]:
    """Add each, unless its id is taken."""
    return [await _add(command, tx) for command in commands]


async def _add(command: AddOrganisation, tx: Tx) -> Organisation | Refusal:
    new = command.organisation
    if not policy.makes_organisations(command.caller):
        return Forbidden("An operator adds organisations.")
    faults = faults_of_organisation(new, clients.words())
    if faults:
        return not_possible(faults)
    await tx.lock_subjects([new.id])
    if new.id in await tx.organisations.known([new.id]):
        return OrganisationExists(
            "An organisation with this id exists. Choose another, or change that one.", pointer="/id"
        )
    await tx.organisations.save([new])
    tx.emit(announce_organisation(new), command.cause)
    tx.audit(action="created", what="organisation", what_id=new.id, caller=command.caller)
    return new


async def amend_organisations(commands: Sequence[AmendOrganisation], tx: Tx) -> Sequence[Organisation | Refusal]:
    """Change each, unless somebody else has since it was read."""
    await tx.lock_subjects([command.id for command in commands])
    held = await tx.organisations.held([command.id for command in commands])
    outcomes: list[Organisation | Refusal] = []
    for command in commands:
        outcome = _amended(command, held.get(command.id))
        if isinstance(outcome, Organisation) and outcome != held[command.id]:
            held[command.id] = outcome
            await tx.organisations.save([outcome])
            tx.emit(announce_organisation(outcome), command.cause)
            tx.audit(action="changed", what="organisation", what_id=outcome.id, caller=command.caller)
        outcomes.append(outcome)
    return outcomes


def _amended(command: AmendOrganisation, known: Organisation | None) -> Organisation | Refusal:
    if known is None:
        return NotFound()
    if not policy.changes_organisation(command.caller, command.id):
        return Forbidden("An operator or the organisation's own lead changes it.")
    if known.id.startswith(SCHOOL_PREFIX):
        return DescribedByTheRegister(REGISTER_RULES)
    if known.version != command.version:
        return PreconditionFailed()
    changed = replace(
        known,
        name=known.name if command.name is None else command.name,
        kind=known.kind if command.kind is None else command.kind,
        active=known.active if command.active is None else command.active,
    )
    faults = faults_of_organisation(changed, clients.words())
    if faults:
        return not_possible(faults)
    return known if changed == known else replace(changed, version=known.version + 1)


async def list_organisations(rows: Sequence[Organisation], tx: Tx, *, cause: Cause) -> list[Outcome]:
    """An operator's list names these organisations, each once: each is as the list says from now on."""
    ids = [row.id for row in rows]
    await tx.lock_subjects(ids)
    held = await tx.organisations.held(ids)
    outcomes: list[Outcome] = []
    changed: list[Organisation] = []
    for row in rows:
        was = held.get(row.id)
        now = replace(row, version=was.version if was else 1)
        if now == was:
            outcomes.append(Outcome.UNCHANGED)
            continue
        changed.append(replace(now, version=now.version + 1) if was else now)
        ended = was is not None and was.active and not now.active
        outcomes.append(Outcome.NEW if was is None else Outcome.CLOSED if ended else Outcome.CHANGED)
    await tx.organisations.save(changed)
    for organisation in changed:
        tx.emit(announce_organisation(organisation), cause)
    return outcomes


def not_possible(faults: Sequence[FieldError]) -> Invalid:
    """The refusal that names every fault."""
    return Invalid("Something cannot be as sent; see errors.", errors=faults)
