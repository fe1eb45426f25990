"""What was said, whole, for as long as it may be told; and each projection of it, once."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson
from chassis.cause import Cause
from chassis.subscription import Received
from chassis.transaction import Transaction

from exchange.tables import event


@dataclass(frozen=True, slots=True)
class Said:
    """An event as it is kept here."""

    id: str
    type: str
    subject: str
    time: datetime
    #: As its speaker's: of the event itself, not of what follows from it.
    cause: Cause
    data: Mapping[str, Any]
    position: int = 0

    @classmethod
    def of(cls, received: Received[Any], causation_id: str | None = None) -> "Said":
        """What arrived; what caused it is not told on by the log, and need not be."""
        cause = Cause(received.cause.correlation_id, causation_id, received.cause.traceparent)
        data = received.event.model_dump(mode="json", exclude_none=True)
        return cls(received.id, received.type, received.subject, received.time, cause, data)


_COLUMNS: Final = "id, position, type, subject, time, correlation_id, causation_id, traceparent, data"
_HELD: Final = f"SELECT {_COLUMNS} FROM event WHERE subject = ANY($1::text[]) AND held ORDER BY position"
_FIND: Final = f"SELECT {_COLUMNS} FROM event WHERE id = ANY($1::text[]) AND data IS NOT NULL"
_BETWEEN: Final = f"""
SELECT {_COLUMNS} FROM event
WHERE position > $1 AND position <= $2 AND NOT held AND data IS NOT NULL
  AND ($3::text IS NULL OR subject = $3) AND ($4::timestamptz IS NULL OR time >= $4)
  AND ($5::timestamptz IS NULL OR time < $5)
ORDER BY position LIMIT $6
"""


class Events:
    """What was said."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def keep(self, said: Sequence[Said], *, held: bool = False) -> None:
        """Keep these; those that are there stay as they are."""
        await self._tx.insert(
            event,
            [
                {
                    "id": one.id, "type": one.type, "subject": one.subject, "time": one.time,
                    "correlation_id": one.cause.correlation_id, "causation_id": one.cause.causation_id,
                    "traceparent": one.cause.traceparent, "data": orjson.dumps(one.data), "held": held,
                }
                for one in said
            ],
            conflict=("id",),
        )  # fmt: skip

    async def let_go(self, subjects: Collection[str]) -> list[Said]:
        """What was held of these cases, in the order in which it came; held no more."""
        rows = await self._tx.rows(_HELD, sorted(subjects))
        if rows:
            ids = [row["id"] for row in rows]
            await self._tx.rows("UPDATE event SET held = false WHERE id = ANY($1::text[])", ids)
        return [_said(row) for row in rows]

    async def find(self, ids: Collection[str]) -> dict[str, Said]:
        """Those of these that are still kept."""
        return {row["id"]: _said(row) for row in await self._tx.rows(_FIND, sorted(ids))}

    async def between(
        self, after: int, last: int, *, case_id: str | None, since: datetime | None, until: datetime | None, limit: int
    ) -> list[Said]:
        """What was said between two positions, of a case, in a time."""
        return [_said(row) for row in await self._tx.rows(_BETWEEN, after, last, case_id, since, until, limit)]

    async def last_position(self) -> int:
        """The newest event's position."""
        [row] = await self._tx.rows("SELECT coalesce(max(position), 0) AS last FROM event")
        return int(row["last"])

    async def erase(self, subjects: Collection[str]) -> None:
        """Keep nothing of what was said of these cases."""
        cases = sorted(subjects)
        await self._tx.rows(
            "DELETE FROM body WHERE event_id IN"
            " (SELECT id FROM event WHERE subject = ANY($1::text[]) AND NOT type = ANY($2::text[]))",
            cases, sorted(KEPT_WHEN_ERASED),
        )  # fmt: skip
        await self._tx.rows(
            "UPDATE event SET data = NULL, held = false WHERE subject = ANY($1::text[]) AND NOT type = ANY($2::text[])",
            cases, sorted(KEPT_WHEN_ERASED),
        )  # fmt: skip

    async def forget(self, before: datetime) -> None:
        """Drop what is past keeping. The ledger stays."""
        await self._tx.rows(
            "DELETE FROM body b USING event e WHERE e.id = b.event_id AND e.time < $1 AND NOT e.held", before
        )
        await self._tx.rows("DELETE FROM event WHERE time < $1 AND NOT held", before)


#: They say that something must be forgotten, and nothing else.
KEPT_WHEN_ERASED: Final = frozenset(
    {"jointly.case.erased.v1", "jointly.case.basis-withdrawn.v1", "jointly.recall.issued.v1"}
)


def _said(row: Any) -> Said:
    return Said(
        row["id"], row["type"], row["subject"], row["time"],
        Cause(row["correlation_id"], row["causation_id"], row["traceparent"]),
        orjson.loads(row["data"]) if row["data"] is not None else {}, row["position"],
    )  # fmt: skip
