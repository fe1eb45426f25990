"""Who asks, and may they: access tokens (RFC 9068, `at+jwt`) verified against the pinned issuer's keys."""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import jwt

from chassis.clock import wall_now, wall_seconds
from chassis.errors import TryAgain, Unauthenticated

ALGORITHMS = ("ES256", "EdDSA", "PS256")
_LEEWAY_SECONDS = 60
_CACHED_SECONDS = 60
_CACHED_TOKENS = 4096
_REQUIRED = ("iss", "aud", "exp", "iat", "sub", "client_id")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, as their token says. Nothing in a body, path, query or header changes it."""

    subject: str
    client_id: str
    organisation: str
    sector: str
    roles: frozenset[str] = field(default_factory=frozenset)
    clusters: frozenset[str] = field(default_factory=frozenset)
    scope: frozenset[str] = field(default_factory=frozenset)

    def has(self, *roles: str) -> bool:
        """Whether the caller holds any of these roles."""
        return not self.roles.isdisjoint(roles)


#: Finds a signing key by its id; raises `Unauthenticated` when the issuer has none of that id.
KeyFinder = Callable[[str], Awaitable[Any]]


def refused() -> Unauthenticated:
    """The one answer to every bad token: it does not say what is wrong with it."""
    return Unauthenticated("Send a valid access token: Authorization: Bearer <token>.")


class Authenticator:
    """Verifies tokens of one issuer for one audience. What was verified is remembered for a minute at most."""

    def __init__(
        self, *, issuer: str, audience: str, find_key: KeyFinder, claims: Mapping[str, str] | None = None
    ) -> None:
        self._issuer = issuer
        self._audience = audience
        self._find_key = find_key
        #: Our claim name -> the issuer's, for councils whose issuer says it differently.
        self._claims = dict(claims or {})
        self._verified: OrderedDict[bytes, tuple[float, Caller]] = OrderedDict()

    async def caller(self, authorization: str | None) -> Caller:
        """The caller behind an Authorization header. Raises `Unauthenticated`."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token or len(token) > 8192:  # noqa: PLR2004
            raise refused()
        # The digest, not the token, is kept: memory must not hold credentials.
        digest = hashlib.sha256(token.encode("utf-8", "replace")).digest()
        now = wall_now().timestamp()
        known = self._verified.get(digest)
        if known is not None:
            if known[0] > now:
                return known[1]
            del self._verified[digest]
        claims = await self._verify(token)
        caller = self._read(claims)
        self._verified[digest] = (min(claims["exp"], now + _CACHED_SECONDS), caller)
        if len(self._verified) > _CACHED_TOKENS:
            self._verified.popitem(last=False)
        return caller

    async def _verify(self, token: str) -> dict[str, Any]:
        try:
            header = jwt.get_unverified_header(token)
            kid = header.get("kid")
            if (
                header.get("alg") not in ALGORITHMS
                or str(header.get("typ", "")).lower() not in {"at+jwt", "application/at+jwt"}
                or not isinstance(kid, str)
                or not {"jku", "x5u", "jwk", "x5c", "crit"}.isdisjoint(header)
            ):
                raise refused()
            key = await self._find_key(kid)
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[header["alg"]],
                audience=self._audience,
                issuer=self._issuer,
                leeway=_LEEWAY_SECONDS,
                options={"require": list(_REQUIRED), "strict_aud": True},
            )
            claims["exp"] = float(claims["exp"])
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError) as error:
            raise refused() from error
        return claims

    def _read(self, claims: Mapping[str, Any]) -> Caller:
        def text(name: str) -> str:
            value = claims.get(self._claims.get(name, name))
            if not isinstance(value, str) or not value:
                raise refused()
            return value

        def words(name: str) -> frozenset[str]:
            value = claims.get(self._claims.get(name, name), ())
            if isinstance(value, str):
                value = value.split()
            if not isinstance(value, (list, tuple)) or not all(isinstance(v, str) for v in value):
                raise refused()
            return frozenset(value)

        return Caller(
            subject=text("sub"),
            client_id=text("client_id"),
            organisation=text("organisation"),
            sector=text("sector"),
            roles=words("roles"),
            clusters=words("clusters"),
            scope=words("scope"),
        )


class RemoteKeys:
    """The issuer's keys, from its JWKS address, kept ten minutes; asked again for an unknown id at most every 10 s."""

    def __init__(self, url: str) -> None:
        self._client = jwt.PyJWKClient(url, cache_keys=False, lifespan=600, timeout=5)
        self._asked_at = float("-inf")

    async def __call__(self, kid: str) -> Any:
        """The key of this id. Raises `TryAgain` when the issuer cannot be asked (fail closed)."""
        try:
            keys = await asyncio.to_thread(self._client.get_signing_keys)
            found = next((key for key in keys if key.key_id == kid), None)
            if found is None and wall_seconds() - self._asked_at > 10:  # noqa: PLR2004
                self._asked_at = wall_seconds()
                keys = await asyncio.to_thread(self._client.get_signing_keys, refresh=True)
                found = next((key for key in keys if key.key_id == kid), None)
        except jwt.PyJWKClientError as error:
            raise TryAgain("issuer") from error
        if found is None:
            raise refused()
        return found.key
