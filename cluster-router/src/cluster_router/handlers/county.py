"""What the router learns of the county: schools, who works for which cluster, clusters and their capacities."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from chassis.cause import Cause
from chassis.subscription import Received
from schemas.directory import RoleChanged, SchoolChanged
from schemas.routing import Cluster as SaidCluster
from schemas.routing import ClusterCapacityChanged, ClusterChanged, TeamMember
from schemas.routing import Member as SaidMember

from cluster_router.domain.clusters import Derivation, derive_clusters, one_cluster_each, read_capacities, read_clusters
from cluster_router.domain.county import Capacity, Cluster, School, Successor
from cluster_router.domain.rules import rules_on
from cluster_router.handlers.routing import look_at_the_queue
from cluster_router.policy import BOOK
from cluster_router.store import Tx


@dataclass(frozen=True, slots=True)
class Changes:
    """What an import did."""

    changed: tuple[str, ...]
    unchanged: int
    #: Cases that waited and found a place because of it.
    placed: int


async def note_schools(events: Sequence[Received[SchoolChanged]], tx: Tx) -> None:
    """Schools as they now are; a case that waited for one may find its place."""
    await tx.county.save_schools([_school(received.event) for received in events])
    await look_at_the_queue(tx, events[0].cause)


async def note_roles(events: Sequence[Received[RoleChanged]], tx: Tx) -> None:
    """Somebody began or ended a role; their cluster's team is said anew."""
    rows = [
        {
            "role_id": e.role_id, "person_id": e.person_id, "cluster_id": e.cluster_id, "role": e.role,
            "sector": e.sector, "since": e.since, "until": e.until,
        }
        for e in (received.event for received in events)
    ]  # fmt: skip
    touched = await tx.county.save_roles(rows)
    clusters = await tx.county.clusters()
    teams = await tx.county.teams(touched, tx.now.date())
    for id in touched:
        if id in clusters:
            said = _said(clusters[id], teams.get(id, ()), tx.now.date())
            tx.emit(ClusterChanged(cluster_id=id, cluster=said), events[0].cause)


async def import_clusters(tx: Tx, rows: Sequence[Mapping[str, str]], cause: Cause) -> Changes:
    """Clusters as a file's rows state them. Raises `NotAClusterFile`, with nothing imported."""
    return await keep_clusters(tx, read_clusters(rows, await tx.county.schools()), cause)


async def default_clusters(tx: Tx, how: Derivation, cause: Cause) -> Changes:
    """One cluster per district and phase. Raises `NoSchoolsKnown` before the directory has told of any."""
    rules = rules_on(BOOK.values(), tx.now.date())
    return await keep_clusters(tx, derive_clusters(await tx.county.schools(), rules, how), cause)


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
    return await _keep(tx, changed, len(wanted) - len(changed), cause, ClusterChanged)


async def import_capacities(tx: Tx, rows: Sequence[Mapping[str, str]], cause: Cause) -> Changes:
    """Capacities as a file's rows state them; a cluster that the file does not name keeps its own."""
    await tx.county.lock()
    known = await tx.county.clusters()
    given = read_capacities(rows, known)
    wanted = [
        replace(known[id], capacities=_merged(known[id].capacities, capacities)) for id, capacities in given.items()
    ]
    changed = [cluster for cluster in wanted if known[cluster.id] != cluster]
    return await _keep(tx, changed, len(wanted) - len(changed), cause, ClusterCapacityChanged)


async def _keep(
    tx: Tx,
    changed: Sequence[Cluster],
    unchanged: int,
    cause: Cause,
    event: type[ClusterChanged] | type[ClusterCapacityChanged],
) -> Changes:
    today = tx.now.date()
    await tx.county.save_clusters(changed)
    teams = await tx.county.teams([cluster.id for cluster in changed], today)
    for cluster in changed:
        tx.emit(event(cluster_id=cluster.id, cluster=_said(cluster, teams.get(cluster.id, ()), today)), cause)
    placed = await look_at_the_queue(tx, cause) if changed else 0
    return Changes(tuple(cluster.id for cluster in changed), unchanged, placed)


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
