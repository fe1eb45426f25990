"""What people do with their inbox: read it, say how they want to be told, put right what kept others from it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from chassis.cause import Cause
from chassis.errors import NotFound, PreconditionFailed, Refusal
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
class Wish:
    """Somebody says how they want to be told."""

    person_id: str
    email: bool
    #: The version that this replaces; 0: the first.
    version: int


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


async def wish(commands: Sequence[Wish], tx: Tx) -> Sequence[int | Refusal]:
    """Keep how people want to be told. Returns the new version."""
    first = {c.person_id: c for c in reversed(commands)}
    saved = await tx.people.save_preferences([(c.person_id, c.email, c.version) for c in first.values()])
    return [
        c.version + 1 if c.person_id in saved and first[c.person_id] is c else PreconditionFailed() for c in commands
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
