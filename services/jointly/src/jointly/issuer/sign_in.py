"""Authorization code with PKCE (RFC 6749, 7636, 9207): what applications may ask, what a code stands for."""

import hashlib
import re
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final
from urllib.parse import urlencode

from jointly.issuer.clients import PUBLIC
from jointly.issuer.errors import OAuthError
from jointly.issuer.registry import Person
from jointly.issuer.tokens import DEFAULT_SCOPE, SCOPES
from jointly.issuer.used import UsedOnce

CODE_LIFETIME: Final = 60
#: Seconds that one can go on after a sign-in without another: a working day.
SIGNED_IN_LIFETIME: Final = 12 * 3600
_CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_VERIFIER: Final = re.compile(r"[A-Za-z0-9._~-]{43,128}")
_MAX_STATE: Final = 1_024


class CannotReturn(OAuthError):
    """Nobody knows where to send the person back to, so they are told here."""


@dataclass(frozen=True, slots=True)
class SignIn:
    """A valid request of an application to sign somebody in."""

    client_id: str
    redirect_uri: str
    scope: str
    challenge: str
    state: str | None
    nonce: str | None

    def answer(self, issuer: str, **parameters: str) -> str:
        """Where to send the person, with these parameters; `iss` is there against mix-up."""
        given = {**parameters, "iss": issuer}
        if self.state is not None:
            given["state"] = self.state
        return f"{self.redirect_uri}?{urlencode(given)}"

    def fields(self) -> dict[str, str]:
        """What a form repeats so that the same request comes back."""
        asked = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": self.scope,
            "code_challenge": self.challenge,
            "code_challenge_method": "S256",
        }
        if self.state is not None:
            asked["state"] = self.state
        if self.nonce is not None:
            asked["nonce"] = self.nonce
        return asked


class Returned(OAuthError):
    """The request is refused and the application is told, at its own address."""

    def __init__(self, refusal: OAuthError, to: str) -> None:
        super().__init__(refusal.code, refusal.description)
        self.to = to


def asked(parameters: Mapping[str, str], *, origin: str, issuer: str) -> SignIn:
    """Read an authorization request. Raises `CannotReturn`, or `Returned` once the application is known."""
    client = PUBLIC.get(parameters.get("client_id", ""))
    if client is None:
        raise CannotReturn("invalid_client", "No application has this client_id.")
    uri = parameters.get("redirect_uri", "")
    if not client.may_return_to(uri, origin=origin):
        raise CannotReturn("invalid_request", "The application has not registered this redirect_uri.")
    state = parameters.get("state")
    request = SignIn(
        client_id=client.client_id,
        redirect_uri=uri,
        scope=parameters.get("scope", DEFAULT_SCOPE),
        challenge=parameters.get("code_challenge", ""),
        state=state if state is None or len(state) <= _MAX_STATE else None,
        nonce=parameters.get("nonce"),
    )
    try:
        _check(request, parameters)
    except OAuthError as refusal:
        raise Returned(
            refusal, request.answer(issuer, error=refusal.code, error_description=refusal.description)
        ) from None
    return request


def _check(request: SignIn, parameters: Mapping[str, str]) -> None:
    if parameters.get("response_type") != "code":
        raise OAuthError("unsupported_response_type", "response_type is code.")
    if parameters.get("code_challenge_method") != "S256" or not _CHALLENGE.fullmatch(request.challenge):
        raise OAuthError("invalid_request", "Send a code_challenge of method S256 (RFC 7636).")
    if (state := parameters.get("state")) is not None and len(state) > _MAX_STATE:
        raise OAuthError("invalid_request", f"state is longer than {_MAX_STATE} characters.")
    granted_scope(request.scope)


def granted_scope(wanted: str) -> str:
    """The scopes asked for, each known. Raises `OAuthError`."""
    words = wanted.split()
    if not words or not set(words) <= set(SCOPES):
        raise OAuthError("invalid_scope", f"The scopes are {', '.join(SCOPES)}.")
    return " ".join(dict.fromkeys(words))


@dataclass(frozen=True, slots=True)
class Grant:
    """What a code stands for."""

    sub: str
    client_id: str
    redirect_uri: str
    scope: str
    challenge: str
    nonce: str | None


def new_code(used: UsedOnce, request: SignIn, person: Person, *, now: datetime) -> str:
    """A code for this person, to be redeemed once, soon, by whoever knows the verifier."""
    code = secrets.token_urlsafe(32)
    grant = Grant(person.sub, request.client_id, request.redirect_uri, request.scope, request.challenge, request.nonce)
    used.keep_code(code, asdict(grant), expires=now.timestamp() + CODE_LIFETIME)
    return code


def redeem(used: UsedOnce, form: Mapping[str, str], *, now: datetime) -> Grant:
    """The grant of a code, used up even when the rest of the request is wrong. Raises `OAuthError`."""
    kept = used.redeem_code(form.get("code", ""), now=now)
    if kept is None:
        raise OAuthError("invalid_grant", "The code is unknown, used or too old.")
    grant = Grant(**kept)
    if form.get("client_id") != grant.client_id or form.get("redirect_uri") != grant.redirect_uri:
        raise OAuthError("invalid_grant", "The code was given to another application or address.")
    if not _fits(form.get("code_verifier", ""), grant.challenge):
        raise OAuthError("invalid_grant", "The code_verifier does not fit the challenge.")
    return grant


def new_refresh(used: UsedOnce, grant: Grant, *, family: str, expires: float) -> str:
    """A token by which the application gets new ones for the same person, once."""
    token = secrets.token_urlsafe(32)
    used.keep_refresh(token, family, asdict(grant), expires=expires)
    return token


def refresh(used: UsedOnce, form: Mapping[str, str], *, now: datetime) -> tuple[Grant, str]:
    """The grant of a refresh token, and the token that follows it. Raises `OAuthError`."""
    found = used.use_refresh(form.get("refresh_token", ""), now=now)
    if found is None:
        raise OAuthError("invalid_grant", "The refresh token is unknown, used or too old.")
    family, kept, expires = found
    grant = Grant(**kept)
    if form.get("client_id") != grant.client_id:
        raise OAuthError("invalid_grant", "The refresh token was given to another application.")
    return grant, new_refresh(used, grant, family=family, expires=expires)


def _fits(verifier: str, challenge: str) -> bool:
    if not _VERIFIER.fullmatch(verifier):
        return False
    digest = urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    return secrets.compare_digest(digest, challenge)
