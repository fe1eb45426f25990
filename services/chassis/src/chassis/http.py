"""The HTTP edge of every service: who asks, problem+json, correlation, health, metrics, OpenAPI."""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, cast

import orjson
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.models import HTTPBearer
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from fastapi.security.base import SecurityBase
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chassis import telemetry
from chassis.actions import IdempotencyKey
from chassis.auth import Caller
from chassis.bodies import BODY, BODY_MODELS, pointer
from chassis.cause import Cause
from chassis.clock import new_id, wall_seconds
from chassis.errors import (
    Away,
    Broken,
    FieldError,
    Forbidden,
    Invalid,
    Malformed,
    MethodNotAllowed,
    NotFound,
    PreconditionRequired,
    Refusal,
    TooLarge,
    TryAgain,
    Unauthenticated,
)
from chassis.wire import Problem

if TYPE_CHECKING:
    from chassis.service import Runtime

log = structlog.get_logger()

_PROBLEM: Final = "application/problem+json"
_CORRELATION: Final = re.compile(r"[A-Za-z0-9._-]{8,64}")
_TRACEPARENT: Final = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_KEY: Final = re.compile(r"[!-~]{1,200}")
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_ETAG: Final = re.compile(r'(?:W/)?"([0-9]{1,18})"')
#: Where each kind of problem is explained.
_TYPES: Final = "https://schemas.jointly.example/problems/"


def runtime(request: Request) -> "Runtime":
    """The parts of the service that this request came to."""
    return cast("Runtime", request.app.state.runtime)


def cause(request: Request) -> Cause:
    """The journey that this request begins or goes on."""
    return cast("Cause", request.scope["state"]["cause"])


class Allowed(SecurityBase):
    """Lets in who holds one of these roles. FastAPI reads from its class that a route needs a token, and says so."""

    def __init__(self, roles: tuple[str, ...]) -> None:
        self.model = HTTPBearer(bearerFormat="JWT")
        self.scheme_name = "bearer"
        self._roles = roles
        #: The architecture test reads it: every route names a policy.
        self.policy = roles or ("signed-in",)

    async def __call__(self, request: Request) -> Caller:
        """The caller. Raises `Unauthenticated` or `Forbidden`."""
        caller = await runtime(request).authenticator.caller(request.headers.get("authorization"))
        if self._roles and not caller.has(*self._roles):
            raise Forbidden("Your role does not allow this.")
        return caller


def allow(*roles: str) -> Callable[[Request], Awaitable[Caller]]:
    """A dependency: the caller, who must hold one of these roles (none named: anybody signed in)."""
    return Allowed(roles)


async def public() -> None:
    """A dependency that says: this route is for everybody."""


public.policy = ("public",)  # type: ignore[attr-defined]


def idempotency_key(request: Request, caller: Caller, digest: bytes) -> IdempotencyKey:
    """The Idempotency-Key header (quoted string or bare). Raises `Malformed` when there is none."""
    value = request.headers.get("idempotency-key", "").strip()
    if len(value) > 1 and value[0] == value[-1] == '"':
        value = value[1:-1]
    if not _KEY.fullmatch(value):
        raise KeyMissing(
            "Send an Idempotency-Key header of 1-200 printable characters, new for each new request and the same for "
            "each retry.",
            pointer="/headers/Idempotency-Key",
        )
    # The same key on another path is another request.
    path = hashlib.sha256(f"{request.method} {request.url.path}?{request.url.query}".encode()).digest()
    return IdempotencyKey(caller.organisation, value, hashlib.sha256(path + digest).digest())


class KeyMissing(Malformed):
    """A POST that makes something must be safe to repeat."""

    code = "idempotency-key-required"


def if_match(request: Request) -> int:
    """The version that the caller changes. Raises `PreconditionRequired` without, `Malformed` when unreadable."""
    header = request.headers.get("if-match")
    if header is None:
        raise PreconditionRequired
    found = _ETAG.fullmatch(header.strip())
    if found is None:
        raise Malformed("If-Match must be an ETag that you were given.", pointer="/headers/If-Match")
    return int(found[1])


def etag(version: int) -> str:
    """The ETag of a version."""
    return f'"{version}"'


class Cursors:
    """Opaque cursors of pages: signed, and bound to the organisation they were made for."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def encode(self, caller: Caller, *values: str | int) -> str:
        """A cursor that stands for these values."""
        body = orjson.dumps(values)
        return base64.urlsafe_b64encode(self._mac(caller, body) + body).decode().rstrip("=")

    def decode(self, caller: Caller, cursor: str) -> list[Any]:
        """The values. Raises `Malformed` for anything that was not made here for this organisation."""
        try:
            raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        except (binascii.Error, ValueError) as error:
            raise Malformed("The cursor is not one of ours.", pointer="/query/cursor") from error
        mac, body = raw[:16], raw[16:]
        if not hmac.compare_digest(mac, self._mac(caller, body)):
            raise Malformed("The cursor is not one of ours.", pointer="/query/cursor")
        return cast("list[Any]", orjson.loads(body))

    def _mac(self, caller: Caller, body: bytes) -> bytes:
        return hmac.digest(self._secret, caller.organisation.encode() + b"\0" + body, "sha256")[:16]


def json_response(body: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A ready answer; personal data is never cached."""
    return Response(
        orjson.dumps(body),
        status,
        {"Cache-Control": "no-store", **(headers or {})},
        media_type="application/json",
    )


def problem(request: Request, error: Refusal) -> Response:
    """A refusal as problem+json."""
    body = Problem(
        type=_TYPES + error.code,
        title=error.code.replace("-", " ").capitalize(),
        status=error.status,
        detail=error.detail,
        instance=request.scope.get("path", "/"),
        correlation_id=cause(request).correlation_id,
        errors=tuple({"pointer": e.pointer, "code": e.code, "detail": e.detail} for e in error.errors),
    )
    return Response(orjson.dumps(body.model_dump()), error.status, refusal_headers(error), media_type=_PROBLEM)


