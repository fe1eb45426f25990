"""Requests: asked for, looked at, granted or declined."""

from typing import Annotated, Final

from chassis.actions import Answer
from chassis.bodies import KEYED, VERSIONED, Body, json_body, takes
from chassis.errors import NotFound
from chassis.http import cause, etag, idempotency_key, if_match, json_response, runtime
from chassis.wire import Page, as_json
from fastapi import APIRouter, Depends, Query, Request, Response

from funding import queries
from funding.api.parts import Cursor, Decides, Id, Limit, SignedIn, Some, following, may_see, note, perform, place
from funding.domain import requests as model
from funding.domain.days import day_of
from funding.handlers import requests
from funding.policy import rules_of
from funding.views import (
    FundingAwardIn,
    FundingDeclineIn,
    FundingRequestIn,
    RequestBriefOut,
    RequestOut,
    request_brief_out,
    request_out,
)

router: Final = APIRouter(tags=["funding"])


@router.post(
    "/v1/funding/requests",
    response_model=RequestBriefOut,
    status_code=201,
    responses={200: {"model": RequestBriefOut, "description": "What would have happened."}},
    openapi_extra=takes(FundingRequestIn, KEYED),
)
async def ask(
    request: Request,
    caller: SignedIn,
    body: Annotated[Body[FundingRequestIn], Depends(json_body(FundingRequestIn))],
    *,
    dry_run: bool = False,
) -> Response:
    """Ask for money for a case. A small sum within budget is granted at once; `?dry_run=true` only tells."""
    said = body.value
    command = requests.Ask(
        said.case_id, said.purpose, said.amount_pence, said.since, said.until, said.reason, said.organisation_id,
        caller, cause(request), dry_run,
    )  # fmt: skip
    key = idempotency_key(request, caller, body.digest)
    return await runtime(request).actions.perform(
        requests.ask_for_money, command, view=_asked, idempotency=None if dry_run else key
    )


def _asked(command: requests.Ask, made: model.Request) -> Answer:
    out = as_json(request_brief_out(made, command.caller, rules_of(day_of(made.asked_at))))
    if command.dry_run:
        return Answer(200, out)
    return Answer(201, out, {"Location": f"/v1/funding/requests/{made.id}", "ETag": etag(made.version)})


@router.get("/v1/funding/requests", response_model=Page[RequestOut])
async def list_requests(
    request: Request,
    caller: SignedIn,
    *,
    case: Some = None,
    cluster: Some = None,
    state: Annotated[str | None, Query(pattern="^(waiting|awarded|declined|ended)$")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """Requests that you may know of, the oldest first."""
    wanted = queries.Wanted(case, cluster, state, place(request, caller, cursor), limit + 1)
    async with runtime(request).transaction() as tx:
        found = await queries.requests_for(tx, caller, wanted, day_of(tx.now))
        rules = rules_of(day_of(tx.now))
        note(request, tx, caller, what="funding-requests", what_id=case or cluster or state or "all", case_id=case)
    items = tuple(request_out(one, caller, rules) for one in found[:limit])
    after = following(request, caller, [(one.asked_at, one.id) for one in found], limit)
    return json_response(as_json(Page[RequestOut](items=items, next=after)))


@router.get("/v1/funding/requests/{request_id}", response_model=RequestOut)
async def get_request(request: Request, caller: SignedIn, request_id: Id) -> Response:
    """A request, what became of it, and what you may do."""
    async with runtime(request).transaction() as tx:
        found = (await tx.requests.find([request_id])).get(request_id)
        if found is None or not await may_see(tx, caller, found):
            raise NotFound
        rules = rules_of(day_of(tx.now))
        note(request, tx, caller, what="funding-request", what_id=request_id, case_id=found.case_id)
    return json_response(as_json(request_out(found, caller, rules)), headers={"ETag": etag(found.version)})


@router.post(
    "/v1/funding/requests/{request_id}/award",
    response_model=RequestBriefOut,
    openapi_extra=takes(FundingAwardIn, KEYED, VERSIONED),
)
async def award(
    request: Request,
    caller: Decides,
    request_id: Id,
    body: Annotated[Body[FundingAwardIn], Depends(json_body(FundingAwardIn))],
) -> Response:
    """Grant a request, with a reason. What the budget cannot bear is refused and goes on waiting."""
    act = requests.Decide(request_id, if_match(request), caller, cause(request), body.value.reason)
    return await perform(request, body, requests.award_requests, act, _decided)


@router.post(
    "/v1/funding/requests/{request_id}/decline",
    response_model=RequestBriefOut,
    openapi_extra=takes(FundingDeclineIn, KEYED, VERSIONED),
)
async def decline(
    request: Request,
    caller: Decides,
    request_id: Id,
    body: Annotated[Body[FundingDeclineIn], Depends(json_body(FundingDeclineIn))],
) -> Response:
    """Decline a request, with a reason."""
    act = requests.Decide(request_id, if_match(request), caller, cause(request), body.value.reason, body.value.note)
    return await perform(request, body, requests.decline_requests, act, _decided)


def _decided(act: requests.Decide, after: model.Request) -> Answer:
    out = request_brief_out(after, act.caller, rules_of(day_of(after.decided_at or after.asked_at)))
    return Answer(200, as_json(out), {"ETag": etag(after.version)})
