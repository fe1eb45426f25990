"""Making clusters: derived from the register by district and phase, or read from an operator's file."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from chassis.errors import FieldError, Invalid

from cluster_router.domain.county import Capacity, Cluster, Member, School
from cluster_router.domain.rules import Phase, Rules

#: The register's status code of a school that does not teach yet.
PROPOSED_TO_OPEN = 4


class NotAClusterFile(Invalid):
    """A file of clusters or capacities with rows that make no sense; each is named."""

    code = "not-a-cluster-file"


class NoSchoolsKnown(Invalid):
    """Clusters cannot be derived before any school of the county has arrived from the directory."""

    code = "no-schools-known"


@dataclass(frozen=True, slots=True)
class Derivation:
    """What of the register makes up the county's clusters."""

    #: The county's own code in the register.
    local_authority: str
    #: The register's types of establishment whose schools are in clusters.
    mainstream: frozenset[str]
    #: Schools that are open on this day are members,
    on: date
    #: from here on, or from when they opened if that is later.
    since: date


def derive_clusters(schools: Mapping[str, School], rules: Rules, how: Derivation) -> list[Cluster]:
    """One cluster for each district and phase, of its open mainstream schools; the one with most pupils leads."""
    members: dict[tuple[str, Phase], list[School]] = {}
    for school in schools.values():
        if (
            school.local_authority != how.local_authority
            or school.is_closed(how.on)
            or school.status == PROPOSED_TO_OPEN
            or school.establishment_type not in how.mainstream
        ):
            continue
        district = _district(school, schools)
        if district is None:
            continue
        for phase in Phase:
            if rules.serves(school.phase, phase):
                members.setdefault((district, phase), []).append(school)
    if not members:
        raise NoSchoolsKnown(f"No open mainstream school of local authority {how.local_authority} is known yet.")
    return [_derived(district, phase, group, how) for (district, phase), group in sorted(members.items())]


def _district(school: School, schools: Mapping[str, School]) -> str | None:
    """The school's district, or that of the school it took over from: extracts differ in what they say."""
    if school.district:
        return school.district
    before = sorted(
        other.urn
        for other in schools.values()
        if other.district and any(successor.urn == school.urn for successor in other.successors)
    )
    return schools[before[0]].district if before else None


def _derived(district: str, phase: Phase, schools: Sequence[School], how: Derivation) -> Cluster:
    lead = min(schools, key=lambda school: (-(school.pupils or 0), school.urn))
    return Cluster(
        id=f"{slug(district)}-{phase}",
        name=f"{district} {phase}",
        phase=phase,
        area=district,
        lead_school_urn=lead.urn,
        organisation_id=lead.organisation_id,
        members=tuple(
            Member(school.urn, max(how.since, school.opened_on or how.since))
            for school in sorted(schools, key=lambda school: school.urn)
        ),
    )


def slug(text: str) -> str:
    """A name as a stable code: `Forest of Dean` -> `forest-of-dean`."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


#: The columns of a file of clusters: one row a membership; a cluster's own columns are the same in each of its rows.
CLUSTER_COLUMNS = ("cluster_id", "name", "phase", "area", "lead_school_urn", "school_urn", "since", "until")
#: The columns of a file of capacities: empty capacity means unlimited, kind is hard or soft.
CAPACITY_COLUMNS = ("cluster_id", "since", "capacity", "kind")

_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_URN = re.compile(r"[0-9]{6}")
_NAME_AT_MOST = 120


def read_clusters(rows: Sequence[Mapping[str, str]], schools: Mapping[str, School]) -> list[Cluster]:
    """The clusters that a file's rows state. Raises `NotAClusterFile` naming every wrong row."""
    errors = _Errors()
    headers: dict[str, tuple[str, str, str, str]] = {}
    members: dict[str, list[Member]] = {}
    for index, row in enumerate(rows):
        cells = {column: (row.get(column) or "").strip() for column in CLUSTER_COLUMNS}
        since, until = errors.day(index, "since", cells["since"]), None
        if cells["until"]:
            until = errors.day(index, "until", cells["until"])
        errors.check(_ID.fullmatch(cells["cluster_id"]), index, "cluster_id", "a lower-case code")
        errors.check(cells["phase"] in list(Phase), index, "phase", "primary or secondary")
        for column in ("name", "area"):
            errors.check(0 < len(cells[column]) <= _NAME_AT_MOST, index, column, "1 to 120 characters")
        for column in ("lead_school_urn", "school_urn"):
            errors.check(_URN.fullmatch(cells[column]), index, column, "six digits")
        errors.check(not (since and until and until < since), index, "until", "not before since")
        header = (cells["name"], cells["phase"], cells["area"], cells["lead_school_urn"])
        known = headers.setdefault(cells["cluster_id"], header)
        errors.check(known == header, index, "cluster_id", "described as in its first row")
        if since:
            members.setdefault(cells["cluster_id"], []).append(Member(cells["school_urn"], since, until))
    errors.check(rows, 0, "cluster_id", "there: the file has no rows")
    errors.stop()
    clusters = [
        Cluster(
            cluster_id,
            name,
            Phase(phase),
            area,
            lead,
            _organisation(lead, schools),
            tuple(sorted(members[cluster_id], key=_when)),
        )
        for cluster_id, (name, phase, area, lead) in sorted(headers.items())
    ]
    one_cluster_each(clusters)
    return clusters


