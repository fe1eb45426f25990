"""Requests with their parts, awards with their instalments. Only whoever has the case locked changes them."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from chassis.transaction import Transaction

from funding.domain.ledger import Balances
from funding.domain.requests import Award, Origin, Request, State
from funding.domain.spans import Instalment, Part
from funding.tables import award, instalment, part, request

_REQUESTS: Final = "SELECT * FROM request WHERE case_id = ANY($1::text[]) ORDER BY asked_at, id"
_REQUESTS_BY_ID: Final = "SELECT * FROM request WHERE id = ANY($1::text[]) ORDER BY asked_at, id"
_PARTS: Final = "SELECT * FROM part WHERE request_id = ANY($1::text[]) ORDER BY request_id, financial_year"
_AWARDS: Final = "SELECT * FROM award WHERE case_id = ANY($1::text[]) ORDER BY awarded_at, id"
_AWARDS_BY_ID: Final = "SELECT * FROM award WHERE id = ANY($1::text[]) ORDER BY awarded_at, id"
_INSTALMENTS: Final = "SELECT * FROM instalment WHERE award_id = ANY($1::text[]) ORDER BY award_id, number"
_SUMS: Final = """
SELECT award_id, account, sum(amount_pence)::bigint AS pence FROM entry
WHERE award_id = ANY($1::text[]) GROUP BY award_id, account
"""
#: Cases of a cluster in which money is waited for, who has waited longest first.
_WAITING: Final = """
SELECT r.case_id, min(r.asked_at) AS asked_at FROM request r
WHERE r.cluster_id = $1 AND (r.state = 'waiting' OR (r.state = 'awarded' AND EXISTS (
  SELECT 1 FROM part p WHERE p.request_id = r.id AND p.award_id IS NULL)))
