"""What clusters and organisations are called, and which organisation answers for a cluster."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from chassis.transaction import Transaction

from referral_api.tables import known_name


@dataclass(frozen=True, slots=True)
class Known:
    """A cluster or an organisation, by the name that people know."""

    kind: str
    id: str
    name: str
    organisation_id: str | None = None


class KnownNames:
    """Repository of names; none of them is a person's."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def keep(self, known: Sequence[Known]) -> None:
        """As they now are."""
        rows = {
            (each.kind, each.id): {
                "kind": each.kind,
                "id": each.id,
                "name": each.name,
                "organisation_id": each.organisation_id,
            }
            for each in known
        }
        await self._tx.insert(
            known_name,
            [rows[key] for key in sorted(rows)],
            conflict=("kind", "id"),
            update=("name", "organisation_id"),
        )

    async def of(self, wanted: Collection[tuple[str, str]]) -> Mapping[tuple[str, str], str]:
        """(kind, id) -> name, as far as known."""
        kinds, ids = [kind for kind, _ in wanted], [id for _, id in wanted]
        rows = await self._tx.rows(
            "SELECT kind, id, name FROM known_name WHERE (kind, id) IN (SELECT * FROM unnest($1::text[], $2::text[]))",
            kinds,
            ids,
        )
        return {(row["kind"], row["id"]): row["name"] for row in rows}

    async def leads(self, organisation_ids: Collection[str]) -> frozenset[str]:
        """Those of these organisations that answer for a cluster."""
        rows = await self._tx.rows(
            "SELECT DISTINCT organisation_id FROM known_name"
            " WHERE kind = 'cluster' AND organisation_id = ANY($1::text[])",
            list(organisation_ids),
        )
        return frozenset(row["organisation_id"] for row in rows)

    async def organisations_of(self, cluster_ids: Collection[str]) -> dict[str, str]:
        """Cluster -> the organisation that answers for it."""
        rows = await self._tx.rows(
            "SELECT id, organisation_id FROM known_name"
            " WHERE kind = 'cluster' AND id = ANY($1::text[]) AND organisation_id IS NOT NULL",
            list(cluster_ids),
        )
        return {row["id"]: row["organisation_id"] for row in rows}
