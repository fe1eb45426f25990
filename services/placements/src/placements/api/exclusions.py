"""Routes of suspensions and exclusions: reported, corrected, cancelled, and what the law wants done."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import date
from typing import Annotated, Any, Final

from chassis.actions import Answer
from chassis.auth import Caller
from chassis.bodies import KEYED, VERSIONED, Body, json_body, takes
from chassis.errors import NotFound
from chassis.http import cause, idempotency_key, if_match, runtime
from chassis.wire import Page
from fastapi import APIRouter, Depends, Request, Response

from placements import queries
from placements.api.parts import (
    FIRST_DAY,
    Cursor,
    Id,
    Limit,
    OptionalId,
    SignedIn,
    Works,
    answer,
    note_read,
    one,
    page,
    position,
)
from placements.domain.days import day_of
from placements.domain.exclusions import Exclusion
from placements.handlers.duties import Meet, meet_duties
from placements.handlers.exclusions import (
    Change,
    Report,
    Told,
    cancel_exclusions,
    correct_exclusions,
    note_asked,
    report_exclusions,
    told_of,
)
from placements.handlers.recount import Recount
from placements.policy import sees_exclusions
from placements.store import Tx
from placements.views.exclusions import (
    DutyMetIn,
    ExclusionCancelIn,
    ExclusionDutyOut,
    ExclusionIn,
    ExclusionOut,
    ExclusionPatch,
    GovernorsAskedIn,
    duty_out,
    exclusion_out,
)

router: Final = APIRouter(tags=["exclusions"])


@router.get("/v1/exclusions", response_model=Page[ExclusionOut])
async def list_exclusions(
    request: Request, caller: SignedIn, *, case: OptionalId = None, cursor: Cursor = None, limit: Limit = 50
) -> Response:
    """Suspensions and exclusions that you may see, in the order of their first days."""
    after = position(request, caller, cursor, date.fromisoformat, str, first=(FIRST_DAY, ""))
    async with runtime(request).transaction() as tx:
        found = await queries.exclusions_for(
            tx, caller, day_of(tx.now), case=case, after=(after[0], after[1]), limit=limit + 1
        )
        recount = await Recount.read(tx, {one.case_id for one in found})
        note_read(request, tx, caller, "exclusions", case or "all", case_id=case)

    def show(exclusion: Exclusion) -> ExclusionOut:
        told = told_of(recount, exclusion)
        return exclusion_out(exclusion, told.duties, told.case, caller)

    return page(request, caller, found, limit, show=show, at=lambda e: (e.first_on.isoformat(), e.id))


@router.get("/v1/exclusions/{exclusion_id}", response_model=ExclusionOut)
async def get_exclusion(request: Request, caller: SignedIn, exclusion_id: Id) -> Response:
    """A suspension or exclusion with what it adds up to, its duties and their clocks."""
    async with runtime(request).transaction() as tx:
        found = (await tx.exclusions.find([exclusion_id])).get(exclusion_id)
        if found is None:
            raise NotFound
        roles = await tx.participants.roles([found.case_id], caller.organisation, day_of(tx.now))
        recount = await Recount.read(tx, [found.case_id])
        case = recount.cases.get(found.case_id)
        ours = caller.organisation == found.organisation_id
        if not ours and not sees_exclusions(caller, case, roles.get(found.case_id, ())):
            raise NotFound
        note_read(request, tx, caller, "exclusion", exclusion_id, case_id=found.case_id)
    return one(exclusion_out(found, told_of(recount, found).duties, case, caller), found.version)


def _answer(command: Report | Change, told: Told, *, made: bool = False) -> Answer:
    out = exclusion_out(told.exclusion, told.duties, told.case, command.caller)
    made_at = f"/v1/exclusions/{told.exclusion.id}" if made else None
    return answer(out, told.exclusion.version, made_at=made_at)


@router.post("/v1/exclusions", response_model=ExclusionOut, status_code=201, openapi_extra=takes(ExclusionIn, KEYED))
async def report_exclusion(
    request: Request, caller: Works, body: Annotated[Body[ExclusionIn], Depends(json_body(ExclusionIn))]
) -> Response:
    """The child's school, or the council, reports a suspension or exclusion in a case that is known."""
    said = body.value
    report = Report(
        case=said.case, school_urn=said.school_urn, kind=said.kind, reasons=said.reasons, first_on=said.first_on,
        sessions=said.sessions, year_group=said.year_group, social_worker=said.social_worker, caller=caller,
        cause=cause(request),
    )  # fmt: skip
    return await runtime(request).actions.perform(
        report_exclusions,
        report,
        view=lambda command, told: _answer(command, told, made=True),
        idempotency=idempotency_key(request, caller, body.digest),
    )


