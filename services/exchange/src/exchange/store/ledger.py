"""Who was told what, read what, and acknowledged what; and recalls of what does not stand."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from chassis.transaction import Transaction

from exchange.tables import disclosure, recall, recall_recipient

#: Who was ever told something of these cases: of all, of some events, or on a basis.
_RECIPIENTS: Final = """
SELECT DISTINCT e.subject, e.stream_id FROM entry e
WHERE e.subject = ANY($1::text[]) AND (e.withheld_at IS NULL OR e.told_at IS NOT NULL)
  AND (cardinality($2::text[]) = 0 OR e.event_id = ANY($2::text[])) AND ($3::text IS NULL OR e.basis = $3)
ORDER BY e.subject, e.stream_id
"""
#: What was not yet handed over and rests on something that may be gone.
_UNTOLD: Final = """
SELECT e.stream_id, e.position, e.subject, e.basis FROM entry e
WHERE e.subject = ANY($1::text[]) AND NOT e.duty AND e.withheld_at IS NULL
"""
_WITHHOLD: Final = """
UPDATE entry e SET withheld_at = $3 FROM unnest($1::text[], $2::bigint[]) AS i(stream_id, position)
WHERE e.stream_id = i.stream_id AND e.position = i.position AND e.withheld_at IS NULL
"""
_OF_STREAMS: Final = """
SELECT e.stream_id, e.position FROM entry e JOIN delivery d USING (stream_id, position)
WHERE e.stream_id = ANY($1::text[]) AND NOT e.duty AND d.state IN ('waiting', 'failed')
"""
_READ: Final = """
SELECT e.position, e.event_id, e.type, e.subject, e.sequence, e.replay, e.withheld_at, e.duty, e.basis,
  v.time, v.correlation_id, v.causation_id, v.traceparent, b.data
FROM entry e LEFT JOIN event v ON v.id = e.event_id
LEFT JOIN body b ON b.event_id = e.event_id AND b.shape = e.shape
WHERE e.stream_id = $1 AND e.position > $2 ORDER BY e.position LIMIT $3
"""
_TOLD: Final = """
UPDATE entry SET told_at = $4 WHERE stream_id = $1 AND position > $2 AND position <= $3 AND told_at IS NULL
  AND withheld_at IS NULL
"""
#: Who comes back for more has what was before.
_ACKNOWLEDGED: Final = """
UPDATE entry SET acknowledged_at = $4 WHERE stream_id = $1 AND position > $2 AND position <= $3
  AND told_at IS NOT NULL AND acknowledged_at IS NULL
"""
_LEDGER: Final = """
SELECT e.stream_id, e.position, s.organisation_id, s.sector, s.way, e.event_id, e.type, e.purpose, e.basis, e.rule,
  e.replay, e.at, e.told_at, e.acknowledged_at, e.withheld_at,
  (SELECT min(d.at) FROM disclosure d WHERE d.case_id = e.subject AND d.at >= e.at
     AND (d.organisation_id = s.organisation_id OR (s.county_wide AND d.sector = s.sector))) AS fetched_at
