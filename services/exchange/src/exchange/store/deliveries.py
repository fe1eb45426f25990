"""Webhooks: which may be sent now, fairly to every receiver and in order within each case; and what came of each."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from chassis.transaction import Transaction

#: Room is what a receiver may be asked at once, less what is under way; one that failed is asked by one at a time.
_CLAIM: Final = """
WITH open AS (
  SELECT s.id, s.url,
    greatest(0, CASE WHEN r.failures >= $6 THEN 1 ELSE $5 END - coalesce(u.n, 0)) AS room
  FROM stream s JOIN receiver r ON r.stream_id = s.id
  LEFT JOIN unnest($3::text[], $4::int[]) AS u(stream_id, n) ON u.stream_id = s.id
  WHERE s.way = 'webhook' AND s.state IN ('active', 'suspended', 'ended')
    AND (r.rests_until IS NULL OR r.rests_until <= $1)
), due AS (
  SELECT l.stream_id, l.subject, l.position, open.url
  FROM open CROSS JOIN LATERAL (
    SELECT * FROM lane WHERE lane.stream_id = open.id AND lane.due_at <= $1
      AND (lane.leased_until IS NULL OR lane.leased_until <= $1)
    ORDER BY lane.due_at LIMIT open.room FOR UPDATE SKIP LOCKED
  ) l ORDER BY l.due_at LIMIT $7
), leased AS (
  UPDATE lane SET leased_until = $2 FROM due
  WHERE lane.stream_id = due.stream_id AND lane.subject = due.subject
  RETURNING lane.stream_id, lane.subject
)
SELECT d.stream_id, d.subject, d.position, d.url, w.attempts, e.event_id, e.type, e.sequence, e.replay, e.basis,
  v.time, v.correlation_id, v.causation_id, v.traceparent, b.data
FROM due d JOIN leased USING (stream_id, subject)
JOIN delivery w ON w.stream_id = d.stream_id AND w.position = d.position
JOIN entry e ON e.stream_id = d.stream_id AND e.position = d.position
LEFT JOIN event v ON v.id = e.event_id
LEFT JOIN body b ON b.event_id = e.event_id AND b.shape = e.shape
"""
_LOCK: Final = """
SELECT l.stream_id, l.subject, l.position FROM lane l
JOIN unnest($1::text[], $2::text[]) AS i(stream_id, subject) USING (stream_id, subject)
ORDER BY l.stream_id, l.subject FOR UPDATE OF l
"""
_DONE: Final = """
UPDATE delivery d SET state = i.state, attempts = d.attempts + i.tries, tried_at = $6, reason = i.reason
FROM unnest($1::text[], $2::bigint[], $3::text[], $4::int[], $5::text[]) AS i(stream_id, position, state, tries, reason)
WHERE d.stream_id = i.stream_id AND d.position = i.position AND d.state = 'waiting'
"""
_TOLD: Final = """
UPDATE entry e SET told_at = coalesce(e.told_at, $3), acknowledged_at = coalesce(e.acknowledged_at, $3)
FROM unnest($1::text[], $2::bigint[]) AS i(stream_id, position)
WHERE e.stream_id = i.stream_id AND e.position = i.position
"""
#: What follows in these lanes, at once; those with nothing left are gone.
_FOLLOW: Final = """
UPDATE lane l SET position = n.position, due_at = $3, leased_until = NULL
FROM unnest($1::text[], $2::text[]) AS i(stream_id, subject)
CROSS JOIN LATERAL (
  SELECT d.position FROM delivery d
  WHERE d.stream_id = i.stream_id AND d.subject = i.subject AND d.state = 'waiting' ORDER BY d.position LIMIT 1
) n
WHERE l.stream_id = i.stream_id AND l.subject = i.subject
"""
_EMPTY: Final = """
DELETE FROM lane l USING unnest($1::text[], $2::text[]) AS i(stream_id, subject)
WHERE l.stream_id = i.stream_id AND l.subject = i.subject AND NOT EXISTS (
  SELECT 1 FROM delivery d WHERE d.stream_id = l.stream_id AND d.subject = l.subject AND d.state = 'waiting')
"""
_LATER: Final = """
UPDATE lane l SET due_at = i.due_at, leased_until = NULL
FROM unnest($1::text[], $2::text[], $3::timestamptz[]) AS i(stream_id, subject, due_at)
WHERE l.stream_id = i.stream_id AND l.subject = i.subject
"""
_WELL: Final = """
UPDATE receiver SET failures = 0, failing_since = NULL, rests_until = NULL, last_success_at = $2
WHERE stream_id = ANY($1::text[])
"""
_ILL: Final = """
UPDATE receiver r SET failures = r.failures + i.n, failing_since = coalesce(r.failing_since, $2), last_failure_at = $2,
  last_reason = i.reason, rests_until = greatest(r.rests_until, i.rests_until)
