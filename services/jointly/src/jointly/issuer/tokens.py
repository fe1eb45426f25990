"""Access tokens (RFC 9068) and identity tokens, as every service of the house expects them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from jointly.issuer.keys import SigningKey
from jointly.issuer.registry import Person, System

#: Seconds that a token lives: the longest that a disabled client stays.
LIFETIME: Final = 300
SCOPES: Final = ("openid", "profile", "jointly", "offline_access")
#: Who may go on without signing in anew, as OpenID Connect Core has it in section 11.
OFFLINE: Final = "offline_access"
DEFAULT_SCOPE: Final = "jointly"


@dataclass(frozen=True, slots=True)
class Mint:
    """What every token of this issuer has in common."""

    key: SigningKey
    issuer: str
    audience: str

    def for_system(self, system: System, *, scope: str, now: datetime, token_id: str) -> str:
        """A system speaks for its organisation; it is its own subject."""
        return self._access(
            sub=system.client_id,
            client_id=system.client_id,
            organisation=system.organisation,
            sector=system.sector,
            roles=system.roles,
            clusters=system.clusters,
            scope=scope,
            now=now,
            token_id=token_id,
        )

    def for_person(self, person: Person, *, client_id: str, scope: str, now: datetime, token_id: str) -> str:
        """A person acts through an application."""
        return self._access(
            sub=person.sub,
            client_id=client_id,
            organisation=person.organisation,
            sector=person.sector,
            roles=person.roles,
            clusters=person.clusters,
            scope=scope,
            now=now,
            token_id=token_id,
        )

    def identity(self, person: Person, *, client_id: str, nonce: str | None, now: datetime) -> str:
        """Tells the application who signed in; no service takes it for an access token."""
        issued = int(now.timestamp())
        claims = {
            "iss": self.issuer,
            "aud": client_id,
            "sub": person.sub,
            "name": person.name,
            "iat": issued,
            "exp": issued + LIFETIME,
        }
        if nonce is not None:
            claims["nonce"] = nonce
        return self.key.sign(claims, typ="JWT")

    def _access(
        self,
        *,
        sub: str,
        client_id: str,
        organisation: str,
        sector: str,
        roles: Sequence[str],
        clusters: Sequence[str],
        scope: str,
        now: datetime,
        token_id: str,
    ) -> str:
        issued = int(now.timestamp())
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "aud": self.audience,
            "sub": sub,
            "client_id": client_id,
            "organisation": organisation,
            "sector": sector,
            "roles": list(roles),
            "clusters": list(clusters),
            "scope": scope,
            "iat": issued,
            "nbf": issued,
            "exp": issued + LIFETIME,
            "jti": token_id,
        }
        return self.key.sign(claims, typ="at+jwt")
