"""The ways out: feeds and subscriptions, and how an event finds those that may want it."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any, Final

import orjson
from chassis.transaction import Transaction

from exchange.domain.audience import ANY, Filter, Stream
from exchange.tables import interest, receiver, stream, tail

#: What is counted and kept for whoever will read it: also while the receiver rests or is gone.
FLOWING: Final = ("active", "paused", "disabled")


@dataclass(frozen=True, slots=True)
class Kept:
    """A stream with how it stands."""

    stream: Stream
    agreement_id: str | None
    until: date | None
    url: str | None
    state: str
    reason: str | None
    created_at: datetime
    version: int

    @property
    def id(self) -> str:
        """The stream."""
        return self.stream.id


_COLUMNS: Final = """s.id, s.source, s.sector, s.organisation_id, s.agreement_id, s.county_wide, s.purposes, s.bases,
 s.filter, s.until, s.way, s.topic, s.url, s.state, s.reason, s.created_at, s.version"""
_INTERESTED: Final = f"""
SELECT {_COLUMNS}, i.sector AS in_sector, i.key
FROM interest i JOIN stream s ON s.id = i.stream_id
WHERE i.type IN ($1, '*') AND i.sector = ANY($2::text[]) AND i.key = ANY($3::text[])
  AND (s.until IS NULL OR s.until >= $4)
"""
_FIND: Final = f"SELECT {_COLUMNS} FROM stream s WHERE s.id = ANY($1::text[]) ORDER BY s.id"
_LOCK: Final = f"SELECT {_COLUMNS} FROM stream s WHERE s.id = ANY($1::text[]) ORDER BY s.id FOR UPDATE"
_LIST: Final = f"""
SELECT {_COLUMNS} FROM stream s
WHERE s.organisation_id IS NOT NULL AND ($1::text IS NULL OR s.organisation_id = $1)
  AND ($2::text IS NULL OR s.state = $2) AND (s.created_at, s.id) > ($3, $4)
