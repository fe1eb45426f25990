"""The rules and words that ship with the router, and who may see and do what with a case."""

import tomllib
from collections.abc import Collection, Mapping
from datetime import date
from importlib.resources import files
from typing import Any, Final

from chassis.auth import Caller
from schemas.codes import registry

from cluster_router.domain.assignment import Assignment
from cluster_router.domain.explanation import Wording
from cluster_router.domain.rules import Rules, read_rules, rules_on

_DATA = files("cluster_router") / "data"

#: Rule files as they are written, by version; a simulation amends one.
DOCUMENTS: Final[Mapping[str, dict[str, Any]]] = {
    document["version"]: document
    for path in sorted((_DATA / "rules").iterdir(), key=lambda path: path.name)
    if path.name.endswith(".toml")
    for document in [tomllib.loads(path.read_text(encoding="utf-8"))]
}
BOOK: Final[Mapping[str, Rules]] = {version: read_rules(document) for version, document in DOCUMENTS.items()}

WORDING: Final = Wording(**tomllib.loads((_DATA / "wording.toml").read_text(encoding="utf-8")))

#: The kinds of schools that clusters are derived from.
_KINDS: Final[tuple[str, ...]] = tuple(tomllib.loads((_DATA / "clusters.toml").read_text(encoding="utf-8"))["kinds"])

#: The registries of reasons that people give.
RETURNS: Final = "return-reasons"
OVERRIDES: Final = "override-reasons"
HANDOVERS: Final = "handover-reasons"

#: Roles at the council that place cases and see every one of them.
INTAKE: Final = ("intake", "operator")
#: Roles that work for a cluster.
TEAM: Final = ("cluster-lead", "caseworker")


def rules_of(day: date) -> Rules:
    """The rules of a day."""
    return rules_on(BOOK.values(), day)


def mainstream(day: date) -> frozenset[str]:
    """The types of establishment whose schools are in clusters on a day."""
    types = registry("establishment-types")
    return frozenset(code for kind in _KINDS for code in types.in_group(kind, on=day))


def in_words(reasons: str, code: str | None) -> str:
    """What a reason of one of these registries means; an old or strange one is said as it is."""
    known = registry(reasons)
    labels = {entry.code: entry.label for entry in known.entries}
    return labels.get(code or "", code or "")


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
