"""The issuer's routes: discovery, keys, sign-in and tokens."""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import parse_qsl

from chassis.clock import new_id, wall_now
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from jointly.issuer import pages, sign_in
from jointly.issuer.clients import ClientCheck
from jointly.issuer.errors import OAuthError
from jointly.issuer.keys import issuer_key
from jointly.issuer.registry import Registry
from jointly.issuer.tokens import DEFAULT_SCOPE, LIFETIME, OFFLINE, SCOPES, Mint
from jointly.issuer.used import UsedOnce
from jointly.settings import Settings
from jointly.state import StateFolder

_MAX_FORM: Final = 16_384
_PRIVATE: Final = {"Cache-Control": "no-store", "Pragma": "no-cache"}
_PAGE: Final = {
    **_PRIVATE,
    "Content-Security-Policy": pages.CSP,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


class Issuer:
    """What the routes need, made once per process."""

    def __init__(self, state: StateFolder, *, issuer: str, audience: str) -> None:
        self.issuer = issuer
        self.registry = Registry(state)
        self.used = UsedOnce(state)
        self.key = issuer_key(state)
        self.mint = Mint(self.key, issuer, audience)
        self.clients = ClientCheck(self.registry, self.used, issuer)

    @classmethod
    def of(cls, settings: Settings, state: StateFolder) -> "Issuer | None":
        """The development issuer where it is allowed, otherwise nothing."""
        if not settings.issues_tokens:
            return None
        return cls(state, issuer=settings.believed_issuer, audience=settings.audience)

    def discovery(self) -> dict[str, Any]:
        """OpenID Connect Discovery and RFC 8414, in one document."""
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/oauth/authorize",
            "token_endpoint": f"{self.issuer}/oauth/token",
            "jwks_uri": f"{self.issuer}/.well-known/jwks.json",
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": [
                "client_secret_basic",
                "client_secret_post",
                "private_key_jwt",
                "none",
            ],
            "token_endpoint_auth_signing_alg_values_supported": ["ES256", "PS256", "EdDSA"],
            "id_token_signing_alg_values_supported": ["ES256"],
            "subject_types_supported": ["public"],
            "scopes_supported": list(SCOPES),
            "authorization_response_iss_parameter_supported": True,
        }

    def asked(self, parameters: Mapping[str, str]) -> sign_in.SignIn:
        """Read an authorization request. Raises `OAuthError`."""
        return sign_in.asked(parameters, origin=self.mint.audience, issuer=self.issuer)

    def token(self, form: Mapping[str, str], authorization: str | None) -> dict[str, Any]:
        """Answer a token request. Raises `OAuthError`."""
        match form.get("grant_type"):
            case "client_credentials":
                return self._for_system(form, authorization)
            case "authorization_code":
                return self._for_person(form, authorization)
            case "refresh_token":
                return self._for_longer(form, authorization)
            case None:
                raise OAuthError("invalid_request", "grant_type is missing.")
            case _:
                grants = ", ".join(self.discovery()["grant_types_supported"])
                raise OAuthError("unsupported_grant_type", f"The grants are {grants}.")

    def _for_system(self, form: Mapping[str, str], authorization: str | None) -> dict[str, Any]:
        now = wall_now()
        system = self.clients.system(form, authorization, now=now)
        scope = sign_in.granted_scope(form.get("scope") or DEFAULT_SCOPE)
        if not {"openid", OFFLINE}.isdisjoint(scope.split()):
            raise OAuthError("invalid_scope", f"Only people sign in with openid and {OFFLINE}.")
        return _bearer(self.mint.for_system(system, scope=scope, now=now, token_id=new_id()), scope)

    def _for_person(self, form: Mapping[str, str], authorization: str | None) -> dict[str, Any]:
        now = wall_now()
        _public(authorization)
        grant = sign_in.redeem(self.used, form, now=now)
        answer = self._to(grant, now=now)
        if OFFLINE in grant.scope.split():
            answer["refresh_token"] = sign_in.new_refresh(
                self.used, grant, family=new_id(), expires=now.timestamp() + sign_in.SIGNED_IN_LIFETIME
            )
        return answer

    def _for_longer(self, form: Mapping[str, str], authorization: str | None) -> dict[str, Any]:
        now = wall_now()
        _public(authorization)
        grant, following = sign_in.refresh(self.used, form, now=now)
        return {**self._to(grant, now=now), "refresh_token": following}

    def _to(self, grant: sign_in.Grant, *, now: datetime) -> dict[str, Any]:
        person = self.registry.person(grant.sub)
        if person is None:
            raise OAuthError("invalid_grant", "This person no longer works here.")
        answer = _bearer(
            self.mint.for_person(person, client_id=grant.client_id, scope=grant.scope, now=now, token_id=new_id()),
            grant.scope,
        )
        if "openid" in grant.scope.split():
            answer["id_token"] = self.mint.identity(person, client_id=grant.client_id, nonce=grant.nonce, now=now)
        return answer


