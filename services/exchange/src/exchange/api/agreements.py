"""Sharing agreements: what every subscription rests on."""

from typing import Annotated, Final

from chassis.actions import Answer
from chassis.bodies import KEYED, VERSIONED, Body, json_body, takes
from chassis.errors import NotFound
from chassis.http import cause, etag, idempotency_key, if_match, json_response, runtime
from chassis.wire import Page, as_json
from fastapi import APIRouter, Depends, Request, Response

from exchange.api.parts import Cursor, Id, Limit, Officer, Sees, cursor_values
from exchange.domain.days import day_of
from exchange.handlers import rights
from exchange.handlers.rights import EndAgreement, RecordAgreement
from exchange.policy import is_officer, sees_everything
from exchange.store.agreements import Agreement
from exchange.views.incoming import AgreementIn, AgreementPatch
from exchange.views.outgoing import AgreementOut, agreement_out

router: Final = APIRouter(tags=["agreements"])


@router.get("/v1/subscriptions/agreements", response_model=Page[AgreementOut])
async def list_agreements(request: Request, caller: Sees, cursor: Cursor = None, limit: Limit = 50) -> Response:
    """Your organisation's agreements; everybody's for who answers for the data."""
    [after] = cursor_values(request, caller, cursor, str) or [""]
    own = None if sees_everything(caller) else caller.organisation
    async with runtime(request).transaction() as tx:
        found = await tx.agreements.some(own, after=after, limit=limit + 1)
        today = day_of(tx.now)
    more, found = len(found) > limit, found[:limit]
    following = runtime(request).cursors.encode(caller, found[-1].id) if more else None
    items = tuple(agreement_out(one, today, officer=is_officer(caller)) for one in found)
    return json_response(as_json(Page[AgreementOut](items=items, next=following)))


@router.get("/v1/subscriptions/agreements/{id}", response_model=AgreementOut)
async def get_agreement(request: Request, caller: Sees, id: Id) -> Response:
    """An agreement."""
    async with runtime(request).transaction() as tx:
        one = await tx.agreements.find(id)
        today = day_of(tx.now)
    if one is None or not (one.organisation_id == caller.organisation or sees_everything(caller)):
        raise NotFound
    out = agreement_out(one, today, officer=is_officer(caller))
    return json_response(as_json(out), headers={"ETag": etag(one.version)})


@router.post(
    "/v1/subscriptions/agreements",
    status_code=201,
    response_model=AgreementOut,
    openapi_extra=takes(AgreementIn, KEYED),
)
async def record_agreement(
    request: Request, caller: Officer, body: Annotated[Body[AgreementIn], Depends(json_body(AgreementIn))]
) -> Response:
    """Record what was agreed with an organisation. It cannot be changed afterwards but for its last day."""
    now = runtime(request).clock.now()
    agreement = Agreement(**dict(body.value), recorded_at=now, recorded_by=caller.subject)

    def view(_: RecordAgreement, one: Agreement) -> Answer:
        out = as_json(agreement_out(one, day_of(now), officer=True))
        return Answer(201, out, {"Location": f"/v1/subscriptions/agreements/{one.id}", "ETag": etag(one.version)})

    return await runtime(request).actions.perform(
        rights.record_agreements,
        RecordAgreement(caller, cause(request), agreement),
        view=view,
        idempotency=idempotency_key(request, caller, body.digest),
    )


@router.patch(
    "/v1/subscriptions/agreements/{id}", response_model=AgreementOut, openapi_extra=takes(AgreementPatch, VERSIONED)
)
async def end_agreement(
    request: Request, caller: Officer, id: Id, body: Annotated[Body[AgreementPatch], Depends(json_body(AgreementPatch))]
) -> Response:
    """Another last day: earlier, and what rests on it stops; later, and its owners can resume."""
    now = runtime(request).clock.now()

    def view(_: EndAgreement, one: Agreement) -> Answer:
        return Answer(200, as_json(agreement_out(one, day_of(now), officer=True)), {"ETag": etag(one.version)})

    command = EndAgreement(caller, cause(request), id, if_match(request), body.value.until)
    return await runtime(request).actions.perform(rights.end_agreements, command, view=view)
