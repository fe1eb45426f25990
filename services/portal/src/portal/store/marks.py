"""What was seen up to when, and why somebody looked."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from chassis.transaction import Transaction

_SEEN: Final = """
INSERT INTO seen (subject, case_id, at) VALUES ($1, $2, $3)
ON CONFLICT (subject, case_id) DO UPDATE SET at = greatest(seen.at, excluded.at)
"""
_GIVEN: Final = """
INSERT INTO reason (subject, case_id, reason, ends_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (subject, case_id) DO UPDATE SET reason = excluded.reason, ends_at = excluded.ends_at
"""


class Marks:
    """By person and case."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def seen(self, subject: str, case_ids: Sequence[str]) -> dict[str, datetime]:
        """Case -> up to when this person has seen its story."""
        rows = await self._tx.rows(
            "SELECT case_id, at FROM seen WHERE subject = $1 AND case_id = ANY($2::text[])", subject, list(case_ids)
        )
        return {row["case_id"]: row["at"] for row in rows}

    async def mark(self, subject: str, case_id: str, at: datetime) -> None:
        """This person has seen the case's story up to then."""
        await self._tx.rows(_SEEN, subject, case_id, at)

    async def reason(self, subject: str, case_id: str, *, now: datetime) -> str | None:
        """Why this person looks at this case, as long as it holds."""
        rows = await self._tx.rows(
            "SELECT reason FROM reason WHERE subject = $1 AND case_id = $2 AND ends_at > $3", subject, case_id, now
        )
        return rows[0]["reason"] if rows else None

    async def give_reason(self, subject: str, case_id: str, reason: str, *, ends_at: datetime) -> None:
        """This person has said why."""
        await self._tx.rows(_GIVEN, subject, case_id, reason, ends_at)
