"""Reads shaped for a list or a count: only of cases that the caller may know of."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from chassis.auth import Caller

from assessments.domain.advice import Advice
from assessments.domain.assessment import Assessment
from assessments.domain.clocks import Clock
from assessments.domain.plans import Plan
from assessments.policy import READING, TEAM, sees_all
from assessments.store import Tx
from assessments.store.rows import advice_of, assessment_of, clock_of, plan_of

#: A case that exists for the caller: $1 sees all, $2 clusters of a team, $3 organisation, $4 roles, $5 the day.
_SEEN: Final = """
($1 OR EXISTS (SELECT 1 FROM case_file f WHERE f.case_id = t.case_id AND f.cluster_id = ANY($2::text[]))
 OR EXISTS (SELECT 1 FROM participant p WHERE p.case_id = t.case_id AND p.organisation_id = $3
            AND p.role = ANY($4::text[]) AND p.since <= $5::date AND (p.until IS NULL OR p.until >= $5::date)))
"""
_ASSESSMENTS: Final = f"""
SELECT * FROM assessment t
WHERE {_SEEN} AND ($6::text IS NULL OR case_id = $6) AND ($7::text IS NULL OR state = $7)
  AND (opened_on, id) > ($8::date, $9) ORDER BY opened_on, id LIMIT $10
"""
_PLANS: Final = f"""
SELECT * FROM plan t
WHERE {_SEEN} AND ($6::text IS NULL OR case_id = $6) AND ($7::text IS NULL OR state = $7) AND id > $8
ORDER BY id LIMIT $9
"""
_CLOCKS: Final = f"""
SELECT * FROM clock t
WHERE {_SEEN} AND ($6::text IS NULL OR case_id = $6) AND ($7::text IS NULL OR kind = $7)
  AND ($8::text IS NULL OR state = $8) AND ($9::date IS NULL OR due_on < $9)
  AND (due_on, id) > ($10::date, $11) ORDER BY due_on, id LIMIT $12
"""
#: What an organisation was asked is its own list, whether or not it takes part otherwise.
_ADVICE: Final = f"""
SELECT * FROM advice t
WHERE ({_SEEN} OR asked_of = $3 AND $6) AND ($7::text IS NULL OR case_id = $7) AND ($8::text IS NULL OR state = $8)
  AND (NOT $9 OR asked_of = $3) AND id > $10 ORDER BY id LIMIT $11
"""
_JUDGED: Final = """
SELECT * FROM clock
WHERE state IN ('met', 'breached') AND due_on BETWEEN $1 AND $2 AND ($3::text IS NULL OR cluster_id = $3)
"""

#: Cases opened in a time, with the days until a cluster took each on (its assessment opens) and until the child or the
#: family was first met (asked for views, and reached). By cluster, and together (no cluster).
_BEGINNINGS: Final = """
SELECT grouping(c.cluster_id) = 1 AS together, c.cluster_id, count(*) AS cases, count(c.taken) AS taken_on,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY c.taken) AS days_to_taken_on, count(c.met) AS met,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY c.met) AS days_to_contact
FROM (
  SELECT f.cluster_id, a.opened_on - f.opened_on AS taken,
         CASE WHEN v.asked_on IS NOT NULL THEN greatest(v.asked_on - f.opened_on, 0) END AS met
  FROM case_file f
  LEFT JOIN (SELECT case_id, min(opened_on) AS opened_on FROM assessment GROUP BY case_id) a USING (case_id)
  LEFT JOIN (SELECT case_id, min(asked_on) AS asked_on FROM views
             WHERE not_given IS NULL OR not_given = ANY($4::text[]) GROUP BY case_id) v USING (case_id)
  WHERE f.opened_on BETWEEN $1 AND $2 AND NOT f.erased AND ($3::text[] IS NULL OR f.cluster_id = ANY($3::text[]))
) c GROUP BY GROUPING SETS ((c.cluster_id), ()) ORDER BY together DESC, c.cluster_id
"""


@dataclass(frozen=True, slots=True)
class Beginnings:
    """How cases began that were opened in a time: of one cluster, of the desk (none), or together."""

    together: bool
    cluster_id: str | None
    cases: int
    taken_on: int
    days_to_taken_on: float | None
    met: int
    days_to_contact: float | None


@dataclass(frozen=True, slots=True)
class Seen:
    """Who looks, and when."""

    caller: Caller
    on: date

    @property
    def arguments(self) -> tuple[object, ...]:
        """The first five arguments of every list."""
        team = sorted(self.caller.clusters) if self.caller.has(*TEAM) else []
        return sees_all(self.caller), team, self.caller.organisation, sorted(READING), self.on


async def assessments_for(
    tx: Tx, seen: Seen, *, case: str | None, state: str | None, after: tuple[date, str], limit: int
) -> list[Assessment]:
    """Assessments, oldest first."""
    rows = await tx.rows(_ASSESSMENTS, *seen.arguments, case, state, *after, limit)
    return [assessment_of(row) for row in rows]


async def plans_for(tx: Tx, seen: Seen, *, case: str | None, state: str | None, after: str, limit: int) -> list[Plan]:
    """Plans, oldest first."""
    return [plan_of(row) for row in await tx.rows(_PLANS, *seen.arguments, case, state, after, limit)]


async def clocks_for(
    tx: Tx,
    seen: Seen,
    *,
    case: str | None,
    kind: str | None,
    state: str | None,
    due_before: date | None,
    after: tuple[date, str],
    limit: int,
) -> list[Clock]:
    """Clocks, the first due first."""
    rows = await tx.rows(_CLOCKS, *seen.arguments, case, kind, state, due_before, *after, limit)
    return [clock_of(row) for row in rows]


async def advice_for(
    tx: Tx, seen: Seen, *, adviser: bool, case: str | None, state: str | None, ours: bool, after: str, limit: int
) -> list[Advice]:
    """Advice, oldest first. `adviser`: the caller answers for their organisation; `ours`: only what it was asked."""
    rows = await tx.rows(_ADVICE, *seen.arguments, adviser, case, state, ours, after, limit)
    return [advice_of(row) for row in rows]


async def judged_clocks(tx: Tx, *, since: date, until: date, cluster: str | None) -> Sequence[Clock]:
    """Clocks whose last day lay in this time and that can be judged."""
    return [clock_of(row) for row in await tx.rows(_JUDGED, since, until, cluster)]


async def beginnings(
    tx: Tx, *, since: date, until: date, clusters: Sequence[str] | None, reached: Sequence[str]
) -> list[Beginnings]:
    """Together first, then by cluster; of these clusters alone, where any are named."""
    named = None if clusters is None else list(clusters)
    return [Beginnings(**dict(row)) for row in await tx.rows(_BEGINNINGS, since, until, named, list(reached))]
