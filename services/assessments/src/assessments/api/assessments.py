"""Assessments: what is known, whose views were heard, what is missing, how they end; and statutory requests."""

from typing import Annotated, Any, Final

from chassis.bodies import KEYED, VERSIONED, Body, json_body, takes
from chassis.errors import NotFound
from chassis.http import etag, json_response, runtime
from chassis.wire import Page, as_json
from fastapi import APIRouter, Depends, Query, Request, Response

from assessments import queries
from assessments.api.common import (
    FIRST,
    Cursor,
    DryRun,
    Filter,
    Id,
    Limit,
    SignedIn,
    Team,
    act,
    after,
    note,
    page,
    seen,
    visible,
)
from assessments.domain.assessment import Finding, Provision
from assessments.domain.days import day_of
from assessments.handlers import assessments as handlers
from assessments.handlers import plans, statutory
from assessments.policy import works
from assessments.views.advice import AdviceOut, advice_out
from assessments.views.assessments import (
    AssessmentOut,
    ViewOut,
    WholeAssessmentOut,
    assessment_out,
    view_out,
    whole_assessment_out,
)
from assessments.views.bodies import AskAdviceIn, CompletionIn, NewPlanIn, StatutoryRequestIn, StatutoryStepIn, ViewsIn
from assessments.views.plans import PlanOut, plan_out
from assessments.views.requests import StatutoryRequestOut, request_out

router: Final = APIRouter(tags=["assessments"])


