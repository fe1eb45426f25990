"""One transaction: what is done, what is said about it (outbox) and who did it (audit), together or not at all.

Handlers get a `Transaction` and work in it; `Database.transaction` opens it and commits as its block closes. To speak
is `tx.emit(event)`: the outbox rows are written last, after every row they speak of, under the subject's head row.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import asyncpg
import sqlalchemy as sa
from schemas.event import Event
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.auth import Caller
from chassis.bulk import insert_arguments, insert_sql
from chassis.cause import Cause
from chassis.clock import new_id, wall_now
from chassis.errors import TooLarge
from chassis.tables import ChassisTables

#: Adds the outbox rows of one transaction. Heads first (sorted, so that no two wait for each other), then rows: an id
#: drawn before the head is won would let a later event overtake.
_HEADS = """
INSERT INTO subject_head (source, subject, last_sequence)
SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[]) AS i(source, subject, n) ORDER BY i.source, i.subject
ON CONFLICT (source, subject) DO UPDATE SET last_sequence = subject_head.last_sequence + excluded.last_sequence
RETURNING source, subject, last_sequence
"""
_OUTBOX = """
INSERT INTO outbox (day, id, event_id, topic, source, subject, sequence, type, time, dataschema,
                    correlation_id, causation_id, traceparent, data)
SELECT $1::date, nextval('outbox_id'), e.*
FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::timestamptz[], $9::text[],
            $10::text[], $11::text[], $12::text[], $13::bytea[]) AS e
