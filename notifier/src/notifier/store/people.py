"""People, their roles and the clusters, as directory and cluster-router have said them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from typing import Any, Final

from chassis.actions import lock_number
from chassis.transaction import Transaction
from schemas.directory import PersonChanged, RoleChanged
from schemas.routing import Cluster

from notifier.domain.planning import COUNCIL, COUNCIL_SECTOR, Holder, Kind, Place
from notifier.tables import cluster, person, role

#: Who reads roles to tell people of a fact shares it; who changes roles has it alone. So a fact and a role that meet
#: never miss each other: whichever comes second sees the first. Taken after subject heads and deadlines.
_WHO_IS_WHO: Final = lock_number("notifier\0who is who")

_HOLDERS: Final = """
SELECT r.person_id, r.role, r.organisation_id, r.sector, r.cluster_id, r.since, r.until,
       coalesce(w.email, true) AND (p.person_id IS NULL OR p.email IS NOT NULL) AS wants_email
FROM role r LEFT JOIN person p USING (person_id) LEFT JOIN preference w USING (person_id)
WHERE coalesce(p.active, true) AND (
  r.cluster_id = ANY($1::text[])
  OR (r.organisation_id = ANY($2::text[]) AND r.role = ANY($3::text[]))
  OR (r.sector = ANY($4::text[]) AND r.role = ANY($3::text[]))
  OR r.organisation_id = ANY($5::text[]))
"""
_TEAM: Final = "team:"


class People:
    """Repository of people, roles and clusters."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def hold_still(self) -> None:
        """Nobody's roles change until this transaction ends; others may read them too."""
        await self._tx.rows("SELECT pg_advisory_xact_lock_shared($1)", _WHO_IS_WHO)

    async def begin_change(self) -> None:
        """Nobody reads roles until this transaction ends."""
        await self._tx.rows("SELECT pg_advisory_xact_lock($1)", _WHO_IS_WHO)

    async def leads(self, clusters: Collection[str]) -> dict[str, str]:
        """Cluster -> the organisation of its lead school."""
        rows = await self._tx.rows(
            "SELECT cluster_id, organisation_id FROM cluster WHERE cluster_id = ANY($1::text[])", list(clusters)
        )
        return {row["cluster_id"]: row["organisation_id"] for row in rows}

    async def holders(
        self, places: Iterable[Place], roles: Collection[str], *, whole: Collection[str] = ()
    ) -> list[Holder]:
        """Everybody who may be told at these places. Organisations and sectors: only who has one of the roles.

        `whole` are organisations where any role counts.
        """
        looked = list(places)
        rows = await self._tx.rows(
            _HOLDERS,
            [p.id for p in looked if p.kind is Kind.CLUSTER],
            [p.id for p in looked if p.kind is Kind.ORGANISATION],
            sorted(roles),
            [COUNCIL_SECTOR if p == COUNCIL else p.id for p in looked if p == COUNCIL or p.kind is Kind.SECTOR],
            list(whole),
        )
        return [Holder(**dict(row)) for row in rows]

    async def are_back(self, people: Collection[str]) -> bool:
        """Whether any of these people had left until now."""
        return bool(
            await self._tx.rows(
                "SELECT 1 FROM person WHERE NOT active AND person_id = ANY($1::text[]) LIMIT 1", list(people)
            )
        )

    async def save_people(self, people: Sequence[PersonChanged]) -> None:
        """Keep people as they now are."""
        await self._tx.insert(
            person,
            [
                {
                    "person_id": p.person_id,
                    "organisation_id": p.organisation_id,
                    "email": p.email,
                    "active": p.active,
                }
                for p in people
            ],
            conflict=("person_id",),
            update=("organisation_id", "email", "active"),
        )

    async def save_roles(self, roles: Sequence[RoleChanged]) -> None:
        """Keep roles as they now are."""
        await self._save_roles(
            [
                {
                    "role_id": r.role_id,
                    "person_id": r.person_id,
                    "organisation_id": r.organisation_id,
                    "sector": r.sector,
                    "role": r.role,
                    "cluster_id": r.cluster_id,
                    "since": r.since,
                    "until": r.until,
                }
                for r in roles
            ]
        )

    async def save_clusters(self, clusters: Mapping[str, tuple[Cluster, date]]) -> None:
        """Keep clusters and their teams as they now are, said on a day.

        A team member has no dates of their own: they count from the day on which they were first said to be one.
        """
        await self._tx.insert(
            cluster,
            [{"cluster_id": id, "organisation_id": c.organisation_id} for id, (c, _) in clusters.items()],
            conflict=("cluster_id",),
            update=("organisation_id",),
        )
        team = {
            f"{_TEAM}{id}:{member.person_id}:{member.role}": {
                "person_id": member.person_id,
                "organisation_id": c.organisation_id,
                "sector": member.sector,
                "role": member.role,
                "cluster_id": id,
                "since": day,
                "until": None,
            }
            for id, (c, day) in clusters.items()
            for member in c.team
        }
        await self._tx.rows(
            "DELETE FROM role WHERE cluster_id = ANY($1::text[]) AND starts_with(role_id, $2)"
            " AND NOT role_id = ANY($3::text[])",
            list(clusters), _TEAM, list(team),
        )  # fmt: skip
        rows = await self._tx.rows("SELECT role_id FROM role WHERE role_id = ANY($1::text[])", list(team))
        known = {row["role_id"] for row in rows}
        await self._save_roles([{"role_id": id, **row} for id, row in team.items() if id not in known])

    async def _save_roles(self, rows: Sequence[Mapping[str, Any]]) -> None:
        columns = ("person_id", "organisation_id", "sector", "role", "cluster_id", "since", "until")
        await self._tx.insert(role, rows, conflict=("role_id",), update=columns)

    async def roles_of(self, people: Collection[str]) -> list[tuple[str, str, str | None]]:
        """The roles that these people have: (organisation, sector, cluster)."""
        rows = await self._tx.rows(
            "SELECT organisation_id, sector, cluster_id FROM role WHERE person_id = ANY($1::text[])", list(people)
        )
        return [(row["organisation_id"], row["sector"], row["cluster_id"]) for row in rows]

    async def led_by(self, organisations: Collection[str]) -> set[str]:
        """The clusters that these organisations' schools lead."""
        rows = await self._tx.rows(
            "SELECT cluster_id FROM cluster WHERE organisation_id = ANY($1::text[])", list(organisations)
        )
        return {row["cluster_id"] for row in rows}
