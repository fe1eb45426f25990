"""People, the roles they hold, and when they are away."""

from typing import Annotated, Any, Final

from chassis.bodies import KEYED, VERSIONED, Body, json_body, takes
from chassis.clock import new_id
from chassis.errors import NotFound
from chassis.http import cause, idempotency_key, if_match, runtime
from chassis.wire import In, Page
from fastapi import APIRouter, Depends, Query, Request, Response

from directory import policy, queries
from directory.api import parts
from directory.api.parts import Changer, Cursor, Id, Limit, OptionalId, OptionalWord, Search, SignedIn
from directory.domain.duty import Absence
from directory.domain.people import Person
from directory.handlers.people import (
    AddPerson,
    AmendPerson,
    AmendRole,
    GiveRole,
    add_people,
    amend_people,
    amend_roles,
    give_roles,
)
from directory.handlers.rota import AmendAbsence, ReportAbsence, amend_absences, report_absences
from directory.views import (
    AbsenceIn,
    AbsenceOut,
    AbsencePatch,
    PersonDetailOut,
    PersonIn,
    PersonOut,
    PersonPatch,
    RoleIn,
    RoleOut,
    RolePatch,
)

router: Final = APIRouter(tags=["directory"])


@router.get("/v1/people", response_model=Page[PersonOut])
async def list_people(
    request: Request,
    caller: SignedIn,
    *,
    organisation: OptionalId = None,
    role: OptionalWord = None,
    cluster_id: OptionalId = None,
    active: Annotated[bool | None, Query()] = True,
    q: Search = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """People by name, with their roles; `role` and `cluster_id` find those who hold them today."""
    after = parts.position(request, caller, cursor, str, str)
    wanted = queries.PersonFilter(organisation, role, cluster_id, active, parts.plain(q, "q"))
    async with runtime(request).transaction() as tx:
        rows = await queries.people(
            tx, wanted, today=parts.today(tx), after=(after[0], after[1]) if after else None, limit=limit
        )
        roles = await tx.people.roles_of(row.id for row in rows)
        parts.note_read(request, tx, caller, "person", [row.id for row in rows[:limit]])
    return parts.page(
        request,
        caller,
        rows,
        limit,
        show=lambda row: PersonOut.of(row, roles.get(row.id, ()), caller),
        at=lambda row: (row.name, row.id),
    )


@router.get("/v1/people/{id}", response_model=PersonDetailOut)
async def read_person(request: Request, caller: SignedIn, id: Id) -> Response:
    """One person; their absences for their own organisation and for operators."""
    async with runtime(request).transaction() as tx:
        found = (await tx.people.known([id])).get(id)
        if found is None:
            raise NotFound
        roles = (await tx.people.roles_of([id])).get(id, [])
        away: list[Absence] = []
        if policy.sees_absences(caller, found.organisation_id):
            away = await queries.absences(tx, [id], since=tx.now)
        parts.note_read(request, tx, caller, "person", [id])
    shown = PersonOut.of(found, roles, caller)
    detail = PersonDetailOut(**dict(shown), absences=tuple(AbsenceOut.of(absence) for absence in away))
    return parts.one(detail, found.version)


@router.post("/v1/people", status_code=201, response_model=PersonOut, openapi_extra=takes(PersonIn, KEYED))
async def add_person(
    request: Request, caller: Changer, body: Annotated[Body[PersonIn], Depends(json_body(PersonIn))]
) -> Response:
    """Add a member of staff; as an operator or as their organisation's own lead."""
    sent = body.value
    new = Person(new_id(), sent.organisation_id, sent.name, sent.title, sent.email)
    return await runtime(request).actions.perform(
        add_people,
        AddPerson(new, caller, cause(request)),
        view=lambda _, made: parts.answer(
            PersonOut.of(made, (), caller), made.version, made_at=f"/v1/people/{made.id}"
        ),
        idempotency=idempotency_key(request, caller, body.digest),
    )


@router.patch("/v1/people/{id}", response_model=PersonOut, openapi_extra=takes(PersonPatch, VERSIONED))
async def amend_person(
    request: Request,
    caller: Changer,
    id: Id,
    body: Annotated[Body[PersonPatch], Depends(json_body(PersonPatch))],
) -> Response:
    """Change a person. Somebody who leaves is made inactive: they are called no more and cover for nobody."""
    return await runtime(request).actions.perform(
        amend_people,
        AmendPerson(id, if_match(request), _sent(body), caller, cause(request)),
        view=lambda _, now: parts.answer(PersonOut.of(now.person, now.roles, caller), now.person.version),
    )


@router.post("/v1/people/{id}/roles", status_code=201, response_model=RoleOut, openapi_extra=takes(RoleIn, KEYED))
async def give_role(
    request: Request, caller: Changer, id: Id, body: Annotated[Body[RoleIn], Depends(json_body(RoleIn))]
) -> Response:
    """Give a person a role at their organisation, for one cluster or for all of it."""
    sent = body.value
    command = GiveRole(
        new_id(), id, sent.role, sent.cluster_id, sent.since, sent.until, caller, cause(request)
    )  # fmt: skip
    return await runtime(request).actions.perform(
        give_roles,
        command,
        view=lambda _, made: parts.answer(RoleOut.of(made), made.version, made_at=f"/v1/people/{id}/roles/{made.id}"),
        idempotency=idempotency_key(request, caller, body.digest),
    )


@router.patch("/v1/people/{id}/roles/{role_id}", response_model=RoleOut, openapi_extra=takes(RolePatch, VERSIONED))
async def amend_role(
    request: Request,
    caller: Changer,
    id: Id,
    role_id: Id,
    body: Annotated[Body[RolePatch], Depends(json_body(RolePatch))],
) -> Response:
    """End a role, or change its days; `If-Match` takes the role's own version."""
    return await runtime(request).actions.perform(
        amend_roles,
        AmendRole(role_id, id, if_match(request), _sent(body), caller, cause(request)),
        view=lambda _, now: parts.answer(RoleOut.of(now), now.version),
    )


@router.post(
    "/v1/people/{id}/absences", status_code=201, response_model=AbsenceOut, openapi_extra=takes(AbsenceIn, KEYED)
)
async def report_absence(
    request: Request, caller: SignedIn, id: Id, body: Annotated[Body[AbsenceIn], Depends(json_body(AbsenceIn))]
) -> Response:
    """Say that a person will be away, and who covers; as that person, their organisation's lead or an operator."""
    sent = body.value
    absence = Absence(new_id(), id, sent.starts_at, sent.ends_at, sent.cover_id)
    return await runtime(request).actions.perform(
        report_absences,
        ReportAbsence(absence, caller),
        view=lambda _, made: parts.answer(
            AbsenceOut.of(made), made.version, made_at=f"/v1/people/{id}/absences/{made.id}"
        ),
        idempotency=idempotency_key(request, caller, body.digest),
    )


@router.patch(
    "/v1/people/{id}/absences/{absence_id}", response_model=AbsenceOut, openapi_extra=takes(AbsencePatch, VERSIONED)
)
async def amend_absence(
    request: Request,
    caller: SignedIn,
    id: Id,
    absence_id: Id,
    body: Annotated[Body[AbsencePatch], Depends(json_body(AbsencePatch))],
) -> Response:
    """Say when somebody is back, or who covers; `If-Match` takes the absence's own version."""
    return await runtime(request).actions.perform(
        amend_absences,
        AmendAbsence(absence_id, id, if_match(request), _sent(body), caller),
        view=lambda _, now: parts.answer(AbsenceOut.of(now), now.version),
    )


def _sent(body: Body[Any]) -> dict[str, Any]:
    """Only the fields that were sent: what is left out stays as it is."""
    value: In = body.value
    return {name: getattr(value, name) for name in body.raw}