@router.get("/v1/assessments", response_model=Page[AssessmentOut])
async def list_assessments(
    request: Request,
    caller: SignedIn,
    *,
    case: Filter = None,
    state: Annotated[str | None, Query(pattern="^(open|completed)$")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """Assessments that you may know of, oldest first."""
    place = after(request, caller, cursor, (FIRST, ""))
    async with runtime(request).transaction() as tx:
        found = await queries.assessments_for(
            tx, seen(tx, caller), case=case, state=state, after=place, limit=limit + 1
        )
        note(request, tx, caller, what="assessments", what_id=case or "all", case_id=case)
    return page(
        request, caller, found, limit=limit, out=assessment_out, place=lambda one: (one.opened_on.isoformat(), one.id)
    )


@router.get("/v1/assessments/{id}", response_model=WholeAssessmentOut)
async def get_assessment(request: Request, caller: SignedIn, id: Id) -> Response:
    """An assessment, or the newest of a case, with views, advice, offers of earlier advice and what you may do."""
    async with runtime(request).transaction() as tx:
        case_id = (await tx.casework.cases_of("assessment", [id])).get(id, id)
        case, standing = await visible(tx, caller, case_id)
        all_of_case = await tx.casework.assessments([case.id])
        one = next((a for a in all_of_case if a.id == id), None) or next(
            (a for a in reversed(all_of_case) if a.is_open), all_of_case[-1] if all_of_case else None
        )
        if one is None:
            raise NotFound
        team, today = works(caller, standing), day_of(tx.now)
        advice = [a for a in await tx.casework.advice([case.id]) if a.assessment_id == one.id]
        texts = await tx.texts.advice([a.id for a in advice]) if team else {}
        views = [view for view in await tx.texts.views([case.id]) if view.assessment_id == one.id]
        requests = [r for r in await tx.casework.requests([case.id]) if r.assessment_id == one.id]
        clocks = await tx.casework.clocks([case.id])
        note(request, tx, caller, what="assessment", what_id=one.id, case_id=case.id)
    out = whole_assessment_out(
        one,
        reference=case.reference,
        views=views,
        advice=[advice_out(a, texts.get(a.id), team=team) for a in advice],
        requests=[request_out(r, [c for c in clocks if c.about == r.id], on=today, team=team) for r in requests],
        team=team,
    )
    return json_response(as_json(out), headers={"ETag": etag(one.version)})


@router.post("/v1/assessments/{id}/views", status_code=201, response_model=ViewOut, openapi_extra=takes(ViewsIn, KEYED))
async def record_views(
    request: Request, caller: Team, id: Id, body: Annotated[Body[ViewsIn], Depends(json_body(ViewsIn))]
) -> Response:
    """The child or the family was asked: who asked, when, how, and what they said or why not."""
    said = body.value
    views = handlers.Views(
        of=said.of, method=said.method, asked_on=said.asked_on, asked_by=said.asked_by or caller.subject,
        text=said.text, not_given=said.not_given,
    )  # fmt: skip
    return await act(
        request, caller, id, body, handlers.record_views, said=views,
        # What was said is not said again: an answer is kept under its key.
        out=lambda view: view_out(view, team=False), status=201,
    )  # fmt: skip


@router.post(
    "/v1/assessments/{id}/advice", status_code=201, response_model=AdviceOut, openapi_extra=takes(AskAdviceIn, KEYED)
)
async def ask_advice(
    request: Request, caller: Team, id: Id, body: Annotated[Body[AskAdviceIn], Depends(json_body(AskAdviceIn))]
) -> Response:
    """Ask one more discipline. Earlier advice that still serves is offered first."""
    said = handlers.Ask(**body.value.model_dump())
    return await act(
        request, caller, id, body, handlers.ask_advice, said=said,
        out=lambda advice: advice_out(advice, team=True), status=201, href=lambda advice: f"/v1/advice/{advice.id}",
    )  # fmt: skip


@router.post(
    "/v1/assessments/{id}/complete", response_model=AssessmentOut, openapi_extra=takes(CompletionIn, KEYED, VERSIONED)
)
async def complete(
    request: Request,
    caller: Team,
    id: Id,
    body: Annotated[Body[CompletionIn], Depends(json_body(CompletionIn))],
    *,
    dry_run: DryRun = False,
) -> Response:
    """The assessment ends: each need with its provision and what that is to achieve. A need without is shown."""
    said = handlers.Completion(
        body.value.outcome,
        tuple(
            Finding(need.need, tuple(Provision(p.kind, p.outcome) for p in need.provisions))
            for need in body.value.needs
        ),
    )
    return await act(
        request,
        caller,
        id,
        body,
        handlers.complete_assessments,
        said=said,
        out=assessment_out,
        versioned=True,
        dry_run=dry_run,
    )


@router.post(
    "/v1/assessments/{id}/plans", status_code=201, response_model=PlanOut, openapi_extra=takes(NewPlanIn, KEYED)
)
async def agree_plan(
    request: Request, caller: Team, id: Id, body: Annotated[Body[NewPlanIn], Depends(json_body(NewPlanIn))]
) -> Response:
    """A plan is agreed at a stage of the pathway, resting on consent or law; its review is waited for."""
    said = body.value
    agreement = plans.Agreement(
        said.agreed_on, said.review_on, said.provisions, said.text, said.stage, said.basis.kind,
        said.basis.recorded_on,
    )  # fmt: skip
    return await act(
        request, caller, id, body, plans.agree_plans, said=agreement,
        out=lambda plan: plan_out(plan, {}, team=True), status=201, href=lambda plan: f"/v1/plans/{plan.id}",
    )  # fmt: skip


@router.post(
    "/v1/assessments/{id}/statutory-requests",
    status_code=201,
    response_model=StatutoryRequestOut,
    openapi_extra=takes(StatutoryRequestIn, KEYED),
)
async def request_statutory(
    request: Request,
    caller: Team,
    id: Id,
    body: Annotated[Body[StatutoryRequestIn], Depends(json_body(StatutoryRequestIn))],
    *,
    dry_run: DryRun = False,
) -> Response:
    """The council received a request for an education, health and care needs assessment: its clocks run."""
    said = statutory.NewRequest(body.value.asked_by, body.value.received_on)
    return await act(
        request, caller, id, body, statutory.open_requests, said=said, out=_said, status=201, dry_run=dry_run,
        href=lambda one: f"/v1/assessments/{one.assessment_id}",
    )  # fmt: skip


@router.post(
    "/v1/assessments/{id}/statutory-requests/{request_id}/steps",
    response_model=StatutoryRequestOut,
    openapi_extra=takes(StatutoryStepIn, KEYED, VERSIONED),
)
async def take_step(
    request: Request,
    caller: Team,
    id: Id,
    request_id: Id,
    body: Annotated[Body[StatutoryStepIn], Depends(json_body(StatutoryStepIn))],
    *,
    dry_run: DryRun = False,
) -> Response:
    """A step of the process: what was waited for is met, what follows starts. If-Match is the request's version."""
    said = statutory.NextStep(id, body.value.step, body.value.on, body.value.variant)
    return await act(
        request, caller, request_id, body, statutory.take_steps, said=said, out=_said, versioned=True, dry_run=dry_run
    )


def _said(one: Any) -> StatutoryRequestOut:
    """A request as it was just written; what may follow is told when it is read."""
    return request_out(one, (), on=one.received_on, team=True).model_copy(update={"actions": ()})
