"""Reads shaped for lists and figures: requests, awards, what is due, budgets, a cluster's position, days to money."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from chassis.auth import Caller

from funding.domain.measures import Figures, figures
from funding.domain.requests import Award, Request
from funding.domain.rules import Measure
from funding.policy import TEAM, sees_all
from funding.store import Tx
from funding.store.budgets import Budget

#: Who sees a row `r` of a case: finance, its budget's cluster, the case's cluster, who is paid, who referred.
_SEEN: Final = """
  ($1 OR r.cluster_id = ANY($2::text[]) OR r.organisation_id = $3
   OR EXISTS (SELECT 1 FROM case_file f WHERE f.case_id = r.case_id AND f.cluster_id = ANY($2::text[]))
   OR EXISTS (SELECT 1 FROM participant p WHERE p.case_id = r.case_id AND p.organisation_id = $3
     AND p.role IN ('referrer', 'school') AND p.since <= $4::date AND (p.until IS NULL OR p.until >= $4::date))
   OR EXISTS (SELECT 1 FROM case_file f JOIN school s ON s.urn = f.school_urn
     WHERE f.case_id = r.case_id AND s.organisation_id = $3))
"""
_REQUESTS: Final = f"""
SELECT r.* FROM request r WHERE {_SEEN}
  AND ($5::text IS NULL OR r.case_id = $5) AND ($6::text IS NULL OR r.cluster_id = $6)
  AND ($7::text IS NULL OR r.state = $7) AND (r.asked_at, r.id) > ($8, $9)
ORDER BY r.asked_at, r.id LIMIT $10
"""
_AWARDS: Final = f"""
SELECT r.* FROM award r WHERE {_SEEN}
  AND ($5::text IS NULL OR r.case_id = $5) AND ($6::text IS NULL OR r.cluster_id = $6)
  AND ($7::text IS NULL OR (r.ended_on IS NULL) = ($7 = 'running')) AND (r.awarded_at, r.id) > ($8, $9)
ORDER BY r.awarded_at, r.id LIMIT $10
"""
_DUE: Final = """
SELECT a.id AS award_id, i.number, i.due_on, i.amount_pence, a.organisation_id, a.budget_id, b.financial_year,
       a.cluster_id, a.purpose, a.version
FROM instalment i JOIN award a ON a.id = i.award_id JOIN budget b ON b.id = a.budget_id
WHERE i.payment_id IS NULL AND NOT i.cancelled AND i.due_on <= $1 AND ($2::text IS NULL OR a.cluster_id = $2)
  AND (i.due_on, a.id, i.number) > ($3::date, $4, $5::int)
ORDER BY i.due_on, a.id, i.number LIMIT $6
"""
_BUDGETS: Final = """
SELECT * FROM budget WHERE ($1 OR cluster_id = ANY($2::text[])) AND ($3::text IS NULL OR cluster_id = $3)
  AND ($4::text IS NULL OR financial_year = $4) AND ($5::text IS NULL OR id = $5)
  AND (financial_year, cluster_id) > ($6, $7)
ORDER BY financial_year, cluster_id LIMIT $8
"""
_MONTHS: Final = """
SELECT to_char(p.day, 'YYYY-MM') AS month, e.account, sum(e.amount_pence)::bigint AS pence
FROM entry e JOIN posting p ON p.id = e.posting_id WHERE e.budget_id = $1 GROUP BY 1, 2 ORDER BY 1, 2
"""
#: What was granted on or after a day, and not released since.
_OF_LATE: Final = """
SELECT coalesce(sum(-e.amount_pence), 0)::bigint AS pence FROM entry e JOIN posting p ON p.id = e.posting_id
WHERE e.budget_id = $1 AND e.account = 'free' AND p.kind IN ('award', 'release') AND p.day >= $2
"""
_WAITING: Final = """
SELECT count(*) AS requests, coalesce(sum(p.amount_pence), 0)::bigint AS pence
FROM request r JOIN part p ON p.request_id = r.id
WHERE r.state = 'waiting' AND r.cluster_id = $1 AND p.financial_year = $2
"""
_MEASURES: Final = """
SELECT days_to_money, working_days_to_money FROM case_file
WHERE first_paid_on BETWEEN $1 AND $2 AND ($3 OR cluster_id = ANY($4::text[])) AND ($5::text IS NULL OR cluster_id = $5)
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which of a list, and after which place in it."""

    case_id: str | None
    cluster_id: str | None
    state: str | None
    after: tuple[datetime, str]
    limit: int


@dataclass(frozen=True, slots=True)
class Due:
    """An instalment that the council's payment system has to pay."""

    award_id: str
    number: int
    due_on: date
    amount_pence: int
    organisation_id: str
    budget_id: str
    financial_year: str
    cluster_id: str
    purpose: str
    #: Of the award: what If-Match must say when it is paid.
    version: int


