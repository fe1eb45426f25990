"""What the routes share: who may come in, pages, what is noted, how a change is performed."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from chassis.actions import Answer
from chassis.auth import Caller
from chassis.bodies import Body
from chassis.http import allow, cause, idempotency_key, runtime
from fastapi import Depends, Path, Query, Request, Response

from funding.domain import requests as model
from funding.domain.days import day_of
from funding.policy import sees
from funding.store import Tx

ID: Final = r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$"
YEAR: Final = r"^20[0-9]{2}-[0-9]{2}$"
_LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)

SignedIn = Annotated[Caller, Depends(allow())]
Finance = Annotated[Caller, Depends(allow("finance-officer"))]
#: Who looks at sums rather than at cases.
Reckons = Annotated[Caller, Depends(allow("finance-officer", "data-protection-officer", "cluster-lead", "caseworker"))]
Decides = Annotated[Caller, Depends(allow("finance-officer", "cluster-lead"))]
Id = Annotated[str, Path(pattern=ID)]
Some = Annotated[str | None, Query(pattern=ID)]
Limit = Annotated[int, Query(ge=1, le=200)]
Cursor = Annotated[str | None, Query(max_length=400)]

_Handler = Callable[[Sequence[Any], Any], Awaitable[Sequence[Any]]]
View = Callable[[Any, Any], Answer]


async def perform(request: Request, body: Body[Any], handler: _Handler, act: Any, view: View) -> Response:
    """Have a change made, once for each key."""
    key = idempotency_key(request, act.caller, body.digest)
    return await runtime(request).actions.perform(handler, act, view=view, idempotency=key)


async def may_see(tx: Tx, caller: Caller, found: model.Request | model.Award) -> bool:
    """Whether the caller may know of it: its budget's cluster, the one that has the case now, its school."""
    case = (await tx.cases.find([found.case_id])).get(found.case_id)
    paid = (await tx.cases.organisations([found.case_id], day_of(tx.now))).get(found.case_id, set())
    clusters = (found.cluster_id, case.cluster_id if case else None)
    return any(sees(caller, cluster, paid | {found.organisation_id}) for cluster in clusters)


def note(request: Request, tx: Tx, caller: Caller, *, what: str, what_id: str, case_id: str | None = None) -> None:
    """Audit that somebody reads."""
    journey = cause(request).correlation_id
    tx.audit(action="read", what=what, what_id=what_id, case_id=case_id, caller=caller, correlation_id=journey)


def place(request: Request, caller: Caller, cursor: str | None) -> tuple[datetime, str]:
    """Where a page begins: after this instant and id."""
    if cursor is None:
        return _LONG_AGO, ""
    at, id = runtime(request).cursors.decode(caller, cursor)
    return datetime.fromisoformat(at), id


def following(request: Request, caller: Caller, places: Sequence[tuple[datetime, str]], limit: int) -> str | None:
    """The cursor of the next page, where there is one."""
    if len(places) <= limit:
        return None
    at, id = places[limit - 1]
    return runtime(request).cursors.encode(caller, at.isoformat(), id)
