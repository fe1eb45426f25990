"""Which client is asking: by a secret, by a signed assertion, or a public one that PKCE vouches for."""

import binascii
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import unquote_plus, urlsplit

from jointly.issuer import assertions
from jointly.issuer.errors import OAuthError
from jointly.issuer.registry import Registry, System
from jointly.issuer.used import UsedOnce


@dataclass(frozen=True, slots=True)
class PublicClient:
    """An application that people sign in to. It has no secret: PKCE and its addresses are what it proves."""

    client_id: str
    #: Exact addresses; `None` as the port means any (RFC 8252, for programs on the person's own machine).
    redirect_paths: tuple[str, ...]

    def may_return_to(self, uri: str, *, origin: str) -> bool:
        """Whether a sign-in may be answered at this address."""
        if uri in {origin + path for path in self.redirect_paths}:
            return True
        try:
            parts = urlsplit(uri)
        except ValueError:
            return False
        return (
            self.client_id == CLI.client_id
            and parts.scheme == "http"
            and parts.hostname in {"127.0.0.1", "::1"}
            and parts.path in self.redirect_paths
            and not (parts.username or parts.query or parts.fragment)
        )


PORTAL: Final = PublicClient("jointly-portal", ("/signed-in",))
CLI: Final = PublicClient("jointly-cli", ("/callback",))
PUBLIC: Final[Mapping[str, PublicClient]] = {client.client_id: client for client in (PORTAL, CLI)}

_WRONG: Final = "The client is unknown, or has not proved who it is."


@dataclass(frozen=True, slots=True)
class ClientCheck:
    """Tells which client sent a token request."""

    registry: Registry
    used: UsedOnce
    issuer: str

    def system(self, form: Mapping[str, str], authorization: str | None, *, now: datetime) -> System:
        """The confidential client that this request proves to come from. Raises `OAuthError`."""
        ways = [
            authorization is not None,
            "client_secret" in form,
            "client_assertion" in form or "client_assertion_type" in form,
        ]
        if sum(ways) > 1:
            raise OAuthError("invalid_request", "Use one way to authenticate the client, not several.")
        if authorization is not None:
            return self._by_header(form, authorization)
        if "client_secret" in form:
            return self._by_secret(form.get("client_id", ""), form["client_secret"])
        if ways[2]:
            return self._by_assertion(form, now=now)
        raise OAuthError("invalid_client", _WRONG)

    def _by_header(self, form: Mapping[str, str], authorization: str) -> System:
        scheme, _, value = authorization.partition(" ")
        if scheme.lower() != "basic":
            raise OAuthError("invalid_client", _WRONG)
        try:
            client_id, colon, secret = b64decode(value.strip(), validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise OAuthError("invalid_client", _WRONG) from None
        client_id, secret = unquote_plus(client_id), unquote_plus(secret)
        if not colon or form.get("client_id", client_id) != client_id:
            raise OAuthError("invalid_client", _WRONG)
        return self._by_secret(client_id, secret)

    def _by_secret(self, client_id: str, secret: str) -> System:
        system = self.registry.system(client_id)
        if system is None or not system.has_secret(secret):
            raise OAuthError("invalid_client", _WRONG)
        return system

    def _by_assertion(self, form: Mapping[str, str], *, now: datetime) -> System:
        if form.get("client_assertion_type") != assertions.ASSERTION_TYPE or "client_assertion" not in form:
            raise OAuthError(
                "invalid_request",
                f"client_assertion_type is {assertions.ASSERTION_TYPE}, with client_assertion.",
            )
        assertion = form["client_assertion"]
        client_id = assertions.claimed_client(assertion)
        system = self.registry.system(client_id)
        if system is None or form.get("client_id", client_id) != client_id:
            raise OAuthError("invalid_client", _WRONG)
        jti, expires = assertions.check(assertion, client_id=client_id, keys=system.keys, issuer=self.issuer, now=now)
        if not self.used.first_use(client_id, jti, expires=expires, now=now):
            raise OAuthError("invalid_client", "The client assertion is refused: it has been used before.")
        return system