@dataclass(frozen=True, slots=True)
class Position:
    """How one budget stands."""

    budget: Budget
    waiting_requests: int
    waiting_pence: int
    granted_of_late: int
    #: By month, the sums of that month's entries by account.
    months: Mapping[str, Mapping[str, int]]


async def requests_for(tx: Tx, caller: Caller, wanted: Wanted, on: date) -> list[Request]:
    """Requests that the caller may know of, the oldest first."""
    rows = await tx.rows(_REQUESTS, *_who(caller, on), wanted.case_id, wanted.cluster_id, wanted.state, *wanted.after, wanted.limit)  # fmt: skip  # noqa: E501
    return await tx.requests.with_parts(rows)


async def awards_for(tx: Tx, caller: Caller, wanted: Wanted, on: date) -> list[Award]:
    """Awards that the caller may know of, the oldest first."""
    rows = await tx.rows(_AWARDS, *_who(caller, on), wanted.case_id, wanted.cluster_id, wanted.state, *wanted.after, wanted.limit)  # fmt: skip  # noqa: E501
    return await tx.requests.whole_awards(rows)


async def due_payments(tx: Tx, *, by: date, cluster: str | None, after: tuple[date, str, int], limit: int) -> list[Due]:
    """Open instalments due up to a day, the longest due first."""
    return [Due(**dict(row)) for row in await tx.rows(_DUE, by, cluster, *after, limit)]


async def budgets_for(
    tx: Tx,
    caller: Caller,
    *,
    cluster: str | None = None,
    year: str | None = None,
    id: str | None = None,
    after: tuple[str, str] = ("", ""),
    limit: int = 1,
) -> list[Budget]:
    """Budgets that the caller may know of, by year and cluster."""
    rows = await tx.rows(_BUDGETS, sees_all(caller), clusters_of(caller), cluster, year, id, *after, limit)
    return await tx.budgets.whole(rows)


async def position_of(tx: Tx, budget: Budget, *, window_days: int, today: date) -> Position:
    """How a budget stands, with its months."""
    months: dict[str, dict[str, int]] = {}
    for row in await tx.rows(_MONTHS, budget.id):
        months.setdefault(row["month"], {})[row["account"]] = row["pence"]
    [late] = await tx.rows(_OF_LATE, budget.id, today - timedelta(days=window_days - 1))
    [waiting] = await tx.rows(_WAITING, budget.cluster_id, budget.financial_year)
    return Position(budget, waiting["requests"], waiting["pence"], max(late["pence"], 0), months)


async def measures_for(
    tx: Tx, caller: Caller, *, first: date, last: date, cluster: str | None, rule: Measure
) -> Figures:
    """Days to money of the cases that first had money in these days, of the clusters that the caller may know of."""
    rows = await tx.rows(_MEASURES, first, last, sees_all(caller), clusters_of(caller), cluster)
    return figures([(row["days_to_money"], row["working_days_to_money"]) for row in rows], rule)


def clusters_of(caller: Caller) -> list[str]:
    """The clusters whose money the caller may see."""
    return sorted(caller.clusters) if caller.has(*TEAM) else []


def _who(caller: Caller, on: date) -> tuple[Any, ...]:
    return sees_all(caller), clusters_of(caller), caller.organisation, on
