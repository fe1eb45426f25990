"""What the router learns of the county: schools, who works for which cluster, clusters and their capacities."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final

from chassis.cause import Cause
from chassis.deadlines import Due
from chassis.subscription import Received
from schemas.directory import CalendarChanged, RoleChanged, SchoolChanged
from schemas.routing import Cluster as SaidCluster
from schemas.routing import ClusterCapacityChanged, ClusterChanged, TeamMember
from schemas.routing import Member as SaidMember

from cluster_router.domain.clusters import Derivation, derive_clusters, one_cluster_each, read_capacities, read_clusters
from cluster_router.domain.county import Capacity, Cluster, School, Successor
from cluster_router.domain.days import day_of, start_of
from cluster_router.handlers.desk import wake_the_queue
from cluster_router.policy import mainstream, rules_of
from cluster_router.store import Tx

#: A member, a capacity or a role of a cluster begins or ends on this day; the subject is `<cluster>:<day>`.
TAKES_EFFECT: Final = "cluster-takes-effect"


@dataclass(frozen=True, slots=True)
class Defaults:
    """Whose schools make the default clusters, and since when."""

    local_authority: str
    since: date


@dataclass(frozen=True, slots=True)
class Changes:
    """What an import did."""

    changed: tuple[str, ...]
    unchanged: int


async def note_schools(events: Sequence[Received[SchoolChanged]], tx: Tx) -> None:
    """Schools as they now are; a case that waited for one may find its place."""
    await tx.county.lock()
    await tx.county.save_schools([_school(received.event) for received in events])
    await wake_the_queue(tx, events[0].cause)


async def note_calendar(events: Sequence[Received[CalendarChanged]], tx: Tx) -> None:
    """The county's bank holidays, which the clocks of hand-overs go by. A school's own calendar is not ours to know."""
    for received in events:
        if received.event.calendar_id == "county":
            await tx.county.save_calendar(received.event)


async def note_roles(events: Sequence[Received[RoleChanged]], tx: Tx) -> None:
    """Somebody began or ended a role; a cluster's team is said anew if it changed."""
    said = [received.event for received in events]
    # A cluster is said by one at a time: the newest statement is kept for ever and must be the true one.
    await tx.county.lock()
    today, clusters = day_of(tx.now), await tx.county.clusters()
    touched = {e.cluster_id for e in said if e.cluster_id} | set(
        await tx.county.clusters_of_roles([e.role_id for e in said])
    )
    before = await tx.county.teams(touched, today)
    await tx.county.save_roles(
        [
            {
                "role_id": e.role_id, "person_id": e.person_id, "cluster_id": e.cluster_id, "role": e.role,
                "sector": e.sector, "since": e.since, "until": e.until,
            }
            for e in said
        ]
    )  # fmt: skip
    after = await tx.county.teams(touched, today)
    for id in sorted(touched & clusters.keys()):
        if before.get(id) != after.get(id):
            cluster = _said(clusters[id], after.get(id, ()), today)
            tx.emit(ClusterChanged(cluster_id=id, cluster=cluster), events[0].cause)
    for received in events:
        if received.event.cluster_id:
            days = _turns([(received.event.since, received.event.until)])
            await _expect(tx, received.event.cluster_id, days, received.cause)


async def import_clusters(tx: Tx, rows: Sequence[Mapping[str, str]], cause: Cause) -> Changes:
    """Clusters as a file's rows state them. Raises `NotAClusterFile`, with nothing imported."""
    return await keep_clusters(tx, read_clusters(rows, await tx.county.schools()), cause)


async def default_clusters(tx: Tx, how: Defaults, cause: Cause) -> Changes:
    """One cluster per district and phase. Raises `NoSchoolsKnown` before the directory has told of any."""
    today = day_of(tx.now)
    derivation = Derivation(how.local_authority, mainstream(today), today, how.since)
    return await keep_clusters(tx, derive_clusters(await tx.county.schools(), rules_of(today), derivation), cause)