FROM entry e JOIN stream s ON s.id = e.stream_id
WHERE e.subject = $1 AND (e.at, e.stream_id, e.position) > ($2, $3, $4)
ORDER BY e.at, e.stream_id, e.position LIMIT $5
"""


@dataclass(frozen=True, slots=True)
class Recall:
    """A recall with its recipients: who has acknowledged it, and when."""

    id: str
    case_id: str
    reason: str
    #: None named: everything that was told of the case.
    event_ids: tuple[str, ...]
    answer_by: date
    issued_at: datetime
    issued_by: str
    #: organisation -> when it acknowledged; None: not yet.
    recipients: tuple[tuple[str, datetime | None], ...] = ()

    @property
    def open(self) -> tuple[str, ...]:
        """Who has not acknowledged."""
        return tuple(organisation for organisation, at in self.recipients if at is None)


class Ledger:
    """What each stream was told."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def recipients(
        self, cases: Collection[str], *, events: Sequence[str] = (), basis: str | None = None
    ) -> dict[str, list[str]]:
        """The streams that were told something of each case."""
        found: dict[str, list[str]] = {}
        for row in await self._tx.rows(_RECIPIENTS, sorted(cases), list(events), basis):
            found.setdefault(row["subject"], []).append(row["stream_id"])
        return found

    async def told_of(self, cases: Collection[str]) -> list[Any]:
        """What was told of cases and is no duty: stream_id, position, subject, basis."""
        return await self._tx.rows(_UNTOLD, sorted(cases))

    async def unsent_of(self, streams: Collection[str]) -> list[tuple[str, int]]:
        """What streams still have to be sent, duties apart."""
        return [(row["stream_id"], row["position"]) for row in await self._tx.rows(_OF_STREAMS, sorted(streams))]

    async def withhold(self, keys: Sequence[tuple[str, int]], at: datetime) -> None:
        """These are not given to anybody any more."""
        await self._tx.rows(_WITHHOLD, [k[0] for k in keys], [k[1] for k in keys], at)

    async def read(self, stream_id: str, after: int, limit: int) -> list[Any]:
        """What a stream was told after a position, withheld or not."""
        return await self._tx.rows(_READ, stream_id, after, limit)

    async def tail(self, stream_id: str) -> tuple[int, int]:
        """The last position of a stream, and the last that its reader came back after."""
        [row] = await self._tx.rows("SELECT last_position, acknowledged FROM tail WHERE stream_id = $1", stream_id)
        return row["last_position"], row["acknowledged"]

    async def oldest_unread(self, stream_id: str, after: int) -> datetime | None:
        """When the first was told that its reader has not come back after."""
        [row] = await self._tx.rows(
            "SELECT min(at) AS at FROM entry WHERE stream_id = $1 AND position > $2 AND withheld_at IS NULL",
            stream_id, after,
        )  # fmt: skip
        found: datetime | None = row["at"]
        return found

    async def note_read(self, stream_id: str, after: int, upto: int, now: datetime) -> None:
        """Its reader has everything up to `after`, and was just given what follows up to `upto`."""
        rows = await self._tx.rows(
            "UPDATE tail t SET acknowledged = greatest(t.acknowledged, $2) FROM tail before"
            " WHERE t.stream_id = $1 AND before.stream_id = $1 RETURNING before.acknowledged AS was",
            stream_id, after,
        )  # fmt: skip
        if rows[0]["was"] < after:
            await self._tx.rows(_ACKNOWLEDGED, stream_id, rows[0]["was"], after, now)
        if upto > after:
            await self._tx.rows(_TOLD, stream_id, after, upto, now)

    async def of_case(self, case_id: str, *, after: tuple[datetime, str, int], limit: int) -> list[Any]:
        """Who was told what of a case, in order."""
        return await self._tx.rows(_LEDGER, case_id, *after, limit)

    async def disclosures(self, case_id: str) -> list[Any]:
        """Who read the case through the API."""
        return await self._tx.rows("SELECT * FROM disclosure WHERE case_id = $1 ORDER BY at, event_id", case_id)

    async def disclosed(self, rows: Sequence[dict[str, Any]]) -> None:
        """Somebody read a case."""
        await self._tx.insert(disclosure, rows, conflict=("event_id",))

    async def add_recall(self, one: Recall) -> None:
        """Keep a new recall."""
        row = {column.name: getattr(one, column.name) for column in recall.columns}
        await self._tx.insert(recall, [row | {"event_ids": list(one.event_ids)}])
        await self._tx.insert(
            recall_recipient,
            [{"recall_id": one.id, "organisation_id": organisation} for organisation, _ in one.recipients],
        )

    async def recall(self, id: str) -> Recall | None:
        """A recall."""
        rows = await self._tx.rows("SELECT * FROM recall WHERE id = $1", id)
        return (await self._whole(rows))[0] if rows else None

    async def recalls(self, *, organisation: str | None, case_id: str | None, after: str, limit: int) -> list[Recall]:
        """Recalls, oldest first: of a case, or those that an organisation must answer."""
        rows = await self._tx.rows(
            "SELECT r.* FROM recall r WHERE ($1::text IS NULL OR EXISTS (SELECT 1 FROM recall_recipient p"
            " WHERE p.recall_id = r.id AND p.organisation_id = $1)) AND ($2::text IS NULL OR r.case_id = $2)"
            " AND r.id > $3 ORDER BY r.id LIMIT $4",
            organisation, case_id, after, limit,
        )  # fmt: skip
        return await self._whole(rows)

    async def acknowledge(self, recall_id: str, organisation: str, by: str, at: datetime) -> bool:
        """An organisation has done what a recall asks; False when it had said so before."""
        rows = await self._tx.rows(
            "UPDATE recall_recipient SET acknowledged_at = $3, acknowledged_by = $4"
            " WHERE recall_id = $1 AND organisation_id = $2 AND acknowledged_at IS NULL RETURNING 1",
            recall_id, organisation, at, by,
        )  # fmt: skip
        return bool(rows)

    async def _whole(self, rows: Sequence[Any]) -> list[Recall]:
        members = await self._tx.rows(
            "SELECT recall_id, organisation_id, acknowledged_at FROM recall_recipient WHERE recall_id = ANY($1::text[])"
            " ORDER BY organisation_id",
            [row["id"] for row in rows],
        )
        of: dict[str, list[tuple[str, datetime | None]]] = {}
        for member in members:
            of.setdefault(member["recall_id"], []).append((member["organisation_id"], member["acknowledged_at"]))
        return [
            Recall(**{**dict(row), "event_ids": tuple(row["event_ids"])}, recipients=tuple(of.get(row["id"], ())))
            for row in rows
        ]
