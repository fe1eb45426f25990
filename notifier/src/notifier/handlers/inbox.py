"""What people do with their inbox: read it, see to what it says, put right what kept others from it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from chassis.cause import Cause
from chassis.errors import Conflict, NotFound, Refusal
from schemas.notification import NotificationDelivered

from notifier import queries
from notifier.domain.rules import Channel
from notifier.store import Tx


@dataclass(frozen=True, slots=True)
class Mark:
    """Somebody marks a line of their own as read or unread."""

    id: str
    person_id: str
    read: bool
    cause: Cause


@dataclass(frozen=True, slots=True)
class Claim:
    """Somebody says that they see to what a line tells of, or gives it back."""

    id: str
    person_id: str
    take: bool


@dataclass(frozen=True, slots=True)
class Finish:
    """Somebody has put something right."""

    task_id: str
    person_id: str


async def mark(commands: Sequence[Mark], tx: Tx) -> Sequence[Any | Refusal]:
    """Mark lines. The first reading is the delivery; marking it unread later does not undo that."""
    cases = await tx.inbox.cases_of([c.id for c in commands])
    await tx.lock_subjects(cases.values())
    # The last word of several about the same line in one batch counts.
    last = {(c.id, c.person_id): c for c in commands}
    marked = await tx.inbox.mark([(c.id, c.person_id, c.read) for c in last.values()])
    for (id, person_id), first in marked.items():
        if first:
            tx.emit(
                NotificationDelivered(
                    case_id=cases[id], notification_id=id, channel=Channel.IN_APP.value, person_id=person_id
                ),
                last[id, person_id].cause,
            )
    lines = {key: await queries.one(tx, *key) for key in marked}
    return [lines.get((c.id, c.person_id)) or NotFound() for c in commands]


class ClaimedBySomebody(Conflict):
    """A colleague sees to it."""

    code = "claimed-by-somebody"


async def claim(commands: Sequence[Claim], tx: Tx) -> Sequence[Any | Refusal]:
    """See to what lines tell of; colleagues who were told of the same see who does."""
    cases = await tx.inbox.cases_of([c.id for c in commands])
    await tx.lock_subjects(cases.values())
    answers: list[Any | Refusal] = []
    for c in commands:
        # One after the other: two of them may be about the same fact, and the first one has it.
        done = await tx.inbox.claim([(c.id, c.person_id, c.take)])
        line = await queries.one(tx, c.id, c.person_id)
        if line is None:
            answers.append(NotFound())
        elif (c.id, c.person_id) not in done:
            answers.append(ClaimedBySomebody("A colleague sees to this. Ask them to give it back."))
        else:
            answers.append(line)
    return answers


@dataclass(frozen=True, slots=True)
class ClaimTask:
    """Somebody of the desk takes a task."""

    task_id: str
    person_id: str


async def claim_task(commands: Sequence[ClaimTask], tx: Tx) -> Sequence[Refusal | None]:
    """Take tasks; a task that a colleague has is theirs."""
    first = {c.task_id: c.person_id for c in reversed(commands)}
    rows = await tx.rows(
        "UPDATE task t SET claimed_by = i.person_id, claimed_at = coalesce(t.claimed_at, $3)"
        " FROM unnest($1::text[], $2::text[]) AS i(id, person_id)"
        " WHERE t.id = i.id AND t.done_at IS NULL AND (t.claimed_by IS NULL OR t.claimed_by = i.person_id)"
        " RETURNING t.id",
        list(first), list(first.values()), tx.now,
    )  # fmt: skip
    taken = {row["id"] for row in rows}
    there = await tx.rows(
        "SELECT id FROM task WHERE id = ANY($1::text[]) AND done_at IS NULL", [c.task_id for c in commands]
    )
    known = {row["id"] for row in there}
    return [
        None
        if c.task_id in taken and first[c.task_id] == c.person_id
        else ClaimedBySomebody("A colleague has this task.")
        if c.task_id in known
        else NotFound()
        for c in commands
    ]


async def finish(commands: Sequence[Finish], tx: Tx) -> Sequence[Refusal | None]:
    """Take tasks off the desk's list. A place that still has nobody comes back with the next fact."""
    rows = await tx.rows(
        "UPDATE task t SET done_at = $3, done_by = i.person_id FROM unnest($1::text[], $2::text[]) AS i(id, person_id)"
        " WHERE t.id = i.id AND t.done_at IS NULL RETURNING t.id",
        [c.task_id for c in commands], [c.person_id for c in commands], tx.now,
    )  # fmt: skip
    done = {row["id"] for row in rows}
    return [None if c.task_id in done else NotFound() for c in commands]