GROUP BY r.case_id HAVING $2::timestamptz IS NULL OR (min(r.asked_at), r.case_id) > ($2, $3)
ORDER BY min(r.asked_at), r.case_id LIMIT $4
"""


class Requests:
    """Requests with their parts, awards with their instalments."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def of_cases(self, cases: Collection[str]) -> list[Request]:
        """All requests for these cases, the oldest first."""
        return await self._requests(await self._tx.rows(_REQUESTS, list(cases)))

    async def find(self, ids: Collection[str]) -> dict[str, Request]:
        """The requests that there are among these."""
        return {one.id: one for one in await self._requests(await self._tx.rows(_REQUESTS_BY_ID, list(ids)))}

    async def with_parts(self, rows: Sequence[Any]) -> list[Request]:
        """Rows of `request` as values, in their order."""
        return await self._requests(rows)

    async def awards_of_cases(self, cases: Collection[str]) -> list[Award]:
        """All awards for these cases, the oldest first."""
        return await self.whole_awards(await self._tx.rows(_AWARDS, list(cases)))

    async def find_awards(self, ids: Collection[str]) -> dict[str, Award]:
        """The awards that there are among these."""
        return {one.id: one for one in await self.whole_awards(await self._tx.rows(_AWARDS_BY_ID, list(ids)))}

    async def waiting_cases(
        self, cluster: str, *, after: tuple[datetime, str] | None, limit: int
    ) -> list[tuple[str, datetime]]:
        """Cases of a cluster in which money is waited for, after a place in that list."""
        rows = await self._tx.rows(_WAITING, cluster, *(after or (None, None)), limit)
        return [(row["case_id"], row["asked_at"]) for row in rows]

    async def save(self, requests: Sequence[Request]) -> None:
        """Keep requests and their parts as they now are, each at its next version."""
        rows = [
            {
                "id": r.id, "case_id": r.case_id, "cluster_id": r.cluster_id, "organisation_id": r.organisation_id,
                "origin": r.origin.value, "referral_id": r.referral_id, "purpose": r.purpose,
                "amount_pence": r.amount_pence, "since": r.since, "until": r.until, "asked_by": r.asked_by,
                "asked_by_organisation": r.asked_by_organisation, "asked_at": r.asked_at, "reason": r.reason,
                "state": r.state.value, "waits_because": r.waits_because, "decided_by": r.decided_by,
                "decided_at": r.decided_at, "refusal": r.refusal, "note": r.note, "rules_version": r.rules_version,
                "version": r.version + 1,
            }
            for r in requests
        ]  # fmt: skip
        if not rows:
            return
        await self._tx.insert(request, rows, conflict=("id",), update=[name for name in rows[0] if name != "id"])
        parts = [
            {
                "request_id": r.id, "financial_year": p.financial_year, "amount_pence": p.amount_pence,
                "since": p.since, "until": p.until, "award_id": p.award_id,
            }
            for r in requests
            for p in r.parts
        ]  # fmt: skip
        await self._tx.insert(part, parts, conflict=("request_id", "financial_year"), update=("award_id",))

    async def save_awards(self, awards: Sequence[Award]) -> None:
        """Keep awards and their instalments as they now are, each at its next version."""
        rows = [
            {
                "id": a.id, "request_id": a.request_id, "case_id": a.case_id, "cluster_id": a.cluster_id,
                "budget_id": a.budget_id, "organisation_id": a.organisation_id, "purpose": a.purpose,
                "amount_pence": a.amount_pence, "since": a.since, "until": a.until, "decided_by": a.decided_by,
                "rules_version": a.rules_version, "awarded_at": a.awarded_at, "ended_on": a.ended_on,
                "ending": a.ending, "version": a.version + 1,
            }
            for a in awards
        ]  # fmt: skip
        await self._tx.insert(award, rows, conflict=("id",), update=("ended_on", "ending", "version"))
        plans = [
            {
                "award_id": a.id, "number": i.number, "due_on": i.due_on, "amount_pence": i.amount_pence,
                "payment_id": i.payment_id, "paid_on": i.paid_on, "cancelled": i.cancelled,
            }
            for a in awards
            for i in a.instalments
        ]  # fmt: skip
        changes = ("payment_id", "paid_on", "cancelled")
        await self._tx.insert(instalment, plans, conflict=("award_id", "number"), update=changes)

    async def forget(self, cases: Sequence[str]) -> None:
        """Erase what people wrote about these cases."""
        await self._tx.rows(
            "UPDATE request SET reason = NULL, note = NULL WHERE case_id = ANY($1::text[])", list(cases)
        )

    async def _requests(self, rows: Sequence[Any]) -> list[Request]:
        parts: dict[str, list[Part]] = {}
        for row in await self._tx.rows(_PARTS, [row["id"] for row in rows]):
            values = {name: value for name, value in row.items() if name != "request_id"}
            parts.setdefault(row["request_id"], []).append(Part(**values))
        return [_request_of(row, tuple(parts.get(row["id"], ()))) for row in rows]

    async def whole_awards(self, rows: Sequence[Any]) -> list[Award]:
        """Rows of `award` as values with their instalments and balances, in their order."""
        ids = [row["id"] for row in rows]
        plans: dict[str, list[Instalment]] = {}
        for row in await self._tx.rows(_INSTALMENTS, ids):
            values = {name: value for name, value in row.items() if name != "award_id"}
            plans.setdefault(row["award_id"], []).append(Instalment(**values))
        sums: dict[str, dict[str, int]] = {}
        for row in await self._tx.rows(_SUMS, ids):
            sums.setdefault(row["award_id"], {})[row["account"]] = row["pence"]
        return [_award_of(row, tuple(plans.get(row["id"], ())), sums.get(row["id"], {})) for row in rows]


def _request_of(row: Any, parts: tuple[Part, ...]) -> Request:
    values = dict(row) | {"origin": Origin(row["origin"]), "state": State(row["state"]), "parts": parts}
    return Request(**values)


def _award_of(row: Any, plan: tuple[Instalment, ...], sums: Mapping[str, int]) -> Award:
    return Award(**dict(row), instalments=plan, balances=Balances.of(sums))
