"""Rows <-> domain values: the county, cases with their holder, decisions, participants."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property
from typing import Any, Final

import orjson
from chassis.clock import new_id
from chassis.transaction import Transaction
from schemas.referral import Circumstances
from schemas.routing import TeamMember

from cluster_router.domain.assignment import Assignment, Handover, State
from cluster_router.domain.choice import Standing
from cluster_router.domain.county import Capacity, Cluster, County, Member, School, Successor
from cluster_router.domain.decision import Decision, Trace, trace_from_json, trace_to_json
from cluster_router.domain.ledger import Ledger
from cluster_router.domain.rules import Phase, Rules
from cluster_router.tables import case_file, cluster, decision, participant, school, team

#: Schools and clusters change rarely and are read for every batch: kept by version, which no two databases share.
_KEPT: Final[dict[str, tuple[dict[str, School], dict[str, Cluster]]]] = {}
_COUNTIES: Final[dict[tuple[str, date, str], County]] = {}
_KEPT_AT_MOST: Final = 8


@dataclass(frozen=True, slots=True)
class CaseFile:
    """A case as the router knows it."""

    assignment: Assignment
    reference: str
    circumstances: Circumstances | None
    opened_at: datetime
    decision: int
    reasons: tuple[str, ...]
    #: Counts its changes; the ETag.
    version: int

    @property
    def id(self) -> str:
        """The case."""
        return self.assignment.case_id


class Tx(Transaction):
    """A transaction with the router's repositories."""

    @cached_property
    def county(self) -> "CountyStore":
        """Schools, clusters, teams, and the lock that decisions are made under."""
        return CountyStore(self)

    @cached_property
    def cases(self) -> "Cases":
        """Cases and decisions."""
        return Cases(self)


class CountyStore:
    """The county as it is known here."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def lock(self) -> int:
        """Keep every other decision out until this transaction ends; returns the newest decision's number."""
        [row] = await self._tx.rows("SELECT last_decision FROM county FOR UPDATE")
        return int(row["last_decision"])

    async def count(self, last_decision: int) -> None:
        """Decisions up to this number were made."""
        await self._tx.rows("UPDATE county SET last_decision = $1", last_decision)

    async def snapshot(self, rules: Rules, on: date) -> County:
        """Schools and clusters on a day, under these rules."""
        version, schools, clusters = await self._parts()
        key = (version, on, rules.version)
        if key not in _COUNTIES:
            _forget(_COUNTIES)
            _COUNTIES[key] = County(schools, clusters, rules, on)
        return _COUNTIES[key]

    async def fresh(self, rules: Rules, on: date) -> County:
        """The same under rules that have no version of their own: a draft's county is never kept."""
        _, schools, clusters = await self._parts()
        return County(schools, clusters, rules, on)

    async def schools(self) -> Mapping[str, School]:
        """Every school that is known, by URN."""
        return (await self._parts())[1]

    async def clusters(self) -> Mapping[str, Cluster]:
        """Every cluster, by id."""
        return (await self._parts())[2]

    async def standings(self, on: date) -> dict[str, Standing]:
        """Every cluster's load and capacity on a day."""
        clusters = await self.clusters()
        rows = await self._tx.rows("SELECT id, load FROM cluster")
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
        """Keep roles as they now are; returns the clusters whose teams may have changed."""
        ids = [row["role_id"] for row in rows]
        before = await self._tx.rows("SELECT DISTINCT cluster_id FROM team WHERE role_id = ANY($1::text[])", ids)
        await self._tx.insert(team, rows, conflict=("role_id",), update=[name for name in rows[0] if name != "role_id"])
        touched = {row["cluster_id"] for row in before} | {row["cluster_id"] for row in rows}
        return sorted(id for id in touched if id is not None)

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

    async def _changed(self) -> None:
        await self._tx.rows("UPDATE county SET version = $1", new_id())

    async def _parts(self) -> tuple[str, dict[str, School], dict[str, Cluster]]:
        [row] = await self._tx.rows("SELECT version FROM county")
        version = str(row["version"])
        if version not in _KEPT:
            schools = {r["urn"]: _school(r) for r in await self._tx.rows("SELECT * FROM school")}
            clusters = {r["id"]: _cluster(r) for r in await self._tx.rows("SELECT * FROM cluster ORDER BY id")}
            if version == "empty":
                return version, schools, clusters
            _forget(_KEPT)
            _KEPT[version] = (schools, clusters)
        return (version, *_KEPT[version])


