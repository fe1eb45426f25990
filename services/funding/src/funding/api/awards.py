"""Awards: paid, ended, clawed back; and what the council's payment system has to pay."""

import csv
import io
from datetime import date
from typing import Annotated, Final

from chassis.actions import Answer
from chassis.auth import Caller
from chassis.bodies import KEYED, VERSIONED, Body, json_body, takes
from chassis.errors import NotFound
from chassis.http import cause, etag, if_match, json_response, runtime
from chassis.wire import Day, Page, as_json
from fastapi import APIRouter, Depends, Query, Request, Response

from funding import queries
from funding.api.parts import (
    Cursor,
    Finance,
    Id,
    Limit,
    Reckons,
    SignedIn,
    Some,
    following,
    may_see,
    note,
    perform,
    place,
)
from funding.domain import requests as model
from funding.domain.days import day_of
from funding.domain.money import pounds
from funding.handlers import awards
from funding.policy import sees_all
from funding.views import AwardOut, ClawBackIn, DueOut, FundingEndIn, PaymentIn, award_out, due_out

router: Final = APIRouter(tags=["funding"])

#: Rows of an export at most.
MOST_DUE: Final = 10_000


@router.get("/v1/funding/awards", response_model=Page[AwardOut])
async def list_awards(
    request: Request,
    caller: SignedIn,
    *,
    case: Some = None,
    cluster: Some = None,
    state: Annotated[str | None, Query(pattern="^(running|ended)$")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """Awards that you may know of, the oldest first."""
    wanted = queries.Wanted(case, cluster, state, place(request, caller, cursor), limit + 1)
    async with runtime(request).transaction() as tx:
        found = await queries.awards_for(tx, caller, wanted, day_of(tx.now))
        note(request, tx, caller, what="funding-awards", what_id=case or cluster or state or "all", case_id=case)
    items = tuple(award_out(one, caller) for one in found[:limit])
    after = following(request, caller, [(one.awarded_at, one.id) for one in found], limit)
    return json_response(as_json(Page[AwardOut](items=items, next=after)))


@router.get("/v1/funding/awards/{award_id}", response_model=AwardOut)
async def get_award(request: Request, caller: SignedIn, award_id: Id) -> Response:
    """An award with its instalments, and what you may do."""
    async with runtime(request).transaction() as tx:
        found = (await tx.requests.find_awards([award_id])).get(award_id)
        if found is None or not await may_see(tx, caller, found):
            raise NotFound
        note(request, tx, caller, what="funding-award", what_id=award_id, case_id=found.case_id)
    return json_response(as_json(award_out(found, caller)), headers={"ETag": etag(found.version)})


@router.post(
    "/v1/funding/awards/{award_id}/payments",
    response_model=AwardOut,
    openapi_extra=takes(PaymentIn, KEYED, VERSIONED),
)
async def pay(
    request: Request, caller: Finance, award_id: Id, body: Annotated[Body[PaymentIn], Depends(json_body(PaymentIn))]
) -> Response:
    """An instalment was paid by the council's payment system."""
    said = body.value
    act = awards.Act(award_id, if_match(request), caller, cause(request), on=said.paid_on, instalment=said.instalment)
    return await perform(request, body, awards.pay_instalments, act, _moved)


@router.post(
    "/v1/funding/awards/{award_id}/end", response_model=AwardOut, openapi_extra=takes(FundingEndIn, KEYED, VERSIONED)
)
async def end(
    request: Request,
    caller: Finance,
    award_id: Id,
    body: Annotated[Body[FundingEndIn], Depends(json_body(FundingEndIn))],
) -> Response:
    """End an award: what is not paid goes back to its budget."""
    act = awards.Act(award_id, if_match(request), caller, cause(request), body.value.reason)
    return await perform(request, body, awards.end_awards, act, _moved)


@router.post(
    "/v1/funding/awards/{award_id}/claw-back",
    response_model=AwardOut,
    openapi_extra=takes(ClawBackIn, KEYED, VERSIONED),
)
async def claw_back(
    request: Request, caller: Finance, award_id: Id, body: Annotated[Body[ClawBackIn], Depends(json_body(ClawBackIn))]
) -> Response:
    """Money that was paid has come back."""
    said = body.value
    act = awards.Act(
        award_id, if_match(request), caller, cause(request), said.reason, on=said.returned_on,
        amount_pence=said.amount_pence,
    )  # fmt: skip
    return await perform(request, body, awards.claw_back_awards, act, _moved)


@router.get("/v1/funding/payments", response_model=Page[DueOut])
async def list_due(
    request: Request,
    caller: Reckons,
    *,
    due_by: Annotated[Day | None, Query()] = None,
    cluster: Some = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Response:
    """Instalments that are due and not paid, the longest due first; up to today unless a day is named."""
    _council(caller)
    after = (date.min, "", 0)
    if cursor is not None:
        day, award_id, number = runtime(request).cursors.decode(caller, cursor)
        after = (date.fromisoformat(day), award_id, number)
    async with runtime(request).transaction() as tx:
        by = due_by or day_of(tx.now)
        found = await queries.due_payments(tx, by=by, cluster=cluster, after=after, limit=limit + 1)
        note(request, tx, caller, what="funding-payments", what_id=cluster or "all")
    items = tuple(due_out(one, etag(one.version)) for one in found[:limit])
    last = found[limit - 1] if len(found) > limit else None
    cursors = runtime(request).cursors
    beyond = cursors.encode(caller, last.due_on.isoformat(), last.award_id, last.number) if last else None
    return json_response(as_json(Page[DueOut](items=items, next=beyond)))


@router.get(
    "/v1/funding/payments.csv",
    response_class=Response,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
async def export_due(
    request: Request,
    caller: Finance,
    *,
    due_by: Annotated[Day | None, Query()] = None,
    cluster: Some = None,
) -> Response:
    """The same for the council's payment system, as comma-separated text; ids and sums alone, no child."""
    _council(caller)
    async with runtime(request).transaction() as tx:
        by = due_by or day_of(tx.now)
        found = await queries.due_payments(tx, by=by, cluster=cluster, after=(date.min, "", 0), limit=MOST_DUE)
        note(request, tx, caller, what="funding-payments", what_id=cluster or "all")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(("award_id", "instalment", "due_on", "amount", "organisation_id", "cluster_id", "financial_year"))
    for one in found:
        writer.writerow(
            (one.award_id, one.number, one.due_on.isoformat(), pounds(one.amount_pence), one.organisation_id,
             one.cluster_id, one.financial_year)
        )  # fmt: skip
    headers = {"Cache-Control": "no-store", "Content-Disposition": 'attachment; filename="payments.csv"'}
    return Response(text.getvalue(), 200, headers, media_type="text/csv; charset=utf-8")


def _moved(act: awards.Act, after: model.Award) -> Answer:
    return Answer(200, as_json(award_out(after, act.caller)), {"ETag": etag(after.version)})


def _council(caller: Caller) -> None:
    """Payments of the whole county are for the council's finance."""
    if not sees_all(caller):
        raise NotFound
