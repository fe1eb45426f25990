"""How people want to be told, when they are away, and their browsers."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from chassis.clock import new_id
from chassis.transaction import Transaction

from notifier.domain.wishes import RoleWish, Wish
from notifier.tables import push_subscription

_WISHES: Final = """
SELECT w.*, coalesce(c.active, true) AND c.person_id IS NOT NULL AS covered
FROM preference w LEFT JOIN person c ON c.person_id = w.cover WHERE w.person_id = ANY($1::text[])
"""
_SAVE: Final = """
INSERT INTO preference AS p (person_id, email, version, digest, channels, language, mobile, digest_hour, quiet_from,
                             quiet_until, roles, absent_from, absent_until, cover)
SELECT w.person_id, w.email, w.version + 1, w.digest, w.channels::jsonb, w.language, w.mobile, w.digest_hour,
       w.quiet_from, w.quiet_until, w.roles::jsonb, w.absent_from, w.absent_until, w.cover
FROM unnest($1::text[], $2::bool[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[], $8::smallint[],
            $9::time[], $10::time[], $11::text[], $12::date[], $13::date[], $14::text[])
  AS w(person_id, email, version, digest, channels, language, mobile, digest_hour, quiet_from, quiet_until, roles,
       absent_from, absent_until, cover)
LEFT JOIN preference was USING (person_id)
WHERE coalesce(was.version, 0) = w.version
ON CONFLICT (person_id) DO UPDATE SET email = excluded.email, version = excluded.version, digest = excluded.digest,
  channels = excluded.channels, language = excluded.language, mobile = excluded.mobile,
  digest_hour = excluded.digest_hour, quiet_from = excluded.quiet_from, quiet_until = excluded.quiet_until,
  roles = excluded.roles, absent_from = excluded.absent_from, absent_until = excluded.absent_until,
  cover = excluded.cover
WHERE p.version = excluded.version - 1 RETURNING person_id
"""


@dataclass(frozen=True, slots=True)
class Kept:
    """A person's preferences as they were kept."""

    wish: Wish
    #: As they named it, whether or not that person has left.
    cover: str | None
    mobile: str | None
    #: 0: never said.
    version: int


class Wishes:
    """Repository of preferences."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def of(self, people: Collection[str]) -> dict[str, Wish]:
        """What these people have said, and whoever covers for them, in turn."""
        found: dict[str, Wish] = {}
        wanted = set(people)
        while wanted:
            found |= {id: kept.wish for id, kept in (await self._read(wanted)).items()}
            wanted = {w.cover for w in found.values() if w.cover is not None} - found.keys() - wanted
        return found

    async def get(self, person_id: str) -> Kept:
        """What one person has said."""
        return (await self._read([person_id])).get(person_id) or Kept(Wish(), None, None, 0)

    async def save(self, said: Sequence[tuple[str, Kept]]) -> set[str]:
        """Keep preferences, each with the version that it replaces. Returns whose version was the newest."""
        rows = await self._tx.rows(_SAVE, *map(list, zip(*(_row(id, kept) for id, kept in said), strict=True)))
        return {row["person_id"] for row in rows}

    async def _read(self, people: Collection[str]) -> dict[str, Kept]:
        rows = await self._tx.rows(_WISHES, list(people))
        return {row["person_id"]: _kept(row) for row in rows}

    async def is_colleague(self, person_id: str, organisation_id: str) -> bool:
        """Whether somebody works for an organisation."""
        rows = await self._tx.rows(
            "SELECT 1 FROM person WHERE person_id = $1 AND organisation_id = $2 AND active", person_id, organisation_id
        )
        return bool(rows)

    async def subscribe(self, rows: Sequence[tuple[str, str, str, str]]) -> dict[str, str]:
        """Browsers that want notices: (person, endpoint, key, secret). Returns endpoint -> id; a browser has one."""
        written = await self._tx.insert(
            push_subscription,
            [
                {
                    "id": new_id(),
                    "person_id": person_id,
                    "endpoint": endpoint,
                    "p256dh": key,
                    "auth": secret,
                    "created_at": self._tx.now,
                }
                for person_id, endpoint, key, secret in rows
            ],
            conflict=("endpoint",),
            update=("person_id", "p256dh", "auth"),
            returning=("id", "endpoint"),
        )
        return {row["endpoint"]: row["id"] for row in written}

    async def unsubscribe(self, subscriptions: Sequence[tuple[str, str]]) -> set[str]:
        """These browsers want none: (person, id). Returns the ids that were there."""
        rows = await self._tx.rows(
            "DELETE FROM push_subscription s USING unnest($1::text[], $2::text[]) AS i(person_id, id)"
            " WHERE s.id = i.id AND s.person_id = i.person_id RETURNING s.id",
            [s[0] for s in subscriptions], [s[1] for s in subscriptions],
        )  # fmt: skip
        return {row["id"] for row in rows}

    async def browsers(self, person_id: str) -> list[Mapping[str, Any]]:
        """Somebody's browsers."""
        rows = await self._tx.rows(
            "SELECT id, endpoint, p256dh, auth, created_at FROM push_subscription WHERE person_id = $1 ORDER BY id",
            person_id,
        )
        return [dict(row) for row in rows]

    async def forget(self, endpoints: Collection[str]) -> None:
        """These browsers are gone."""
        await self._tx.rows("DELETE FROM push_subscription WHERE endpoint = ANY($1::text[])", list(endpoints))


def _kept(row: Any) -> Kept:
    return Kept(
        Wish(
            email=row["email"],
            digest=row["digest"],
            channels=frozenset(row["channels"]),
            language=row["language"],
            digest_hour=row["digest_hour"],
            quiet_from=row["quiet_from"],
            quiet_until=row["quiet_until"],
            roles={
                role: RoleWish(
                    own.get("email"),
                    own.get("digest"),
                    frozenset(own["channels"]) if own.get("channels") is not None else None,
                )
                for role, own in row["roles"].items()
            },
            absent_from=row["absent_from"],
            absent_until=row["absent_until"],
            cover=row["cover"] if row["covered"] else None,
        ),
        row["cover"],
        row["mobile"],
        row["version"],
    )


def _row(person_id: str, kept: Kept) -> tuple[object, ...]:
    wish = kept.wish
    roles = {
        role: {
            "email": own.email,
            "digest": own.digest,
            "channels": sorted(own.channels) if own.channels is not None else None,
        }
        for role, own in wish.roles.items()
    }
    return (
        person_id, wish.email, kept.version, wish.digest, orjson.dumps(sorted(wish.channels)).decode(), wish.language,
        kept.mobile, wish.digest_hour, wish.quiet_from, wish.quiet_until, orjson.dumps(roles).decode(),
        wish.absent_from, wish.absent_until, kept.cover,
    )  # fmt: skip
