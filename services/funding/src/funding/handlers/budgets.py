"""What clusters may spend, as a file states it; and another look at what waits when money is free again."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from chassis.cause import Cause
from chassis.clock import new_id
from chassis.deadlines import Due

from funding.domain.budgets import Rejection, Row, Summary
from funding.domain.requests import State
from funding.handlers.desk import Desk, look_again
from funding.store import Tx

#: Cases that are looked at in one transaction.
AT_ONCE: Final = 200


async def set_budgets(rows: Sequence[Row], tx: Tx, summary: Summary, cause: Cause) -> None:
    """Budgets as these rows state them, each at most once. Never below what is set aside or spent."""
    known = await tx.cases.clusters()
    summary.unknown_clusters = sorted({row.cluster_id for row in rows} - known)
    clusters = {row.cluster_id for row in rows}
    before = {(one.cluster_id, one.financial_year) for one in (await tx.budgets.lock(clusters)).values()}
    await tx.budgets.make({row.key: new_id() for row in rows if row.key not in before})
    desk = await Desk.open(tx, [], clusters=clusters)
    by_key = {(one.cluster_id, one.financial_year): one for one in desk.budgets.values()}
    for row in rows:
        budget = by_key[row.key]
        was = budget.balances.amount if row.key in before else None
        if row.amount_pence < budget.balances.bound:
            summary.rejections.append(Rejection(row.line, "amount", "below-what-is-committed-or-paid"))
        elif row.amount_pence == budget.balances.amount:
            summary.unchanged += 1
        else:
            desk.fund(budget, row.amount_pence, cause)
            summary.changed.append((row.cluster_id, row.financial_year, was, row.amount_pence))
    await desk.close()


async def look_at_waiting(due: Sequence[Due], tx: Tx) -> None:
    """Money of a cluster is free again: what waits for it is looked at, who has waited longest first."""
    asked: dict[str, tuple[datetime, str] | None] = {}
    causes: dict[str, Cause] = {}
    for one in due:
        cluster, after = one.payload["cluster"], one.payload["after"]
        place = (datetime.fromisoformat(after[0]), after[1]) if after else None
        known = asked.get(cluster, place)
        asked[cluster] = None if place is None or known is None else min(place, known)
        causes[cluster] = one.cause
    cases: set[str] = set()
    for cluster, place in sorted(asked.items()):
        found = await tx.requests.waiting_cases(cluster, after=place, limit=AT_ONCE)
        cases |= {case_id for case_id, _ in found}
        if len(found) == AT_ONCE:
            case_id, at = found[-1]
            await look_again(tx, cluster, causes[cluster], after=(at.isoformat(), case_id))
    desk = await Desk.open(tx, cases)
    for request in sorted(desk.requests.values(), key=lambda one: (one.asked_at, one.id)):
        if request.cluster_id in asked and request.state in {State.WAITING, State.AWARDED}:
            desk.consider(request, causes[request.cluster_id])
    await desk.close()
