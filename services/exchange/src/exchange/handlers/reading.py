"""What a stream was told, read by its owner: in order, without a gap, and only what they may still have."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from exchange.domain.audience import still_may
from exchange.domain.days import day_of
from exchange.handlers.events import document
from exchange.store import Tx
from exchange.store.streams import FLOWING, Kept


@dataclass(frozen=True, slots=True)
class Batch:
    """Some events of a stream, and how far it was looked through to find them."""

    #: (position, event as structured JSON).
    events: Sequence[tuple[int, dict[str, Any]]]
    upto: int


async def read(tx: Tx, kept: Kept, *, after: int, limit: int) -> Batch:
    """What comes after a position. Rights are those of now: what ended since is passed over."""
    rows = await tx.ledger.read(kept.id, after, limit)
    standings = await tx.cases.standings([row["subject"] for row in rows if row["basis"]], day_of(tx.now))
    flows = kept.state in FLOWING
    events = []
    for row in rows:
        standing = standings.get(row["subject"])
        if row["withheld_at"] is not None or row["data"] is None or not (flows or row["duty"]):
            continue
        if row["basis"] and (standing is None or not still_may(kept.stream, standing, row["basis"])):
            continue
        events.append((row["position"], document(_Row(row), source=kept.stream.source)))
    upto = rows[-1]["position"] if rows else after
    await tx.ledger.note_read(kept.id, after, upto, tx.now)
    return Batch(events, upto)


class _Row:
    """A row by names."""

    def __init__(self, row: Any) -> None:
        self._row = row

    def __getattr__(self, name: str) -> Any:
        return self._row[name]