ORDER BY s.created_at, s.id LIMIT $5
"""
_RESTING: Final = f"""
SELECT {_COLUMNS} FROM stream s
WHERE s.state <> 'ended' AND (s.agreement_id = ANY($1::text[]) OR s.organisation_id = ANY($2::text[]))
ORDER BY s.id FOR UPDATE
"""
_STATE: Final = """
UPDATE stream SET state = $2, reason = $3, version = version + 1 WHERE id = ANY($1::text[])
"""


class Streams:
    """Feeds and subscriptions."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def interested(
        self, type: str, sectors: Collection[str], keys: Collection[str], on: date
    ) -> dict[tuple[str, str], list[Stream]]:
        """Streams that may want this type, by (sector, key); nobody else is looked at."""
        rows = await self._tx.rows(_INTERESTED, type, sorted(sectors), sorted(keys), on)
        found: dict[tuple[str, str], list[Stream]] = {}
        for row in rows:
            found.setdefault((row["in_sector"], row["key"]), []).append(stream_of(row))
        return found

    async def find(self, ids: Iterable[str], *, lock: bool = False) -> dict[str, Kept]:
        """Those of these that exist; locked in order when they will be changed."""
        return {row["id"]: kept_of(row) for row in await self._tx.rows(_LOCK if lock else _FIND, sorted(set(ids)))}

    async def subscriptions(
        self, organisation: str | None, *, state: str | None, after: tuple[datetime, str], limit: int
    ) -> list[Kept]:
        """Subscriptions of an organisation, or all; oldest first."""
        return [kept_of(row) for row in await self._tx.rows(_LIST, organisation, state, *after, limit)]

    async def resting_on(self, *, agreements: Collection[str] = (), organisations: Collection[str] = ()) -> list[Kept]:
        """Subscriptions that rest on an agreement, or belong to an organisation; locked."""
        return [kept_of(row) for row in await self._tx.rows(_RESTING, sorted(agreements), sorted(organisations))]

    async def count(self, agreement_id: str) -> int:
        """How many subscriptions an agreement has."""
        [row] = await self._tx.rows(
            "SELECT count(*) AS n FROM stream WHERE agreement_id = $1 AND state <> 'ended'", agreement_id
        )
        return int(row["n"])

    async def topic_taken(self, topic: str) -> bool:
        """Whether another subscription writes to this topic."""
        return bool(await self._tx.rows("SELECT 1 FROM stream WHERE topic = $1 AND state <> 'ended'", topic))

    async def topics(self) -> set[str]:
        """The topics of agreements that must exist."""
        rows = await self._tx.rows(
            "SELECT topic FROM stream WHERE topic IS NOT NULL AND organisation_id IS NOT NULL AND state <> 'ended'"
        )
        return {row["topic"] for row in rows}

    async def add(self, kept: Kept) -> None:
        """A new subscription, which hears from now on."""
        await self._tx.insert(stream, [_row(kept)])
        await self._tx.insert(tail, [{"stream_id": kept.id}])
        if kept.stream.way == "webhook":
            await self._tx.insert(receiver, [{"stream_id": kept.id}])
        await self.listen([kept.stream])

    async def save(self, kept: Kept) -> None:
        """What its owner may change, at its next version."""
        await self._tx.rows(
            "UPDATE stream SET filter = $2::jsonb, until = $3, url = $4, version = version + 1 WHERE id = $1",
            kept.id, orjson.dumps(asdict(kept.stream.filter)).decode(), kept.until, kept.url,
        )  # fmt: skip

    async def set_state(self, ids: Sequence[str], state: str, reason: str | None = None) -> None:
        """How streams stand from now on, at their next version."""
        await self._tx.rows(_STATE, list(ids), state, reason)
        if state not in FLOWING:
            await self.unlisten(ids)

    async def listen(self, streams: Sequence[Stream]) -> None:
        """Let events find these, by what they filter by and nothing else."""
        await self.unlisten([one.id for one in streams])
        await self._tx.insert(
            interest,
            [
                {"type": type, "sector": one.sector, "key": key, "stream_id": one.id}
                for one in streams
                for type in one.filter.types or (ANY,)
                for key in one.filter.found_by()
            ],
            conflict=("type", "sector", "key", "stream_id"),
        )

    async def unlisten(self, ids: Sequence[str]) -> None:
        """Nothing finds these any more."""
        await self._tx.rows("DELETE FROM interest WHERE stream_id = ANY($1::text[])", list(ids))


def stream_of(row: Any) -> Stream:
    """A row of `stream` as what rules look at."""
    return Stream(
        id=row["id"],
        source=row["source"],
        sector=row["sector"],
        organisation_id=row["organisation_id"],
        county_wide=row["county_wide"],
        purposes=frozenset(row["purposes"]),
        bases=frozenset(row["bases"]),
        filter=Filter(**{name: tuple(values) for name, values in row["filter"].items()}),
        way=row["way"],
        topic=row["topic"],
    )


def kept_of(row: Any) -> Kept:
    """A row of `stream` as a value."""
    return Kept(
        stream_of(row), row["agreement_id"], row["until"], row["url"], row["state"], row["reason"], row["created_at"],
        row["version"],
    )  # fmt: skip


def _row(kept: Kept) -> dict[str, Any]:
    one = kept.stream
    return {
        "id": one.id, "source": one.source, "sector": one.sector, "organisation_id": one.organisation_id,
        "agreement_id": kept.agreement_id, "county_wide": one.county_wide, "purposes": sorted(one.purposes),
        "bases": sorted(one.bases), "filter": asdict(one.filter), "until": kept.until, "way": one.way,
        "topic": one.topic, "url": kept.url, "state": kept.state, "reason": kept.reason,
        "created_at": kept.created_at, "version": kept.version,
    }  # fmt: skip
