"""Events to be read: page by page, waited for, or as a stream; and why a sector hears one or does not."""

import hashlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import orjson
from chassis.auth import Caller
from chassis.clock import wall_seconds
from chassis.errors import Invalid, Malformed, NotFound
from chassis.http import json_response, runtime
from chassis.wire import as_json
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse

from exchange.api.listeners import Listeners
from exchange.api.parts import Cursor, Explains, Id, QueryId, System, cursor_values, note, seen
from exchange.domain.audience import Hears
from exchange.domain.days import day_of
from exchange.handlers.events import BATCH_TYPE
from exchange.handlers.explaining import explain
from exchange.handlers.reading import Batch, read
from exchange.policy import Reading, reading_of
from exchange.store.streams import FLOWING, Kept
from exchange.views.outgoing import WhyOut

router: Final = APIRouter(tags=["events"])

#: Looked at even when no hint came.
_SLOW_POLL_SECONDS: Final = 1.0
_STREAM_BATCH: Final = 100
_RETRY_MS: Final = 1_000
_EVENT: Final = {"type": "object", "required": ["specversion", "id", "source", "type"]}
_BATCH: Final[dict[str, Any]] = {"type": "array", "items": _EVENT, "description": "CloudEvents 1.0, structured."}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def _listeners(request: Request) -> Listeners:
    state = request.app.state
    if not hasattr(state, "listeners"):
        state.listeners = Listeners(runtime(request))
    found: Listeners = state.listeners
    return found


async def _chosen(request: Request, caller: Caller, subscription: str | None) -> Kept:
    """The subscription that is read; the only one, when none is named."""
    async with runtime(request).transaction() as tx:
        if subscription is None:
            found = await tx.streams.subscriptions(caller.organisation, state="active", after=(_EPOCH, ""), limit=2)
            if len(found) != 1:
                raise Invalid("Say which: ?subscription=.", pointer="/query/subscription")
            only: Kept = found[0]
            return only
        kept = await seen(tx, caller, subscription)
    if kept.stream.organisation_id != caller.organisation:
        # Who answers for the data may see how it goes, but does not read another's mail.
        raise NotFound
    return kept


def _position(request: Request, caller: Caller, kept: Kept, cursor: str | None) -> int:
    stream, position = cursor_values(request, caller, cursor, str, int) or (kept.id, 0)
    if stream != kept.id:
        raise Malformed("The cursor is not one of this subscription's.", pointer="/query/cursor")
    return int(position)


@router.get(
    "/v1/events",
    responses={200: {"content": {BATCH_TYPE: {"schema": _BATCH}}}},
    response_class=Response,
)
async def read_events(
    request: Request,
    caller: System,
    *,
    subscription: QueryId | None = None,
    cursor: Cursor = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    wait: Annotated[int, Query(ge=0, le=30)] = 0,
) -> Response:
    """What a subscription was told, as a batch of CloudEvents.

    `Next-Cursor`, and `Link` with rel="next", lead on; a cursor is good for ever and always means the same place.
    Coming back with it says that you have what was before. `wait` holds the answer until something comes, so many
    seconds at most. With `If-None-Match`, 304 says that nothing has changed.
    """
    kept = await _chosen(request, caller, subscription)
    after = _position(request, caller, kept, cursor)
    batch = await _next(request, caller, kept, after=after, limit=limit, wait=wait)
    following = runtime(request).cursors.encode(caller, kept.id, batch.upto)
    body = orjson.dumps([event for _, event in batch.events])
    tag = '"' + hashlib.blake2b(body + following.encode(), digest_size=12).hexdigest() + '"'
    link = f'</v1/events?subscription={kept.id}&cursor={following}&limit={limit}>; rel="next"'
    headers = {"ETag": tag, "Next-Cursor": following, "Link": link, "Cache-Control": "private, no-cache"}
    if tag in {each.strip() for each in request.headers.get("if-none-match", "").split(",")}:
        return Response(b"", 304, headers)
    return Response(body, 200, {**headers, "Content-Type": BATCH_TYPE})


