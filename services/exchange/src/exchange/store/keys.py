"""What webhooks are signed with, sealed."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final

from chassis.transaction import Transaction

from exchange.domain.keys import SigningKey
from exchange.tables import signing_key

_LIVE: Final = """
SELECT * FROM signing_key WHERE stream_id = ANY($1::text[]) AND (until IS NULL OR until > $2)
ORDER BY stream_id, since DESC, id DESC
"""


class Keys:
    """Keys of webhooks."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def add(self, key: SigningKey) -> None:
        """A new key."""
        await self._tx.insert(signing_key, [{column.name: getattr(key, column.name) for column in signing_key.columns}])

    async def retire(self, stream_id: str, until: datetime, now: datetime) -> None:
        """Those that sign now do so no longer than this; those that are over are gone."""
        await self._tx.rows("DELETE FROM signing_key WHERE stream_id = $1 AND until <= $2", stream_id, now)
        await self._tx.rows("UPDATE signing_key SET until = least(until, $2) WHERE stream_id = $1", stream_id, until)

    async def live(self, stream_ids: Collection[str], now: datetime) -> dict[str, list[SigningKey]]:
        """The keys that sign now, the newest first."""
        found: dict[str, list[SigningKey]] = {}
        for row in await self._tx.rows(_LIVE, sorted(stream_ids), now):
            found.setdefault(row["stream_id"], []).append(_key(row))
        return found

    async def find(self, id: str) -> SigningKey | None:
        """A key by its id."""
        rows = await self._tx.rows("SELECT * FROM signing_key WHERE id = $1", id)
        return _key(rows[0]) if rows else None


def _key(row: Any) -> SigningKey:
    return SigningKey(**dict(row))
