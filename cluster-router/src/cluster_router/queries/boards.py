"""What a cluster's board shows, in so many questions however many cases there are."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from cluster_router.domain.assignment import Handover
from cluster_router.store import Tx
from cluster_router.store.cases import handover_from_json

_STATES: Final = "SELECT state, count(*) AS cases FROM case_file WHERE cluster = $1 AND NOT closed GROUP BY state"
_UNACCEPTED: Final = """
SELECT f.case_id, f.reference, t.since FROM case_file f
JOIN tenure t ON t.case_id = f.case_id AND t.until IS NULL
WHERE f.cluster = $1 AND NOT f.closed AND f.state = 'assigned' ORDER BY t.since, f.case_id
"""
_HANDOVERS: Final = """
SELECT case_id, reference, cluster, handover FROM case_file
WHERE NOT closed AND handover IS NOT NULL AND (cluster = $1 OR handover->>'to_cluster' = $1)
ORDER BY handover->>'answer_by', case_id
"""
_HOMES: Final = """
SELECT (circumstances->'home'->>'easting')::int AS easting, (circumstances->'home'->>'northing')::int AS northing,
       count(*) AS cases
FROM case_file WHERE cluster = $1 AND NOT closed AND circumstances->'home'->>'state' = 'known'
GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2
"""
_SCHOOLS: Final = """
SELECT circumstances->>'school_urn' AS urn, count(*) AS cases
FROM case_file WHERE cluster = $1 AND NOT closed AND circumstances->>'school_urn' IS NOT NULL GROUP BY 1
"""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A case that the cluster has not accepted, and since when it is theirs."""

    case_id: str
    reference: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Offer:
    """An open hand-over."""

    case_id: str
    reference: str
    from_cluster: str
    handover: Handover


@dataclass(frozen=True, slots=True)
class Square:
    """A kilometre by its south-west corner, and how many open cases have their home in it."""

    easting: int
    northing: int
    cases: int


@dataclass(frozen=True, slots=True)
class Found:
    """Everything that is counted for one cluster."""

    states: Mapping[str, int]
    unaccepted: tuple[Waiting, ...]
    offers: tuple[Offer, ...]
    homes: tuple[Square, ...]
    #: School -> open cases of its children.
    schools: Mapping[str, int]


async def board(tx: Tx, cluster: str) -> Found:
    """The cluster's open cases, seen from five sides."""
    return Found(
        {row["state"]: row["cases"] for row in await tx.rows(_STATES, cluster)},
        tuple(Waiting(**row) for row in await tx.rows(_UNACCEPTED, cluster)),
        tuple(_offer(row) for row in await tx.rows(_HANDOVERS, cluster)),
        tuple(Square(**row) for row in await tx.rows(_HOMES, cluster)),
        {row["urn"]: row["cases"] for row in await tx.rows(_SCHOOLS, cluster)},
    )


def _offer(row: Any) -> Offer:
    handover = handover_from_json(row["handover"])
    assert handover is not None  # noqa: S101  for mypy: the query asks for those that are there
    return Offer(row["case_id"], row["reference"], row["cluster"], handover)
