"""Who is signed in, and who is about to be. Rows are found by the digest of a cookie's id, and hold sealed text."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson
from chassis.transaction import Transaction

_TOUCH: Final = """
UPDATE session SET seen_at = $2, notice = CASE WHEN $3 THEN NULL ELSE notice END
FROM (SELECT digest, notice AS said FROM session WHERE digest = $1 FOR UPDATE) AS before
WHERE session.digest = before.digest AND session.ends_at > $2 AND session.seen_at > $4
RETURNING session.subject, session.sealed, session.ends_at, before.said
"""


@dataclass(frozen=True, slots=True)
class Kept:
    """A session as it is kept."""

    subject: str
    sealed: bytes
    ends_at: datetime
    #: What the next page says at its top.
    notice: dict[str, Any] | None


class Sessions:
    """Sessions and sign-ins."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def begin_sign_in(self, digest: str, sealed: bytes, *, ends_at: datetime) -> None:
        """Somebody goes to the issuer."""
        await self._tx.rows("INSERT INTO sign_in VALUES ($1, $2, $3)", digest, sealed, ends_at)

    async def end_sign_in(self, digest: str, *, now: datetime) -> bytes | None:
        """Somebody comes back: what was kept, once. The occasion to forget those who never did."""
        rows = await self._tx.rows("DELETE FROM sign_in WHERE digest = $1 OR ends_at < $2 RETURNING *", digest, now)
        return next((row["sealed"] for row in rows if row["digest"] == digest and row["ends_at"] >= now), None)

    async def open(self, digest: str, subject: str, sealed: bytes, *, now: datetime, ends_at: datetime) -> None:
        """Somebody is signed in. The occasion to forget those who no longer are."""
        await self._tx.rows("DELETE FROM session WHERE ends_at < $1", now)
        await self._tx.rows(
            "INSERT INTO session (digest, subject, sealed, began_at, seen_at, ends_at) VALUES ($1, $2, $3, $4, $4, $5)",
            digest,
            subject,
            sealed,
            now,
            ends_at,
        )

    async def touch(self, digest: str, *, now: datetime, idle_since: datetime, says: bool) -> Kept | None:
        """The session, unless it has ended or nobody used it since; it takes its notice along if `says`."""
        rows = await self._tx.rows(_TOUCH, digest, now, says, idle_since)
        if not rows:
            return None
        return Kept(rows[0]["subject"], rows[0]["sealed"], rows[0]["ends_at"], rows[0]["said"])

    async def reseal(self, digest: str, sealed: bytes) -> None:
        """The tokens of a session are new."""
        await self._tx.rows("UPDATE session SET sealed = $2 WHERE digest = $1", digest, sealed)

    async def say(self, digest: str, notice: dict[str, Any]) -> None:
        """Say this at the top of the next page."""
        await self._tx.rows(
            "UPDATE session SET notice = $2::jsonb WHERE digest = $1", digest, orjson.dumps(notice).decode()
        )

    async def close(self, digest: str) -> None:
        """Somebody signs out."""
        await self._tx.rows("DELETE FROM session WHERE digest = $1", digest)