class Edge:
    """Outermost: gives each request its correlation id, counts it, and turns whatever escapes into problem+json."""

    def __init__(self, app: ASGIApp, service: str) -> None:
        self._app = app
        self._service = service
        self._known: dict[tuple[str, str, int], tuple[Any, Any]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name: value for name, value in scope["headers"] if name in {b"x-correlation-id", b"traceparent"}}
        asked = headers.get(b"x-correlation-id", b"").decode("latin-1")
        trace = headers.get(b"traceparent", b"").decode("latin-1")
        this = Cause(
            asked if _CORRELATION.fullmatch(asked) else new_id(),
            traceparent=trace if _TRACEPARENT.fullmatch(trace) else None,
        )
        scope.setdefault("state", {})["cause"] = this
        began, status = wall_seconds(), 500

        async def note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *message["headers"],
                    (b"x-correlation-id", this.correlation_id.encode()),
                ]
            await send(message)

        try:
            await self._app(scope, receive, note)
        finally:
            route = getattr(scope.get("route"), "path", "none")
            # Anybody can invent methods, and a label is kept for ever.
            method = scope["method"] if scope["method"] in _METHODS else "other"
            count, seconds = self._meters(method, route, status)
            count.inc()
            seconds.observe(wall_seconds() - began)

    def _meters(self, method: str, route: str, status: int) -> tuple[Any, Any]:
        """The counter and the histogram of such requests; to look a label up costs more than to count."""
        meters = self._known.get((method, route, status))
        if meters is None:
            meters = self._known[method, route, status] = (
                telemetry.REQUESTS.labels(self._service, method, route, str(status)),
                telemetry.REQUEST_SECONDS.labels(self._service, method, route),
            )
        return meters


def refusal_of(request: Request, error: Exception) -> Refusal:  # noqa: PLR0911  one end each
    """What an exception is called outside, whatever the form it is then written in; what nobody expected is noted."""
    match error:
        case Refusal():
            return error
        case RequestValidationError():
            return Invalid(
                "A parameter is not as it should be; see errors.",
                errors=[
                    FieldError(pointer(tuple(e["loc"])), e["type"].replace("_", "-"), "Is missing or not valid.")
                    for e in error.errors()[:50]
                ],
            )
        case HTTPException(status_code=404):
            return NotFound()
        case HTTPException(status_code=405):
            allowed = ", ".join(_methods(request.app, request.scope["path"]))
            return MethodNotAllowed(allowed or (error.headers or {}).get("Allow", ""))
        case HTTPException(status_code=413):
            return TooLarge("The body is larger than anybody needs.")
        case HTTPException():
            return Malformed("The request cannot be read.")
        case TryAgain():
            log.warning("request.try-again", error=type(error.__cause__ or error).__name__)
            return Away()
        case _:
            # The class only: the text of an exception may quote a row.
            log.error("request.failed", error=type(error).__name__, correlation_id=cause(request).correlation_id)
            return Broken()


def refusal_headers(refusal: Refusal) -> dict[str, str]:
    """What a refusal says besides its body."""
    headers = {"Cache-Control": "no-store"}
    if refusal.retry_after is not None:
        headers["Retry-After"] = str(refusal.retry_after)
    if isinstance(refusal, Unauthenticated):
        headers["WWW-Authenticate"] = 'Bearer realm="jointly"'
    if isinstance(refusal, MethodNotAllowed):
        headers["Allow"] = refusal.allowed
    return headers


def install_errors(app: FastAPI) -> None:
    """Every way to fail ends as problem+json that names the field and quotes nothing."""

    async def on_anything(request: Request, error: Exception) -> Response:
        return problem(request, refusal_of(request, error))

    async def on_leaving(_request: Request, _error: Exception) -> Response:
        # Somebody hung up before all was said: nothing of ours failed, and nobody is there to read an answer.
        return Response(status_code=400)

    # FastAPI knows some of these by handlers of its own, and looks for the nearest class.
    for kind in (Refusal, HTTPException, TryAgain, RequestValidationError, Exception):
        app.add_exception_handler(kind, on_anything)
    app.add_exception_handler(ClientDisconnect, on_leaving)


def _methods(app: FastAPI, path: str) -> list[str]:
    """What may be done with a path: the methods of all routes that are written like the first that fits."""
    routes = [
        route
        for each in app.router.routes
        for route in getattr(getattr(each, "original_router", None), "routes", (each,))
        if isinstance(route, APIRoute)
    ]
    fits = next((route.path for route in routes if route.path_regex.match(path)), None)
    return sorted({method for route in routes if route.path == fits for method in route.methods or ()})


def openapi_of(app: FastAPI, *, title: str, version: str, servers: Sequence[str] = ()) -> dict[str, Any]:
    """The OpenAPI 3.1 document of an app, with the bodies that `takes` announced and the problem on every route."""
    document = get_openapi(
        title=title, version=version, routes=app.routes, servers=[{"url": url} for url in servers] or None
    )
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas["Problem"] = Problem.model_json_schema()
    # What FastAPI says of its own validation errors is not what we answer.
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)
    for operations in document.get("paths", {}).values():
        for operation in operations.values():
            operation["responses"].pop("422", None)
            operation["responses"]["default"] = {
                "description": "A refusal that says which field, why, and what to do.",
                "content": {_PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}},
            }
            model = BODY_MODELS.get(operation.get("requestBody", {}).pop(BODY, ""))
            if model is not None:
                schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
                schemas.update(schema.pop("$defs", {}))
                schemas[model.__name__] = schema
    return document
