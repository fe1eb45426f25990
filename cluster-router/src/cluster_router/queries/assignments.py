"""Open cases that a caller may know of, oldest first, and all that was decided of one."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from chassis.auth import Caller

from cluster_router.domain.decision import Trace, trace_from_json
from cluster_router.policy import sees_all, teams_of
from cluster_router.store import CaseFile, Tx
from cluster_router.store.cases import case_of

_WANTED: Final = """
SELECT f.* FROM case_file f
WHERE NOT f.closed AND (f.opened_at, f.case_id) > ($1, $2)
  AND ($3::text IS NULL OR f.state = $3) AND ($4::text IS NULL OR f.cluster = $4)
  AND ($5::timestamptz IS NULL OR f.changed_at >= $5)
"""
#: Who does not see all sees what their organisation takes part in, and what their clusters hold or are offered.
_SEEN: Final = """
  AND f.case_id IN (
    SELECT p.case_id FROM participant p
    WHERE p.organisation_id = $7 AND p.since <= $9::date AND (p.until IS NULL OR p.until >= $9::date)
    UNION ALL
    SELECT h.case_id FROM case_file h WHERE h.cluster = ANY($8::text[]) AND NOT h.closed
    UNION ALL
    SELECT o.case_id FROM case_file o WHERE o.handover->>'to_cluster' = ANY($8::text[]) AND o.handover IS NOT NULL
  )
"""
_ORDER: Final = "ORDER BY f.opened_at, f.case_id LIMIT $6"
_ALL: Final = f"{_WANTED}{_ORDER}"
_MINE: Final = f"{_WANTED}{_SEEN}{_ORDER}"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which open cases; None means any."""

    state: str | None = None
    cluster: str | None = None
    #: Only those that have changed since.
    since: datetime | None = None


async def cases_for(
    tx: Tx, caller: Caller, wanted: Wanted, *, on: date, after: tuple[datetime, str], limit: int
) -> list[CaseFile]:
    """Open cases that the caller may know of, oldest first, after a place in the list."""
    sql, arguments = listing(caller, wanted, on=on, after=after, limit=limit)
    return [case_of(row) for row in await tx.rows(sql, *arguments)]


def listing(
    caller: Caller, wanted: Wanted, *, on: date, after: tuple[datetime, str], limit: int
) -> tuple[str, tuple[object, ...]]:
    """The list as SQL with its arguments."""
    arguments = (*after, wanted.state, wanted.cluster, wanted.since, limit)
    if sees_all(caller):
        return _ALL, arguments
    return _MINE, (*arguments, caller.organisation, sorted(teams_of(caller)), on)


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision about a case."""

    number: int
    decided_at: datetime
    trace: Trace


async def decisions_of(tx: Tx, case_id: str) -> list[Decided]:
    """All that was decided of a case, in order."""
    rows = await tx.rows("SELECT number, decided_at, trace FROM decision WHERE case_id = $1 ORDER BY number", case_id)
    return [Decided(row["number"], row["decided_at"], trace_from_json(row["trace"])) for row in rows]