def _public(authorization: str | None) -> None:
    if authorization is not None:
        raise OAuthError("invalid_client", "Applications that people sign in to have no secret.")


def issuer_routes(issuer: Issuer) -> list[APIRouter]:
    """What the host serves for the issuer."""
    return [_documents(issuer), _tokens(issuer), _people(issuer)]


def _documents(issuer: Issuer) -> APIRouter:
    router = APIRouter(tags=["development issuer"])

    @router.get("/.well-known/openid-configuration", summary="Where this issuer's parts are", responses={200: _OBJECT})
    @router.get("/.well-known/oauth-authorization-server", include_in_schema=False)
    async def discovery() -> JSONResponse:
        return JSONResponse(issuer.discovery())

    @router.get("/.well-known/jwks.json", summary="The key that checks this issuer's tokens", responses={200: _OBJECT})
    async def jwks() -> JSONResponse:
        return JSONResponse(issuer.key.jwks(), headers={"Cache-Control": "public, max-age=300"})

    return router


def _tokens(issuer: Issuer) -> APIRouter:
    router = APIRouter(tags=["development issuer"])

    @router.post(
        "/oauth/token",
        summary="A token for a system, or for a signed-in person",
        openapi_extra=_TOKEN_FORM,
        responses={200: _OBJECT, 400: _OAUTH_REFUSAL, 401: _OAUTH_REFUSAL},
    )
    async def token(request: Request) -> Response:
        authorization = request.headers.get("authorization")
        try:
            form = await _form(request)
            answer = await asyncio.to_thread(issuer.token, form, authorization)
        except OAuthError as refusal:
            headers = dict(_PRIVATE)
            if refusal.code == "invalid_client":
                headers["WWW-Authenticate"] = 'Basic realm="jointly", charset="UTF-8"'
            return JSONResponse(refusal.body(), status_code=refusal.status, headers=headers)
        return JSONResponse(answer, headers=_PRIVATE)

    return router


def _people(issuer: Issuer) -> APIRouter:
    router = APIRouter(tags=["development issuer"])

    @router.get(
        "/oauth/authorize",
        summary="Sign in as a person of the county",
        response_class=HTMLResponse,
        responses={
            303: {"description": "Back to the application, with what is wrong."},
            400: _PAGE_OF_REFUSAL,
        },
        openapi_extra={"parameters": [{"name": n, "in": "query", **said} for n, said in _QUESTION.items()]},
    )
    async def authorize(request: Request) -> Response:
        try:
            asked = issuer.asked(_once(request.query_params.multi_items()))
        except OAuthError as refusal:
            return _refused(refusal)
        people = issuer.registry.people()
        return HTMLResponse(pages.choose_person(people, asked.fields(), asked.client_id), headers=_PAGE)

    @router.post(
        "/oauth/authorize",
        summary="The person who was chosen",
        status_code=303,
        response_class=RedirectResponse,
        responses={303: {"description": "Back to the application, with a code."}, 400: _PAGE_OF_REFUSAL},
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {
                    "application/x-www-form-urlencoded": {
                        "schema": {
                            "type": "object",
                            "required": ["person", *(n for n, said in _QUESTION.items() if said.get("required"))],
                            "properties": {"person": _TEXT, **{n: said["schema"] for n, said in _QUESTION.items()}},
                        }
                    }
                },
            }
        },
    )
    async def signed_in(request: Request) -> Response:
        try:
            form = await _form(request)
            asked = issuer.asked(form)
            person = issuer.registry.person(form.get("person", ""))
            if person is None:
                raise sign_in.CannotReturn("access_denied", "Choose one of the people of the list.")
            code = await asyncio.to_thread(sign_in.new_code, issuer.used, asked, person, now=wall_now())
        except OAuthError as refusal:
            return _refused(refusal)
        return RedirectResponse(asked.answer(issuer.issuer, code=code), status_code=303, headers=_PRIVATE)

    return router