class Cases:
    """Cases and what was decided about them."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def find(self, ids: Collection[str], *, lock: bool = False) -> dict[str, CaseFile]:
        """The cases that are known among these; locked in order when they will be changed."""
        sql = _LOCKED if lock else _FOUND
        return {row["case_id"]: case_of(row) for row in await self._tx.rows(sql, sorted(set(ids)))}

    async def waiting(self) -> list[CaseFile]:
        """Cases that no rule fitted so far and that no person has been asked to place, oldest first, locked."""
        rows = await self._tx.rows(
            "SELECT * FROM case_file WHERE state = 'queued' AND NOT closed AND NOT for_a_person"
            " AND circumstances IS NOT NULL ORDER BY opened_at, case_id FOR UPDATE"
        )
        return [case_of(row) for row in rows]

    async def save(self, cases: Sequence[CaseFile]) -> None:
        """Keep cases as they now are, each at its next version."""
        rows = [
            {
                "case_id": c.id, "reference": c.reference,
                "circumstances": c.circumstances.model_dump(mode="json") if c.circumstances else None,
                "opened_at": c.opened_at, "state": c.assignment.state.value, "cluster": c.assignment.cluster,
                "handover": _handover_to_json(c.assignment.handover), "for_a_person": c.assignment.for_a_person,
                "closed": c.assignment.closed, "decision": c.decision, "reasons": list(c.reasons),
                "version": c.version + 1,
            }
            for c in cases
        ]  # fmt: skip
        if rows:
            names = [name for name in rows[0] if name != "case_id"]
            await self._tx.insert(case_file, rows, conflict=("case_id",), update=names)

    async def record(self, decided: Sequence[tuple[CaseFile, Decision]]) -> None:
        """Keep decisions with their traces."""
        await self._tx.insert(
            decision,
            [
                {
                    "number": d.number, "case_id": c.id, "decided_at": self._tx.now, "rules_version": d.rules_version,
                    "cluster": d.cluster, "reasons": list(d.reasons), "trace": trace_to_json(d.trace),
                    "circumstances": c.circumstances.model_dump(mode="json") if c.circumstances else None,
                }
                for c, d in decided
            ],
        )  # fmt: skip

    async def trace(self, number: int) -> Trace:
        """The trace of a decision."""
        [row] = await self._tx.rows("SELECT trace FROM decision WHERE number = $1", number)
        return trace_from_json(row["trace"])

    async def traces(self) -> list[tuple[int, Trace, Circumstances | None]]:
        """Every decision in order, with what it was made from (None once erased)."""
        rows = await self._tx.rows("SELECT number, trace, circumstances FROM decision ORDER BY number")
        return [
            (
                row["number"],
                trace_from_json(row["trace"]),
                Circumstances.model_validate_json(orjson.dumps(row["circumstances"])) if row["circumstances"] else None,
            )
            for row in rows
        ]

    async def erase(self, ids: Sequence[str]) -> None:
        """Forget whatever came from the child: circumstances, distances, the school that decided."""
        rows = await self._tx.rows(
            "SELECT number, reasons, trace FROM decision WHERE case_id = ANY($1::text[]) ORDER BY number FOR UPDATE",
            list(ids),
        )
        for row in rows:
            erased = trace_from_json(row["trace"]).erased(tuple(row["reasons"]))
            await self._tx.rows(
                "UPDATE decision SET circumstances = NULL, trace = $2::jsonb WHERE number = $1",
                row["number"],
                orjson.dumps(trace_to_json(erased)).decode(),
            )
        await self._tx.rows("UPDATE case_file SET circumstances = NULL WHERE case_id = ANY($1::text[])", list(ids))

    async def save_participants(self, rows: Sequence[Mapping[str, Any]], cases: Sequence[str]) -> None:
        """Replace who takes part in these cases."""
        await self._tx.rows("DELETE FROM participant WHERE case_id = ANY($1::text[])", list(cases))
        await self._tx.insert(participant, rows, conflict=("case_id", "organisation_id", "role"))

    async def organisations(self, ids: Collection[str], on: date) -> dict[str, set[str]]:
        """The organisations that take part in these cases on a day."""
        rows = await self._tx.rows(
            "SELECT case_id, organisation_id FROM participant WHERE case_id = ANY($1::text[])"
            " AND since <= $2 AND (until IS NULL OR until >= $2)",
            list(ids),
            on,
        )
        found: dict[str, set[str]] = {}
        for row in rows:
            found.setdefault(row["case_id"], set()).add(row["organisation_id"])
        return found


_FOUND: Final = "SELECT * FROM case_file WHERE case_id = ANY($1::text[])"
_LOCKED: Final = "SELECT * FROM case_file WHERE case_id = ANY($1::text[]) ORDER BY case_id FOR UPDATE"


def moved(case: CaseFile, assignment: Assignment, decided: Decision | None = None) -> CaseFile:
    """The case with its new holder, and the decision that made it so."""
    if decided is None:
        return replace(case, assignment=assignment)
    return replace(case, assignment=assignment, decision=decided.number, reasons=decided.reasons)


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


def case_of(row: Any) -> CaseFile:
    """A row of `case_file` as a value."""
    circumstances = row["circumstances"]
    return CaseFile(
        assignment=Assignment(
            row["case_id"], State(row["state"]), row["cluster"], _handover_from_json(row["handover"]),
            for_a_person=row["for_a_person"], closed=row["closed"],
        ),
        reference=row["reference"],
        circumstances=Circumstances.model_validate_json(orjson.dumps(circumstances)) if circumstances else None,
        opened_at=row["opened_at"],
        decision=row["decision"],
        reasons=tuple(row["reasons"]),
        version=row["version"],
    )  # fmt: skip


def _handover_to_json(handover: Handover | None) -> dict[str, Any] | None:
    if handover is None:
        return None
    return {
        "id": handover.id, "to_cluster": handover.to_cluster, "reason": handover.reason,
        "answer_by": handover.answer_by.isoformat(), "offered_by": handover.offered_by,
    }  # fmt: skip


def _handover_from_json(value: Mapping[str, Any] | None) -> Handover | None:
    if value is None:
        return None
    return Handover(
        value["id"],
        value["to_cluster"],
        value["reason"],
        datetime.fromisoformat(value["answer_by"]),
        value["offered_by"],
    )
