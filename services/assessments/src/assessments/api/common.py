"""What every route here needs: who asks, the page, the act, the audit of a read."""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Annotated, Any, Final, TypeVar

from chassis.actions import Answer, CommandHandler
from chassis.auth import Caller
from chassis.bodies import Body
from chassis.errors import Malformed, NotFound
from chassis.http import allow, cause, etag, idempotency_key, if_match, json_response, runtime
from chassis.wire import Out, Page, as_json
from fastapi import Depends, Path, Query, Request, Response

from assessments.domain.days import day_of
from assessments.handlers.acts import Act
from assessments.policy import ADVISERS, Standing, reads
from assessments.queries import Seen
from assessments.store import CaseFile, Tx

T = TypeVar("T")

_ID: Final = r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$"
_WORD: Final = r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$"
FIRST: Final = date(1, 1, 1)

SignedIn = Annotated[Caller, Depends(allow())]
Team = Annotated[Caller, Depends(allow("cluster-lead", "caseworker", "intake", "operator"))]
Adviser = Annotated[Caller, Depends(allow(*ADVISERS, "intake", "operator"))]
Id = Annotated[str, Path(pattern=_ID)]
Filter = Annotated[str | None, Query(pattern=_ID)]
Code = Annotated[str | None, Query(pattern=_WORD)]
Limit = Annotated[int, Query(ge=1, le=200)]
DryRun = Annotated[bool, Query(description="Answer what would happen; keep nothing.")]
Cursor = Annotated[str | None, Query(max_length=400)]


def note(request: Request, tx: Tx, caller: Caller, *, what: str, what_id: str, case_id: str | None = None) -> None:
    """Audit that somebody reads."""
    journey = cause(request).correlation_id
    tx.audit(action="read", what=what, what_id=what_id, case_id=case_id, caller=caller, correlation_id=journey)


def seen(tx: Tx, caller: Caller) -> Seen:
    """Who looks, and when."""
    return Seen(caller, day_of(tx.now))


def after(request: Request, caller: Caller, cursor: str | None, first: tuple[Any, ...]) -> tuple[Any, ...]:
    """Where a page begins. Raises `Malformed` for a cursor that was made for another list."""
    if cursor is None:
        return first
    path, *place = runtime(request).cursors.decode(caller, cursor)
    if path != request.url.path or len(place) != len(first):
        raise Malformed("The cursor is of another list.", pointer="/query/cursor")
    return tuple(date.fromisoformat(v) if isinstance(f, date) else v for v, f in zip(place, first, strict=True))


def page(
    request: Request,
    caller: Caller,
    found: Sequence[T],
    *,
    limit: int,
    out: Callable[[T], Out],
    place: Callable[[T], tuple[str, ...]],
) -> Response:
    """A page of what was found, one more than asked for when there are more."""
    items = found[:limit]
    following = None
    if len(found) > limit:
        following = runtime(request).cursors.encode(caller, request.url.path, *place(items[-1]))
    return json_response(as_json(Page[Any](items=tuple(map(out, items)), next=following)))


async def visible(tx: Tx, caller: Caller, case_id: str | None) -> tuple[CaseFile, Standing]:
    """A case that exists for the caller. Raises `NotFound`."""
    case = (await tx.county.cases([case_id] if case_id else [])).get(case_id or "")
    if case is None:
        raise NotFound
    standing = await tx.county.standing(case, day_of(tx.now))
    if not reads(caller, standing):
        raise NotFound
    return case, standing


async def act(
    request: Request,
    caller: Caller,
    id: str,
    body: Body[Any],
    handler: CommandHandler[Act, Tx, Any],
    *,
    said: Any,
    out: Callable[[Any], Out],
    versioned: bool = False,
    status: int = 200,
    href: Callable[[Any], str] | None = None,
    dry_run: bool = False,
) -> Response:
    """Have an act done under its idempotency key; answers with what came of it and its ETag.

    A dry run answers what would come of it, and needs no key.
    """

    def view(_: Act, result: Any) -> Answer:
        if dry_run:
            return Answer(200, {"dry_run": True, **as_json(out(result))})
        headers = {"Location": href(result)} if href is not None else {}
        if hasattr(result, "version"):
            headers["ETag"] = etag(result.version)
        return Answer(status, as_json(out(result)), headers)

    version = if_match(request) if versioned else None
    return await runtime(request).actions.perform(
        handler,
        Act(id, caller, cause(request), version, said, dry_run),
        view=view,
        idempotency=None if dry_run else idempotency_key(request, caller, body.digest),
    )