FROM unnest($1::text[], $3::text[], $4::timestamptz[], $5::int[]) AS i(stream_id, reason, rests_until, n)
WHERE r.stream_id = i.stream_id
RETURNING r.stream_id, r.failures, r.failing_since
"""
_HEALTH: Final = """
SELECT r.*, (SELECT count(*) FROM delivery d WHERE d.stream_id = $1 AND d.state = 'waiting') AS waiting,
  (SELECT count(*) FROM delivery d WHERE d.stream_id = $1 AND d.state = 'failed') AS failed,
  (SELECT min(e.at) FROM delivery d JOIN entry e USING (stream_id, position)
   WHERE d.stream_id = $1 AND d.state = 'waiting') AS oldest,
  (SELECT min(due_at) FROM lane WHERE stream_id = $1) AS next_attempt
FROM receiver r WHERE r.stream_id = $1
"""
_LIST: Final = """
SELECT d.position, d.state, d.attempts, d.tried_at, d.reason, e.event_id, e.type, e.subject, e.replay, e.at, l.due_at
FROM delivery d JOIN entry e USING (stream_id, position)
LEFT JOIN lane l ON l.stream_id = d.stream_id AND l.subject = d.subject AND l.position = d.position
WHERE d.stream_id = $1 AND ($2::text IS NULL OR d.state = $2) AND d.position > $3 ORDER BY d.position LIMIT $4
"""


@dataclass(frozen=True, slots=True)
class Parcel:
    """A webhook that somebody has undertaken to send."""

    stream_id: str
    subject: str
    position: int
    url: str
    attempts: int
    event_id: str
    type: str
    sequence: int
    replay: bool
    #: What it rests on; None: a duty, or about no case.
    basis: str | None
    time: datetime | None
    correlation_id: str | None
    causation_id: str | None
    traceparent: str | None
    #: None: it may not be told any more.
    data: bytes | None


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a parcel. `state` is delivered, failed, withheld, or waiting until `due_at`."""

    stream_id: str
    subject: str
    position: int
    state: str
    reason: str
    #: Whether this was an attempt.
    tried: bool = True
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Failing:
    """A receiver that took nothing: how often now, why the last time, and until when it rests."""

    stream_id: str
    times: int
    reason: str
    rests_until: datetime | None


