"""Which signed client assertions are believed: `private_key_jwt`, RFC 7523 as mended by rfc7523bis.

One situation per refusal. Nothing in the token chooses the key, the algorithm or the audience: those come
from what was registered, and from who this issuer is.
"""

import json
from base64 import urlsafe_b64decode
from binascii import Error as NotBase64
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import jwt

from jointly.issuer.errors import OAuthError

ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
TYP: Final = "client-authentication+jwt"
ALGORITHMS: Final = frozenset({"ES256", "PS256", "EdDSA"})
#: Longest life of an assertion, in seconds.
LIFETIME: Final = 60
#: How far ahead another machine's clock may be, in seconds. None is given at the end of life.
AHEAD: Final = 60
_MAX_LENGTH: Final = 8_192
_MAX_JTI: Final = 128
#: Headers by which a token would bring its own key or meaning.
_SMUGGLED: Final = frozenset({"jku", "jwk", "x5u", "x5c", "x5t", "x5t#S256", "crit", "b64", "zip"})


def claimed_client(assertion: str) -> str:
    """Whose key to look for: the `iss`, unverified. Raises `OAuthError`."""
    claims = _part(assertion, 1)
    client = claims.get("iss")
    if not isinstance(client, str) or client != claims.get("sub"):
        raise _refused("iss and sub must both be the client id")
    return client


def check(
    assertion: str, *, client_id: str, keys: Sequence[Mapping[str, Any]], issuer: str, now: datetime
) -> tuple[str, int]:
    """Believe an assertion, or raise `OAuthError`.

    Gives its `jti` and the Unix second until which that must be remembered.
    """
    header = _part(assertion, 0)
    _check_header(header)
    claims = _verified(assertion, header, keys)
    if claims.get("iss") != client_id or claims.get("sub") != client_id:
        raise _refused("iss and sub must both be the client id")
    if not isinstance(claims.get("aud"), str) or claims["aud"] != issuer:
        raise _refused("aud must be this issuer's identifier, as one string")
    expires = _check_times(claims, now=now.timestamp())
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 0 < len(jti) <= _MAX_JTI:
        raise _refused("jti is needed")
    return jti, expires


def _check_header(header: Mapping[str, Any]) -> None:
    if header.get("typ") != TYP:
        raise _refused(f"typ must be {TYP}")
    if header.get("alg") not in ALGORITHMS:
        raise _refused("alg must be ES256, PS256 or EdDSA")
    if smuggled := sorted(_SMUGGLED & header.keys()):
        raise _refused(f"the header may not have {', '.join(smuggled)}")


def _verified(assertion: str, header: Mapping[str, Any], keys: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    fitting = [key for key in keys if key["alg"] == header["alg"] and header.get("kid", key["kid"]) == key["kid"]]
    for key in fitting:
        try:
            return jwt.decode(
                assertion,
                jwt.PyJWK(dict(key)),
                algorithms=[key["alg"]],
                # `check` sees to the rest, at the instant handed in and without leniency.
                options={
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                    "verify_aud": False,
                    "verify_iss": False,
                    "verify_sub": False,
                    "verify_jti": False,
                },
            )
        except jwt.InvalidTokenError:
            continue
    raise _refused("the signature is not that of a registered key")


def _check_times(claims: Mapping[str, Any], *, now: float) -> int:
    expires: Any = claims.get("exp")
    issued: Any = claims.get("iat")
    earliest: Any = claims.get("nbf", 0)
    if not (_is_second(expires) and _is_second(issued) and _is_second(earliest)):
        raise _refused("exp and iat are needed, in whole seconds")
    if expires <= now:
        raise _refused("it has expired")
    if issued > now + AHEAD or earliest > now + AHEAD:
        raise _refused("it is from the future")
    if not 0 < expires - issued <= LIFETIME:
        raise _refused(f"it may live for {LIFETIME} seconds at most")
    return int(expires)


def _is_second(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _part(assertion: str, index: int) -> dict[str, Any]:
    parts = assertion.split(".")
    if len(assertion) > _MAX_LENGTH or len(parts) != 3:  # noqa: PLR2004  header.payload.signature
        raise _refused("it is not a signed token")
    text = parts[index]
    try:
        value = json.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (NotBase64, ValueError, RecursionError):
        raise _refused("it is not a signed token") from None
    if not isinstance(value, dict):
        raise _refused("it is not a signed token")
    return value


def _refused(why: str) -> OAuthError:
    return OAuthError("invalid_client", f"The client assertion is refused: {why}.")
