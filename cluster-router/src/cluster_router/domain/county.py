"""The county on one day: its schools, who carries on for a closed one, its clusters, and how far they are."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from math import isqrt

from cluster_router.domain.rules import Phase, Rules

#: The register's status code of a closed school.
CLOSED = 2
#: Half the side of a grid square: what is known of a home is the square's south-west corner.
HALF_SQUARE = 500


@dataclass(frozen=True, slots=True)
class Point:
    """A place on the British National Grid, in metres."""

    easting: int
    northing: int

    def squared(self, easting: int, northing: int) -> int:
        """The squared distance: exact, so that the nearer of two is never lost in rounding."""
        return (self.easting - easting) ** 2 + (self.northing - northing) ** 2


@dataclass(frozen=True, slots=True)
class Successor:
    """The school that carries on, and since when."""

    urn: str
    since: date | None = None


@dataclass(frozen=True, slots=True)
class School:
    """A school as the register last described it."""

    urn: str
    organisation_id: str
    name: str
    phase: int
    establishment_type: str = "01"
    status: int = 1
    local_authority: str | None = None
    district: str | None = None
    opened_on: date | None = None
    closed_on: date | None = None
    pupils: int | None = None
    easting: int | None = None
    northing: int | None = None
    successors: tuple[Successor, ...] = ()

    def is_closed(self, on: date) -> bool:
        """Whether it is closed on a day; a proposal to close changes nothing by itself.

        The register's closing date is the last day. Where it gives none, the day before another carried on is.
        """
        if self.status != CLOSED:
            return False
        if self.closed_on is not None:
            return on > self.closed_on
        carried_on = [successor.since for successor in self.successors if successor.since is not None]
        return not carried_on or on >= min(carried_on)

    def place(self) -> Point | None:
        """Where it is, if the register says."""
        if self.easting is None or self.northing is None:
            return None
        return Point(self.easting, self.northing)


@dataclass(frozen=True, slots=True)
class Member:
    """A school of a cluster; both days belong to the membership."""

    school_urn: str
    since: date
    until: date | None = None

    def on(self, day: date) -> bool:
        """Whether it is a member on a day."""
        return self.since <= day and (self.until is None or day <= self.until)


@dataclass(frozen=True, slots=True)
class Capacity:
    """How many open cases a cluster can hold from a day on; a hard limit is never exceeded."""

    since: date
    limit: int | None
    hard: bool = True


UNLIMITED = Capacity(date.min, None)


@dataclass(frozen=True, slots=True)
class Cluster:
    """A group of schools of one phase with a lead school."""

    id: str
    name: str
    phase: Phase
    area: str
    lead_school_urn: str
    organisation_id: str
    members: tuple[Member, ...]
    capacities: tuple[Capacity, ...] = ()

    def capacity(self, on: date) -> Capacity:
        """The capacity that applies on a day: the newest that has begun."""
        begun = [capacity for capacity in self.capacities if capacity.since <= on]
        return max(begun, key=lambda capacity: capacity.since) if begun else UNLIMITED


@dataclass(frozen=True, slots=True)
class Reach:
    """How far a cluster's nearest school of its phase is."""

    cluster: str
    squared: int
    school_urn: str

    @property
    def metres(self) -> int:
        """The distance, rounded down."""
        return isqrt(self.squared)


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Where looking for a child's school led: the school that is open now, if any, and the chain that led there."""

    school: School | None
    #: From the school that was named to the one that is open (or, without one, as far as anything is known).
    chain: tuple[str, ...] = ()
    #: The named school is not in the directory.
    unknown: bool = False

    @property
    def followed(self) -> bool:
        """Whether the named school is closed and another carries on."""
        return len(self.chain) > 1 and self.school is not None


