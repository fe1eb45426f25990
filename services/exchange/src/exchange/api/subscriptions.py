"""Subscriptions: begin, see, change, pause, try, replay, and how their deliveries go."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

import orjson
from chassis.actions import Answer
from chassis.auth import Caller
from chassis.bodies import KEYED, VERSIONED, Body, json_body, takes
from chassis.clock import wall_now
from chassis.errors import Invalid, Malformed
from chassis.http import cause, etag, idempotency_key, if_match, json_response, runtime
from chassis.wire import Page, as_json
from fastapi import APIRouter, Depends, Query, Request, Response

from exchange.api.parts import Cursor, Id, Limit, Sees, SignedIn, System, cursor_values, note, seen
from exchange.clients.outside import guard_of, safe_of
from exchange.clients.sending import Unresolved, checked_addresses, resolve
from exchange.domain.addresses import AddressRefused
from exchange.domain.days import day_of
from exchange.domain.keys import SigningKey
from exchange.handlers import subscribing
from exchange.handlers.subscribing import Change, Changed, Subscribe
from exchange.policy import rules_of, sees_everything
from exchange.store import Tx
from exchange.views.incoming import (
    SUBSCRIPTION,
    EmptyIn,
    KeyIn,
    RedriveIn,
    ReplayIn,
    SubscriptionIn,
    SubscriptionPatch,
)
from exchange.views.outgoing import (
    AttemptOut,
    HealthOut,
    KeyOut,
    NewKeyOut,
    RedriveOut,
    ReplayOut,
    RulesOut,
    SecretOut,
    SubscriptionOut,
    replay_out,
    rules_out,
    subscription_out,
)

router: Final = APIRouter(tags=["subscriptions"])

_LOOKED_UP: Final = resolve
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class BadAddress(Invalid):
    """Webhooks are not sent there."""

    code = "bad-address"


@router.get("/v1/subscriptions/rules", response_model=RulesOut)
async def list_rules(request: Request, _caller: SignedIn) -> Response:
    """The sharing rules of today: what leaves the house, to whom, for what, on which basis, with which fields, why."""
    return json_response(as_json(rules_out(rules_of(day_of(runtime(request).clock.now())))))


@router.get("/v1/subscriptions", response_model=Page[SubscriptionOut])
async def list_subscriptions(
    request: Request,
    caller: Sees,
    *,
    state: Annotated[str | None, Query(pattern="^(active|paused|disabled|suspended|ended)$")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """Your organisation's subscriptions, oldest first; everybody's for who answers for the data."""
    place = cursor_values(request, caller, cursor, str, str)
    after = (datetime.fromisoformat(place[0]), place[1]) if place else (_EPOCH, "")
    own = None if sees_everything(caller) else caller.organisation
    async with runtime(request).transaction() as tx:
        found = await tx.streams.subscriptions(own, state=state, after=after, limit=limit + 1)
        keys = await _keys(tx, [kept.id for kept in found])
    more, found = len(found) > limit, found[:limit]
    following = None
    if more:
        following = runtime(request).cursors.encode(caller, found[-1].created_at.isoformat(), found[-1].id)
    items = tuple(subscription_out(kept, keys.get(kept.id, ()), caller) for kept in found)
    return json_response(as_json(Page[SubscriptionOut](items=items, next=following)))


@router.post(
    "/v1/subscriptions",
    status_code=201,
    response_model=SecretOut,
    openapi_extra=takes(SubscriptionIn, KEYED, example=SUBSCRIPTION),
)
async def subscribe(
    request: Request, caller: System, body: Annotated[Body[SubscriptionIn], Depends(json_body(SubscriptionIn))]
) -> Response:
    """Begin to hear under an agreement. The secret that signs a webhook is in this answer, and never shown again."""
    wanted, once = body.value, idempotency_key(request, caller, body.digest)
    way, url = wanted.delivery.way, wanted.delivery.url
    if (way == "webhook") is not (url is not None):
        raise Invalid("A webhook has an address, and nothing else has one.", pointer="/delivery/url")
    if url is not None:
        await check_address(request, url, "/delivery/url")
    command = Subscribe(
        caller, cause(request), wanted.agreement, wanted.purposes, wanted.bases, wanted.filter.value(), way, url,
        wanted.until, None,
    )  # fmt: skip
    if way == "webhook":
        key = safe_of(runtime(request)).new_key(command.id, wanted.delivery.signature, wall_now())
        command = Subscribe(**{**_fields(command), "key": key})
    answer = await runtime(request).actions.perform(subscribing.subscribe, command, view=_made, idempotency=once)
    return await _with_secret(request, answer)


def _fields(command: Subscribe) -> dict[str, Any]:
    return {name: getattr(command, name) for name in Subscribe.__slots__}


@router.get("/v1/subscriptions/{id}", response_model=SubscriptionOut)
async def get_subscription(request: Request, caller: Sees, id: Id) -> Response:
    """A subscription, and what you may do with it."""
    async with runtime(request).transaction() as tx:
        kept = await seen(tx, caller, id)
        keys = await _keys(tx, [id])
    out = subscription_out(kept, keys.get(id, ()), caller)
    return json_response(as_json(out), headers={"ETag": etag(kept.version)})


@router.patch(
    "/v1/subscriptions/{id}", response_model=SubscriptionOut, openapi_extra=takes(SubscriptionPatch, VERSIONED)
)
async def change(
    request: Request,
    caller: System,
    id: Id,
    body: Annotated[Body[SubscriptionPatch], Depends(json_body(SubscriptionPatch))],
) -> Response:
    """Change the filter, the last day or the address."""
    version, wanted = if_match(request), body.value
    values: dict[str, Any] = {}
    if wanted.filter is not None:
        values["filter"] = wanted.filter.value()
    if wanted.until is not None:
        values["until"] = wanted.until
    if wanted.url is not None:
        await check_address(request, wanted.url, "/url")
        values["url"] = wanted.url
    return await _act(request, caller, id, subscribing.change, version=version, values=values)


@router.delete("/v1/subscriptions/{id}", response_model=SubscriptionOut, openapi_extra={"parameters": [VERSIONED]})
async def end(request: Request, caller: System, id: Id) -> Response:
    """End it. What was told stays in the ledger, and so do the duties that follow from it."""
    return await _act(request, caller, id, subscribing.end, version=if_match(request))


@router.post("/v1/subscriptions/{id}/pause", response_model=SubscriptionOut, openapi_extra=takes(EmptyIn, VERSIONED))
async def pause(
    request: Request, caller: System, id: Id, _body: Annotated[Body[EmptyIn], Depends(json_body(EmptyIn))]
) -> Response:
    """Nothing is sent until you resume; what comes is kept for you."""
    return await _act(request, caller, id, subscribing.pause, version=if_match(request))


@router.post("/v1/subscriptions/{id}/resume", response_model=SubscriptionOut, openapi_extra=takes(EmptyIn, VERSIONED))
async def resume(
    request: Request, caller: System, id: Id, _body: Annotated[Body[EmptyIn], Depends(json_body(EmptyIn))]
) -> Response:
    """Go on: what was kept is sent, in its order. After a renewal too."""
    return await _act(request, caller, id, subscribing.resume, version=if_match(request))


@router.post(
    "/v1/subscriptions/{id}/test", status_code=202, response_model=SubscriptionOut,
    openapi_extra=takes(EmptyIn, KEYED, VERSIONED),
)  # fmt: skip
async def try_out(
    request: Request, caller: System, id: Id, body: Annotated[Body[EmptyIn], Depends(json_body(EmptyIn))]
) -> Response:
    """Be told an event that says nothing, to see that it arrives."""
    version = if_match(request)
    return await _act(request, caller, id, subscribing.try_out, version=version, status=202, digest=body.digest)


@router.post(
    "/v1/subscriptions/{id}/keys", status_code=201, response_model=NewKeyOut,
    openapi_extra=takes(KeyIn, KEYED, VERSIONED),
)  # fmt: skip
async def replace_key(
    request: Request, caller: System, id: Id, body: Annotated[Body[KeyIn], Depends(json_body(KeyIn))]
) -> Response:
    """A new key. The old one signs beside it for a while, so that you can change over without missing anything."""
    wanted = body.value
    key = safe_of(runtime(request)).new_key(id, wanted.signature, wall_now())
    overlap = None if wanted.overlap_hours is None else timedelta(hours=wanted.overlap_hours)
    command = Change(caller, cause(request), id, if_match(request), {"key": key, "overlap": overlap})

    def view(command: Change, changed: Changed) -> Answer:
        made: SigningKey = command.values["key"]
        out = NewKeyOut(id=changed.said["key"], signature=made.algorithm, secret=None, public=made.public)
        return Answer(201, as_json(out))

    answer = await runtime(request).actions.perform(
        subscribing.replace_key, command, view=view, idempotency=idempotency_key(request, caller, body.digest)
    )
    return await _with_secret(request, answer)


@router.post(
    "/v1/subscriptions/{id}/redrive", response_model=RedriveOut, openapi_extra=takes(RedriveIn, KEYED, VERSIONED)
)
async def redrive(
    request: Request, caller: System, id: Id, body: Annotated[Body[RedriveIn], Depends(json_body(RedriveIn))]
) -> Response:
    """Send again what was given up."""
    positions = None if body.value.positions is None else list(body.value.positions)

    def view(_: Change, changed: Changed) -> Answer:
        return Answer(200, as_json(RedriveOut(redriven=changed.said["redriven"])))

    command = Change(caller, cause(request), id, if_match(request), {"positions": positions})
    return await runtime(request).actions.perform(
        subscribing.redrive, command, view=view, idempotency=idempotency_key(request, caller, body.digest)
    )


@router.post(
    "/v1/subscriptions/{id}/replay", status_code=202, response_model=ReplayOut,
    openapi_extra=takes(ReplayIn, KEYED, VERSIONED),
)  # fmt: skip
async def replay(
    request: Request, caller: System, id: Id, body: Annotated[Body[ReplayIn], Depends(json_body(ReplayIn))]
) -> Response:
    """Be told again what was said, within the rights that you have now; each event is marked `replay`."""
    version, once, wanted = if_match(request), idempotency_key(request, caller, body.digest), body.value
    values: dict[str, Any] = {"case_id": wanted.case_id, "since": wanted.since, "until": wanted.until}
    if wanted.cursor is not None:
        stream, position = cursor_values(request, caller, wanted.cursor, str, int) or ("", 0)
        if stream != id:
            raise Malformed("The cursor is not one of this subscription's.", pointer="/cursor")
        values["after"] = position
    if all(value is None for value in values.values()):
        raise Invalid("Say what to tell again: a case, a time or a cursor.")

    def view(_: Change, changed: Changed) -> Answer:
        return Answer(202, as_json(replay_out(changed.said["replay"])))

    command = Change(caller, cause(request), id, version, values)
    return await runtime(request).actions.perform(subscribing.replay, command, view=view, idempotency=once)


@router.get("/v1/subscriptions/{id}/replays", response_model=Page[ReplayOut])
async def list_replays(request: Request, caller: Sees, id: Id) -> Response:
    """The newest replays of a subscription, and how far each is."""
    async with runtime(request).transaction() as tx:
        await seen(tx, caller, id)
        found = await tx.replays.of(id, 50)
    return json_response(as_json(Page[ReplayOut](items=tuple(map(replay_out, found)), next=None)))


@router.get("/v1/subscriptions/{id}/health", response_model=HealthOut)
async def get_health(request: Request, caller: Sees, id: Id) -> Response:
    """Last success, lag, failures with reasons, the next attempt."""
    async with runtime(request).transaction() as tx:
        kept = await seen(tx, caller, id)
        row = await tx.deliveries.health(id)
        last, acknowledged = await tx.ledger.tail(id)
        unread = await tx.ledger.oldest_unread(id, acknowledged) if row is None else row["oldest"]
        now = tx.now
    out = HealthOut(
        state=kept.state,
        reason=kept.reason,
        behind=row["waiting"] if row else last - acknowledged,
        oldest_waiting_at=unread,
        lag_seconds=max(0.0, (now - unread).total_seconds()) if unread else 0.0,
        failed=row["failed"] if row else 0,
        failures_in_a_row=row["failures"] if row else 0,
        last_success_at=row["last_success_at"] if row else None,
        last_failure_at=row["last_failure_at"] if row else None,
        last_failure=row["last_reason"] if row else None,
        rests_until=row["rests_until"] if row else None,
        next_attempt_at=row["next_attempt"] if row and kept.state == "active" else None,
    )
    return json_response(as_json(out))


@router.get("/v1/subscriptions/{id}/deliveries", response_model=Page[AttemptOut])
async def list_deliveries(
    request: Request,
    caller: Sees,
    id: Id,
    *,
    state: Annotated[str | None, Query(pattern="^(waiting|delivered|failed|withheld)$")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """What became of each webhook, in order."""
    place = cursor_values(request, caller, cursor, str, int)
    after = place[1] if place else 0
    async with runtime(request).transaction() as tx:
        await seen(tx, caller, id)
        rows = await tx.deliveries.some(id, state=state, after=after, limit=limit + 1)
        note(request, tx, caller, what="deliveries", what_id=id)
    more, rows = len(rows) > limit, rows[:limit]
    items = tuple(
        AttemptOut(
            position=row["position"], event_id=row["event_id"], type=row["type"], subject=row["subject"],
            replay=row["replay"], state=row["state"], attempts=row["attempts"], told_at=row["at"],
            tried_at=row["tried_at"], reason=row["reason"], next_attempt_at=row["due_at"],
        )
        for row in rows
    )  # fmt: skip
    following = runtime(request).cursors.encode(caller, "deliveries", rows[-1]["position"]) if more else None
    return json_response(as_json(Page[AttemptOut](items=items, next=following)))


async def check_address(request: Request, url: str, pointer: str) -> None:
    """Refuse an address that no webhook may go to: looked at now, and again at each connection."""
    guard = guard_of(runtime(request))
    try:
        target = guard.target(url)
        if target.literal is None:
            await checked_addresses(target.host, target.port, guard=guard, resolver=_LOOKED_UP)
    except AddressRefused as refused:
        raise BadAddress(str(refused), pointer=pointer) from refused
    except Unresolved as error:
        raise BadAddress("The name leads nowhere.", pointer=pointer) from error


async def _act(
    request: Request, caller: Caller, id: str, handler: Any, *, version: int, values: dict[str, Any] | None = None,
    status: int = 200, digest: bytes | None = None,
) -> Response:  # fmt: skip
    def view(command: Change, changed: Changed) -> Answer:
        body = as_json(subscription_out(changed.kept, (), command.caller))
        return Answer(status, body, {"ETag": etag(changed.kept.version)})

    command = Change(caller, cause(request), id, version, values or {})
    key = None if digest is None else idempotency_key(request, caller, digest)
    return await runtime(request).actions.perform(handler, command, view=view, idempotency=key)


def _made(command: Subscribe, changed: Changed) -> Answer:
    key = command.key
    keys = () if key is None else (_key_out(key),)
    body = {**as_json(subscription_out(changed.kept, keys, command.caller)), "secret": None}
    headers = {"Location": f"/v1/subscriptions/{command.id}", "ETag": etag(changed.kept.version)}
    return Answer(201, body, headers)


async def _with_secret(request: Request, answer: Response) -> Response:
    """The answer with the key in it: what is kept of the answer, for a retry, must not hold it."""
    body = orjson.loads(bytes(answer.body))
    key_id = body["id"] if "keys" not in body else next((key["id"] for key in body["keys"]), None)
    async with runtime(request).transaction() as tx:
        key = await tx.keys.find(key_id) if key_id is not None else None
    if key is not None and key.algorithm == "hmac":
        body["secret"] = safe_of(runtime(request)).open(key).secret
    headers = {name: value for name, value in answer.headers.items() if name not in {"content-length", "content-type"}}
    return Response(orjson.dumps(body), answer.status_code, headers, media_type="application/json")


def _key_out(key: SigningKey) -> KeyOut:
    return KeyOut(id=key.id, signature=key.algorithm, public=key.public, since=key.since, until=key.until)


async def _keys(tx: Tx, ids: list[str]) -> dict[str, tuple[KeyOut, ...]]:
    live = await tx.keys.live(ids, wall_now())
    return {id: tuple(map(_key_out, keys)) for id, keys in live.items()}
