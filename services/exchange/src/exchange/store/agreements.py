"""Sharing agreements: what was agreed with which organisation, from when until when."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from chassis.transaction import Transaction

from exchange.tables import agreement


@dataclass(frozen=True, slots=True)
class Agreement:
    """One agreement. Both days are included."""

    id: str
    organisation_id: str
    sector: str
    #: The whole sector's cases: for the one county-wide system of a sector.
    county_wide: bool
    purposes: tuple[str, ...]
    bases: tuple[str, ...]
    since: date
    until: date
    recorded_at: datetime
    recorded_by: str
    version: int = 1

    def holds(self, on: date) -> bool:
        """Whether it is in force on a day."""
        return self.since <= on <= self.until


_FIND: Final = "SELECT * FROM agreement WHERE id = $1"
_LOCK: Final = "SELECT * FROM agreement WHERE id = $1 FOR UPDATE"
_SHARE: Final = "SELECT * FROM agreement WHERE id = $1 FOR SHARE"
_LIST: Final = """
SELECT * FROM agreement WHERE ($1::text IS NULL OR organisation_id = $1) AND id > $2 ORDER BY id LIMIT $3
"""


class Agreements:
    """What was agreed."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def find(self, id: str, *, lock: bool = False, share: bool = False) -> Agreement | None:
        """An agreement; locked when it will be changed, shared when something will rest on it."""
        rows = await self._tx.rows(_LOCK if lock else _SHARE if share else _FIND, id)
        return _agreement(rows[0]) if rows else None

    async def some(self, organisation: str | None, *, after: str, limit: int) -> list[Agreement]:
        """Of an organisation, or all; by id."""
        return [_agreement(row) for row in await self._tx.rows(_LIST, organisation, after, limit)]

    async def add(self, one: Agreement) -> bool:
        """Keep a new one; False when its id is taken."""
        row = {column.name: getattr(one, column.name) for column in agreement.columns}
        row |= {"purposes": list(one.purposes), "bases": list(one.bases)}
        return bool(await self._tx.insert(agreement, [row], conflict=("id",), returning=("id",)))

    async def end(self, id: str, until: date) -> None:
        """Another last day."""
        await self._tx.rows("UPDATE agreement SET until = $2, version = version + 1 WHERE id = $1", id, until)


def _agreement(row: Any) -> Agreement:
    return Agreement(**{**dict(row), "purposes": tuple(row["purposes"]), "bases": tuple(row["bases"])})
