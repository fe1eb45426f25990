"""What leaves the house: items that wait for their hour, letters on their way, receipts."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from chassis.actions import lock_number
from chassis.clock import new_id
from chassis.transaction import Transaction

from notifier.domain.post import Attempt, State
from notifier.tables import letter

#: Letters are made of items by one at a time: nobody's digest falls into two.
_FORMING: Final = lock_number("notifier\0forming letters")
_CLAIM: Final = """
UPDATE letter SET attempts = attempts + 1, next_at = $2,
                  message_id = coalesce(message_id, '<' || id || '@' || $3 || '>')
WHERE id IN (SELECT id FROM letter WHERE state = 'waiting' AND channel = ANY($5::text[]) AND next_at <= $1
             AND (urgent OR NOT $4)
             ORDER BY urgent DESC, next_at LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING id, channel, person_id, language, urgent, wakes, message_id, asked_at, attempts
"""


@dataclass(frozen=True, slots=True)
class LetterItem:
    """One line of a letter."""

    notification_id: str
    case_id: str
    rule: str
    subject: str
    text: str
    correlation_id: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """An item whose hour has come."""

    notification_id: str
    channel: str
    person_id: str
    case_id: str
    language: str
    urgent: bool
    wakes: bool


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter that is being tried."""

    id: str
    channel: str
    person_id: str
    language: str
    urgent: bool
    wakes: bool
    message_id: str
    asked_at: datetime
    #: Which attempt this is, from 1.
    attempts: int
    #: What it tells of, the oldest first.
    items: tuple[LetterItem, ...] = ()


@dataclass(frozen=True, slots=True)
class Addressee:
    """Where somebody's letters go, as the directory says now."""

    #: None: the directory has said nothing of them yet.
    email: str | None
    mobile: str | None
    #: False: they have left, have no address, or switched letters off.
    wants_it: bool
    #: False: they have left.
    active: bool = True


class Post:
    """Repository of letters."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def due_items(self, *, until: datetime | None, channels: Collection[str], limit: int) -> list[Waiting]:
        """Items whose hour has come (None: all), for whoever alone makes letters now; none for anybody else."""
        won = await self._tx.rows("SELECT pg_try_advisory_xact_lock($1) AS won", _FORMING)
        if not won[0]["won"]:
            return []
        rows = await self._tx.rows(
            "SELECT notification_id, channel, person_id, case_id, language, urgent, wakes FROM letter_item"
            " WHERE letter_id IS NULL AND channel = ANY($1::text[]) AND ($2::timestamptz IS NULL OR leaves_at <= $2)"
            " ORDER BY leaves_at, person_id, at, notification_id LIMIT $3 FOR UPDATE SKIP LOCKED",
            list(channels), until, limit,
        )  # fmt: skip
        return [Waiting(**dict(row)) for row in rows]

    async def drop_unoffered(self, channels: Collection[str], rooms: Collection[str]) -> None:
        """What would go by a channel or into a room that we have not got."""
        await self._tx.rows(
            "DELETE FROM letter_item WHERE letter_id IS NULL AND (NOT channel = ANY($1::text[])"
            " OR (channel = 'chat' AND NOT person_id = ANY($2::text[])))",
            list(channels), list(rooms),
        )  # fmt: skip

    async def form(self, bundles: Sequence[Sequence[Waiting]], now: datetime) -> None:
        """Make a letter of each bundle of items; a bundle is one person's, by one channel."""
        ids = [new_id() for _ in bundles]
        await self._tx.insert(
            letter,
            [
                {
                    "id": id,
                    "channel": bundle[0].channel,
                    "person_id": bundle[0].person_id,
                    "language": bundle[0].language,
                    "urgent": any(item.urgent for item in bundle),
                    "wakes": any(item.wakes for item in bundle),
                    "state": State.WAITING.value,
                    "asked_at": now,
                    "attempts": 0,
                    "next_at": now,
                }
                for id, bundle in zip(ids, bundles, strict=True)
            ],
        )
        of = [(item.notification_id, item.channel, id) for id, b in zip(ids, bundles, strict=True) for item in b]
        await self._tx.rows(
            "UPDATE letter_item t SET letter_id = i.letter_id"
            " FROM unnest($1::text[], $2::text[], $3::text[]) AS i(notification_id, channel, letter_id)"
            " WHERE t.notification_id = i.notification_id AND t.channel = i.channel",
            *([row[n] for row in of] for n in range(3)),
        )

    async def claim(
        self, *, now: datetime, until: datetime, domain: str, urgent_only: bool, channels: Collection[str]
    ) -> Letter | None:
        """Take a letter that is due, an urgent one first; nobody else takes it before `until`."""
        rows = await self._tx.rows(_CLAIM, now, until, domain, urgent_only, list(channels))
        return Letter(**dict(rows[0]), items=await self.items(rows[0]["id"])) if rows else None

    async def items(self, letter_id: str) -> tuple[LetterItem, ...]:
        """What a letter tells of, the oldest first."""
        rows = await self._tx.rows(
            "SELECT notification_id, case_id, rule, subject, text, correlation_id FROM letter_item"
            " WHERE letter_id = $1 ORDER BY at, notification_id",
            letter_id,
        )
        return tuple(LetterItem(**dict(row)) for row in rows)

    async def addressee(self, person_id: str) -> Addressee:
        """Where somebody's letters go."""
        rows = await self._tx.rows(
            "SELECT p.email, w.mobile, coalesce(w.email, true)"
            " AND (p.person_id IS NULL OR (p.active AND p.email IS NOT NULL)) AS wants_it,"
            " coalesce(p.active, true) AS active FROM (SELECT $1 AS id) AS i LEFT JOIN person p ON p.person_id = i.id"
            " LEFT JOIN preference w ON w.person_id = i.id",
            person_id,
        )
        return Addressee(rows[0]["email"], rows[0]["mobile"], rows[0]["wants_it"], rows[0]["active"])

    async def receive(self, letter: Letter, result: Attempt, at: datetime) -> None:
        """Keep the receipt of an attempt, whatever the letter's state by now; not of a letter that was erased."""
        await self._tx.rows(
            "INSERT INTO attempt (letter_id, number, at, answer, stage, code, reply)"
            " SELECT id, $2, $3, $4, $5, $6, $7 FROM letter WHERE id = $1 ON CONFLICT DO NOTHING",
            letter.id, letter.attempts, at, result.answer.value, result.stage.value, result.code, result.reply,
        )  # fmt: skip

    async def end(self, letter: Letter, state: State, at: datetime, *, reason: str | None = None) -> bool:
        """A letter has come to its end. False: it had already, or is gone; an end is never taken back."""
        rows = await self._tx.rows(
            "UPDATE letter SET state = $2, ended_at = $3, reason = $4 WHERE id = $1 AND state = 'waiting' RETURNING id",
            letter.id, state.value, at, reason,
        )  # fmt: skip
        return bool(rows)

    async def postpone(self, letter: Letter, next_at: datetime) -> None:
        """Try a letter again later, unless somebody else has it by now."""
        await self._tx.rows(
            "UPDATE letter SET next_at = $2 WHERE id = $1 AND state = 'waiting' AND attempts = $3",
            letter.id, next_at, letter.attempts,
        )  # fmt: skip

    async def put_off(self, letter: Letter, next_at: datetime) -> None:
        """Not now: it was claimed but not tried."""
        await self._tx.rows(
            "UPDATE letter SET next_at = $2, attempts = attempts - 1"
            " WHERE id = $1 AND state = 'waiting' AND attempts = $3",
            letter.id, next_at, letter.attempts,
        )  # fmt: skip

    async def unanswered(self, channels: Collection[str], *, since: datetime, until: datetime) -> list[Letter]:
        """Letters that left between two instants and of which their carrier has said nothing more, oldest first."""
        rows = await self._tx.rows(
            "SELECT id, channel, person_id, language, urgent, wakes, message_id, asked_at, attempts FROM letter"
            " WHERE state = 'sent' AND receipt IS NULL AND channel = ANY($1::text[]) AND ended_at BETWEEN $2 AND $3"
            " ORDER BY ended_at LIMIT 100",
            list(channels), since, until,
        )  # fmt: skip
        return [Letter(**dict(row)) for row in rows]

    async def by_id(self, letter_id: str) -> Letter | None:
        """A letter, whatever its state."""
        rows = await self._tx.rows(
            "SELECT id, channel, person_id, language, urgent, wakes, coalesce(message_id, '') AS message_id, asked_at,"
            " attempts FROM letter WHERE id = $1",
            letter_id,
        )
        return Letter(**dict(rows[0]), items=await self.items(letter_id)) if rows else None

    async def receipt(self, letter_id: str, said: str, at: datetime) -> State | None:
        """What a channel says of a letter afterwards; its first final word counts.

        Returns where the letter was until then, which is `waiting` when the receipt was faster than our own note; None
        when nothing changed.
        """
        rows = await self._tx.rows(
            "WITH was AS (SELECT id, state FROM letter WHERE id = $1 FOR UPDATE)"
            " UPDATE letter l SET receipt = $2, receipt_at = $3, ended_at = coalesce(l.ended_at, $3),"
            " state = CASE WHEN $2 = 'delivered' THEN 'sent' ELSE 'failed' END FROM was"
            " WHERE l.id = was.id AND l.receipt IS NULL AND was.state IN ('waiting', 'sent') RETURNING was.state",
            letter_id, said, at,
        )  # fmt: skip
        return State(rows[0]["state"]) if rows else None