_TEXT: Final = {"type": "string"}
_PAGE_OF_REFUSAL: Final[dict[str, Any]] = {
    "description": "A page that says what is wrong.",
    "content": {"text/html": {"schema": _TEXT}},
}
#: What an application asks (RFC 6749, 4.1.1, and RFC 7636).
_QUESTION: Final[dict[str, dict[str, Any]]] = {
    "response_type": {"required": True, "schema": {"const": "code"}},
    "client_id": {"required": True, "schema": _TEXT},
    "redirect_uri": {"required": True, "schema": _TEXT},
    "code_challenge": {"required": True, "schema": _TEXT},
    "code_challenge_method": {"required": True, "schema": {"const": "S256"}},
    "scope": {"schema": _TEXT},
    "state": {"schema": _TEXT},
    "nonce": {"schema": _TEXT},
}
_OBJECT: Final[dict[str, Any]] = {"content": {"application/json": {"schema": {"type": "object"}}}}
_OAUTH_REFUSAL: Final[dict[str, Any]] = {
    "description": "A refusal as RFC 6749 has it, in section 5.2.",
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["error"],
                "properties": {"error": _TEXT, "error_description": _TEXT},
            }
        }
    },
}
_TOKEN_FORM: Final = {
    "requestBody": {
        "required": True,
        "content": {
            "application/x-www-form-urlencoded": {
                "schema": {
                    "type": "object",
                    "required": ["grant_type"],
                    "properties": {
                        "grant_type": {"enum": ["client_credentials", "authorization_code", "refresh_token"]},
                        "scope": {"type": "string"},
                        "client_id": {"type": "string"},
                        "client_secret": {"type": "string"},
                        "client_assertion_type": {"type": "string"},
                        "client_assertion": {"type": "string"},
                        "code": {"type": "string"},
                        "redirect_uri": {"type": "string"},
                        "code_verifier": {"type": "string"},
                        "refresh_token": {"type": "string"},
                    },
                }
            }
        },
    }
}


def _bearer(token: str, scope: str) -> dict[str, Any]:
    return {"access_token": token, "token_type": "Bearer", "expires_in": LIFETIME, "scope": scope}


def _refused(refusal: OAuthError) -> Response:
    if isinstance(refusal, sign_in.Returned):
        return RedirectResponse(refusal.to, status_code=303, headers=_PRIVATE)
    return HTMLResponse(pages.refused(refusal.description), status_code=400, headers=_PAGE)


async def _form(request: Request) -> dict[str, str]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise OAuthError("invalid_request", "Send application/x-www-form-urlencoded.")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_FORM:
            raise OAuthError("invalid_request", f"The form is larger than {_MAX_FORM} bytes.")
    try:
        pairs = parse_qsl(
            body.decode(), keep_blank_values=False, strict_parsing=False, errors="strict", max_num_fields=50
        )
    except ValueError:
        raise OAuthError("invalid_request", "The form is not URL-encoded UTF-8.") from None
    return _once(pairs)


def _once(pairs: list[tuple[str, str]]) -> dict[str, str]:
    """A parameter that is sent twice is refused (RFC 6749, 3.1 and 3.2); one without a value was not sent."""
    seen: dict[str, str] = {}
    for name, value in pairs:
        if not value:
            continue
        if name in seen:
            raise OAuthError("invalid_request", f"{name[:40]} is there more than once.")
        seen[name] = value
    return seen