@dataclass
class County:
    """A snapshot: schools and clusters on a day, under the rules of that day. Answers are remembered."""

    schools: Mapping[str, School]
    clusters: Mapping[str, Cluster]
    rules: Rules
    on: date
    _membership: dict[tuple[str, Phase], str] = field(init=False, repr=False)
    #: The same on each school's last day, for those who take over from it.
    _last_membership: dict[tuple[str, Phase], str] = field(init=False, repr=False)
    _predecessors: dict[str, list[str]] = field(init=False, repr=False)
    _grounds: dict[Phase, list[tuple[str, list[tuple[int, int, str]]]]] = field(init=False, repr=False)
    _reaches: dict[tuple[Phase, Point], tuple[Reach, ...]] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._membership, self._last_membership = {}, {}
        for cluster in sorted(self.clusters.values(), key=lambda cluster: cluster.id):
            for member in cluster.members:
                school = self.schools.get(member.school_urn)
                closed_on = school.closed_on if school is not None else None
                if member.on(self.on):
                    self._membership.setdefault((member.school_urn, cluster.phase), cluster.id)
                if member.on(self.on if closed_on is None else min(self.on, closed_on)):
                    self._last_membership.setdefault((member.school_urn, cluster.phase), cluster.id)
        self._predecessors = {}
        for school in self.schools.values():
            for successor in school.successors:
                if _begun(successor, self.on):
                    self._predecessors.setdefault(successor.urn, []).append(school.urn)
        self._grounds = {phase: self._grounds_of(phase) for phase in Phase}

    def _grounds_of(self, phase: Phase) -> list[tuple[str, list[tuple[int, int, str]]]]:
        """Each cluster's open schools. Who has taken over from a member is near for its neighbours too."""
        members: dict[str, list[str]] = {}
        for urn in self.schools:
            cluster_id, _ = self.cluster_of(urn, phase)
            if cluster_id is not None:
                members.setdefault(cluster_id, []).append(urn)
        return [(id, self._places(members[id], phase)) for id in sorted(members)]

    def _places(self, urns: Iterable[str], phase: Phase) -> list[tuple[int, int, str]]:
        """Where the open schools of the phase among these are."""
        places = []
        for urn in urns:
            school = self.schools.get(urn)
            if school is None or school.is_closed(self.on) or not self.rules.serves(school.phase, phase):
                continue
            if school.easting is not None and school.northing is not None:
                places.append((school.easting, school.northing, urn))
        return places

    def whereabouts(self, urn: str) -> Whereabouts:
        """Find the open school behind a URN, along the successors that have begun, oldest link first."""
        if urn not in self.schools:
            return Whereabouts(None, (urn,), unknown=True)
        seen: set[str] = set()

        def follow(here: str) -> tuple[str, ...] | None:
            school = self.schools.get(here)
            if school is None or here in seen:
                return None
            seen.add(here)
            if not school.is_closed(self.on):
                return (here,)
            links = sorted(school.successors, key=lambda link: (link.since or date.min, link.urn))
            for link in links:
                rest = follow(link.urn) if _begun(link, self.on) else None
                if rest is not None:
                    return (here, *rest)
            return None

        chain = follow(urn)
        return Whereabouts(None, (urn,)) if chain is None else Whereabouts(self.schools[chain[-1]], chain)

    def cluster_of(self, urn: str, phase: Phase) -> tuple[str | None, bool]:
        """The school's cluster of the phase, and whether it is inherited.

        A school that took over from a closed one and is not yet a member anywhere has the place its predecessor had
        on its last day: a conversion must not put its children outside every cluster.
        """
        own = self._membership.get((urn, phase))
        if own is not None:
            return own, False
        seen, generation = {urn}, [urn]
        while generation:
            parents = {before for here in generation for before in self._predecessors.get(here, ())} - seen
            seen |= parents
            generation = sorted(parents)
            for before in generation:
                inherited = self._last_membership.get((before, phase))
                if inherited is not None:
                    return inherited, True
        return None, False

    def reach(self, phase: Phase, origin: Point) -> Sequence[Reach]:
        """The clusters of the phase with their distance from a point, nearest first, ties by id."""
        known = self._reaches.get((phase, origin))
        if known is None:
            known = self._reaches[phase, origin] = tuple(self._measure(phase, origin))
        return known

    def _measure(self, phase: Phase, origin: Point) -> list[Reach]:
        reaches = []
        for cluster, places in self._grounds[phase]:
            if places:
                squared, urn = min((origin.squared(easting, northing), urn) for easting, northing, urn in places)
                reaches.append(Reach(cluster, squared, urn))
        return sorted(reaches, key=lambda reach: (reach.squared, reach.cluster))


def _begun(successor: Successor, on: date) -> bool:
    return successor.since is None or successor.since <= on
