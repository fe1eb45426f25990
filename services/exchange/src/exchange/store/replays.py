"""What is told again, because its hearer asked."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from chassis.transaction import Transaction

from exchange.tables import replay


@dataclass(frozen=True, slots=True)
class Replay:
    """A replay on its way. What lies between the positions is looked at, with the rights of the moment."""

    id: str
    stream_id: str
    case_id: str | None
    since: datetime | None
    until: datetime | None
    position: int
    last_position: int
    told: int
    #: running, done or stopped.
    state: str
    asked_at: datetime


_NEXT: Final = """
SELECT * FROM replay WHERE state = 'running' AND NOT id = ANY($1::text[]) ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
"""


class Replays:
    """What is told again."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def add(self, one: Replay) -> None:
        """A new one."""
        await self._tx.insert(replay, [{column.name: getattr(one, column.name) for column in replay.columns}])

    async def running(self, stream_id: str) -> int:
        """How many a stream has on their way."""
        [row] = await self._tx.rows(
            "SELECT count(*) AS n FROM replay WHERE stream_id = $1 AND state = 'running'", stream_id
        )
        return int(row["n"])

    async def of(self, stream_id: str, limit: int) -> list[Replay]:
        """A stream's, the newest first."""
        rows = await self._tx.rows(
            "SELECT * FROM replay WHERE stream_id = $1 ORDER BY asked_at DESC, id DESC LIMIT $2", stream_id, limit
        )
        return [_replay(row) for row in rows]

    async def take(self, besides: list[str]) -> Replay | None:
        """One that goes on, locked; not one of these."""
        rows = await self._tx.rows(_NEXT, besides)
        return _replay(rows[0]) if rows else None

    async def move(self, id: str, *, position: int, told: int, state: str) -> None:
        """How far it is."""
        await self._tx.rows(
            "UPDATE replay SET position = $2, told = told + $3, state = $4 WHERE id = $1", id, position, told, state
        )

    async def stop(self, streams: list[str]) -> None:
        """Nothing more is told again to these."""
        await self._tx.rows(
            "UPDATE replay SET state = 'stopped' WHERE stream_id = ANY($1::text[]) AND state = 'running'", streams
        )


def _replay(row: Any) -> Replay:
    return Replay(**dict(row))
