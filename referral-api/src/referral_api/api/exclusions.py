"""Notices of suspensions and exclusions, one at a time or as a school system's CSV export."""

import asyncio
import json
from collections.abc import Sequence
from typing import Annotated, Any, Final

from chassis.auth import Caller
from chassis.bodies import KEYED, Body, json_body, takes, validate
from chassis.clock import new_id
from chassis.errors import Invalid, Refusal, TryAgain
from chassis.http import cause, idempotency_key, json_response, runtime
from fastapi import APIRouter, Depends, Query, Request, Response

from referral_api.api import parts
from referral_api.api.imports import read_csv
from referral_api.api.parts import DryRun, Sender
from referral_api.domain.school_export import Form, NotAnExport, Row, read_export
from referral_api.domain.school_years import day_of
from referral_api.handlers.exclusions import NotifyExclusion, notify_exclusions, preview_notice
from referral_api.handlers.refusals import NotFromHere
from referral_api.policy import tells_of_exclusions
from referral_api.store.dated import export_form
from referral_api.views import notices
from referral_api.views.notices import CSV, NOTICE, ExclusionNoticeIn, ImportedOut, NotifiedOut, RehearsedNoticeOut

router: Final = APIRouter(tags=["referrals"])

_REHEARSED: Final[dict[int | str, dict[str, Any]]] = {
    200: {"model": RehearsedNoticeOut, "description": "With dry_run: what would happen; nothing was kept."}
}
#: Rows of a file that wait for their answers together: others want to be served, too.
_AT_ONCE: Final = 64
_CSV_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {"text/csv": {"schema": {"type": "string", "maxLength": 1048576}, "example": CSV}},
    }
}
Urn = Annotated[str | None, Query(pattern=r"^[0-9]{6}$")]


@router.post(
    "/v1/exclusion-notices",
    status_code=201,
    response_model=NotifiedOut,
    responses=_REHEARSED,
    openapi_extra=takes(ExclusionNoticeIn, KEYED, example=NOTICE),
)
async def notify_exclusion(
    request: Request,
    caller: Sender,
    body: Annotated[Body[ExclusionNoticeIn], Depends(json_body(ExclusionNoticeIn))],
    dry_run: DryRun = False,
) -> Response:
    """Tell of a suspension or permanent exclusion. It joins the child's case or opens one.

    The answer does not say which. The same notice under your own reference is answered as before, another one under it
    is refused.
    """
    command = NotifyExclusion(
        exclusion_id=new_id(),
        notice=body.value.model_dump(mode="json"),
        intake=parts.settings(request).intake_organisation,
        caller=caller,
        cause=cause(request),
    )
    if dry_run:
        async with runtime(request).transaction() as tx:
            refusal = await preview_notice(command, tx)
        if refusal is not None:
            raise refusal
        return json_response({"dry_run": True, "status": "notified"})
    return await runtime(request).actions.perform(
        notify_exclusions,
        command,
        view=lambda _, result: notices.notified(result),
        idempotency=idempotency_key(request, caller, body.digest),
    )


@router.post("/v1/exclusion-notices:import", response_model=ImportedOut, openapi_extra=_CSV_BODY)
async def import_exclusions(request: Request, caller: Sender, school_urn: Urn = None) -> Response:
    """Tell of many: a school system's CSV export (UTF-8, headings in the first line). Each row has its own outcome.

    Columns: reference, given_name, family_name, date_of_birth, kind, reason, first_on; and, as far as known, sessions,
    reason_2, reason_3, school_urn, year_group, sex, upn, nhs_number, postcode, address_restricted, has_social_worker.
    Days are dd/mm/yyyy or yyyy-mm-dd. `school_urn` in the address is for files without that column. A file may be sent
    again: each row counts once, by its reference.
    """
    if not tells_of_exclusions(caller):
        raise NotFromHere
    known = export_form(day_of(runtime(request).clock.now()))
    text = await read_csv(request, most_bytes=known["most_bytes"])
    try:
        rows = read_export(text, Form(known["columns"], known["words"], known["most_rows"]), school_urn=school_urn)
    except NotAnExport as error:
        raise Invalid(str(error), pointer="") from error
    items: list[dict[str, Any]] = []
    for start in range(0, len(rows), _AT_ONCE):
        items += await _each(request, caller, rows[start : start + _AT_ONCE])
    return json_response(notices.imported(items))


async def _each(request: Request, caller: Caller, rows: Sequence[Row]) -> list[dict[str, Any]]:
    return list(await asyncio.gather(*(_one(request, caller, row) for row in rows)))


async def _one(request: Request, caller: Caller, row: Row) -> dict[str, Any]:
    try:
        value = validate(ExclusionNoticeIn, json.dumps(row.notice).encode(), row.notice)
        command = NotifyExclusion(
            exclusion_id=new_id(),
            notice=value.model_dump(mode="json"),
            intake=parts.settings(request).intake_organisation,
            caller=caller,
            cause=cause(request),
        )
        answer = await runtime(request).actions.perform(
            notify_exclusions, command, view=lambda _, result: notices.notified(result)
        )
    except Refusal as refusal:
        return notices.refused_row(row, refusal)
    except TryAgain:
        return notices.unknown_row(row)
    return notices.taken_row(row, json.loads(bytes(answer.body)), again="idempotency-replayed" in answer.headers)
