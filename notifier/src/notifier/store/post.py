"""Letters on their way: what is due, what became of an attempt, and the receipts."""

from dataclasses import dataclass
from datetime import datetime

from chassis.transaction import Transaction

from notifier.domain.post import Attempt, State

_CLAIM = """
UPDATE letter SET attempts = attempts + 1, next_at = $2,
                  message_id = coalesce(message_id, '<' || id || '@' || $3 || '>')
WHERE id IN (SELECT id FROM letter WHERE state = 'waiting' AND next_at <= $1 AND (urgent OR NOT $4)
             ORDER BY urgent DESC, next_at LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING id, notification_id, person_id, case_id, rule, subject, text, urgent, message_id, asked_at, attempts,
          correlation_id
"""


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter that is being tried."""

    id: str
    notification_id: str
    person_id: str
    case_id: str
    rule: str
    subject: str
    text: str
    urgent: bool
    message_id: str
    asked_at: datetime
    #: Which attempt this is, from 1.
    attempts: int
    correlation_id: str


@dataclass(frozen=True, slots=True)
class Addressee:
    """Where somebody's letters go, as the directory says now."""

    #: None: the directory has said nothing of them yet.
    email: str | None
    #: False: they have left, have no address, or switched letters off.
    wants_it: bool


class Post:
    """Repository of letters."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def claim(self, *, now: datetime, until: datetime, domain: str, urgent_only: bool) -> Letter | None:
        """Take a letter that is due, an urgent one first; nobody else takes it before `until`."""
        rows = await self._tx.rows(_CLAIM, now, until, domain, urgent_only)
        return Letter(**dict(rows[0])) if rows else None

    async def addressee(self, person_id: str) -> Addressee:
        """Where somebody's letters go."""
        rows = await self._tx.rows(
            "SELECT p.email, coalesce(w.email, true)"
            " AND (p.person_id IS NULL OR (p.active AND p.email IS NOT NULL)) AS wants_it"
            " FROM (SELECT $1 AS id) AS i LEFT JOIN person p ON p.person_id = i.id"
            " LEFT JOIN preference w ON w.person_id = i.id",
            person_id,
        )
        return Addressee(rows[0]["email"], rows[0]["wants_it"])

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
