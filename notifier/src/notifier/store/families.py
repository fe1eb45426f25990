"""Links to families: what they open with, what was answered, who may be contacted. Addresses sealed, then gone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson
from chassis.clock import new_id
from chassis.transaction import Transaction

from notifier.domain.facts import county_day
from notifier.domain.family import Given
from notifier.tables import family_answer, family_link, safe_contact

#: Letters to families are addressed to their link, not to a person of the directory.
FAMILY: Final = "family:"
#: What the key that seals addresses is derived for.
SEALED_FOR: Final = "family-addresses"
_LINK: Final = (
    "SELECT id, case_id, contact_id, channel, language, interpreter, sealed, fact_salt, fact_hash, attempts_left,"
    " created_by, created_at, expires_at, revoked_at FROM family_link"
)


@dataclass(frozen=True, slots=True)
class Link:
    """A link as it was kept."""

    id: str
    case_id: str
    contact_id: str
    channel: str
    language: str
    interpreter: bool
    sealed: bytes | None
    fact_salt: bytes
    fact_hash: bytes
    attempts_left: int
    created_by: str
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class Contact:
    """Whether and how somebody of a family may be contacted."""

    contact_id: str
    never: bool
    #: Empty: any way.
    channels: tuple[str, ...]


class Families:
    """Repository of what goes to families and comes from them."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def link(self, id: str) -> Link | None:
        """A link by its id."""
        rows = await self._tx.rows(f"{_LINK} WHERE id = $1", id)
        return Link(**dict(rows[0])) if rows else None

    async def links_of(self, case_id: str) -> list[Mapping[str, Any]]:
        """The links of a case, newest first, with what became of each message."""
        rows = await self._tx.rows(
            "SELECT k.id, k.contact_id, k.channel, k.language, k.interpreter, k.attempts_left, k.created_by,"
            " k.created_at, k.expires_at, k.revoked_at, l.state, l.receipt FROM family_link k"
            " LEFT JOIN letter l ON l.person_id = 'family:' || k.id WHERE k.case_id = $1"
            " ORDER BY k.created_at DESC, k.id DESC",
            case_id,
        )
        return [dict(row) for row in rows]

    async def create(self, links: Sequence[tuple[Link, bytes]]) -> None:
        """New links, each with the hash of its token."""
        await self._tx.insert(
            family_link,
            [
                {
                    "id": k.id,
                    "case_id": k.case_id,
                    "contact_id": k.contact_id,
                    "channel": k.channel,
                    "language": k.language,
                    "interpreter": k.interpreter,
                    "sealed": k.sealed,
                    "token_hash": token_hash,
                    "fact_salt": k.fact_salt,
                    "fact_hash": k.fact_hash,
                    "attempts_left": k.attempts_left,
                    "created_by": k.created_by,
                    "created_at": k.created_at,
                    "expires_at": k.expires_at,
                }
                for k, token_hash in links
            ],
        )

    async def spend_attempt(self, token_hash: bytes, now: datetime) -> Link | None:
        """Take one of a link's attempts, before anything is compared; None: no such link works now."""
        rows = await self._tx.rows(
            "UPDATE family_link SET attempts_left = attempts_left - 1 WHERE token_hash = $1 AND attempts_left > 0"
            " AND revoked_at IS NULL AND expires_at > $2 RETURNING id",
            token_hash, now,
        )  # fmt: skip
        return await self.link(rows[0]["id"]) if rows else None

    async def restore_attempts(self, id: str, attempts: int) -> None:
        """The right answer was given: mistakes are forgotten."""
        await self._tx.rows("UPDATE family_link SET attempts_left = $2 WHERE id = $1", id, attempts)

    async def revoke(self, id: str, now: datetime) -> bool:
        """A link works no more, and its address is gone. False: it did not work."""
        rows = await self._tx.rows(
            "UPDATE family_link SET revoked_at = $2, sealed = NULL WHERE id = $1 AND revoked_at IS NULL RETURNING id",
            id, now,
        )  # fmt: skip
        return bool(rows)

    async def forget_address(self, id: str) -> None:
        """It has gone, or cannot go: nobody needs to know where any more."""
        await self._tx.rows("UPDATE family_link SET sealed = NULL WHERE id = $1", id)

    async def stages(self, case_id: str) -> dict[str, datetime]:
        """Stage -> when the case first reached it."""
        rows = await self._tx.rows("SELECT stage, at FROM progress WHERE case_id = $1", case_id)
        return {row["stage"]: row["at"] for row in rows}

    async def answer(
        self, link: Link, cluster_id: str | None, answers: Sequence[tuple[str, str | None, str | None]]
    ) -> None:
        """What was answered by a link: (kind, code, text). The newest answer to a question replaces an earlier one."""
        coded = [kind for kind, code, _ in answers if code is not None]
        await self._tx.rows("DELETE FROM family_answer WHERE link_id = $1 AND kind = ANY($2::text[])", link.id, coded)
        await self._tx.insert(
            family_answer,
            [
                {
                    "id": new_id(),
                    "case_id": link.case_id,
                    "link_id": link.id,
                    "cluster_id": cluster_id,
                    "kind": kind,
                    "code": code,
                    "text": text,
                    "at": self._tx.now,
                }
                for kind, code, text in answers
            ],
        )

    async def answers_of(self, case_id: str) -> list[Mapping[str, Any]]:
        """What a family answered about its case, newest first."""
        rows = await self._tx.rows(
            "SELECT id, link_id, kind, code, text, at FROM family_answer WHERE case_id = $1 ORDER BY at DESC, id DESC",
            case_id,
        )
        return [dict(row) for row in rows]

    async def given(self) -> list[Given]:
        """Every coded answer, without whose."""
        rows = await self._tx.rows("SELECT cluster_id, at, kind, code FROM family_answer WHERE code IS NOT NULL")
        return [Given(row["cluster_id"], county_day(row["at"]), row["kind"], row["code"]) for row in rows]

    async def contacts(self, case_id: str) -> tuple[list[Contact], int]:
        """A case's safe-contact rules, and their version; 0: never said."""
        rows = await self._tx.rows(
            "SELECT contact_id, never, channels FROM safe_contact WHERE case_id = $1 ORDER BY contact_id", case_id
        )
        version = await self._tx.rows("SELECT version FROM safe_contact_version WHERE case_id = $1", case_id)
        said = [Contact(row["contact_id"], row["never"], tuple(row["channels"])) for row in rows]
        return said, version[0]["version"] if version else 0

    async def say_contacts(self, case_id: str, contacts: Sequence[Contact], version: int) -> bool:
        """Replace a case's safe-contact rules. False: somebody else has replaced this version."""
        rows = await self._tx.rows(
            "INSERT INTO safe_contact_version AS v (case_id, version) SELECT $1, 1 WHERE $2::bigint = 0"
            " ON CONFLICT (case_id) DO NOTHING RETURNING case_id"
            if version == 0
            else "UPDATE safe_contact_version SET version = version + 1 WHERE case_id = $1 AND version = $2"
            " RETURNING case_id",
            case_id, version,
        )  # fmt: skip
        if not rows:
            return False
        await self._tx.rows("DELETE FROM safe_contact WHERE case_id = $1", case_id)
        await self._tx.insert(
            safe_contact,
            [
                {"case_id": case_id, "contact_id": c.contact_id, "never": c.never, "channels": list(c.channels)}
                for c in contacts
            ],
        )
        # Who must never be contacted gets nothing that is still on its way.
        await self._tx.rows(
            "UPDATE family_link SET revoked_at = $3, sealed = NULL WHERE case_id = $1 AND revoked_at IS NULL"
            " AND contact_id IN (SELECT jsonb_array_elements_text($2::jsonb))",
            case_id, orjson.dumps([c.contact_id for c in contacts if c.never]).decode(), self._tx.now,
        )  # fmt: skip
        return True
