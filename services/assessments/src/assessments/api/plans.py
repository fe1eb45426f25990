"""Plans: their cycles, reviews, and the agreement on the next cycle."""

from typing import Annotated, Any, Final

from chassis.bodies import KEYED, VERSIONED, Body, json_body, takes
from chassis.http import etag, json_response, runtime
from chassis.wire import Page, as_json
from fastapi import APIRouter, Depends, Query, Request, Response

from assessments import queries
from assessments.api.common import Cursor, Filter, Id, Limit, SignedIn, Team, act, after, note, page, seen, visible
from assessments.handlers import plans as handlers
from assessments.policy import works
from assessments.views.bodies import PlanCycleIn, PlanReviewIn
from assessments.views.plans import PlanOut, plan_out

router: Final = APIRouter(tags=["plans"])


@router.get("/v1/plans", response_model=Page[PlanOut])
async def list_plans(
    request: Request,
    caller: SignedIn,
    *,
    case: Filter = None,
    state: Annotated[str | None, Query(pattern="^(active|reviewed|ended)$")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """Plans that you may know of, oldest first, without what they say."""
    [place] = after(request, caller, cursor, ("",))
    async with runtime(request).transaction() as tx:
        found = await queries.plans_for(tx, seen(tx, caller), case=case, state=state, after=place, limit=limit + 1)
        note(request, tx, caller, what="plans", what_id=case or "all", case_id=case)
    return page(
        request, caller, found, limit=limit, out=lambda one: plan_out(one, {}, team=False), place=lambda one: (one.id,)
    )


@router.get("/v1/plans/{id}", response_model=PlanOut)
async def get_plan(request: Request, caller: SignedIn, id: Id) -> Response:
    """A plan with its cycles, and what you may do."""
    async with runtime(request).transaction() as tx:
        case, standing = await visible(tx, caller, (await tx.casework.cases_of("plan", [id])).get(id))
        [one] = [plan for plan in await tx.casework.plans([case.id]) if plan.id == id]
        texts = await tx.texts.plans([id])
        note(request, tx, caller, what="plan", what_id=id, case_id=case.id)
    out = plan_out(one, texts, team=works(caller, standing))
    return json_response(as_json(out), headers={"ETag": etag(one.version)})


def _out(plan: Any) -> PlanOut:
    return plan_out(plan, {}, team=True)


@router.post("/v1/plans/{id}/reviews", response_model=PlanOut, openapi_extra=takes(PlanReviewIn, KEYED, VERSIONED))
async def review(
    request: Request, caller: Team, id: Id, body: Annotated[Body[PlanReviewIn], Depends(json_body(PlanReviewIn))]
) -> Response:
    """The cycle is reviewed: the plan goes on, changes, steps up or down, or ends."""
    said = handlers.Review(**body.value.model_dump())
    return await act(request, caller, id, body, handlers.review_plans, said=said, out=_out, versioned=True)


@router.post("/v1/plans/{id}/agree", response_model=PlanOut, openapi_extra=takes(PlanCycleIn, KEYED, VERSIONED))
async def agree(
    request: Request, caller: Team, id: Id, body: Annotated[Body[PlanCycleIn], Depends(json_body(PlanCycleIn))]
) -> Response:
    """The next cycle of a reviewed plan is agreed."""
    said = handlers.Agreement(**body.value.model_dump())
    return await act(request, caller, id, body, handlers.agree_cycles, said=said, out=_out, versioned=True)
