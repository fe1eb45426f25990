"""How many of the cases that a cluster was given it gave back or passed on."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cluster_router.store import Tx

#: A tenure is followed by the desk's when a case was given back, by another cluster's when it went on.
_GIVEN: Final = """
SELECT t.cluster, count(*) AS given,
       count(*) FILTER (WHERE n.case_id IS NOT NULL AND n.cluster IS NULL) AS given_back,
       count(*) FILTER (WHERE n.cluster IS NOT NULL) AS passed_on
FROM tenure t LEFT JOIN tenure n ON n.case_id = t.case_id AND n.position = t.position + 1
WHERE t.since >= $1 AND t.since < $2 AND t.cluster IS NOT NULL AND ($3::text[] IS NULL OR t.cluster = ANY($3::text[]))
GROUP BY t.cluster ORDER BY t.cluster
"""


@dataclass(frozen=True, slots=True)
class Given:
    """What became of the cases that a cluster was given in a time."""

    cluster: str
    given: int
    given_back: int
    passed_on: int


async def given(tx: Tx, *, since: datetime, until: datetime, clusters: Sequence[str] | None) -> list[Given]:
    """Of each cluster (None: of all) that was given any from `since` until before `until`."""
    rows = await tx.rows(_GIVEN, since, until, None if clusters is None else list(clusters))
    return [Given(**dict(row)) for row in rows]
