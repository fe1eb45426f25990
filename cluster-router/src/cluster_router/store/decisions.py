"""Every decision with its trace, numbered without gaps."""

from collections.abc import Sequence
from datetime import date
from typing import Final

import orjson
from chassis.transaction import Transaction
from schemas.referral import Circumstances

from cluster_router.domain.decision import Decision, Trace, trace_from_json, trace_to_json
from cluster_router.domain.simulation import Past
from cluster_router.store.cases import circumstances_of
from cluster_router.tables import decision

#: The newest decision by rule of each case, with what it was made from.
_PAST: Final = """
SELECT case_id, trace, circumstances FROM (
  SELECT DISTINCT ON (case_id) case_id, number, trace, circumstances FROM decision
  WHERE circumstances IS NOT NULL AND trace->>'kind' = 'rules'
    AND ($1::text IS NULL OR trace->>'on' >= $1) AND ($2::text IS NULL OR trace->>'on' <= $2)
  ORDER BY case_id, number DESC
) AS newest ORDER BY number DESC LIMIT $3
"""


class Decisions:
    """Decisions, as they were made."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def record(self, decided: Sequence[tuple[str, Circumstances | None, Decision]]) -> None:
        """Keep decisions about cases, with what they were made from."""
        await self._tx.insert(
            decision,
            [
                {
                    "number": d.number, "case_id": case_id, "decided_at": self._tx.now,
                    "rules_version": d.rules_version, "cluster": d.cluster, "reasons": list(d.reasons),
                    "trace": trace_to_json(d.trace),
                    "circumstances": circumstances.model_dump(mode="json") if circumstances else None,
                }
                for case_id, circumstances, d in decided
            ],
        )  # fmt: skip

    async def trace(self, number: int) -> Trace:
        """The trace of a decision."""
        [row] = await self._tx.rows("SELECT trace FROM decision WHERE number = $1", number)
        return trace_from_json(row["trace"])

    async def traces(self, *, after: int = 0, limit: int) -> list[tuple[int, Trace]]:
        """Decisions after a number, in order."""
        rows = await self._tx.rows(
            "SELECT number, trace FROM decision WHERE number > $1 ORDER BY number LIMIT $2", after, limit
        )
        return [(row["number"], trace_from_json(row["trace"])) for row in rows]

    async def past(self, *, since: date | None, until: date | None, limit: int) -> list[Past]:
        """What the rules decided of each case last, in the order of the decisions: the newest so many."""
        days = [day.isoformat() if day else None for day in (since, until)]
        rows = await self._tx.rows(_PAST, *days, limit)
        return [
            Past(circumstances, trace_from_json(row["trace"]), row["case_id"])
            for row in reversed(rows)
            if (circumstances := circumstances_of(row["circumstances"])) is not None
        ]

    async def forget(self, cases: Sequence[str]) -> None:
        """Erase whatever came from the child: circumstances, distances, the school that decided."""
        rows = await self._tx.rows(
            "SELECT number, trace FROM decision WHERE case_id = ANY($1::text[]) ORDER BY number FOR UPDATE", list(cases)
        )
        erased = [orjson.dumps(trace_to_json(trace_from_json(row["trace"]).erased())).decode() for row in rows]
        await self._tx.rows(
            "UPDATE decision d SET circumstances = NULL, trace = e.trace::jsonb"
            " FROM unnest($1::bigint[], $2::text[]) AS e(number, trace) WHERE d.number = e.number",
            [row["number"] for row in rows],
            erased,
        )
