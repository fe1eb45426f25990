"""A person's inbox, and what keeps people from being told."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Final

from chassis.actions import Answer
from chassis.auth import Caller
from chassis.bodies import Body, json_body, takes
from chassis.errors import Forbidden, Invalid, Malformed, NotFound
from chassis.http import allow, cause, json_response, runtime
from chassis.wire import Page, as_json
from fastapi import APIRouter, Depends, Path, Query, Request, Response

from notifier import policy, queries
from notifier.domain.facts import county_day
from notifier.handlers import inbox
from notifier.queries import Position
from notifier.store import Tx
from notifier.views.inbox import ClaimIn, NotificationOut, NotificationTaskOut, ReadIn, UnreadOut

router: Final = APIRouter(tags=["notifications"])

_ID: Final = r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$"
SignedIn = Annotated[Caller, Depends(allow())]
Desk = Annotated[Caller, Depends(allow("caseworker", "cluster-lead", "operator"))]
Limit = Annotated[int, Query(ge=1, le=200)]
Cursor = Annotated[str | None, Query(max_length=400)]
OptionalId = Annotated[str | None, Query(pattern=_ID)]
Id = Annotated[str, Path(pattern=_ID)]


class OneListAtATime(Invalid):
    """Both a cluster and a case were asked for."""

    code = "one-list-at-a-time"


@router.get("/v1/notifications", response_model=Page[NotificationOut])
async def list_notifications(
    request: Request,
    caller: SignedIn,
    *,
    cluster: OptionalId = None,
    case: OptionalId = None,
    mine: bool = False,
    unread: bool = False,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """Your inbox, newest first; with `cluster` or `case`, one line for each fact that anybody there was told.

    With `case` and `mine`, what your own inbox says of that case.
    """
    if cluster is not None and case is not None:
        raise OneListAtATime("Ask for a cluster or for a case.", pointer="/query/case")
    after, own = _position(request, caller, cursor), cluster is None and (case is None or mine)
    async with runtime(request).transaction() as tx:
        rows: Sequence[Any]
        position = "event_id"
        if cluster is not None:
            if not policy.may_see_cluster(caller, cluster):
                raise NotFound
            rows = await queries.of_cluster(tx, cluster, caller.subject, unread=unread, after=after, limit=limit + 1)
        elif case is not None and not mine:
            await _check_case(tx, caller, case)
            rows = await queries.of_case(tx, case, caller.subject, unread=unread, after=after, limit=limit + 1)
        else:
            position = "id"
            rows = await queries.own(tx, caller.subject, unread=unread, after=after, limit=limit + 1, case_id=case)
        tx.audit(
            action="read",
            what="notifications",
            what_id=cluster or case or caller.subject,
            caller=caller,
            case_id=case,
            correlation_id=cause(request).correlation_id,
        )
    page = Page[NotificationOut](
        items=tuple(NotificationOut.of(row, reader=caller.subject if own else None) for row in rows[:limit]),
        next=_next(request, caller, [(row["at"], row[position]) for row in rows], limit),
    )
    return json_response(as_json(page))


@router.get("/v1/notifications/unread", response_model=UnreadOut)
async def count_unread(request: Request, caller: SignedIn) -> Response:
    """How many lines of your inbox you have not read; what is cleared does not count."""
    async with runtime(request).transaction() as tx:
        waiting = await queries.unread(tx, caller.subject)
    return json_response(as_json(UnreadOut(unread=waiting)))


@router.post("/v1/notifications/{id}/claim", response_model=NotificationOut, openapi_extra=takes(ClaimIn))
async def claim_line(
    request: Request, caller: SignedIn, id: Id, body: Annotated[Body[ClaimIn], Depends(json_body(ClaimIn))]
) -> Response:
    """See to what a line tells of, or give it back; your colleagues see who does. Saying it again changes nothing."""
    return await runtime(request).actions.perform(
        inbox.claim,
        inbox.Claim(id=id, person_id=caller.subject, take=body.value.claim),
        view=lambda command, row: Answer(200, as_json(NotificationOut.of(row, reader=command.person_id))),
    )


@router.post("/v1/notifications/{id}/read", response_model=NotificationOut, openapi_extra=takes(ReadIn))
async def mark_read(
    request: Request, caller: SignedIn, id: Id, body: Annotated[Body[ReadIn], Depends(json_body(ReadIn))]
) -> Response:
    """Mark a line of your inbox as read, or as unread. Saying it again changes nothing."""
    return await runtime(request).actions.perform(
        inbox.mark,
        inbox.Mark(id=id, person_id=caller.subject, read=body.value.read, cause=cause(request)),
        view=lambda command, row: Answer(200, as_json(NotificationOut.of(row, reader=command.person_id))),
    )


@router.get("/v1/notifications/tasks", response_model=Page[NotificationTaskOut])
async def list_tasks(request: Request, caller: Desk, cursor: Cursor = None, limit: Limit = 50) -> Response:
    """What keeps people from being told, oldest first: roles that nobody holds, letters that cannot be delivered.

    The council's desk sees all; a cluster's people see what is about the cases that they hold.
    """
    clusters = _desk_of(caller)
    after = _position(request, caller, cursor)
    async with runtime(request).transaction() as tx:
        rows = await queries.open_tasks(tx, after=after, limit=limit + 1, clusters=clusters)
        tx.audit(
            action="read",
            what="notification-tasks",
            what_id="all",
            caller=caller,
            correlation_id=cause(request).correlation_id,
        )
    page = Page[NotificationTaskOut](
        items=tuple(NotificationTaskOut.of(row) for row in rows[:limit]),
        next=_next(request, caller, [(row["opened_at"], row["id"]) for row in rows], limit),
    )
    return json_response(as_json(page))


@router.post("/v1/notifications/tasks/{id}/claim", status_code=204, response_class=Response)
async def claim_task(request: Request, caller: Desk, id: Id) -> Response:
    """Say that you put it right."""
    await _check_task(request, caller, id)
    return await runtime(request).actions.perform(
        inbox.claim_task, inbox.ClaimTask(id, caller.subject), view=lambda *_: Answer(204, None)
    )


@router.post("/v1/notifications/tasks/{id}/done", status_code=204, response_class=Response)
async def finish_task(request: Request, caller: Desk, id: Id) -> Response:
    """Take a task off the list. A place that still has nobody comes back with the next fact."""
    await _check_task(request, caller, id)
    return await runtime(request).actions.perform(
        inbox.finish, inbox.Finish(id, caller.subject), view=lambda *_: Answer(204, None)
    )


async def _check_case(tx: Tx, caller: Caller, case_id: str) -> None:
    file = (await tx.cases.get([case_id])).get(case_id)
    if file is None or file.case is None:
        raise NotFound
    takes_part = await tx.cases.takes_part(case_id, caller.organisation, county_day(tx.now))
    if not policy.may_see_case(caller, cluster_id=file.case.cluster_id, takes_part=takes_part):
        raise NotFound


def _desk_of(caller: Caller) -> frozenset[str] | None:
    """None: every task. Otherwise the clusters whose cases' tasks somebody may see."""
    if policy.may_see_tasks(caller):
        return None
    if not caller.clusters:
        raise Forbidden("These are the tasks of the council's intake desk.")
    return caller.clusters


async def _check_task(request: Request, caller: Caller, id: str) -> None:
    clusters = _desk_of(caller)
    if clusters is not None:
        async with runtime(request).transaction() as tx:
            if not await queries.may_finish(tx, id, clusters):
                raise NotFound


def _position(request: Request, caller: Caller, cursor: str | None) -> Position | None:
    if cursor is None:
        return None
    try:
        at, id = runtime(request).cursors.decode(caller, cursor)
        return datetime.fromisoformat(at), str(id)
    except (ValueError, TypeError) as error:
        raise Malformed("The cursor is not one of ours.", pointer="/query/cursor") from error


def _next(request: Request, caller: Caller, positions: Sequence[Position], limit: int) -> str | None:
    if len(positions) <= limit:
        return None
    at, id = positions[limit - 1]
    return runtime(request).cursors.encode(caller, at.isoformat(), id)
