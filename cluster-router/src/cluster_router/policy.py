"""The rules and words that ship with the router, and who may see and do what with a case."""

import tomllib
from collections.abc import Collection, Mapping
from datetime import date
from importlib.resources import files
from typing import Any, Final

from chassis.auth import Caller
from schemas.codes import registry

from cluster_router.domain.assignment import Assignment
from cluster_router.domain.board import Board, board_on, read_board
from cluster_router.domain.explanation import Wording
from cluster_router.domain.handovers import Ladder, ladder_on, read_ladder
from cluster_router.domain.rules import Rules, read_rules, rules_on
from cluster_router.domain.transfer import Season, read_season, season_on

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

_HANDOVERS: Final = tomllib.loads((_DATA / "handovers.toml").read_text(encoding="utf-8"))
_LADDERS: Final = tuple(read_ladder(entry) for entry in _HANDOVERS["escalation"])
SEASONS: Final = tuple(read_season(entry) for entry in _HANDOVERS["transfer"])

_BOARDS: Final = tuple(
    read_board(entry) for entry in tomllib.loads((_DATA / "board.toml").read_text(encoding="utf-8"))["board"]
)

#: The kinds of schools that clusters are derived from.
_KINDS: Final[tuple[str, ...]] = tuple(tomllib.loads((_DATA / "clusters.toml").read_text(encoding="utf-8"))["kinds"])

#: The registries of reasons that people give.
RETURNS: Final = "return-reasons"
OVERRIDES: Final = "override-reasons"
HANDOVERS: Final = "handover-reasons"
DECLINES: Final = "handover-refusals"

#: Roles at the council that place cases and see every one of them.
INTAKE: Final = ("intake", "operator")
#: Roles that work for a cluster.
TEAM: Final = ("cluster-lead", "caseworker")
#: Roles of a cluster's team that see its cases, whatever organisation pays them.
TEAM_READS: Final = (*TEAM, "adviser")
#: Roles that read where cases are, as far as they take part: as they read the cases themselves.
READS: Final = (*INTAKE, *TEAM_READS, "agency-system", "referrer", "data-protection-officer", "service")


def rules_of(day: date) -> Rules:
    """The rules of a day."""
    return rules_on(BOOK.values(), day)


def ladder_of(day: date) -> Ladder:
    """How an offer that is made on a day climbs when nobody answers."""
    return ladder_on(_LADDERS, day)


def season_of(day: date) -> Season:
    """How children who are in Year 6 on a day are offered to secondary clusters."""
    return season_on(SEASONS, day)


def board_of(day: date) -> Board:
    """What a cluster's board counts on a day."""
    return board_on(_BOARDS, day)


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


def teams_of(caller: Caller) -> frozenset[str]:
    """The clusters whose cases the caller sees as one of their team."""
    return caller.clusters if caller.has(*TEAM_READS) else frozenset()


def is_of_team(caller: Caller, cluster: str | None) -> bool:
    """Whether the caller works in this cluster's team."""
    return cluster in teams_of(caller)


def sees_board(caller: Caller, cluster: str) -> bool:
    """Whether a cluster's board is for the caller: its own team, and who sees every case anyway."""
    return sees_all(caller) or is_of_team(caller, cluster)


def sees_homes(caller: Caller, cluster: str | None) -> bool:
    """Whether the caller is told of distances and squares: those who decide where the case goes."""
    return at_the_desk(caller) or is_of_team(caller, cluster)


def sees(caller: Caller, assignment: Assignment, participants: Collection[str]) -> bool:
    """Whether the caller may know of the case: they take part in it, hold it, or were offered it."""
    offered = {assignment.handover.to_cluster} if assignment.handover else set()
    return (
        sees_all(caller)
        or caller.organisation in participants
        or not teams_of(caller).isdisjoint(offered | ({assignment.cluster} if assignment.cluster else set()))
    )


def works_for(caller: Caller, cluster: str | None) -> bool:
    """Whether the caller decides for this cluster."""
    return cluster is not None and cluster in caller.clusters and caller.has(*TEAM)


def overrides(caller: Caller, assignment: Assignment) -> bool:
    """Whether the caller may place the case elsewhere: the desk, or the lead of the cluster that holds it."""
    return at_the_desk(caller) or (assignment.cluster in caller.clusters and caller.has("cluster-lead"))
