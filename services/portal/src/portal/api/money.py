"""Money: each cluster's position of the year, what waits for a decision, what is due to be paid."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request, Response
from schemas.days import financial_year

from portal.api.frame import PageRoute, Viewer, Visit, need, page
from portal.domain.words import as_day
from portal.views import money

router: Final = APIRouter(route_class=PageRoute, include_in_schema=False)

Spender = Annotated[Viewer, Depends(Visit("money"))]
#: Budgets whose months are asked for; the others show their sums.
_POSITIONS: Final = 24


@router.get("/money")
async def show(request: Request, viewer: Spender) -> Response:
    """The year's money."""
    today = as_day(viewer.now) or viewer.now.date()
    year = financial_year(today)
    budgets, waiting, due, clusters = await viewer.api.all(
        ("/v1/funding/budgets", {"year": year, "limit": 100}),
        ("/v1/funding/requests", {"state": "waiting", "limit": 50}),
        ("/v1/funding/payments", {"limit": 100}) if viewer.caller.has("finance-officer") else None,
        ("/v1/clusters", {}),
    )
    names = {row["id"]: row["name"] for row in clusters.items}
    positions = await viewer.api.all(
        *(("/v1/funding/position", {"cluster": row["cluster_id"], "year": year}) for row in budgets.items[:_POSITIONS])
    )
    cases = await viewer.api.names([row["case_id"] for row in waiting.items], "worklist")
    return page(
        request,
        viewer,
        "money.html",
        title="Money",
        year=year,
        rows=money.positions(positions, names),
        totals=money.totals(positions),
        waiting=money.waiting(waiting, names, cases, viewer.caller),
        waiting_more=waiting.more,
        due=money.due(due, names, "/money"),
        pays=viewer.caller.has("finance-officer"),
        parts=((budgets, "Budgets"), (waiting, "Requests"), (due, "Payments")),
    )


@router.get("/money/payments.csv")
async def payments(request: Request, viewer: Spender) -> Response:  # noqa: ARG001  every route has one
    """What is due, for the council's payment run: the API's own file."""
    found = need(await viewer.api.fetch("/v1/funding/payments.csv"), viewer)
    headers = {"Content-Disposition": 'attachment; filename="payments-due.csv"'}
    return Response(found.content, media_type="text/csv; charset=utf-8", headers=headers)
