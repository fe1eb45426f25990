"""What several routes need: who may call, ids in paths, cursors, days."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Annotated, Any, Final, TypeVar

from chassis.actions import Answer
from chassis.auth import Caller
from chassis.errors import Malformed
from chassis.http import allow, cause, etag, json_response, runtime
from chassis.wire import Out, as_json
from fastapi import Depends, Path, Query, Request, Response
from pydantic import BeforeValidator

from directory import policy
from directory.domain.duty import COUNTY
from directory.domain.extract import is_plain
from directory.store import Tx
from directory.views import Instant

T = TypeVar("T")

_ID: Final = r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$"
#: Organisations, schools and people are for everybody who is signed in; `policy` decides what they see of them.
SignedIn = Annotated[Caller, Depends(allow())]
#: Operators and leads; which organisation's, `policy` decides.
Changer = Annotated[Caller, Depends(allow(*policy.CHANGERS))]
Operator = Annotated[Caller, Depends(allow(policy.OPERATOR))]

Id = Annotated[str, Path(pattern=_ID)]
OptionalId = Annotated[str | None, Query(pattern=_ID)]
OptionalWord = Annotated[str | None, Query(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
Search = Annotated[str | None, Query(min_length=1, max_length=200)]
Limit = Annotated[int, Query(ge=1, le=200)]
Cursor = Annotated[str | None, Query(max_length=900)]


def _written_out(text: Any) -> Any:
    """Pydantic would take a bare number for a time since 1970."""
    if isinstance(text, str) and not re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        raise ValueError("must be written as YYYY-MM-DD")
    return text


#: A day, `2026-11-23`, and an instant, `2026-11-23T12:00:00Z`, in a query.
Day = Annotated[date | None, Query(), BeforeValidator(_written_out)]
Moment = Annotated[Instant | None, Query(), BeforeValidator(_written_out)]


def plain(text: str | None, name: str) -> str | None:
    """Text of a query that the database can take. Raises `Malformed`."""
    if text is not None and not is_plain(text):
        raise Malformed("Search for plain text.", pointer=f"/query/{name}")
    return text


def position(
    request: Request, caller: Caller, cursor: str | None, *kinds: Callable[[Any], Any]
) -> tuple[Any, ...] | None:
    """What a cursor stands for. Raises `Malformed` unless it was made for a list of this kind."""
    if cursor is None:
        return None
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


def one(out: Out, version: int | None = None) -> Response:
    """One thing, with its ETag."""
    return json_response(as_json(out), headers={} if version is None else {"ETag": etag(version)})


def answer(out: Out, version: int, *, made_at: str | None = None) -> Answer:
    """What a change answers; `made_at` is the address of what it made."""
    headers: Mapping[str, str] = {"ETag": etag(version)} | ({"Location": made_at} if made_at else {})
    return Answer(201 if made_at else 200, as_json(out), headers)


def today(tx: Tx) -> date:
    """The day it is in the county."""
    return tx.now.astimezone(COUNTY).date()


def note_read(request: Request, tx: Tx, caller: Caller, what: str, what_ids: Sequence[str]) -> None:
    """Audit that somebody reads about these."""
    for id in what_ids:
        tx.audit(action="read", what=what, what_id=id, caller=caller, correlation_id=cause(request).correlation_id)
