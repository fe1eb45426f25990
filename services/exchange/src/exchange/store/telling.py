"""Telling: what was decided is counted, written for its readers and handed to the broker, all with the transaction.

A stream's positions are drawn under the lock of its tail, held until the commit: whoever reads up to a position has
read all before it. Its subjects' sequences are drawn as those of every other speaker. Locks, in this order: sequences,
tails, lanes; each sorted.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from chassis.clock import wall_now
from chassis.transaction import Forwarded, Transaction
from schemas.event import event_types
from schemas.projection import projected_dataschema

from exchange.domain.audience import Stream
from exchange.domain.projection import project
from exchange.domain.rules import Rule, To
from exchange.store.events import Said
from exchange.tables import body, delivery, entry

_TAILS: Final = "SELECT 1 FROM tail WHERE stream_id = ANY($1::text[]) ORDER BY stream_id FOR UPDATE"
_DRAW: Final = """
UPDATE tail t SET last_position = t.last_position + i.n FROM unnest($1::text[], $2::bigint[]) AS i(stream_id, n)
WHERE t.stream_id = i.stream_id RETURNING t.stream_id, t.last_position - i.n AS before
"""
#: A lane that is there may be just about to be taken away: locking it finds out.
_LANES: Final = """
INSERT INTO lane (stream_id, subject, position, due_at)
SELECT i.stream_id, i.subject, i.position, $4
FROM unnest($1::text[], $2::text[], $3::bigint[]) AS i(stream_id, subject, position)
ORDER BY i.stream_id, i.subject
ON CONFLICT (stream_id, subject) DO UPDATE SET position = lane.position
"""


@dataclass(frozen=True, slots=True)
class Telling:
    """One event for one stream."""

    stream: Stream
    said: Said
    rule: Rule
    purpose: str | None
    basis: str | None
    replay: bool = False


class Teller:
    """Collects what is to be told, and writes it as the transaction closes."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self.tellings: list[Telling] = []

    def tell(self, telling: Telling) -> None:
        """To be told, if this commits."""
        self.tellings.append(telling)

    async def flush(self, subjects: Collection[str]) -> None:
        """Write it now, where something is about to be told of these: what follows must find it written."""
        if any(telling.said.subject in subjects for telling in self.tellings):
            await self.close()

    async def close(self) -> None:
        """Write it."""
        if not self.tellings:
            return
        tellings, self.tellings = self.tellings, []
        sequences = await self._tx.draw(Counter((t.stream.source, t.said.subject) for t in tellings))
        positions = await self._positions(Counter(t.stream.id for t in tellings))
        bodies: dict[tuple[str, str], bytes] = {}
        rows, forwarded = [], []
        for telling in tellings:
            stream, said, shape = telling.stream, telling.said, telling.rule.shape
            head = (stream.source, said.subject)
            position, sequence = positions[stream.id] + 1, sequences[head]
            positions[stream.id], sequences[head] = position, sequence + 1
            data = bodies.get((said.id, shape.key)) or _projected(said, telling.rule)
            bodies[said.id, shape.key] = data
            rows.append(self._entry(telling, position, sequence))
            if stream.topic is not None:
                forwarded.append(_forwarded(telling, sequence, data, stream.topic))
        await self._tx.insert(
            body,
            [{"event_id": id, "shape": shape, "data": data} for (id, shape), data in sorted(bodies.items())],
            conflict=("event_id", "shape"),
        )
        await self._tx.insert(entry, rows)
        webhooks = {telling.stream.id for telling in tellings if telling.stream.way == "webhook"}
        await self._send([row for row in rows if row["stream_id"] in webhooks])
        self._tx.forward(forwarded)
        # Readers and webhooks wait for entries, told on a topic or not.
        self._tx.rings = True

    async def _positions(self, counts: Mapping[str, int]) -> dict[str, int]:
        ids = sorted(counts)
        await self._tx.rows(_TAILS, ids)
        drawn = await self._tx.rows(_DRAW, ids, [counts[id] for id in ids])
        return {row["stream_id"]: row["before"] for row in drawn}

    def _entry(self, telling: Telling, position: int, sequence: int) -> dict[str, Any]:
        said, now = telling.said, self._tx.now
        return {
            "stream_id": telling.stream.id, "position": position, "event_id": said.id, "type": said.type,
            "subject": said.subject, "sequence": sequence, "shape": telling.rule.shape.key, "rule": telling.rule.id,
            "purpose": telling.purpose, "basis": telling.basis, "replay": telling.replay,
            "duty": telling.rule.to is To.RECIPIENTS, "at": now,
            # The broker has it as soon as this is committed.
            "told_at": now if telling.stream.topic is not None else None,
        }  # fmt: skip

    async def _send(self, rows: Sequence[Mapping[str, Any]]) -> None:
        if not rows:
            return
        first: dict[tuple[str, str], int] = {}
        for row in rows:
            first.setdefault((row["stream_id"], row["subject"]), row["position"])
        await self._tx.rows(
            _LANES, [k[0] for k in first], [k[1] for k in first], list(first.values()), wall_now()
        )  # fmt: skip
        await self._tx.insert(
            delivery,
            [{name: row[name] for name in ("stream_id", "position", "subject")} | {"state": "waiting"} for row in rows],
        )


def _projected(said: Said, rule: Rule) -> bytes:
    return orjson.dumps(project(said.data, rule.shape, event_types()[said.type].subject_field))


def _forwarded(telling: Telling, sequence: int, data: bytes, topic: str) -> Forwarded:
    said = telling.said
    return Forwarded(
        topic, telling.stream.source, sequence, said.id, said.type, said.subject, said.time,
        projected_dataschema(said.type), said.cause, data,
    )  # fmt: skip
