"""Organisations, their shifts, and who is on duty."""

from typing import Annotated, Final

from chassis.actions import Answer
from chassis.bodies import KEYED, VERSIONED, Body, json_body, takes
from chassis.clock import new_id
from chassis.errors import NotFound
from chassis.http import cause, idempotency_key, if_match, runtime
from chassis.wire import Page
from fastapi import APIRouter, Depends, Query, Request, Response

from directory import queries
from directory.api import parts
from directory.api.parts import (
    Changer,
    Cursor,
    Id,
    Limit,
    Moment,
    Operator,
    OptionalId,
    OptionalWord,
    Search,
    SignedIn,
)
from directory.domain.duty import Shift
from directory.domain.people import Organisation
from directory.handlers.organisations import AddOrganisation, AmendOrganisation, add_organisations, amend_organisations
from directory.handlers.rota import AddShift, DropShift, add_shifts, drop_shifts
from directory.views import DutyOut, OnDutyOut, OrganisationIn, OrganisationOut, OrganisationPatch, ShiftIn, ShiftOut

router: Final = APIRouter(tags=["directory"])


@router.get("/v1/organisations", response_model=Page[OrganisationOut])
async def list_organisations(
    request: Request,
    caller: SignedIn,
    *,
    sector: OptionalWord = None,
    kind: OptionalWord = None,
    active: Annotated[bool | None, Query()] = None,
    q: Search = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """Organisations by name; `q` finds a part of the name, or an id."""
    after = parts.position(request, caller, cursor, str, str)
    wanted = queries.OrganisationFilter(sector, kind, active, parts.plain(q, "q"))
    async with runtime(request).transaction() as tx:
        rows = await queries.organisations(tx, wanted, after=(after[0], after[1]) if after else None, limit=limit)
    return parts.page(
        request,
        caller,
        rows,
        limit,
        show=lambda row: OrganisationOut.of(row, caller),
        at=lambda row: (row.name, row.id),
    )


@router.get("/v1/organisations/{id}", response_model=OrganisationOut)
async def read_organisation(request: Request, caller: SignedIn, id: Id) -> Response:
    """One organisation."""
    async with runtime(request).transaction() as tx:
        found = (await tx.organisations.known([id])).get(id)
    if found is None:
        raise NotFound
    return parts.one(OrganisationOut.of(found, caller), found.version)


@router.post(
    "/v1/organisations", status_code=201, response_model=OrganisationOut, openapi_extra=takes(OrganisationIn, KEYED)
)
async def add_organisation(
    request: Request, caller: Operator, body: Annotated[Body[OrganisationIn], Depends(json_body(OrganisationIn))]
) -> Response:
    """Add an organisation that is not a school; schools come from the register."""
    sent = body.value
    new = Organisation(sent.id, sent.name, sent.sector, sent.kind)
    return await runtime(request).actions.perform(
        add_organisations,
        AddOrganisation(new, caller, cause(request)),
        view=lambda _, made: parts.answer(
            OrganisationOut.of(made, caller), made.version, made_at=f"/v1/organisations/{made.id}"
        ),
        idempotency=idempotency_key(request, caller, body.digest),
    )


@router.patch(
    "/v1/organisations/{id}", response_model=OrganisationOut, openapi_extra=takes(OrganisationPatch, VERSIONED)
)
async def amend_organisation(
    request: Request,
    caller: Changer,
    id: Id,
    body: Annotated[Body[OrganisationPatch], Depends(json_body(OrganisationPatch))],
) -> Response:
    """Change an organisation; as an operator or as its own lead."""
    sent = body.value
    return await runtime(request).actions.perform(
        amend_organisations,
        AmendOrganisation(id, if_match(request), caller, cause(request), sent.name, sent.kind, sent.active),
        view=lambda _, now: parts.answer(OrganisationOut.of(now, caller), now.version),
    )


@router.get("/v1/organisations/{id}/duty", response_model=DutyOut)
async def read_duty(
    request: Request,
    caller: SignedIn,
    id: Id,
    *,
    role: Annotated[str, Query(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")],
    cluster_id: OptionalId = None,
    at: Moment = None,
) -> Response:
    """Who is on duty for a role, for one cluster or the whole organisation; now unless `at` says when."""
    async with runtime(request).transaction() as tx:
        if id not in await tx.organisations.known([id]):
            raise NotFound
        moment = at or tx.now
        found, people = await queries.who_is_on_duty(tx, id, role, cluster_id, moment)
        parts.note_read(request, tx, caller, "person", [one.person_id for one in found])
    shown = tuple(OnDutyOut.of(one, people[one.person_id], caller) for one in found)
    return parts.one(DutyOut(role=role, cluster_id=cluster_id, at=moment, on_duty=shown))


@router.get("/v1/organisations/{id}/shifts", response_model=Page[ShiftOut])
async def list_shifts(request: Request, caller: Changer, id: Id) -> Response:
    """The shifts of an organisation that are not over: at most 500, the next first."""
    async with runtime(request).transaction() as tx:
        rows = await queries.shifts(tx, id, since=tx.now)
        parts.note_read(request, tx, caller, "shift", [row.id for row in rows])
    return parts.page(request, caller, rows, len(rows), show=ShiftOut.of, at=lambda row: (row.id,))


@router.post(
    "/v1/organisations/{id}/shifts", status_code=201, response_model=ShiftOut, openapi_extra=takes(ShiftIn, KEYED)
)
async def add_shift(
    request: Request, caller: Changer, id: Id, body: Annotated[Body[ShiftIn], Depends(json_body(ShiftIn))]
) -> Response:
    """Put somebody who holds the role on duty for it."""
    sent = body.value
    shift = Shift(new_id(), id, sent.role, sent.cluster_id, sent.person_id, sent.starts_at, sent.ends_at)
    return await runtime(request).actions.perform(
        add_shifts,
        AddShift(shift, caller),
        view=lambda _, made: parts.answer(ShiftOut.of(made), 1, made_at=f"/v1/organisations/{id}/shifts/{made.id}"),
        idempotency=idempotency_key(request, caller, body.digest),
    )


@router.delete("/v1/organisations/{id}/shifts/{shift_id}", status_code=204)
async def drop_shift(request: Request, caller: Changer, id: Id, shift_id: Id) -> Response:
    """Forget a shift."""
    return await runtime(request).actions.perform(
        drop_shifts, DropShift(shift_id, id, caller), view=lambda _, __: Answer(204, None)
    )
