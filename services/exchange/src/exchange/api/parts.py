"""What the routes share: who may ask, how lists and ids are asked for."""

from typing import Annotated, Any, Final

from chassis.auth import Caller
from chassis.errors import Malformed, NotFound
from chassis.http import allow, cause, runtime
from fastapi import Depends, Path, Query, Request

from exchange.policy import OFFICER, OPERATOR, sees_everything
from exchange.store import Tx
from exchange.store.streams import Kept

_ID: Final = r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$"
System = Annotated[Caller, Depends(allow("agency-system"))]
Sees = Annotated[Caller, Depends(allow("agency-system", OFFICER, OPERATOR))]
Officer = Annotated[Caller, Depends(allow(OFFICER))]
Explains = Annotated[Caller, Depends(allow(OFFICER, OPERATOR))]
SignedIn = Annotated[Caller, Depends(allow())]
Id = Annotated[str, Path(pattern=_ID)]
QueryId = Annotated[str, Query(pattern=_ID)]
Limit = Annotated[int, Query(ge=1, le=200)]
Cursor = Annotated[str | None, Query(max_length=400)]


async def seen(tx: Tx, caller: Caller, id: str) -> Kept:
    """A subscription that the caller may see. Raises `NotFound`."""
    kept = (await tx.streams.find([id])).get(id)
    if kept is None or kept.stream.organisation_id is None:
        raise NotFound
    if kept.stream.organisation_id != caller.organisation and not sees_everything(caller):
        raise NotFound
    return kept


def note(request: Request, tx: Tx, caller: Caller, **what: Any) -> None:
    """Audit that somebody reads."""
    tx.audit(action="read", caller=caller, correlation_id=cause(request).correlation_id, **what)


def cursor_values(request: Request, caller: Caller, cursor: str | None, *kinds: type) -> list[Any] | None:
    """What a cursor stands for; None without one. Raises `Malformed` for one of another list."""
    if cursor is None:
        return None
    values = runtime(request).cursors.decode(caller, cursor)
    if len(values) != len(kinds) or not all(isinstance(v, k) for v, k in zip(values, kinds, strict=True)):
        raise Malformed("The cursor is not one of this list's.", pointer="/query/cursor")
    return values
