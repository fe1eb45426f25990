"""Budgets, how a cluster's money stands, and how long money takes."""

from typing import Annotated, Final

from chassis.errors import Malformed, NotFound
from chassis.http import etag, json_response, runtime
from chassis.wire import Day, Page, as_json
from fastapi import APIRouter, Query, Request, Response

from funding import queries
from funding.api.parts import ID, YEAR, Cursor, Id, Limit, Reckons, Some
from funding.domain.days import day_of
from funding.policy import rules_of
from funding.views import BudgetOut, MeasuresOut, PositionOut, budget_out, measures_out, position_out

router: Final = APIRouter(tags=["funding"])

Year = Annotated[str | None, Query(pattern=YEAR)]


class NotBefore(Malformed):
    """The span ends before it begins."""

    code = "ends-before-it-begins"


@router.get("/v1/funding/budgets", response_model=Page[BudgetOut])
async def list_budgets(
    request: Request,
    caller: Reckons,
    *,
    cluster: Some = None,
    year: Year = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Response:
    """Budgets that you may know of, with what is left of each."""
    beyond, of = ("", "") if cursor is None else runtime(request).cursors.decode(caller, cursor)
    async with runtime(request).transaction() as tx:
        found = await queries.budgets_for(tx, caller, cluster=cluster, year=year, after=(beyond, of), limit=limit + 1)
    items = tuple(budget_out(one) for one in found[:limit])
    last = found[limit - 1] if len(found) > limit else None
    following = runtime(request).cursors.encode(caller, last.financial_year, last.cluster_id) if last else None
    return json_response(as_json(Page[BudgetOut](items=items, next=following)))


@router.get("/v1/funding/budgets/{budget_id}", response_model=BudgetOut)
async def get_budget(request: Request, caller: Reckons, budget_id: Id) -> Response:
    """A budget, and what is left of it."""
    async with runtime(request).transaction() as tx:
        found = await queries.budgets_for(tx, caller, id=budget_id)
    if not found:
        raise NotFound
    return json_response(as_json(budget_out(found[0])), headers={"ETag": etag(found[0].version)})


@router.get("/v1/funding/position", response_model=PositionOut)
async def get_position(
    request: Request,
    caller: Reckons,
    cluster: Annotated[str, Query(pattern=ID)],
    year: Annotated[str, Query(pattern=YEAR)],
) -> Response:
    """How a cluster's money of a year stands, month by month, and what the year will have cost."""
    async with runtime(request).transaction() as tx:
        today = day_of(tx.now)
        found = await queries.budgets_for(tx, caller, cluster=cluster, year=year)
        if not found:
            raise NotFound
        rules = rules_of(today)
        position = await queries.position_of(tx, found[0], window_days=rules.forecast_window_days, today=today)
    return json_response(as_json(position_out(position, rules, today)))


@router.get("/v1/funding/measures", response_model=MeasuresOut)
async def get_measures(
    request: Request,
    caller: Reckons,
    first: Annotated[Day, Query(alias="from")],
    last: Annotated[Day, Query(alias="to")],
    cluster: Some = None,
) -> Response:
    """Days from the first referral to money, of cases that first had money in these days."""
    if last < first:
        raise NotBefore("`to` must not lie before `from`.", pointer="/query/to")
    async with runtime(request).transaction() as tx:
        rules = rules_of(day_of(tx.now))
        found = await queries.measures_for(tx, caller, first=first, last=last, cluster=cluster, rule=rules.measure)
    return json_response(as_json(measures_out(found, rules, first=first, last=last, cluster=cluster)))
