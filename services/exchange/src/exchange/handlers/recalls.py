"""Recalls: what was told does not stand, or must not be kept. Every recipient is told, answers, or is shown."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final

from chassis.auth import Caller
from chassis.cause import Cause
from chassis.clock import new_id
from chassis.deadlines import Due
from chassis.errors import Conflict, FieldError, Invalid, NotFound, Refusal
from schemas.codes import registry
from schemas.exchange import RecallAcknowledged, RecallIssued, RecallOverdue

from exchange.domain.days import day_of, end_of
from exchange.policy import recall_days
from exchange.store import Tx
from exchange.store.ledger import Recall

RECALL_DUE: Final = "recall-due"


class NobodyWasTold(Conflict):
    """There is nothing to recall."""

    code = "nobody-was-told"


@dataclass(frozen=True, slots=True)
class IssueRecall:
    """An officer recalls."""

    caller: Caller
    cause: Cause
    case_id: str
    reason: str
    event_ids: tuple[str, ...]
    answer_by: date | None
    id: str = field(default_factory=new_id)


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """A recipient says that it has done what a recall asks."""

    caller: Caller
    cause: Cause
    recall_id: str


async def issue_recalls(commands: Sequence[IssueRecall], tx: Tx) -> list[Recall | Refusal]:
    """What was told of cases is recalled."""
    answers: list[Recall | Refusal] = []
    for command in commands:
        try:
            answers.append(await _issue(command, tx))
        except Refusal as refusal:
            answers.append(refusal)
    return answers


async def _issue(command: IssueRecall, tx: Tx) -> Recall:
    today = day_of(tx.now)
    days, before = recall_days(today)
    answer_by = command.answer_by or today + timedelta(days=days)
    flaws = []
    if not registry("recall-reasons").valid(command.reason, on=today):
        flaws.append(FieldError("/reason", "unknown-code", "Not one of the registry recall-reasons."))
    if answer_by < today:
        flaws.append(FieldError("/answer_by", "in-the-past", "The last day to answer has passed."))
    if flaws:
        raise Invalid("The recall cannot be so; see errors.", errors=flaws)
    told = (await tx.ledger.recipients([command.case_id], events=command.event_ids)).get(command.case_id, [])
    streams = await tx.streams.find(told)
    if not streams:
        raise NobodyWasTold("Nobody outside was told of this: there is nothing to recall.")
    # A sector's feed belongs to no one organisation: the feed stands for whoever reads it.
    recipients = sorted({kept.stream.organisation_id or kept.id for kept in streams.values()})
    recall = Recall(
        id=command.id,
        case_id=command.case_id,
        reason=command.reason,
        event_ids=command.event_ids,
        answer_by=answer_by,
        issued_at=tx.now,
        issued_by=command.caller.subject,
        recipients=tuple((organisation, None) for organisation in recipients),
    )
    await tx.ledger.add_recall(recall)
    tx.emit(
        RecallIssued(
            case_id=recall.case_id, recall_id=recall.id, reason=recall.reason, event_ids=recall.event_ids,
            answer_by=answer_by,
        ),
        command.cause,
    )  # fmt: skip
    remind_at = max(tx.now, end_of(answer_by - timedelta(days=before + 1)))
    await tx.set_deadline(RECALL_DUE, recall.id, remind_at, cause=command.cause)
    tx.audit(
        action="recall", what="case", what_id=recall.id, case_id=recall.case_id, caller=command.caller,
        reason=recall.reason, organisations=recipients, correlation_id=command.cause.correlation_id,
    )  # fmt: skip
    return recall


async def acknowledge_recalls(commands: Sequence[Acknowledge], tx: Tx) -> list[Recall | Refusal]:
    """Recipients answer. Whoever answered before is answered the same."""
    answers: list[Recall | Refusal] = []
    for command in commands:
        recall = await tx.ledger.recall(command.recall_id)
        names = await _names(command.caller, tx) & {name for name, _ in recall.recipients} if recall else set()
        if recall is None or not names:
            answers.append(NotFound())
            continue
        for name in sorted(names):
            if await tx.ledger.acknowledge(recall.id, name, command.caller.subject, tx.now):
                tx.emit(
                    RecallAcknowledged(case_id=recall.case_id, recall_id=recall.id, organisation_id=name),
                    command.cause,
                )
        tx.audit(
            action="acknowledge-recall", what="recall", what_id=recall.id, case_id=recall.case_id,
            caller=command.caller, correlation_id=command.cause.correlation_id,
        )  # fmt: skip
        answers.append(await tx.ledger.recall(recall.id) or recall)
    return answers


async def _names(caller: Caller, tx: Tx) -> set[str]:
    """Under which names a caller's organisation receives: its own, and its sector's feed where it is the county's."""
    names = {caller.organisation}
    for agreement in await tx.agreements.some(caller.organisation, after="", limit=1_000):
        if agreement.county_wide and agreement.holds(day_of(tx.now)):
            names.add(f"{agreement.sector}-feed")
    return names


async def answerable(caller: Caller, tx: Tx) -> set[str]:
    """The names under which a caller answers recalls."""
    return await _names(caller, tx)


async def recalls_come_due(due: Sequence[Due], tx: Tx) -> None:
    """The last day of recalls is near or has come: who has not answered is named."""
    for each in due:
        recall = await tx.ledger.recall(each.subject)
        if recall is None or not recall.open:
            continue
        tx.emit(RecallOverdue(case_id=recall.case_id, recall_id=recall.id, organisation_ids=recall.open), each.cause)
        end = end_of(recall.answer_by)
        if tx.now < end:
            await tx.set_deadline(RECALL_DUE, recall.id, end, cause=each.cause)