def one_cluster_each(clusters: Iterable[Cluster]) -> None:
    """A school is in one cluster of a phase at a time. Raises `NotAClusterFile`."""
    spans: dict[tuple[str, Phase], list[tuple[Member, str]]] = {}
    for cluster in clusters:
        for member in cluster.members:
            spans.setdefault((member.school_urn, cluster.phase), []).append((member, cluster.id))
    errors = [
        FieldError("/school_urn", "in-two-clusters", f"{urn} is in {here} and {there} of the {phase} phase at once.")
        for (urn, phase), members in sorted(spans.items())
        for (member, here), (other, there) in pairwise(sorted(members, key=lambda span: _when(span[0])))
        if member.until is None or other.since <= member.until
    ]
    if errors:
        raise NotAClusterFile("A school belongs to one cluster of a phase at a time.", errors=errors)


def read_capacities(rows: Sequence[Mapping[str, str]], clusters: Collection[str]) -> dict[str, tuple[Capacity, ...]]:
    """The capacities that a file's rows state, by cluster. Raises `NotAClusterFile` naming every wrong row."""
    errors = _Errors()
    capacities: dict[str, list[Capacity]] = {}
    for index, row in enumerate(rows):
        cells = {column: (row.get(column) or "").strip() for column in CAPACITY_COLUMNS}
        since = errors.day(index, "since", cells["since"])
        errors.check(cells["cluster_id"] in clusters, index, "cluster_id", "a cluster that is known")
        errors.check(cells["kind"] in {"hard", "soft", ""}, index, "kind", "hard or soft")
        is_number = re.fullmatch(r"[0-9]{1,6}", cells["capacity"]) is not None
        errors.check(is_number or not cells["capacity"], index, "capacity", "a whole number, or empty for unlimited")
        if since and (is_number or not cells["capacity"]):
            limit = int(cells["capacity"]) if cells["capacity"] else None
            capacities.setdefault(cells["cluster_id"], []).append(Capacity(since, limit, cells["kind"] != "soft"))
    for cluster_id, given in capacities.items():
        days = [capacity.since for capacity in given]
        errors.check(len(set(days)) == len(days), 0, "since", f"different for each capacity of {cluster_id}")
    errors.check(rows, 0, "cluster_id", "there: the file has no rows")
    errors.stop()
    return {
        cluster_id: tuple(sorted(given, key=lambda capacity: capacity.since))
        for cluster_id, given in sorted(capacities.items())
    }


def _organisation(urn: str, schools: Mapping[str, School]) -> str:
    """The lead school's organisation; before the directory has told, the one it will have."""
    school = schools.get(urn)
    return school.organisation_id if school else f"school-{urn}"


def _when(member: Member) -> tuple[date, str]:
    return (member.since, member.school_urn)


class _Errors:
    """What is wrong with a file, row by row; rows are counted as a spreadsheet shows them, under the header."""

    def __init__(self) -> None:
        self._found: list[FieldError] = []

    def check(self, fine: object, index: int, column: str, expected: str) -> None:
        if not fine:
            detail = f"Row {index + 2}: {column} must be {expected}."
            self._found.append(FieldError(f"/{index + 2}/{column}", "not-understood", detail))

    def day(self, index: int, column: str, cell: str) -> date | None:
        try:
            return date.fromisoformat(cell)
        except ValueError:
            self.check(False, index, column, "a date like 2026-09-01")  # noqa: FBT003
            return None

    def stop(self) -> None:
        if self._found:
            first = self._found[0].detail
            raise NotAClusterFile(f"{len(self._found)} cells are wrong. {first}", errors=self._found)
