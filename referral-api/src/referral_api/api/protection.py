"""Data protection: erasure, subject access, who looked at a case, and reading outside one's team."""

from typing import Annotated, Final

from chassis.actions import Answer
from chassis.auth import Caller
from chassis.bodies import KEYED, VERSIONED, Body, json_body, takes
from chassis.clock import new_id
from chassis.http import allow, cause, etag, idempotency_key, if_match, json_response, runtime
from chassis.wire import Moment, Page
from fastapi import APIRouter, Depends, Query, Request, Response

from referral_api.api import parts
from referral_api.api.parts import Cursor, DryRun, Id, Limit
from referral_api.domain.lifecycle import CaseStatus
from referral_api.handlers import files
from referral_api.handlers.access import AskToSee, ask_to_see
from referral_api.handlers.erasing import EraseCase, Erased, erase_cases, preview_erasure
from referral_api.policy import leads_case
from referral_api.queries import holdings, stories
from referral_api.store.grants import Grant
from referral_api.views import protection
from referral_api.views.outgoing import instant
from referral_api.views.protection import (
    AccessOut,
    AccessRequestIn,
    AccessRequestOut,
    ErasedOut,
    ErasureIn,
    ErasureRehearsedOut,
    ExportOut,
)

router: Final = APIRouter(tags=["data protection"])

#: The council's own; for others' officers there is nothing here.
Officer = Annotated[Caller, Depends(allow("data-protection-officer"))]
#: An officer, or who leads the team that holds the case.
Overseer = Annotated[Caller, Depends(allow("data-protection-officer", "cluster-lead"))]
#: People of the council or of a cluster.
Outsider = Annotated[Caller, Depends(allow("caseworker", "cluster-lead"))]


@router.post(
    "/v1/cases/{id}/erase",
    response_model=ErasedOut | ErasureRehearsedOut,
    openapi_extra=takes(ErasureIn, KEYED, VERSIONED, example=protection.ERASURE),
)
async def erase_case(
    request: Request,
    caller: Officer,
    id: Id,
    body: Annotated[Body[ErasureIn], Depends(json_body(ErasureIn))],
    dry_run: DryRun = False,
) -> Response:
    """Erase everything personal of a closed case; it cannot be undone. `dry_run` says what would go.

    The retention rule must have been reached, or the reason stands above it. Every service erases what it keeps.
    """
    command = EraseCase(
        case_id=id,
        reference=body.value.reference,
        reason=body.value.reason,
        version=if_match(request),
        intake=parts.settings(request).intake_organisation,
        caller=caller,
        cause=cause(request),
    )
    if dry_run:
        async with runtime(request).transaction() as tx:
            would = parts.returned(await preview_erasure(command, tx))
        return json_response(protection.rehearsed_body(would))

    def view(_: EraseCase, result: Erased) -> Answer:
        return Answer(200, protection.erased_body(result.case, result.erasure), {"ETag": etag(result.case.version)})

    return await runtime(request).actions.perform(
        erase_cases, command, view=view, idempotency=idempotency_key(request, caller, body.digest)
    )


@router.get("/v1/cases/{id}/export", response_model=ExportOut)
async def export_case(request: Request, caller: Officer, id: Id) -> Response:
    """Everything that this service holds of the case's child, for a subject access request. Audited.

    It names others, too: family, who referred, who asked. Look through it before it leaves the house.
    """
    async with runtime(request).transaction() as tx:
        case = (await tx.cases.load([id])).get(id)
        if case is None or case.status is CaseStatus.ERASED or not parts.is_the_officer(request, caller):
            raise files.nothing()
        held = await holdings.of_child(tx, case.child_id)
        for each in held["cases"]:
            tx.audit(
                action="exported",
                what="case",
                what_id=each["case_id"],
                caller=caller,
                case_id=each["case_id"],
                reason="subject-access",
                correlation_id=cause(request).correlation_id,
            )
        body = protection.export_body(case, held, made_at=instant(tx.now))
    name = f'attachment; filename="subject-access-{case.reference}.json"'
    return json_response(body, headers={"Content-Disposition": name})


@router.get("/v1/cases/{id}/access-log", response_model=Page[AccessOut])
async def read_access_log(
    request: Request,
    caller: Overseer,
    id: Id,
    *,
    since: Annotated[Moment | None, Query()] = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Response:
    """Who read, searched for, changed or exported a case, and why, newest first; `since` is included.

    For the council's data protection officer, and for who leads the team that holds the case. Lists that named no
    child are not in it. It stays when a case is erased.
    """
    after = parts.position(request, caller, cursor, int)
    async with runtime(request).transaction() as tx:
        case = (await tx.cases.load([id])).get(id)
        if case is None or not (
            parts.is_the_officer(request, caller) or leads_case(caller, case.participants, case.assignment.cluster_id)
        ):
            raise files.nothing()
        rows = await holdings.access_log(
            tx, id, since=parts.utc(since), after=after[0] if after else None, limit=limit + 1
        )
        names = await stories.known_names(tx, {row["organisation"] or "" for row in rows})
        parts.note_read(request, tx, caller, what="access-log", what_id=id, case_id=id)
    return parts.page(
        request,
        caller,
        rows,
        limit,
        show=lambda row: protection.access_body(row, names),
        at=lambda row: (row["id"],),
    )


@router.post(
    "/v1/cases/{id}/access-requests",
    status_code=201,
    response_model=AccessRequestOut,
    openapi_extra=takes(AccessRequestIn, KEYED, example=protection.ACCESS),
)
async def request_access(
    request: Request,
    caller: Outsider,
    id: Id,
    body: Annotated[Body[AccessRequestIn], Depends(json_body(AccessRequestIn))],
) -> Response:
    """Read a case outside your team, for some hours: say why, and its reference. It is noted in the access log.

    For people of the council and of clusters; for others, and under another reference, there is no such case.
    """
    value = body.value
    command = AskToSee(new_id(), id, value.reference, value.reason, value.note, caller, cause(request))

    def view(_: AskToSee, grant: Grant) -> Answer:
        return Answer(201, protection.granted_body(grant), {"Location": f"/v1/cases/{grant.case_id}"})

    return await runtime(request).actions.perform(
        ask_to_see, command, view=view, idempotency=idempotency_key(request, caller, body.digest)
    )
