"""Browsers that want notices, and what GOV.UK Notify says became of a message."""

import hmac
import re
from typing import Annotated, Final, cast
from urllib.parse import urlsplit

from chassis.actions import Answer
from chassis.auth import Caller
from chassis.bodies import KEYED, Body, json_body, parse, read_bytes, takes
from chassis.clock import wall_now
from chassis.errors import Invalid, NotFound, Unauthenticated
from chassis.http import allow, cause, idempotency_key, json_response, runtime
from chassis.wire import Page, as_json
from fastapi import APIRouter, Depends, Path, Request, Response
from fastapi.openapi.models import HTTPBearer
from fastapi.security.base import SecurityBase
from pydantic import ValidationError

from notifier.clients.notify import DELIVERED, FAILED
from notifier.clients.push import public_key
from notifier.handlers import post, preferences
from notifier.settings import Settings
from notifier.views.channels import (
    NotifyReceipt,
    PushKeyOut,
    PushSubscribedOut,
    PushSubscriptionIn,
    PushSubscriptionOut,
)

router: Final = APIRouter(tags=["notifications"])
SignedIn = Annotated[Caller, Depends(allow())]
Id = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$")]
#: A letter's Message-ID, which is its reference at Notify too.
_REFERENCE: Final = re.compile(r"<([A-Za-z0-9-]{1,64})@[^<>]{1,200}>")


class NotAPushService(Invalid):
    """Notices go to browsers' own push services alone."""

    code = "not-a-push-service"


@router.get("/v1/notifications/push-key", response_model=PushKeyOut)
async def get_push_key(request: Request, _caller: SignedIn) -> Response:
    """The key that your browser subscribes with."""
    key = _settings(request).vapid_key
    if key is None:
        raise NotFound("Notices in the browser are not set up here.")
    return json_response(as_json(PushKeyOut(application_server_key=public_key(key.get_secret_value()))))


@router.get("/v1/notifications/push-subscriptions", response_model=Page[PushSubscriptionOut])
async def list_subscriptions(request: Request, caller: SignedIn) -> Response:
    """Your browsers that get notices."""
    async with runtime(request).transaction() as tx:
        rows = await tx.wishes.browsers(caller.subject)
    page = Page[PushSubscriptionOut](items=tuple(PushSubscriptionOut.of(row) for row in rows), next=None)
    return json_response(as_json(page))


@router.post(
    "/v1/notifications/push-subscriptions",
    status_code=201,
    response_model=PushSubscribedOut,
    openapi_extra=takes(PushSubscriptionIn, KEYED),
)
async def subscribe(
    request: Request,
    caller: SignedIn,
    body: Annotated[Body[PushSubscriptionIn], Depends(json_body(PushSubscriptionIn))],
) -> Response:
    """This browser wants notices; choose `push` in your preferences too."""
    key = idempotency_key(request, caller, body.digest)
    said, settings = body.value, _settings(request)
    if settings.vapid_key is None:
        raise NotFound("Notices in the browser are not set up here.")
    if not _is_push_service(said.endpoint, settings):
        raise NotAPushService("Subscribe in a browser; its push service must be one we know.", pointer="/endpoint")
    return await runtime(request).actions.perform(
        preferences.subscribe,
        preferences.Subscribe(caller.subject, said.endpoint, said.keys.p256dh, said.keys.auth),
        view=lambda _, id: Answer(201, as_json(PushSubscribedOut(id=id))),
        idempotency=key,
    )


@router.delete("/v1/notifications/push-subscriptions/{id}", status_code=204, response_class=Response)
async def unsubscribe(request: Request, caller: SignedIn, id: Id) -> Response:
    """This browser wants no notices any more."""
    return await runtime(request).actions.perform(
        preferences.unsubscribe,
        preferences.Unsubscribe(caller.subject, id),
        view=lambda *_: Answer(204, None),
    )


class NotifyAlone(SecurityBase):
    """Lets GOV.UK Notify in, by the token that its callbacks carry; no person's token opens this."""

    #: The architecture test reads it: every route names a policy.
    policy = ("notify-callback",)

    def __init__(self) -> None:
        self.model = HTTPBearer(description="The token of Notify's callbacks.")
        self.scheme_name = "bearer"

    async def __call__(self, request: Request) -> None:
        """Raises `Unauthenticated`."""
        token = _settings(request).notify_callback_token
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if (
            token is None
            or scheme.lower() != "bearer"
            or not hmac.compare_digest(given.encode("utf-8", "replace"), token.get_secret_value().encode())
        ):
            raise Unauthenticated("Send the token that Notify's callbacks carry.")


async def notify_receipt(request: Request) -> NotifyReceipt:
    """What Notify says. It says more than we need and may say still more one day: that is ignored and not kept."""
    raw = parse(await read_bytes(request))
    try:
        return NotifyReceipt.model_validate(raw)
    except ValidationError as error:
        raise Invalid("A receipt has an id, a reference and a status.") from error


@router.post("/v1/notifications/receipts/notify", status_code=204, response_class=Response)
async def receive_from_notify(
    request: Request,
    _notify: Annotated[None, Depends(NotifyAlone())],
    said: Annotated[NotifyReceipt, Depends(notify_receipt)],
) -> Response:
    """What became of a message that GOV.UK Notify carried. Said again, it changes nothing."""
    found = _REFERENCE.fullmatch(said.reference or "")
    letter_id = found[1] if found is not None else ""
    # What is neither is on its way; a receipt of another system's message is none of ours, and no reason to repeat it.
    if letter_id and said.status in DELIVERED | FAILED:

        async def write() -> None:
            async with runtime(request).transaction() as tx:
                await post.receive(
                    tx, letter_id, delivered=said.status in DELIVERED, reason=said.status, now=wall_now()
                )
                tx.audit(
                    action="write",
                    what="receipt",
                    what_id=letter_id,
                    caller=None,
                    correlation_id=cause(request).correlation_id,
                )

        await runtime(request).database.retrying(write)
    return Response(status_code=204, headers={"Cache-Control": "no-store"})


def _is_push_service(endpoint: str, settings: Settings) -> bool:
    parts = urlsplit(endpoint)
    host = parts.hostname or ""
    known = any(host == name or host.endswith(f".{name}") for name in settings.push_hosts)
    return known and (parts.scheme == "https" or settings.env == "development")


def _settings(request: Request) -> Settings:
    return cast("Settings", runtime(request).settings)
