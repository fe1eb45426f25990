"""What cluster-router says: which cluster holds a case, every hand-over of it, and clusters as they now are."""

from datetime import date
from typing import ClassVar

from pydantic import AwareDatetime, Field

from schemas.event import Code, Contract, Event, Id, Urn
from schemas.topics import CLUSTERS, ROUTING, Topic


class RoutingEvent(Event):
    """A fact about where one case is."""

    topic: ClassVar[Topic] = ROUTING
    case_id: Id


class CaseAssigned(RoutingEvent):
    """The router gave the case to a cluster, which is now its holder."""

    type: ClassVar[str] = "jointly.case.assigned.v1"
    cluster_id: Id
    #: The lead school's organisation: who is accountable.
    organisation_id: Id
    #: The decision's number, counted per county without gaps; its trace is kept under it.
    decision: int = Field(ge=1)
    rules_version: Code
    reasons: tuple[Code, ...] = Field(min_length=1)


class CaseAccepted(RoutingEvent):
    """The cluster took the case on; assessment can begin."""

    type: ClassVar[str] = "jointly.case.accepted.v1"
    cluster_id: Id
    organisation_id: Id
    accepted_by: Id


class CaseReturned(RoutingEvent):
    """The cluster gave the case back with a reason; a person at the intake desk places it."""

    type: ClassVar[str] = "jointly.case.returned.v1"
    cluster_id: Id
    returned_by: Id
    reason: Code


class CaseReassigned(RoutingEvent):
    """The case moved from one cluster to another: a person's override, or changed circumstances."""

    type: ClassVar[str] = "jointly.case.reassigned.v1"
    from_cluster_id: Id | None = None
    cluster_id: Id
    organisation_id: Id
    decision: int = Field(ge=1)
    reasons: tuple[Code, ...] = Field(min_length=1)
    #: The person who overrode; absent when the rules decided.
    overridden_by: Id | None = None


class CaseUnrouted(RoutingEvent):
    """No rule fits, or every cluster that may take the case is full: it waits in a person's queue."""

    type: ClassVar[str] = "jointly.case.unrouted.v1"
    decision: int = Field(ge=1)
    reasons: tuple[Code, ...] = Field(min_length=1)


class HandoverOffered(RoutingEvent):
    """The holder offered the case to another cluster, and stays accountable until it is accepted."""

    type: ClassVar[str] = "jointly.handover.offered.v1"
    handover_id: Id
    from_cluster_id: Id
    to_cluster_id: Id
    reason: Code
    answer_by: AwareDatetime


class HandoverAccepted(RoutingEvent):
    """The receiving cluster accepted and is now the holder."""

    type: ClassVar[str] = "jointly.handover.accepted.v1"
    handover_id: Id
    cluster_id: Id
    organisation_id: Id
    accepted_by: Id


class HandoverDeclined(RoutingEvent):
    """The receiving cluster said no; the sender keeps the case."""

    type: ClassVar[str] = "jointly.handover.declined.v1"
    handover_id: Id
    from_cluster_id: Id
    to_cluster_id: Id
    declined_by: Id
    reason: Code


class HandoverEscalated(RoutingEvent):
    """Nobody has answered an offered hand-over, and its time runs out: somebody higher is asked to see to it."""

    type: ClassVar[str] = "jointly.handover.escalated.v1"
    handover_id: Id
    from_cluster_id: Id
    to_cluster_id: Id
    #: 1 is the receiving team's lead, 2 the county's intake desk.
    rung: int = Field(ge=1, le=9)
    answer_by: AwareDatetime


class HandoverLapsed(RoutingEvent):
    """Nobody took the hand-over in time; the sender keeps the case and is told."""

    type: ClassVar[str] = "jointly.handover.lapsed.v1"
    handover_id: Id
    from_cluster_id: Id
    to_cluster_id: Id


class Member(Contract):
    """A school of a cluster, from when and until when."""

    school_urn: Urn
    since: date
    until: date | None = None


class TeamMember(Contract):
    """Somebody who works for a cluster, by role; their contacts travel on directory-events alone."""

    person_id: Id
    role: Code
    sector: Code


class Cluster(Contract):
    """A cluster, whole: a compacted topic keeps only the newest event of each subject."""

    name: str = Field(min_length=1, max_length=120)
    #: primary or secondary.
    phase: Code
    area: str = Field(min_length=1, max_length=120)
    lead_school_urn: Urn
    organisation_id: Id
    members: tuple[Member, ...]
    team: tuple[TeamMember, ...] = ()
    #: Open cases that it can hold at once; absent means unlimited.
    capacity: int | None = Field(default=None, ge=0)


class ClusterChanged(Event):
    """A cluster as it now is."""

    type: ClassVar[str] = "jointly.cluster.changed.v1"
    topic: ClassVar[Topic] = CLUSTERS
    subject_field: ClassVar[str] = "cluster_id"
    cluster_id: Id
    cluster: Cluster


class ClusterCapacityChanged(Event):
    """A cluster as it now is, said because its capacity changed."""

    type: ClassVar[str] = "jointly.cluster.capacity-changed.v1"
    topic: ClassVar[Topic] = CLUSTERS
    subject_field: ClassVar[str] = "cluster_id"
    cluster_id: Id
    cluster: Cluster
