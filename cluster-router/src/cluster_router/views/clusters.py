"""Clusters: as they are, and what is on their boards."""

from datetime import date

from chassis.wire import Out
from pydantic import Field
from schemas.routing import TeamMember

from cluster_router.domain.county import Cluster, County


class MemberOut(Out):
    """A school of a cluster."""

    school_urn: str
    name: str | None
    since: date
    until: date | None


class TeamMemberOut(Out):
    """Somebody who works for a cluster."""

    person_id: str
    role: str
    sector: str


class ClusterOut(Out):
    """A cluster with its load."""

    id: str
    name: str
    phase: str
    area: str
    lead_school_urn: str
    organisation_id: str
    load: int
    capacity: int | None = Field(description="Open cases that it can hold; null is unlimited.")
    hard: bool
    members: tuple[MemberOut, ...]
    team: tuple[TeamMemberOut, ...]


def cluster_out(
    cluster: Cluster, county: County, *, load: int, team: tuple[TeamMember, ...], whole: bool
) -> ClusterOut:
    """A cluster; its members and team only when looked at alone."""
    capacity = cluster.capacity(county.on)
    return ClusterOut(
        id=cluster.id,
        name=cluster.name,
        phase=cluster.phase.value,
        area=cluster.area,
        lead_school_urn=cluster.lead_school_urn,
        organisation_id=cluster.organisation_id,
        load=load,
        capacity=capacity.limit,
        hard=capacity.hard and capacity.limit is not None,
        members=tuple(
            MemberOut(
                school_urn=member.school_urn,
                name=county.schools[member.school_urn].name if member.school_urn in county.schools else None,
                since=member.since,
                until=member.until,
            )
            for member in (cluster.members if whole else ())
        ),
        team=tuple(
            TeamMemberOut(person_id=one.person_id, role=one.role, sector=one.sector) for one in (team if whole else ())
        ),
    )
