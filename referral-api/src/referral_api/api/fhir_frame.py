"""The frame of the FHIR facade: its media types, its refusals as OperationOutcome, how a body is read."""

import hashlib
import json
import re
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, ClassVar, Final

import orjson
from chassis.bodies import parse, read_bytes
from chassis.errors import Malformed, Refusal, UnsupportedMediaType
from chassis.http import cause, refusal_headers, refusal_of, runtime
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect

from referral_api.api import parts
from referral_api.domain.fhir.rules import FhirRules
from referral_api.domain.school_years import day_of
from referral_api.store.fhir_rules import fhir_rules
from referral_api.views.fhir import outcome
from referral_api.views.fhir.answers import MEDIA

BASE: Final = "/fhir/R4"
_JSON: Final = frozenset({MEDIA, "application/json"})
_ACCEPTED: Final = frozenset({*_JSON, "*/*", "application/*"})
#: BaRS has each request carry one, and wants it back.
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,100}")


class NotAcceptable(Refusal):
    """The caller wants another form than the one there is."""

    code: ClassVar[str] = "not-acceptable"
    status: ClassVar[int] = 406


class FhirRoute(APIRoute):
    """A route whose every end is FHIR: refusals and failures come out as OperationOutcome."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's own handler, with our ends."""
        answer = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                _check_accept(request)
                response = await answer(request)
            except ClientDisconnect:
                raise
            except Exception as error:  # noqa: BLE001  whatever it is, it ends as an OperationOutcome
                response = _failed(request, error)
            request_id = request.headers.get("x-request-id", "")
            if _REQUEST_ID.fullmatch(request_id):
                response.headers["X-Request-Id"] = request_id
            return response

        return handle


def rules_of(request: Request) -> FhirRules:
    """What FHIR stands for today."""
    return fhir_rules(day_of(runtime(request).clock.now()))


def base_of(request: Request) -> str:
    """The facade's own address, as the outside knows it."""
    return parts.settings(request).audience + BASE


def fhir_response(resource: Mapping[str, Any], *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A ready answer; personal data is never cached."""
    return Response(orjson.dumps(resource), status, {"Cache-Control": "no-store", **(headers or {})}, media_type=MEDIA)


async def read_body(request: Request) -> tuple[dict[str, Any], bytes]:
    """A FHIR body as strict JSON, whatever it says, and its digest. Raises refusals of the house's own reader."""
    media, _, parameters = request.headers.get("content-type", "").partition(";")
    if media.strip().lower() not in _JSON:
        raise UnsupportedMediaType(f"Send Content-Type: {MEDIA}, in UTF-8.")
    # The house's reader is as strict; it only knows JSON by its usual name.
    others = [(name, value) for name, value in request.scope["headers"] if name != b"content-type"]
    plain = (b"content-type", f"application/json;{parameters}".encode("latin-1"))
    raw = parse(await read_bytes(Request({**request.scope, "headers": [*others, plain]}, request.receive)))
    # Escaped, so that half a character in what nobody reads hurts nobody.
    return raw, hashlib.sha256(json.dumps(raw, sort_keys=True).encode()).digest()


def located(refusal: Refusal, place: Callable[[str], str | None]) -> Refusal:
    """The same refusal, saying in FHIR's words where it is; what leads out of the body stays."""
    refusal.errors = tuple(
        type(each)(place(each.pointer) or each.pointer, each.code, each.detail) for each in refusal.errors
    )
    return refusal


def _check_accept(request: Request) -> None:
    accept = request.headers.get("accept")
    wanted = {each.partition(";")[0].strip().lower() for each in (accept or "*/*").split(",")}
    if wanted.isdisjoint(_ACCEPTED):
        raise NotAcceptable(f"Only {MEDIA} is given here.", pointer="/headers/Accept")


def _failed(request: Request, error: Exception) -> Response:
    refusal = _unread(error) if isinstance(error, RequestValidationError) else refusal_of(request, error)
    said = outcome.refused(refusal, rules_of(request), correlation_id=cause(request).correlation_id)
    return fhir_response(said, status=refusal.status, headers=refusal_headers(refusal))


def _unread(error: RequestValidationError) -> Refusal:
    """FHIR counts a wrong parameter among what cannot be read."""
    names = {".".join(str(part) for part in each["loc"][1:]) for each in error.errors()}
    return Malformed("A parameter is missing or not valid.", pointer=f"/query/{min(names)[:60]}")
