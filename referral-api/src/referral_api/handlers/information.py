"""Questions to the sender of a referral, and the answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from chassis.auth import Caller
from chassis.cause import Cause
from chassis.errors import Refusal

from referral_api.domain.participation import WORKING_ROLES, present
from referral_api.domain.school_years import day_of
from referral_api.handlers import files
from referral_api.handlers.amendment import Changed
from referral_api.handlers.files import File
from referral_api.handlers.refusals import AlreadyAnswered, DueInThePast, NotTheirsToDo, OutOfTurn
from referral_api.store import Tx
from referral_api.store.requests import NewRequest


@dataclass(frozen=True, slots=True)
class RequestInformation:
    """Somebody who works the case needs more from the sender."""

    request_id: str
    referral_id: str
    #: JSON pointers of what is missing or unclear.
    fields: tuple[str, ...]
    question: str
    due_on: date
    caller: Caller
    cause: Cause


@dataclass(frozen=True, slots=True)
class ProvideInformation:
    """The sender answers."""

    request_id: str
    referral_id: str
    answer: str
    caller: Caller
    cause: Cause


async def request_information(commands: Sequence[RequestInformation], tx: Tx) -> Sequence[Changed | Refusal]:
    """Ask senders; their referrals wait for the answers."""
    known = await files.locked({command.referral_id for command in commands}, tx)
    outcomes: list[Changed | Refusal] = []
    requests: list[NewRequest] = []
    for command in commands:
        file = known.get(command.referral_id)
        refusal = _may_not_ask(command, file, tx)
        if refusal is not None or file is None:
            outcomes.append(refusal or files.nothing())
            continue
        file.case.ask(
            file.referral,
            request_id=command.request_id,
            asked_by=command.caller.organisation,
            fields=command.fields,
            due_on=command.due_on,
        )
        requests.append(
            NewRequest(
                request_id=command.request_id,
                referral_id=command.referral_id,
                asked_by=command.caller.organisation,
                asked_by_person=command.caller.subject,
                due_on=command.due_on,
                fields=command.fields,
                question=command.question,
                organisations=_readers(file),
            )
        )
        outcomes.append(_told(file, "information-requested", command, tx))
    await tx.cases.save(files.touched(known.values()))
    await tx.requests.add(requests, at=tx.now)
    return outcomes


async def provide_information(commands: Sequence[ProvideInformation], tx: Tx) -> Sequence[Changed | Refusal]:
    """Take answers; a referral goes on when nothing is left to answer."""
    known = await files.locked({command.referral_id for command in commands}, tx)
    waiting = await tx.requests.waiting(list(known))
    outcomes: list[Changed | Refusal] = []
    for command in commands:
        file = known.get(command.referral_id)
        requests = waiting.get(command.referral_id, {})
        refusal = _may_not_answer(command, file, requests.get(command.request_id))
        if refusal is not None or file is None:
            outcomes.append(refusal or files.nothing())
            continue
        requests[command.request_id] = False
        file.case.answer(file.referral, request_id=command.request_id, still_waiting=any(requests.values()))
        await tx.requests.answer(command.request_id, command.answer, by=command.caller.subject, at=tx.now)
        outcomes.append(_told(file, "information-provided", command, tx))
    await tx.cases.save(files.touched(known.values()))
    return outcomes


def _may_not_ask(command: RequestInformation, file: File | None, tx: Tx) -> Refusal | None:
    if file is None or not file.exists_for(command.caller):
        return files.nothing()
    if not file.is_worked_by(command.caller):
        return NotTheirsToDo("Whoever works the case asks for more.")
    if not file.referral.active:
        return OutOfTurn(file.referral.status)
    if command.due_on < day_of(tx.now):
        return DueInThePast("Give them until today at least.", pointer="/due_on")
    return None


def _may_not_answer(command: ProvideInformation, file: File | None, waiting: bool | None) -> Refusal | None:
    if file is None or waiting is None or not file.exists_for(command.caller):
        return files.nothing()
    if not file.is_of(command.caller):
        return NotTheirsToDo("The organisation that sent the referral answers.")
    if not waiting:
        return AlreadyAnswered()
    if not file.referral.active:
        return OutOfTurn(file.referral.status)
    return None


def _readers(file: File) -> tuple[str, ...]:
    working = present(file.case.participants, roles=WORKING_ROLES)
    return tuple(sorted({file.referral.organisation_id, *working}))


def _told(file: File, action: str, command: RequestInformation | ProvideInformation, tx: Tx) -> Changed:
    said = tuple(file.case.told())
    for event in said:
        tx.emit(event, cause=command.cause)
    tx.audit(
        action=action,
        what="referral",
        what_id=command.referral_id,
        caller=command.caller,
        case_id=file.case.case_id,
        correlation_id=command.cause.correlation_id,
    )
    return Changed(file, (), said)
