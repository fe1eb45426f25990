"""Assessments, advice, plans, statutory requests and clocks."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final, TypeVar

import sqlalchemy as sa
from chassis.transaction import Transaction

from assessments.domain.advice import Advice
from assessments.domain.assessment import Assessment
from assessments.domain.clocks import Clock
from assessments.domain.plans import Plan
from assessments.domain.statutory import Request
from assessments.store.rows import (
    advice_of,
    assessment_of,
    clock_of,
    plan_of,
    request_of,
    row_of_advice,
    row_of_assessment,
    row_of_clock,
    row_of_plan,
    row_of_request,
)
from assessments.tables import advice, assessment, clock, plan, statutory_request

T = TypeVar("T")

#: Everything of some cases, oldest first; the rows themselves are locked by whoever changes the case, through its head.
_OF_CASES: Final[Mapping[sa.Table, str]] = {
    assessment: "SELECT * FROM assessment WHERE case_id = ANY($1::text[]) ORDER BY opened_on, id",
    advice: "SELECT * FROM advice WHERE case_id = ANY($1::text[]) ORDER BY id",
    plan: "SELECT * FROM plan WHERE case_id = ANY($1::text[]) ORDER BY id",
    statutory_request: "SELECT * FROM statutory_request WHERE case_id = ANY($1::text[]) ORDER BY id",
    clock: "SELECT * FROM clock WHERE case_id = ANY($1::text[]) ORDER BY started_on, id",
}
#: Which case a thing belongs to: what is locked before it is read.
_CASE_OF: Final[Mapping[str, str]] = {
    "assessment": "SELECT id, case_id FROM assessment WHERE id = ANY($1::text[])",
    "advice": "SELECT id, case_id FROM advice WHERE id = ANY($1::text[])",
    "plan": "SELECT id, case_id FROM plan WHERE id = ANY($1::text[])",
    "request": "SELECT id, case_id FROM statutory_request WHERE id = ANY($1::text[])",
    "clock": "SELECT id, case_id FROM clock WHERE id = ANY($1::text[])",
}


class Casework:
    """Assessments, advice, plans, statutory requests and clocks."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def cases_of(self, what: str, ids: Collection[str]) -> dict[str, str]:
        """The cases of these assessments, pieces of advice, plans, requests or clocks, by id."""
        rows = await self._tx.rows(_CASE_OF[what], list(set(ids)))
        return {row["id"]: row["case_id"] for row in rows}

    async def assessments(self, cases: Collection[str]) -> list[Assessment]:
        """The assessments of these cases, oldest first."""
        return await self._of(assessment, cases, assessment_of)

    async def advice(self, cases: Collection[str]) -> list[Advice]:
        """The advice of these cases."""
        return await self._of(advice, cases, advice_of)

    async def plans(self, cases: Collection[str]) -> list[Plan]:
        """The plans of these cases."""
        return await self._of(plan, cases, plan_of)

    async def requests(self, cases: Collection[str]) -> list[Request]:
        """The statutory requests of these cases."""
        return await self._of(statutory_request, cases, request_of)

    async def clocks(self, cases: Collection[str]) -> list[Clock]:
        """The clocks of these cases."""
        return await self._of(clock, cases, clock_of)

    async def save(
        self,
        *,
        assessments: Sequence[Assessment],
        advice_: Sequence[Advice],
        plans: Sequence[Plan],
        requests: Sequence[Request],
        clocks: Sequence[Clock],
    ) -> None:
        """Keep all of these as they now are, each at its next version, by one statement a table."""
        await self._save(assessment, [row_of_assessment(one) for one in assessments])
        await self._save(advice, [row_of_advice(one) for one in advice_])
        await self._save(plan, [row_of_plan(one) for one in plans])
        await self._save(statutory_request, [row_of_request(one) for one in requests])
        await self._save(clock, [row_of_clock(one) for one in clocks])

    async def _of(self, table: sa.Table, cases: Collection[str], value: Callable[[Any], T]) -> list[T]:
        return [value(row) for row in await self._tx.rows(_OF_CASES[table], list(cases))]

    async def _save(self, table: sa.Table, rows: Sequence[dict[str, Any]]) -> None:
        if rows:
            names = [name for name in rows[0] if name != "id"]
            await self._tx.insert(table, rows, conflict=("id",), update=names)
