"""What several routes need: who may call, ids in paths, cursors, pages, audit."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Annotated, Any, Final, TypeVar

from chassis.actions import Answer
from chassis.auth import Caller
from chassis.errors import Malformed
from chassis.http import allow, cause, etag, json_response, runtime
from chassis.wire import Out, as_json
from fastapi import Depends, Path, Query, Request, Response

from placements.store import Tx

T = TypeVar("T")

_ID: Final = r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$"
SignedIn = Annotated[Caller, Depends(allow())]
#: Who works cases, or has a system that does; `policy` decides which cases.
Works = Annotated[
    Caller, Depends(allow("cluster-lead", "caseworker", "intake", "operator", "referrer", "agency-system"))
]
Places = Annotated[Caller, Depends(allow("cluster-lead", "caseworker", "intake", "operator"))]
Provides = Annotated[Caller, Depends(allow("provider-staff", "agency-system"))]
PlacesOrProvides = Annotated[
    Caller,
    Depends(allow("cluster-lead", "caseworker", "intake", "operator", "provider-staff", "agency-system")),
]
Decides = Annotated[Caller, Depends(allow("cluster-lead", "caseworker"))]

Id = Annotated[str, Path(pattern=_ID)]
OptionalId = Annotated[str | None, Query(pattern=_ID)]
Limit = Annotated[int, Query(ge=1, le=200)]
Cursor = Annotated[str | None, Query(max_length=400)]

#: Before everything.
FIRST_DAY: Final = date(1970, 1, 1)
FIRST_INSTANT: Final = datetime(1970, 1, 1, tzinfo=UTC)


def position(
    request: Request, caller: Caller, cursor: str | None, *kinds: Callable[[Any], Any], first: tuple[Any, ...]
) -> tuple[Any, ...]:
    """What a cursor stands for, or the place before the first. Raises `Malformed` unless made for such a list."""
    if cursor is None:
        return first
    values = runtime(request).cursors.decode(caller, cursor)
    try:
        return tuple(kind(value) for kind, value in zip(kinds, values, strict=True))
    except (ValueError, TypeError) as error:
        raise Malformed("The cursor is not one of ours.", pointer="/query/cursor") from error


def page(
    request: Request,
    caller: Caller,
    rows: Sequence[T],
    limit: int,
    *,
    show: Callable[[T], Out],
    at: Callable[[T], Sequence[str | int]],
) -> Response:
    """A page of a list that was asked for with one row more than fits."""
    last = rows[limit - 1] if len(rows) > limit else None
    following = runtime(request).cursors.encode(caller, *at(last)) if last is not None else None
    return json_response({"items": [as_json(show(row)) for row in rows[:limit]], "next": following})


def one(out: Out, version: int) -> Response:
    """One thing, with its ETag."""
    return json_response(as_json(out), headers={"ETag": etag(version)})


def answer(out: Out, version: int, *, made_at: str | None = None) -> Answer:
    """What a change answers; `made_at` is the address of what it made."""
    headers: Mapping[str, str] = {"ETag": etag(version)} | ({"Location": made_at} if made_at else {})
    return Answer(201 if made_at else 200, as_json(out), headers)


def note_read(request: Request, tx: Tx, caller: Caller, what: str, what_id: str, *, case_id: str | None = None) -> None:
    """Audit that somebody reads."""
    journey = cause(request).correlation_id
    tx.audit(action="read", what=what, what_id=what_id, case_id=case_id, caller=caller, correlation_id=journey)
