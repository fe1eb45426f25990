"""Referrals: sent, listed, read, changed, withdrawn."""

from typing import Annotated, Any, Final

from chassis.actions import Answer
from chassis.auth import Caller
from chassis.bodies import KEY_OPTIONAL, KEYED, VERSIONED, Body, json_body, takes
from chassis.clock import new_id
from chassis.http import cause, etag, idempotency_key, if_match, json_response, runtime
from chassis.wire import In, Moment, Page
from fastapi import APIRouter, Depends, Query, Request, Response

from referral_api.api import parts
from referral_api.api.parts import Cursor, DryRun, Id, Limit, OptionalId, OptionalLine, OptionalWord, Reader, Sender
from referral_api.domain.circumstances import home_of
from referral_api.handlers import amendment
from referral_api.handlers.amendment import AmendReferral, WithdrawReferral
from referral_api.handlers.files import File
from referral_api.handlers.intake import SubmitReferral, Submitted, checked, submit_referrals
from referral_api.handlers.refusals import UnfitReferral
from referral_api.queries import lists
from referral_api.queries.lists import ReferralFilter
from referral_api.store import Tx
from referral_api.views import submission
from referral_api.views.example import REFERRAL
from referral_api.views.incoming import ReferralChange, ReferralIn, WithdrawalIn, change_of
from referral_api.views.outgoing import (
    ChangedOut,
    ReferralOut,
    ReferralSummaryOut,
    RehearsedOut,
    SubmittedOut,
    instant,
    referral_body,
)

router: Final = APIRouter(tags=["referrals"])

_REHEARSED: Final[dict[int | str, dict[str, Any]]] = {
    200: {"model": RehearsedOut, "description": "With dry_run: what would happen; nothing was kept."}
}
_CHANGED: Final[dict[int | str, dict[str, Any]]] = {
    200: {"model": ChangedOut | RehearsedOut, "description": "The new version; with dry_run, what would happen."}
}


@router.post(
    "/v1/referrals",
    status_code=201,
    response_model=SubmittedOut,
    responses=_REHEARSED,
    openapi_extra=takes(ReferralIn, KEYED, example=REFERRAL),
)
async def submit_referral(
    request: Request,
    caller: Sender,
    body: Annotated[Body[ReferralIn], Depends(json_body(ReferralIn))],
    dry_run: DryRun = False,
) -> Response:
    """Ask for help for a child. It joins the child's case or opens one; the answer does not say which."""
    here = runtime(request)
    command = SubmitReferral(
        referral_id=new_id(),
        content=body.value.model_dump(mode="json"),
        intake=parts.settings(request).intake_organisation,
        caller=caller,
        cause=cause(request),
    )
    door = parts.whom_to_call(request)
    if dry_run:
        return await _rehearse(request, command, door)

    def view(_: SubmitReferral, result: Submitted) -> Answer:
        return submission.submitted(result, door)

    return await here.actions.perform(
        submit_referrals, command, view=view, idempotency=idempotency_key(request, caller, body.digest)
    )


@router.get("/v1/referrals", response_model=Page[ReferralSummaryOut])
async def list_referrals(
    request: Request,
    caller: Reader,
    *,
    status: OptionalWord = None,
    urgency: OptionalWord = None,
    case_id: OptionalId = None,
    reference: OptionalLine = None,
    submitted_from: Annotated[Moment | None, Query()] = None,
    submitted_before: Annotated[Moment | None, Query()] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """Your organisation's own referrals, newest first. `reference` is your own id of them."""
    after = parts.position(request, caller, cursor, str)
    wanted = ReferralFilter(status, urgency, case_id, reference, parts.utc(submitted_from), parts.utc(submitted_before))
    async with runtime(request).transaction() as tx:
        rows = await lists.referrals(
            tx, caller.organisation, wanted, after=after[0] if after else None, limit=limit + 1
        )
        parts.note_read(request, tx, caller, what="referrals", what_id=caller.organisation)
    return parts.page(request, caller, rows, limit, show=_summary, at=lambda row: (row["referral_id"],))


@router.get("/v1/referrals/{id}", response_model=ReferralOut)
async def read_referral(request: Request, caller: Reader, id: Id) -> Response:
    """A referral that your organisation sent, or whose case you work or have asked to see."""
    async with runtime(request).transaction() as tx:
        file, why = await parts.seen_referral(tx, caller, id)
        body = await _shown(tx, file, caller)
        parts.note_read(request, tx, caller, what="referral", what_id=id, case_id=file.case.case_id, reason=why)
    return json_response(body, headers={"ETag": etag(file.referral.version)})


@router.patch("/v1/referrals/{id}", responses=_CHANGED, openapi_extra=takes(ReferralChange, VERSIONED, KEY_OPTIONAL))
async def amend_referral(
    request: Request,
    caller: Sender,
    id: Id,
    body: Annotated[Body[In], Depends(json_body(ReferralChange))],
    dry_run: DryRun = False,
) -> Response:
    """Change what you sent: a JSON merge patch. What bears on where the case belongs may move it."""
    here = runtime(request)
    command = AmendReferral(id, if_match(request), change_of(body.value), caller, cause(request))
    if dry_run:
        async with here.transaction() as tx:
            changed = parts.returned(await amendment.preview_amendment(command, tx))
            parts.note_read(request, tx, caller, what="referral", what_id=id, case_id=changed.file.case.case_id)
        return json_response(submission.would_change(changed))
    door = parts.whom_to_call(request)
    return await here.actions.perform(
        amendment.amend_referrals,
        command,
        view=lambda _, result: submission.changed(result, door),
        idempotency=parts.optional_key(request, caller, body.digest),
    )


@router.post(
    "/v1/referrals/{id}/withdraw", responses=_CHANGED, openapi_extra=takes(WithdrawalIn, VERSIONED, KEY_OPTIONAL)
)
async def withdraw_referral(
    request: Request,
    caller: Sender,
    id: Id,
    body: Annotated[Body[WithdrawalIn], Depends(json_body(WithdrawalIn))],
    dry_run: DryRun = False,
) -> Response:
    """No longer ask for help. Where nobody else does and no cluster works on it, the case ends."""
    here = runtime(request)
    command = WithdrawReferral(id, if_match(request), body.value.reason, caller, cause(request))
    if dry_run:
        async with here.transaction() as tx:
            changed = parts.returned(await amendment.preview_withdrawal(command, tx))
            parts.note_read(request, tx, caller, what="referral", what_id=id, case_id=changed.file.case.case_id)
        return json_response(submission.would_change(changed))
    return await here.actions.perform(
        amendment.withdraw_referrals,
        command,
        view=lambda _, result: submission.changed(result),
        idempotency=parts.optional_key(request, caller, body.digest),
    )


async def _rehearse(request: Request, command: SubmitReferral, door: dict[str, Any]) -> Response:
    async with runtime(request).transaction() as tx:
        content, wrong = checked(command.content, tx)
        if wrong:
            raise UnfitReferral(wrong)
        postcode = content["child"].get("postcode")
        square = (await tx.places.squares([postcode])).get(postcode) if postcode else None
    return json_response(submission.rehearsed(command, home_of(content, square).state, door))


async def _shown(tx: Tx, file: File, caller: Caller) -> dict[str, Any]:
    requests = (await lists.requests(tx, [file.referral.referral_id])).get(file.referral.referral_id, [])
    return referral_body(
        file, parts.child_for(file, caller), requests, own=file.is_of(caller), works=file.is_worked_by(caller)
    )


def _summary(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "submitted_at": instant(row["submitted_at"])}