async def keep_clusters(tx: Tx, clusters: Sequence[Cluster], cause: Cause) -> Changes:
    """Keep and say the clusters that differ from what is known; capacities stay as they were."""
    await tx.county.lock()
    known = await tx.county.clusters()
    wanted = [
        replace(cluster, capacities=known[cluster.id].capacities) if cluster.id in known else cluster
        for cluster in clusters
    ]
    one_cluster_each({**known, **{cluster.id: cluster for cluster in wanted}}.values())
    changed = [cluster for cluster in wanted if known.get(cluster.id) != cluster]
    for cluster in changed:
        days = _turns((member.since, member.until) for member in cluster.members)
        await _expect(tx, cluster.id, days, cause)
    await _keep(tx, changed, cause, ClusterChanged)
    return Changes(tuple(cluster.id for cluster in changed), len(wanted) - len(changed))


async def import_capacities(tx: Tx, rows: Sequence[Mapping[str, str]], cause: Cause) -> Changes:
    """Capacities as a file's rows state them; a cluster that the file does not name keeps its own."""
    await tx.county.lock()
    known = await tx.county.clusters()
    given = read_capacities(rows, known)
    wanted = [
        replace(known[id], capacities=_merged(known[id].capacities, capacities)) for id, capacities in given.items()
    ]
    changed = [cluster for cluster in wanted if known[cluster.id] != cluster]
    for cluster in changed:
        await _expect(tx, cluster.id, _turns((capacity.since, None) for capacity in cluster.capacities), cause)
    await _keep(tx, changed, cause, ClusterCapacityChanged)
    return Changes(tuple(cluster.id for cluster in changed), len(wanted) - len(changed))


async def take_effect(due: Sequence[Due], tx: Tx) -> None:
    """A day has come on which a cluster is another: say it as it now is."""
    await tx.county.lock()
    clusters = await tx.county.clusters()
    ids = sorted({one.payload["cluster"] for one in due} & clusters.keys())
    await _say(tx, [clusters[id] for id in ids], due[0].cause, ClusterChanged)
    await wake_the_queue(tx, due[0].cause)


_Statement = type[ClusterChanged] | type[ClusterCapacityChanged]


async def _keep(tx: Tx, changed: Sequence[Cluster], cause: Cause, event: _Statement) -> None:
    await tx.county.save_clusters(changed)
    await _say(tx, changed, cause, event)
    await wake_the_queue(tx, cause)


async def _say(tx: Tx, clusters: Sequence[Cluster], cause: Cause, event: _Statement) -> None:
    today = day_of(tx.now)
    teams = await tx.county.teams([cluster.id for cluster in clusters], today)
    for cluster in clusters:
        tx.emit(event(cluster_id=cluster.id, cluster=_said(cluster, teams.get(cluster.id, ()), today)), cause)


async def _expect(tx: Tx, cluster: str, days: Iterable[date], cause: Cause) -> None:
    """Be called on those of these days that are still to come."""
    for day in sorted(set(days)):
        if day > day_of(tx.now):
            subject, payload = f"{cluster}:{day.isoformat()}", {"cluster": cluster}
            await tx.set_deadline(TAKES_EFFECT, subject, start_of(day), cause=cause, payload=payload)


def _turns(spans: Iterable[tuple[date, date | None]]) -> list[date]:
    """The days on which something begins, or has just ended."""
    return [day for since, until in spans for day in (since, until + timedelta(days=1) if until else since)]


def _merged(known: Sequence[Capacity], given: Sequence[Capacity]) -> tuple[Capacity, ...]:
    by_day = {capacity.since: capacity for capacity in known} | {capacity.since: capacity for capacity in given}
    return tuple(by_day[day] for day in sorted(by_day))


def _school(event: SchoolChanged) -> School:
    return School(
        urn=event.school_urn,
        organisation_id=event.organisation_id,
        name=event.name,
        phase=event.phase,
        establishment_type=event.establishment_type,
        status=event.status,
        local_authority=event.local_authority,
        district=event.district,
        opened_on=event.opened_on,
        closed_on=event.closed_on,
        pupils=event.pupils,
        easting=event.easting,
        northing=event.northing,
        successors=tuple(Successor(one.school_urn, one.since) for one in event.successors),
    )


def _said(cluster: Cluster, team: Sequence[TeamMember], today: date) -> SaidCluster:
    return SaidCluster(
        name=cluster.name,
        phase=cluster.phase.value,
        area=cluster.area,
        lead_school_urn=cluster.lead_school_urn,
        organisation_id=cluster.organisation_id,
        members=tuple(SaidMember(school_urn=m.school_urn, since=m.since, until=m.until) for m in cluster.members),
        team=tuple(team),
        capacity=cluster.capacity(today).limit,
    )
