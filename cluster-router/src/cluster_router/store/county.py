"""The county as it is known here: schools, clusters with their loads, teams."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, Final

from chassis.clock import new_id
from chassis.transaction import Transaction
from schemas.days import Calendar
from schemas.directory import CalendarChanged
from schemas.routing import TeamMember

from cluster_router.domain.choice import Standing
from cluster_router.domain.county import Capacity, Cluster, County, Member, School, Successor
from cluster_router.domain.ledger import Ledger
from cluster_router.domain.rules import Phase, Rules
from cluster_router.tables import calendar, cluster, school, team

#: Schools and clusters change rarely and are read for every batch: kept by version, which no two databases share.
_KEPT: Final[dict[str, tuple[dict[str, School], dict[str, Cluster]]]] = {}
_COUNTIES: Final[dict[tuple[str, date, str], County]] = {}
_KEPT_AT_MOST: Final = 8
#: The version of a county without schools and clusters, in every new database.
_EMPTY: Final = "empty"


class CountyStore:
    """The county, and the lock that all decisions are made under."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def lock(self) -> int:
        """Keep every other decision out until this transaction ends; returns the newest decision's number.

        Subjects' heads are locked before it, rows after it.
        """
        [row] = await self._tx.rows("SELECT last_decision FROM county FOR UPDATE")
        return int(row["last_decision"])

    async def count(self, last_decision: int) -> None:
        """Decisions up to this number were made."""
        await self._tx.rows("UPDATE county SET last_decision = $1", last_decision)

    async def snapshot(self, rules: Rules, on: date) -> County:
        """Schools and clusters on a day, under these rules."""
        version, schools, clusters = await self._parts()
        key = (version, on, rules.version)
        if version == _EMPTY:
            return County(schools, clusters, rules, on)
        if key not in _COUNTIES:
            _forget(_COUNTIES)
            _COUNTIES[key] = County(schools, clusters, rules, on)
        return _COUNTIES[key]

    async def schools(self) -> Mapping[str, School]:
        """Every school that is known, by URN."""
        return (await self._parts())[1]

    async def clusters(self) -> Mapping[str, Cluster]:
        """Every cluster, by id."""
        return (await self._parts())[2]

    async def standings(self, on: date) -> dict[str, Standing]:
        """Every cluster's load and capacity on a day."""
        clusters = await self.clusters()
        rows = await self._tx.rows("SELECT id, load FROM cluster ORDER BY id")
        return {
            row["id"]: Standing(row["load"], clusters[row["id"]].capacity(on)) for row in rows if row["id"] in clusters
        }

    async def save_loads(self, ledger: Ledger) -> None:
        """Write what the ledger changed."""
        changes = sorted((id, step) for id, step in ledger.changes.items() if step)
        if changes:
            await self._tx.rows(
                "UPDATE cluster c SET load = c.load + s.step FROM unnest($1::text[], $2::int[]) AS s(id, step)"
                " WHERE c.id = s.id",
                [id for id, _ in changes],
                [step for _, step in changes],
            )

    async def save_schools(self, schools: Sequence[School]) -> None:
        """Keep schools as they now are."""
        rows = [
            {
                "urn": s.urn, "organisation_id": s.organisation_id, "name": s.name, "phase": s.phase,
                "establishment_type": s.establishment_type, "status": s.status, "local_authority": s.local_authority,
                "district": s.district, "opened_on": s.opened_on, "closed_on": s.closed_on, "pupils": s.pupils,
                "easting": s.easting, "northing": s.northing,
                "successors": [[n.urn, _text(n.since)] for n in s.successors],
            }
            for s in schools
        ]  # fmt: skip
        await self._tx.insert(school, rows, conflict=("urn",), update=[name for name in rows[0] if name != "urn"])
        await self._changed()

    async def save_clusters(self, clusters: Sequence[Cluster]) -> None:
        """Keep clusters as they now are; their loads stay."""
        rows = [
            {
                "id": c.id, "name": c.name, "phase": c.phase.value, "area": c.area,
                "lead_school_urn": c.lead_school_urn, "organisation_id": c.organisation_id,
                "members": [[m.school_urn, m.since.isoformat(), _text(m.until)] for m in c.members],
                "capacities": [[k.since.isoformat(), k.limit, k.hard] for k in c.capacities],
            }
            for c in clusters
        ]  # fmt: skip
        if rows:
            await self._tx.insert(cluster, rows, conflict=("id",), update=[name for name in rows[0] if name != "id"])
            await self._changed()

    async def save_roles(self, rows: Sequence[Mapping[str, Any]]) -> list[str]:
        """Keep roles as they now are; returns the clusters whose teams they bear on, before or now."""
        ids = [row["role_id"] for row in rows]
        before = await self._tx.rows("SELECT DISTINCT cluster_id FROM team WHERE role_id = ANY($1::text[])", ids)
        await self._tx.insert(team, rows, conflict=("role_id",), update=[name for name in rows[0] if name != "role_id"])
        touched = {row["cluster_id"] for row in before} | {row["cluster_id"] for row in rows}
        return sorted(id for id in touched if id is not None)

    async def clusters_of_roles(self, role_ids: Sequence[str]) -> list[str]:
        """The clusters that these roles bear on so far."""
        rows = await self._tx.rows(
            "SELECT DISTINCT cluster_id FROM team WHERE role_id = ANY($1::text[]) AND cluster_id IS NOT NULL",
            list(role_ids),
        )
        return [row["cluster_id"] for row in rows]

    async def teams(self, clusters: Iterable[str], on: date) -> dict[str, tuple[TeamMember, ...]]:
        """Who works for these clusters on a day."""
        rows = await self._tx.rows(
            "SELECT cluster_id, person_id, role, sector FROM team WHERE cluster_id = ANY($1::text[])"
            " AND since <= $2 AND (until IS NULL OR until >= $2) ORDER BY cluster_id, role, person_id",
            list(clusters),
            on,
        )
        teams: dict[str, list[TeamMember]] = {}
        for row in rows:
            member = TeamMember(person_id=row["person_id"], role=row["role"], sector=row["sector"])
            teams.setdefault(row["cluster_id"], []).append(member)
        return {id: tuple(members) for id, members in teams.items()}

    async def save_calendar(self, said: CalendarChanged) -> None:
        """Keep the county's calendar as it now is."""
        row = {"id": said.calendar_id, "said": said.model_dump(mode="json")}
        await self._tx.insert(calendar, [row], conflict=("id",), update=("said",))

    async def calendar(self) -> Calendar:
        """The county's calendar; before the directory has told of it, one that knows weekends alone."""
        rows = await self._tx.rows("SELECT said FROM calendar")
        return Calendar.of(CalendarChanged.model_validate(rows[0]["said"])) if rows else Calendar()

    async def _changed(self) -> None:
        await self._tx.rows("UPDATE county SET version = $1", new_id())

    async def _parts(self) -> tuple[str, dict[str, School], dict[str, Cluster]]:
        [row] = await self._tx.rows("SELECT version FROM county")
        version = str(row["version"])
        if version == _EMPTY:
            return version, {}, {}
        if version not in _KEPT:
            schools = {r["urn"]: _school(r) for r in await self._tx.rows("SELECT * FROM school")}
            clusters = {r["id"]: _cluster(r) for r in await self._tx.rows("SELECT * FROM cluster ORDER BY id")}
            _forget(_KEPT)
            _KEPT[version] = (schools, clusters)
        return (version, *_KEPT[version])


def _forget(kept: dict[Any, Any]) -> None:
    while len(kept) >= _KEPT_AT_MOST:
        kept.pop(next(iter(kept)))


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def _text(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _school(row: Any) -> School:
    columns = {name: row[name] for name in row.keys() if name != "successors"}  # noqa: SIM118  a record is no dict
    return School(**columns, successors=tuple(Successor(urn, _day(since)) for urn, since in row["successors"]))


def _cluster(row: Any) -> Cluster:
    return Cluster(
        id=row["id"], name=row["name"], phase=Phase(row["phase"]), area=row["area"],
        lead_school_urn=row["lead_school_urn"], organisation_id=row["organisation_id"],
        members=tuple(Member(urn, date.fromisoformat(since), _day(until)) for urn, since, until in row["members"]),
        capacities=tuple(Capacity(date.fromisoformat(since), limit, hard) for since, limit, hard in row["capacities"]),
    )  # fmt: skip