"""
_FORGET = """
UPDATE idempotency SET status = 404, headers = '{}', body = ''
WHERE EXISTS (SELECT 1 FROM unnest($1::text[]) AS named WHERE position(convert_to(named, 'UTF8') IN body) > 0)
"""
_LOCK = "SELECT 1 FROM subject_head WHERE source = $1 AND subject = ANY($2::text[]) ORDER BY subject FOR UPDATE"


#: Far below what any log takes, envelope included.
MAX_EVENT_BYTES: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class Forwarded:
    """What somebody said, told on another topic: the same id, type, subject and time; source and sequence are ours."""

    topic: str
    #: The source that it is told under, of ours alone.
    source: str
    #: From `Transaction.draw`, in this transaction.
    sequence: int
    id: str
    type: str
    subject: str
    time: datetime
    dataschema: str
    cause: Cause
    data: bytes


class Transaction:
    """Handed to handlers. Services subclass it in `store.py` and hang their repositories on it."""

    def __init__(
        self,
        connection: AsyncConnection,
        driver: asyncpg.Connection,
        tables: ChassisTables,
        *,
        source: str,
        now: datetime,
    ) -> None:
        self.connection = connection
        self.tables = tables
        self.source = source
        #: Business time, the same for the whole transaction.
        self.now = now
        #: What will be said if this commits; tests may look.
        self.emitted: list[tuple[Event, Cause]] = []
        #: What will be told on.
        self.forwarded: list[Forwarded] = []
        #: Whether what this writes is waited for though nothing is said: after the commit, who waits is woken.
        self.rings = False
        self._driver = driver
        self._audit: list[dict[str, Any]] = []

    @property
    def speaks(self) -> bool:
        """Whether anything will be said if this commits."""
        return bool(self.emitted or self.forwarded)

    async def rows(self, sql: str, *arguments: object) -> list[asyncpg.Record]:
        """Run one statement on the driver itself: `$1` parameters, lists for arrays. The hot path.

        JSON goes in as text (`$1::jsonb`) and comes back as Python values.
        """
        return await self._driver.fetch(sql, *arguments)

    async def execute(self, statement: sa.Executable) -> sa.CursorResult[Any]:
        """Run a SQLAlchemy Core statement."""
        return await self.connection.execute(statement)

    async def insert(
        self,
        table: sa.Table,
        rows: Sequence[Mapping[str, Any]],
        *,
        conflict: Sequence[str] | None = None,
        update: Sequence[str] = (),
        returning: Sequence[str] = (),
    ) -> list[asyncpg.Record]:
        """Insert many rows by one statement; every row has the same columns.

        `conflict` names the unique columns to tolerate: rows that are there stay as they are, or take the `update`
        columns of the new row. `returning` columns come back for the rows that were written.
        """
        if not rows:
            return []
        columns = tuple(rows[0])
        sql = insert_sql(table, columns, None if conflict is None else tuple(conflict), tuple(update), tuple(returning))
        return await self.rows(sql, *insert_arguments(table, columns, rows))

    async def lock_subjects(self, subjects: Iterable[str]) -> None:
        """Keep everybody else from speaking of these until this ends. First thing when changing what exists."""
        await self.rows(_LOCK, self.source, sorted(set(subjects)))

    def emit(self, event: Event, cause: Cause) -> None:
        """Say that something has happened. Written with the data, published after the commit."""
        self.emitted.append((event, cause))

    async def draw(self, counts: Mapping[tuple[str, str], int]) -> dict[tuple[str, str], int]:
        """The next sequences of these (source, subject), so many each; returns the first of each.

        Nobody else draws of them until this ends, so that they are contiguous in the order of the commits.
        """
        heads = sorted(counts)
        locked = await self.rows(_HEADS, [h[0] for h in heads], [h[1] for h in heads], [counts[h] for h in heads])
        return {
            (row["source"], row["subject"]): row["last_sequence"] - counts[row["source"], row["subject"]] + 1
            for row in locked
        }

    def forward(self, events: Iterable[Forwarded]) -> None:
        """Tell on what others have said. Written with the data, published after the commit."""
        self.forwarded.extend(events)

    async def forget_answers(self, about: Iterable[str]) -> None:
        """What was answered about these is kept for no retry any more: whoever retries finds nothing."""
        await self.rows(_FORGET, sorted(set(about)))

    def audit(
        self,
        *,
        action: str,
        what: str,
        what_id: str,
        caller: Caller | None,
        case_id: str | None = None,
        reason: str | None = None,
        organisations: Sequence[str] = (),
        correlation_id: str | None = None,
    ) -> None:
        """Note who reads or writes personal data. No values, only ids."""
        self._audit.append(
            {
                "at": wall_now(),
                "actor": caller.subject if caller else self.source,
                "client_id": caller.client_id if caller else None,
                "organisation": caller.organisation if caller else None,
                "action": action,
                "what": what,
                "what_id": what_id,
                "case_id": case_id,
                "reason": reason,
                "correlation_id": correlation_id,
                "organisations": list(organisations) or ([caller.organisation] if caller else []),
            }
        )

    async def set_deadline(
        self,
        kind: str,
        subject: str,
        due_at: datetime,
        *,
        cause: Cause,
        payload: Mapping[str, Any] | None = None,
    ) -> None:
        """Ask to be called at a business time. The same (kind, subject) again moves it."""
        await self.insert(
            self.tables.deadline,
            [
                {
                    "kind": kind,
                    "subject": subject,
                    "due_at": due_at,
                    "payload": dict(payload or {}),
                    "correlation_id": cause.correlation_id,
                    "attempts": 0,
                    "retry_at": None,
                }
            ],
            conflict=("kind", "subject"),
            update=("due_at", "payload", "correlation_id", "attempts", "retry_at"),
        )

    async def cancel_deadline(self, kind: str, subject: str) -> None:
        """No longer ask. Nothing happens when it was not set or has fired."""
        await self.rows("DELETE FROM deadline WHERE kind = $1 AND subject = $2", kind, subject)

    async def close(self) -> None:
        """Write what was said and noted. Called by the edge, last thing before the commit."""
        if self._audit:
            await self.insert(self.tables.audit, self._audit)
        if self.speaks:
            await self._write_outbox()

    async def _write_outbox(self) -> None:
        counts: dict[tuple[str, str], int] = {}
        for event, _ in self.emitted:
            head = (event.on_topic().source, event.subject)
            counts[head] = counts.get(head, 0) + 1
        next_sequence = await self.draw(counts) if counts else {}
        columns: tuple[list[Any], ...] = tuple([] for _ in range(12))
        for event, cause in self.emitted:
            data = event.to_json()
            if len(data) > MAX_EVENT_BYTES:
                # Refused here, before it is promised: in the outbox it would hold up the relay for ever.
                raise TooLarge("What would have to be said about this is too much for one event.")
            topic = event.on_topic()
            head = (topic.source, event.subject)
            row: tuple[Any, ...] = (
                new_id(), topic.name, topic.source, event.subject, next_sequence[head], event.type, self.now,
                event.dataschema(), cause.correlation_id, cause.causation_id, cause.traceparent, data,
            )  # fmt: skip
            next_sequence[head] += 1
            for column, value in zip(columns, row, strict=True):
                column.append(value)
        for told in self.forwarded:
            row = (
                told.id, told.topic, told.source, told.subject, told.sequence, told.type, told.time, told.dataschema,
                told.cause.correlation_id, told.cause.causation_id, told.cause.traceparent, told.data,
            )  # fmt: skip
            for column, value in zip(columns, row, strict=True):
                column.append(value)
        await self.rows(_OUTBOX, wall_now().date(), *columns)