_Handler = Callable[[Sequence[Change], Tx], Awaitable[Sequence[Any]]]


async def _change(
    request: Request, caller: Caller, exclusion_id: str, body: Body[Any], handler: _Handler, *, keyed: bool = True
) -> Response:
    named = {name: value for name, value in body.value.model_dump().items() if name in body.raw and value is not None}
    change = Change(exclusion_id, if_match(request), caller, cause(request), named)
    key = idempotency_key(request, caller, body.digest) if keyed else None
    return await runtime(request).actions.perform(handler, change, view=_answer, idempotency=key)


@router.patch(
    "/v1/exclusions/{exclusion_id}", response_model=ExclusionOut, openapi_extra=takes(ExclusionPatch, VERSIONED)
)
async def correct_exclusion(
    request: Request,
    caller: Works,
    exclusion_id: Id,
    body: Annotated[Body[ExclusionPatch], Depends(json_body(ExclusionPatch))],
) -> Response:
    """What was reported was not right. What came after it is counted anew."""
    return await _change(request, caller, exclusion_id, body, correct_exclusions, keyed=False)


@router.post(
    "/v1/exclusions/{exclusion_id}/cancel",
    response_model=ExclusionOut,
    openapi_extra=takes(ExclusionCancelIn, KEYED, VERSIONED),
)
async def cancel_exclusion(
    request: Request,
    caller: Works,
    exclusion_id: Id,
    body: Annotated[Body[ExclusionCancelIn], Depends(json_body(ExclusionCancelIn))],
) -> Response:
    """It does not stand, with a reason."""
    return await _change(request, caller, exclusion_id, body, cancel_exclusions)


@router.post(
    "/v1/exclusions/{exclusion_id}/parents-asked",
    response_model=ExclusionOut,
    openapi_extra=takes(GovernorsAskedIn, KEYED, VERSIONED),
)
async def parents_asked(
    request: Request,
    caller: Works,
    exclusion_id: Id,
    body: Annotated[Body[GovernorsAskedIn], Depends(json_body(GovernorsAskedIn))],
) -> Response:
    """The parents ask for the governors to meet, after more than 5 and up to 15 days in a term."""
    return await _change(request, caller, exclusion_id, body, note_asked)


@router.post(
    "/v1/exclusions/{exclusion_id}/duties/{duty_id}/met",
    response_model=ExclusionDutyOut,
    openapi_extra=takes(DutyMetIn, KEYED),
)
async def meet_duty(
    request: Request,
    caller: Works,
    exclusion_id: Id,
    duty_id: Id,
    body: Annotated[Body[DutyMetIn], Depends(json_body(DutyMetIn))],
) -> Response:
    """A duty is done, also late."""
    return await runtime(request).actions.perform(
        meet_duties,
        Meet(exclusion_id, duty_id, body.value.met_on, caller, cause(request)),
        view=lambda command, duty: Answer(200, duty_out(duty, None, None, command.caller).model_dump(mode="json")),
        idempotency=idempotency_key(request, caller, body.digest),
    )