async def _next(request: Request, caller: Caller, kept: Kept, *, after: int, limit: int, wait: int) -> Batch:
    listeners = _listeners(request)
    numbers = reading_of(day_of(runtime(request).clock.now()))
    until = wall_seconds() + min(wait, numbers.longest_wait_seconds)
    while True:
        _, batch = await _read(request, caller, kept, after=after, limit=limit)
        left = until - wall_seconds()
        if batch.events or left <= 0 or _stopping(request) or listeners.waiting >= numbers.waiters_everywhere:
            return batch
        after = batch.upto
        await listeners.wait(kept.id, after, min(left, _SLOW_POLL_SECONDS))


async def _read(request: Request, caller: Caller, kept: Kept, *, after: int, limit: int) -> tuple[Kept, Batch]:
    async with runtime(request).transaction() as tx:
        # As it is now: what was chosen may have been suspended while it was waited for.
        now = await seen(tx, caller, kept.id)
        batch = await read(tx, now, after=after, limit=limit)
        if batch.events:
            note(request, tx, caller, what="events", what_id=kept.id)
    return now, batch


def _stopping(request: Request) -> bool:
    """Whether this process is about to end."""
    return bool(getattr(request.app.state, "stopping", False))


@router.get(
    "/v1/events/stream",
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
    response_class=Response,
)
async def stream_events(
    request: Request, caller: System, *, subscription: QueryId | None = None, cursor: Cursor = None
) -> Response:
    """The same as server-sent events; `Last-Event-ID`, or a cursor, says where to go on."""
    kept = await _chosen(request, caller, subscription)
    after = _position(request, caller, kept, request.headers.get("last-event-id") or cursor)
    numbers = reading_of(day_of(runtime(request).clock.now()))
    listeners = _listeners(request)
    listeners.admit(caller.organisation, numbers)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    told = _told(request, caller, kept, after=after, numbers=numbers)
    return StreamingResponse(told, 200, headers, media_type="text/event-stream")


async def _told(request: Request, caller: Caller, kept: Kept, *, after: int, numbers: Reading) -> AsyncIterator[bytes]:
    parts, listeners = runtime(request), _listeners(request)
    ends = wall_seconds() + numbers.longest_stream_seconds
    quiet_since = wall_seconds()
    try:
        yield f"retry: {_RETRY_MS}\n\n".encode()
        while wall_seconds() < ends and not _stopping(request):
            try:
                now, batch = await _read(request, caller, kept, after=after, limit=_STREAM_BATCH)
            except NotFound:
                return
            for position, event in batch.events:
                cursor = parts.cursors.encode(caller, kept.id, position)
                yield b"".join((f"id: {cursor}\nevent: {event['type']}\ndata: ".encode(), orjson.dumps(event), b"\n\n"))
            if batch.events:
                quiet_since = wall_seconds()
            elif wall_seconds() - quiet_since >= numbers.heartbeat_seconds:
                quiet_since = wall_seconds()
                yield b": still here\n\n"
            if batch.upto == after and now.state not in FLOWING:
                return
            if batch.upto == after:
                await listeners.wait(kept.id, after, _SLOW_POLL_SECONDS)
            after = batch.upto
    finally:
        listeners.leave(caller.organisation)


@router.get("/v1/events/{id}/why", response_model=WhyOut)
async def why(
    request: Request,
    caller: Explains,
    id: Id,
    sector: Annotated[str, Query(pattern="^(education|health|social-care)$")],
) -> Response:
    """What a sector would hear of an event now, and why."""
    async with runtime(request).transaction() as tx:
        said = (await tx.events.find([id])).get(id)
        if said is None:
            raise NotFound("Of this event nothing is kept here: it never leaves, or it is too old.")
        found = await explain(tx, type=said.type, subject=said.subject, data=said.data, sector=sector)
        note(request, tx, caller, what="event", what_id=id, case_id=said.subject)
    hears = found.answer if isinstance(found.answer, Hears) else None
    out = WhyOut(
        event_id=id,
        type=said.type,
        sector=sector,
        hears=hears is not None,
        code="hears" if isinstance(found.answer, Hears) else found.answer.code,
        why=found.why,
        rule=hears.rule.id if hears else None,
        purpose=(hears.purpose or None) if hears else None,
        basis=hears.basis if hears else None,
        left_out=found.left_out,
        data=found.data,
    )
    return json_response(as_json(out))
