"""The rules and words that ship with the router, and who may see and do what with a case."""

import tomllib
from collections.abc import Collection, Mapping
from importlib.resources import files
from typing import Any, Final

from chassis.auth import Caller

from cluster_router.domain.assignment import Assignment
from cluster_router.domain.explanation import Wording
from cluster_router.domain.rules import Rules, read_rules

_DATA = files("cluster_router") / "data"

#: Rule files as they are written, by version; a simulation amends one.
DOCUMENTS: Final[Mapping[str, dict[str, Any]]] = {
    document["version"]: document
    for path in sorted((_DATA / "rules").iterdir(), key=lambda path: path.name)
    if path.name.endswith(".toml")
    for document in [tomllib.loads(path.read_text(encoding="utf-8"))]
}
BOOK: Final[Mapping[str, Rules]] = {version: read_rules(document) for version, document in DOCUMENTS.items()}

_WORDS = tomllib.loads((_DATA / "wording.toml").read_text(encoding="utf-8"))
WORDING: Final = Wording(_WORDS["opening"], _WORDS["reason"], _WORDS["person"])

#: Roles at the council that place cases and see every one of them.
INTAKE: Final = ("intake", "operator")
#: Roles that work for a cluster.
TEAM: Final = ("cluster-lead", "caseworker")


def at_the_desk(caller: Caller) -> bool:
    """Whether the caller works at the council's intake desk."""
    return caller.sector == "council" and caller.has(*INTAKE)


def sees_all(caller: Caller) -> bool:
    """Whether the caller may see every case: the desk, and those who answer for the data."""
    return at_the_desk(caller) or (caller.sector == "council" and caller.has("data-protection-officer"))


def sees(caller: Caller, assignment: Assignment, participants: Collection[str]) -> bool:
    """Whether the caller may know of the case: they take part in it, hold it, or were offered it."""
    offered = {assignment.handover.to_cluster} if assignment.handover else set()
    return (
        sees_all(caller)
        or caller.organisation in participants
        or not caller.clusters.isdisjoint(offered | ({assignment.cluster} if assignment.cluster else set()))
    )


def works_for(caller: Caller, cluster: str | None) -> bool:
    """Whether the caller decides for this cluster."""
    return cluster is not None and cluster in caller.clusters and caller.has(*TEAM)


def overrides(caller: Caller, assignment: Assignment) -> bool:
    """Whether the caller may place the case elsewhere: the desk, or the lead of the cluster that holds it."""
    return at_the_desk(caller) or (assignment.cluster in caller.clusters and caller.has("cluster-lead"))
