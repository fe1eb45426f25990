"""Reads shaped for a list: open cases by state or cluster, oldest first."""

from datetime import date, datetime
from typing import Final

from chassis.auth import Caller

from cluster_router.policy import sees_all
from cluster_router.store import CaseFile, Tx
from cluster_router.store.cases import case_of

_LIST: Final = """
SELECT * FROM case_file f
WHERE NOT closed AND ($1::text IS NULL OR state = $1) AND ($2::text IS NULL OR cluster = $2)
  AND ($3 OR cluster = ANY($4::text[]) OR handover->>'to_cluster' = ANY($4::text[]) OR EXISTS (
    SELECT 1 FROM participant p WHERE p.case_id = f.case_id AND p.organisation_id = $5
      AND p.since <= $6::date AND (p.until IS NULL OR p.until >= $6::date)))
  AND (opened_at, case_id) > ($7, $8)
ORDER BY opened_at, case_id LIMIT $9
"""


async def cases_for(
    tx: Tx,
    caller: Caller,
    *,
    state: str | None,
    cluster: str | None,
    on: date,
    after: tuple[datetime, str],
    limit: int,
) -> list[CaseFile]:
    """Open cases that the caller may know of, oldest first, after a place in the list."""
    rows = await tx.rows(
        _LIST, state, cluster, sees_all(caller), sorted(caller.clusters), caller.organisation, on, *after, limit
    )
    return [case_of(row) for row in rows]
