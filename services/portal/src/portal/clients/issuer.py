"""Signing in by OpenID Connect: authorization code with PKCE, state and nonce (RFC 6749, 7636, 9207)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import orjson
from authlib.common.errors import AuthlibBaseError  # type: ignore[import-untyped]
from authlib.common.security import generate_token  # type: ignore[import-untyped]
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri  # type: ignore[import-untyped]
from authlib.oauth2.rfc7636 import create_s256_code_challenge  # type: ignore[import-untyped]
from authlib.oidc.core import CodeIDToken  # type: ignore[import-untyped]
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

SCOPE: Final = "openid profile jointly offline_access"
_ALGORITHMS: Final = ("ES256", "PS256", "RS256", "EdDSA", "Ed25519")
_OK: Final = 200


class IssuerAway(Exception):
    """The issuer does not answer, or not as an issuer does."""


class SignInRefused(Exception):
    """What came back cannot be believed, or the issuer said no."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What is remembered between 'sign in' and coming back."""

    nonce: str
    verifier: str
    #: The page that was asked for.
    then: str

    def written(self) -> bytes:
        """For sealing."""
        return orjson.dumps([self.nonce, self.verifier, self.then])

    @classmethod
    def read(cls, data: bytes) -> "Attempt":
        """What was sealed."""
        return cls(*orjson.loads(data))

    @classmethod
    def fresh(cls, then: str) -> "Attempt":
        """A new one."""
        return cls(generate_token(32), generate_token(64), then)


@dataclass(frozen=True, slots=True)
class Tokens:
    """What the issuer gave."""

    access: str
    ends_at: datetime
    refresh: str | None
    #: Of the identity token; what the pages call this person.
    subject: str
    name: str
    #: For signing out at the issuer, where it offers that.
    identity: str

    def written(self) -> bytes:
        """For sealing."""
        ends = self.ends_at.isoformat()
        return orjson.dumps([self.access, ends, self.refresh, self.subject, self.name, self.identity])

    @classmethod
    def read(cls, data: bytes) -> "Tokens":
        """What was sealed."""
        access, ends, refresh, subject, name, identity = orjson.loads(data)
        return cls(access, datetime.fromisoformat(ends), refresh, subject, name, identity)


class IssuerClient:
    """Asks one issuer. What it publishes of itself is kept for as long as this lives."""

    def __init__(
        self, client: httpx.AsyncClient, issuer: str, *, client_id: str, secret: str | None, back: str
    ) -> None:
        self._client = client
        self._issuer = issuer.rstrip("/")
        self._client_id = client_id
        self._secret = secret
        #: Where people come back to.
        self._back = back
        self._metadata: dict[str, Any] = {}

    async def address(self, attempt: Attempt, state: str) -> str:
        """Where somebody goes to sign in. Raises `IssuerAway`."""
        metadata = await self._discovered()
        address: str = prepare_grant_uri(
            metadata["authorization_endpoint"],
            client_id=self._client_id,
            response_type="code",
            redirect_uri=self._back,
            scope=self._scope(metadata),
            state=state,
            nonce=attempt.nonce,
            code_challenge=create_s256_code_challenge(attempt.verifier),
            code_challenge_method="S256",
        )
        return address

    async def form_action(self) -> str:
        """The origin that the sign-in goes to: a form of ours may end there."""
        parts = urlsplit((await self._discovered())["authorization_endpoint"])
        return f"{parts.scheme}://{parts.netloc}"

    async def goodbye(self) -> str | None:
        """Where one signs out at the issuer, where it offers that."""
        try:
            found = (await self._discovered()).get("end_session_endpoint")
        except IssuerAway:
            return None
        return str(found) if found else None

    async def redeem(self, code: str, issuer: str | None, attempt: Attempt, *, now: datetime) -> Tokens:
        """The tokens that a code stands for. Raises `SignInRefused`, `IssuerAway`."""
        if not code:
            raise SignInRefused("no-code")
        if issuer is not None and issuer.rstrip("/") != self._issuer:
            raise SignInRefused("another-issuer")
        given = await self._ask_for_tokens(
            {
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": self._back,
                "code_verifier": attempt.verifier,
            }
        )
        claims = await self._identity(given, attempt, now=now)
        return Tokens(
            access=str(given["access_token"]),
            ends_at=now + timedelta(seconds=int(given.get("expires_in", 60))),
            refresh=given.get("refresh_token"),
            subject=str(claims["sub"]),
            name=str(claims.get("name") or claims["sub"]),
            identity=str(given["id_token"]),
        )

    async def refresh(self, tokens: Tokens, *, now: datetime) -> Tokens:
        """New tokens for the same person. Raises `SignInRefused` when they must sign in anew, `IssuerAway`."""
        if tokens.refresh is None:
            raise SignInRefused("no-refresh")
        given = await self._ask_for_tokens({"grant_type": "refresh_token", "refresh_token": tokens.refresh})
        return Tokens(
            access=str(given["access_token"]),
            ends_at=now + timedelta(seconds=int(given.get("expires_in", 60))),
            refresh=given.get("refresh_token") or tokens.refresh,
            subject=tokens.subject,
            name=tokens.name,
            identity=tokens.identity,
        )

    def _scope(self, metadata: dict[str, Any]) -> str:
        known = metadata.get("scopes_supported")
        if not isinstance(known, list):
            return SCOPE
        return " ".join(scope for scope in SCOPE.split() if scope in known)

    async def _ask_for_tokens(self, form: dict[str, str]) -> dict[str, Any]:
        metadata = await self._discovered()
        auth = httpx.BasicAuth(self._client_id, self._secret) if self._secret else None
        try:
            answer = await self._client.post(
                metadata["token_endpoint"],
                data={**form, "client_id": self._client_id},
                auth=auth or httpx.USE_CLIENT_DEFAULT,
            )
            given = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise IssuerAway(type(error).__name__) from error
        if answer.status_code >= 500:  # noqa: PLR2004
            raise IssuerAway(str(answer.status_code))
        if answer.status_code != _OK or not isinstance(given, dict) or "access_token" not in given:
            raise SignInRefused("token")
        return given

    async def _identity(self, given: dict[str, Any], attempt: Attempt, *, now: datetime) -> CodeIDToken:
        metadata = await self._discovered()
        try:
            keys = KeySet.import_key_set((await self._client.get(metadata["jwks_uri"])).json())
            token = jwt.decode(str(given.get("id_token", "")), keys, algorithms=list(_ALGORITHMS))
            claims = CodeIDToken(
                token.claims,
                token.header,
                options={
                    "iss": {"essential": True, "value": metadata["issuer"]},
                    "aud": {"essential": True, "value": self._client_id},
                    "nonce": {"essential": True, "value": attempt.nonce},
                },
                params={"nonce": attempt.nonce, "client_id": self._client_id, "access_token": given["access_token"]},
            )
            claims.validate(now=int(now.timestamp()), leeway=60)
        except (httpx.HTTPError, KeyError) as error:
            raise IssuerAway(type(error).__name__) from error
        except (JoseError, AuthlibBaseError, ValueError) as error:
            raise SignInRefused(type(error).__name__) from error
        return claims

    async def _discovered(self) -> dict[str, Any]:
        if not self._metadata:
            try:
                answer = await self._client.get(f"{self._issuer}/.well-known/openid-configuration")
                found = answer.json()
            except (httpx.HTTPError, ValueError) as error:
                raise IssuerAway(type(error).__name__) from error
            if answer.status_code != _OK or not isinstance(found, dict) or found.get("issuer") != self._issuer:
                raise IssuerAway("discovery")
            self._metadata = found
        return self._metadata
