"""Budgets and the ledger: what each has, as the sum of its entries."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from chassis.transaction import Transaction

from funding.domain.ledger import Balances
from funding.tables import budget, entry, posting

#: In the order of their ids, all at once: no two wait for each other.
_LOCKED: Final = """
SELECT * FROM budget WHERE cluster_id = ANY($1::text[]) OR id = ANY($2::text[]) ORDER BY id FOR UPDATE
"""
_SUMS: Final = """
SELECT budget_id, account, sum(amount_pence)::bigint AS pence FROM entry
WHERE budget_id = ANY($1::text[]) GROUP BY budget_id, account
"""
#: What the rule for small sums has granted of a budget, less what was released or came back.
_BY_RULE: Final = """
SELECT a.budget_id, sum(e.amount_pence)::bigint AS pence FROM award a JOIN entry e ON e.award_id = a.id
WHERE a.budget_id = ANY($1::text[]) AND a.decided_by IS NULL AND e.account <> 'free' GROUP BY a.budget_id
"""
#: Postings that do not add up, and budgets whose accounts cannot be: none, ever.
_WRONG: Final = """
SELECT 'posting ' || p.id AS what FROM posting p LEFT JOIN entry e ON e.posting_id = p.id
GROUP BY p.id HAVING count(e.id) < 2 OR coalesce(sum(e.amount_pence), 1) <> 0
UNION ALL
SELECT 'budget ' || budget_id FROM entry GROUP BY budget_id
HAVING sum(amount_pence) <> 0
   OR coalesce(sum(amount_pence) FILTER (WHERE account = 'free'), 0) < 0
   OR coalesce(sum(amount_pence) FILTER (WHERE account = 'committed'), 0) < 0
   OR coalesce(sum(amount_pence) FILTER (WHERE account IN ('paid', 'clawed-back')), 0) < 0
UNION ALL
SELECT 'award ' || a.id FROM award a LEFT JOIN entry e ON e.award_id = a.id
GROUP BY a.id, a.amount_pence, a.ended_on
HAVING coalesce(sum(e.amount_pence) FILTER (WHERE e.account = 'committed'), 0) < 0
    OR (a.ended_on IS NOT NULL AND coalesce(sum(e.amount_pence) FILTER (WHERE e.account = 'committed'), 0) <> 0)
    OR coalesce(sum(e.amount_pence) FILTER (WHERE e.account IN ('committed', 'paid')), 0) > a.amount_pence
ORDER BY 1
"""


@dataclass(frozen=True, slots=True)
class Budget:
    """One cluster's money in one financial year, as its entries say."""

    id: str
    cluster_id: str
    financial_year: str
    #: The lowest mark that was said and holds, percent.
    mark: int | None
    version: int
    balances: Balances = Balances()  # noqa: RUF009  a frozen value
    #: What the rule for small sums has granted of it, less what was released or came back.
    used_by_rule: int = 0


class Budgets:
    """Budgets and the ledger."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def make(self, wanted: Mapping[tuple[str, str], str]) -> None:
        """Have a row for each (cluster, year), by these ids where there is none."""
        rows = [
            {"id": wanted[key], "cluster_id": key[0], "financial_year": key[1], "mark": None, "version": 0}
            for key in sorted(wanted)
        ]
        await self._tx.insert(budget, rows, conflict=("cluster_id", "financial_year"))

    async def lock(self, clusters: Collection[str], ids: Collection[str] = ()) -> dict[str, Budget]:
        """All budgets of these clusters, and these others; whoever moves their money has them alone."""
        rows = await self._tx.rows(_LOCKED, sorted(set(clusters)), sorted(set(ids)))
        # A statement of its own: it must see what those have written who had the lock before.
        return {one.id: one for one in await self.whole(rows)}

    async def whole(self, rows: Sequence[Any]) -> list[Budget]:
        """Rows of `budget` as values with their balances, in their order."""
        ids = [row["id"] for row in rows]
        sums: dict[str, dict[str, int]] = {}
        for row in await self._tx.rows(_SUMS, ids):
            sums.setdefault(row["budget_id"], {})[row["account"]] = row["pence"]
        by_rule = {row["budget_id"]: row["pence"] for row in await self._tx.rows(_BY_RULE, ids)}
        return [
            Budget(**dict(row), balances=Balances.of(sums.get(row["id"], {})), used_by_rule=by_rule.get(row["id"], 0))
            for row in rows
        ]

    async def save_marks(self, budgets: Sequence[Budget]) -> None:
        """Keep which mark holds, each budget at its next version."""
        await self._tx.rows(
            "UPDATE budget b SET mark = i.mark, version = b.version + 1"
            " FROM unnest($1::text[], $2::int[]) AS i(id, mark) WHERE b.id = i.id",
            [one.id for one in budgets],
            [one.mark for one in budgets],
        )

    async def post(self, postings: Sequence[Mapping[str, Any]], entries: Sequence[Mapping[str, Any]]) -> None:
        """Add to the ledger."""
        await self._tx.insert(posting, postings)
        await self._tx.insert(entry, entries)

    async def wrong(self) -> list[str]:
        """What in the ledger is not as it must be: nothing, unless somebody went past the database's own checks."""
        return [row["what"] for row in await self._tx.rows(_WRONG)]
