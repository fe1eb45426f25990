"""Rights begin and end: agreements are recorded and lapse, organisations leave, and what rests on them stops."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final

from chassis.auth import Caller
from chassis.cause import Cause
from chassis.clock import wall_now
from chassis.deadlines import Due
from chassis.errors import Conflict, FieldError, Invalid, NotFound, PreconditionFailed, Refusal
from chassis.subscription import Received
from schemas.codes import registry
from schemas.directory import OrganisationChanged
from schemas.exchange import SubscriptionStopped

from exchange.domain.days import day_of, end_of
from exchange.policy import SECTORS
from exchange.store import Tx
from exchange.store.agreements import Agreement
from exchange.store.streams import Kept

AGREEMENT_ENDS: Final = "agreement-ends"
SUBSCRIPTION_ENDS: Final = "subscription-ends"


class AgreementKnown(Conflict):
    """There is an agreement of this id."""

    code = "agreement-known"


@dataclass(frozen=True, slots=True)
class RecordAgreement:
    """An officer records what was agreed."""

    caller: Caller
    cause: Cause
    agreement: Agreement


@dataclass(frozen=True, slots=True)
class EndAgreement:
    """An officer gives an agreement another last day."""

    caller: Caller
    cause: Cause
    id: str
    version: int
    until: date


async def record_agreements(commands: Sequence[RecordAgreement], tx: Tx) -> list[Agreement | Refusal]:
    """Agreements were made. One that is over already is recorded too: what rested on it can be seen."""
    answers: list[Agreement | Refusal] = []
    for command in commands:
        one = command.agreement
        flaws = _flaws(one, day_of(tx.now))
        if flaws:
            answers.append(Invalid("The agreement cannot be so; see errors.", errors=flaws))
        elif not await tx.agreements.add(one):
            answers.append(AgreementKnown(f"There is an agreement {one.id} already.", pointer="/id"))
        else:
            await tx.set_deadline(AGREEMENT_ENDS, one.id, end_of(one.until), cause=command.cause)
            _note(tx, command.caller, command.cause, "record-agreement", one)
            answers.append(one)
    return answers


def _flaws(one: Agreement, on: date) -> list[FieldError]:
    flaws = [
        FieldError(f"/{name}/{index}", "unknown-code", f"Not one of the registry {codes} on this day.")
        for name, codes, values in (
            ("purposes", "disclosure-purposes", one.purposes),
            ("bases", "basis-kinds", one.bases),
        )
        for index, value in enumerate(values)
        if not registry(codes).valid(value, on=on)
    ]
    if one.sector not in SECTORS:
        flaws.append(FieldError("/sector", "unknown-code", f"Must be one of {', '.join(SECTORS)}."))
    if one.until < one.since:
        flaws.append(FieldError("/until", "before-since", "Must not be before `since`."))
    return flaws


async def end_agreements(commands: Sequence[EndAgreement], tx: Tx) -> list[Agreement | Refusal]:
    """Agreements end on another day: earlier, or later. What rests on one that is over stops at once."""
    answers: list[Agreement | Refusal] = []
    for command in commands:
        one = await tx.agreements.find(command.id, lock=True)
        if one is None:
            answers.append(NotFound())
        elif one.version != command.version:
            answers.append(PreconditionFailed())
        elif command.until < one.since:
            answers.append(Invalid("It cannot end before it began.", pointer="/until"))
        else:
            await tx.agreements.end(one.id, command.until)
            await tx.set_deadline(AGREEMENT_ENDS, one.id, end_of(command.until), cause=command.cause)
            if command.until < day_of(tx.now):
                await _suspend(await tx.streams.resting_on(agreements=[one.id]), "agreement-ended", command.cause, tx)
            _note(tx, command.caller, command.cause, "end-agreement", one)
            answers.append(replace(one, until=command.until, version=one.version + 1))
    return answers


async def agreements_lapse(due: Sequence[Due], tx: Tx) -> None:
    """The last day of agreements has passed: what rests on them is suspended by itself."""
    for each in due:
        one = await tx.agreements.find(each.subject, lock=True)
        if one is None:
            continue
        if one.until >= day_of(tx.now):
            await tx.set_deadline(AGREEMENT_ENDS, one.id, end_of(one.until), cause=each.cause)
            continue
        await _suspend(await tx.streams.resting_on(agreements=[one.id]), "agreement-ended", each.cause, tx)


async def subscriptions_lapse(due: Sequence[Due], tx: Tx) -> None:
    """The last day of subscriptions has passed."""
    found = await tx.streams.find([each.subject for each in due], lock=True)
    for each in due:
        kept = found.get(each.subject)
        if kept is None or kept.state == "ended":
            continue
        if kept.until is not None and kept.until >= day_of(tx.now):
            await tx.set_deadline(SUBSCRIPTION_ENDS, kept.id, end_of(kept.until), cause=each.cause)
        else:
            await _suspend([kept], "subscription-ended", each.cause, tx)


async def note_organisations(events: Sequence[Received[OrganisationChanged]], tx: Tx) -> None:
    """Organisations that are not active any more hear nothing more."""
    left = [received for received in events if not received.event.active]
    if left:
        found = await tx.streams.resting_on(organisations=[received.subject for received in left])
        await _suspend(found, "organisation-left", left[0].cause, tx)


async def _suspend(kept: Sequence[Kept], reason: str, cause: Cause, tx: Tx) -> None:
    stopping = [one for one in kept if one.state not in {"suspended", "ended"}]
    await stop_streams(stopping, "suspended", reason, cause, tx)


async def stop_streams(kept: Sequence[Kept], state: str, reason: str, cause: Cause, tx: Tx) -> None:
    """These deliver no longer. Duties apart, what was on its way is withheld when the right to it is gone."""
    if not kept:
        return
    ids = [one.id for one in kept]
    await tx.streams.set_state(ids, state, reason)
    if state in {"suspended", "ended"}:
        unsent = await tx.ledger.unsent_of(ids)
        await tx.deliveries.withhold(unsent, wall_now())
        await tx.ledger.withhold(unsent, tx.now)
        await tx.replays.stop(ids)
    for one in kept:
        organisation = one.stream.organisation_id
        if organisation is not None and state != "ended":
            tx.emit(SubscriptionStopped(subscription_id=one.id, organisation_id=organisation, reason=reason), cause)


def _note(tx: Tx, caller: Caller, cause: Cause, action: str, one: Agreement) -> None:
    tx.audit(
        action=action, what="agreement", what_id=one.id, caller=caller, organisations=[one.organisation_id],
        correlation_id=cause.correlation_id,
    )  # fmt: skip


def is_of(caller: Caller, one: Any) -> bool:
    """Whether something is the caller's organisation's."""
    return bool(one.organisation_id == caller.organisation)