class Deliveries:
    """Webhooks to be sent."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def claim(
        self, *, now: datetime, lease: timedelta, under_way: Mapping[str, int], at_once: int, careful_after: int,
        limit: int,
    ) -> list[Parcel]:  # fmt: skip
        """Take what is due: at most so many for one receiver, less what is under way, and so many in all."""
        rows = await self._tx.rows(
            _CLAIM, now, now + lease, list(under_way), list(under_way.values()), at_once, careful_after, limit
        )
        return [Parcel(**row) for row in rows]

    async def record(self, done: Sequence[Done], now: datetime) -> None:
        """Note what came of parcels, and let what follows in their cases go. A lane that moved on stays as it is."""
        keys = sorted({(d.stream_id, d.subject) for d in done})
        locked = await self._tx.rows(_LOCK, [k[0] for k in keys], [k[1] for k in keys])
        heads = {(row["stream_id"], row["subject"]): row["position"] for row in locked}
        mine = [d for d in done if heads.get((d.stream_id, d.subject)) == d.position]
        await self._tx.rows(
            _DONE, [d.stream_id for d in mine], [d.position for d in mine], [d.state for d in mine],
            [int(d.tried) for d in mine], [d.reason for d in mine], now,
        )  # fmt: skip
        told = [d for d in mine if d.state == "delivered"]
        await self._tx.rows(_TOLD, [d.stream_id for d in told], [d.position for d in told], now)
        over = [d for d in mine if d.state != "waiting"]
        await self.follow([(d.stream_id, d.subject) for d in over], now)
        again = [d for d in mine if d.state == "waiting"]
        await self._tx.rows(
            _LATER, [d.stream_id for d in again], [d.subject for d in again], [d.due_at or now for d in again]
        )

    async def follow(self, lanes: Collection[tuple[str, str]], now: datetime) -> None:
        """Let what follows in these lanes go, and take away those that are empty."""
        streams, subjects = [lane[0] for lane in lanes], [lane[1] for lane in lanes]
        await self._tx.rows(_FOLLOW, streams, subjects, now)
        await self._tx.rows(_EMPTY, streams, subjects)

    async def receivers(self, ids: Collection[str]) -> dict[str, int]:
        """How often each of these has failed since it last took something; locked."""
        rows = await self._tx.rows(
            "SELECT stream_id, failures FROM receiver WHERE stream_id = ANY($1::text[]) ORDER BY stream_id FOR UPDATE",
            sorted(ids),
        )
        return {row["stream_id"]: row["failures"] for row in rows}

    async def well(self, ids: Collection[str], now: datetime) -> None:
        """These took something."""
        await self._tx.rows(_WELL, sorted(ids), now)

    async def hasten(self, ids: Collection[str], now: datetime) -> None:
        """A receiver is back: what waits for it goes at once."""
        await self._tx.rows(
            "UPDATE lane SET due_at = $2 WHERE stream_id = ANY($1::text[]) AND leased_until IS NULL AND due_at > $2",
            sorted(ids), now,
        )  # fmt: skip

    async def ill(self, failed: Sequence[Failing], now: datetime) -> list[Any]:
        """These did not. Returns stream_id, failures, failing_since."""
        return await self._tx.rows(
            _ILL, [f.stream_id for f in failed], now, [f.reason for f in failed], [f.rests_until for f in failed],
            [f.times for f in failed],
        )  # fmt: skip

    async def well_again(self, stream_id: str, now: datetime) -> None:
        """Its owner says that it can be asked again."""
        await self._tx.rows(
            "UPDATE receiver SET failures = 0, failing_since = NULL, rests_until = NULL WHERE stream_id = $1", stream_id
        )
        await self.hasten([stream_id], now)

    async def health(self, stream_id: str) -> Any:
        """How a receiver is doing; None when the stream has none."""
        rows = await self._tx.rows(_HEALTH, stream_id)
        return rows[0] if rows else None

    async def some(self, stream_id: str, *, state: str | None, after: int, limit: int) -> list[Any]:
        """Deliveries of a stream, in order."""
        return await self._tx.rows(_LIST, stream_id, state, after, limit)

    async def forget(self, before: datetime) -> None:
        """Drop what is long settled. That it was told stays in the ledger."""
        await self._tx.rows(
            "DELETE FROM delivery d USING entry e WHERE e.stream_id = d.stream_id AND e.position = d.position"
            " AND e.at < $1 AND d.state <> 'waiting'",
            before,
        )

    async def redrive(self, stream_id: str, positions: Sequence[int] | None, now: datetime) -> int:
        """What was given up is sent again: these, or all. Returns how many."""
        rows = await self._tx.rows(
            "UPDATE delivery SET state = 'waiting', attempts = 0, reason = NULL WHERE stream_id = $1"
            " AND state = 'failed' AND ($2::bigint[] IS NULL OR position = ANY($2::bigint[]))"
            " RETURNING position, subject",
            stream_id, positions,
        )  # fmt: skip
        subjects = sorted({row["subject"] for row in rows})
        await self._tx.rows(
            "INSERT INTO lane (stream_id, subject, position, due_at) SELECT $1, s, 0, $3 FROM unnest($2::text[]) AS s"
            " ON CONFLICT (stream_id, subject) DO UPDATE SET position = lane.position",
            stream_id, subjects, now,
        )  # fmt: skip
        await self.follow([(stream_id, subject) for subject in subjects], now)
        return len(rows)

    async def withhold(self, keys: Sequence[tuple[str, int]], now: datetime) -> None:
        """These are not sent any more; what follows them is."""
        if not keys:
            return
        rows = await self._tx.rows(
            "SELECT l.stream_id, l.subject FROM lane l WHERE (l.stream_id, l.subject) IN (SELECT d.stream_id, d.subject"
            " FROM delivery d JOIN unnest($1::text[], $2::bigint[]) AS i(stream_id, position)"
            " USING (stream_id, position) WHERE d.state = 'waiting') ORDER BY l.stream_id, l.subject FOR UPDATE",
            [k[0] for k in keys], [k[1] for k in keys],
        )  # fmt: skip
        await self._tx.rows(
            "UPDATE delivery d SET state = 'withheld' FROM unnest($1::text[], $2::bigint[]) AS i(stream_id, position)"
            " WHERE d.stream_id = i.stream_id AND d.position = i.position AND d.state IN ('waiting', 'failed')",
            [k[0] for k in keys], [k[1] for k in keys],
        )  # fmt: skip
        await self.follow([(row["stream_id"], row["subject"]) for row in rows], now)
