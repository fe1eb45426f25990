"""What waits until nobody changes their mind any more."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from chassis.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Batch:
    """One thing to be done to several resources."""

    id: str
    subject: str
    name: str
    #: Each with `reference`, `href`, `etag`, `body`.
    steps: Sequence[dict[str, Any]]
    state: str
    begins_at: datetime
    #: One for each step, once it is done: None, or why it was refused.
    results: Sequence[str | None] | None = None


class Batches:
    """Batches of a person."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def add(self, batch: Batch) -> None:
        """Something waits."""
        await self._tx.rows(
            "INSERT INTO batch (id, subject, name, steps, state, begins_at) VALUES ($1, $2, $3, $4::jsonb, $5, $6)",
            batch.id,
            batch.subject,
            batch.name,
            orjson.dumps(list(batch.steps)).decode(),
            batch.state,
            batch.begins_at,
        )

    async def find(self, id: str, subject: str) -> Batch | None:
        """One of this person's."""
        rows = await self._tx.rows("SELECT * FROM batch WHERE id = $1 AND subject = $2", id, subject)
        return Batch(**rows[0]) if rows else None

    async def turn(self, id: str, subject: str, *, was: str, to: str) -> bool:
        """It is now something else; False when it no longer was what it was thought to be."""
        rows = await self._tx.rows(
            "UPDATE batch SET state = $4 WHERE id = $1 AND subject = $2 AND state = $3 RETURNING id",
            id,
            subject,
            was,
            to,
        )
        return bool(rows)

    async def finish(self, id: str, results: Sequence[str | None]) -> None:
        """All its steps were tried."""
        await self._tx.rows(
            "UPDATE batch SET state = 'done', results = $2::jsonb WHERE id = $1",
            id,
            orjson.dumps(list(results)).decode(),
        )
