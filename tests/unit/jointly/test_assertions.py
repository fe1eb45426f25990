"""Which client assertions are believed, and which are not: one line of the table per trick."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import hashes, hmac, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jointly.issuer import assertions
from jointly.issuer.errors import OAuthError
from jointly.issuer.keys import public_jwk

ISSUER = "http://127.0.0.1:8000"
CLIENT = "nhs-trust-system"
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
SECOND = int(NOW.timestamp())
KEY = ec.generate_private_key(ec.SECP256R1())
STRANGERS_KEY = ec.generate_private_key(ec.SECP256R1())
KEYS = (public_jwk(KEY.public_key()),)

Claims = dict[str, Any]
Change = Callable[[Claims, Claims], object]


def an_assertion(change: Change = lambda _claims, _header: None, *, key: Any = KEY, algorithm: str = "ES256") -> str:
    claims: Claims = {
        "iss": CLIENT,
        "sub": CLIENT,
        "aud": ISSUER,
        "iat": SECOND,
        "exp": SECOND + 60,
        "jti": "a-fresh-id",
    }
    header: Claims = {"typ": "client-authentication+jwt"}
    change(claims, header)
    return jwt.encode(claims, key, algorithm=algorithm, headers=header)


def believed(assertion: str, *, now: datetime = NOW) -> tuple[str, int]:
    return assertions.check(assertion, client_id=CLIENT, keys=KEYS, issuer=ISSUER, now=now)


def test_an_assertion_in_order_is_believed_and_its_id_is_remembered_until_it_ends() -> None:
    assert believed(an_assertion()) == ("a-fresh-id", SECOND + 60)


def test_the_issuer_may_be_up_to_a_minute_behind_the_client() -> None:
    assert believed(an_assertion(), now=NOW - timedelta(seconds=60)) == ("a-fresh-id", SECOND + 60)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda c, _: c.update(aud=[ISSUER]), "aud"),
        (lambda c, _: c.update(aud=[ISSUER, "https://other.example"]), "aud"),
        (lambda c, _: c.update(aud=f"{ISSUER}/oauth/token"), "aud"),
        (lambda c, _: c.update(aud=f"{ISSUER}/"), "aud"),
        (lambda c, _: c.update(aud=""), "aud"),
        (lambda c, _: c.pop("aud"), "aud"),
        (lambda c, _: c.update(iss="county-council-system"), "iss"),
        (lambda c, _: c.update(sub="county-council-system"), "iss"),
        (lambda c, _: c.pop("sub"), "iss"),
        (lambda c, _: c.update(exp=SECOND), "expired"),
        (lambda c, _: c.update(iat=SECOND - 120, exp=SECOND - 61), "expired"),
        (lambda c, _: c.update(exp=SECOND + 61), "60 seconds"),
        (lambda c, _: c.update(iat=SECOND - 10, exp=SECOND + 51), "60 seconds"),
        (lambda c, _: c.update(iat=SECOND + 61, exp=SECOND + 90), "future"),
        (lambda c, _: c.update(nbf=SECOND + 61), "future"),
        (lambda c, _: c.pop("exp"), "exp and iat"),
        (lambda c, _: c.pop("iat"), "exp and iat"),
        (lambda c, _: c.update(exp=True), "exp and iat"),
        (lambda c, _: c.update(iat="now"), "exp and iat"),
        (lambda c, _: c.pop("jti"), "jti"),
        (lambda c, _: c.update(jti=""), "jti"),
        (lambda c, _: c.update(jti=7), "jti"),
        (lambda c, _: c.update(jti="x" * 129), "jti"),
        (lambda _, h: h.update(typ="JWT"), "typ"),
        (lambda _, h: h.update(typ="at+jwt"), "typ"),
        (lambda _, h: h.update(typ=None), "typ"),
        (lambda _, h: h.update(jku="https://evil.example/keys"), "jku"),
        (lambda _, h: h.update(x5u="https://evil.example/cert"), "x5u"),
        (lambda _, h: h.update(jwk=dict(KEYS[0])), "jwk"),
        (lambda _, h: h.update(x5c=["MIIB"]), "x5c"),
        (lambda _, h: h.update(kid="another"), "registered key"),
        (lambda _, h: h.update(kid="../../issuer-key.pem"), "registered key"),
        (lambda _, h: h.update(kid="' OR 1=1 --"), "registered key"),
    ],
)
def test_an_assertion_that_is_out_of_order_is_refused(change: Change, why: str) -> None:
    with pytest.raises(OAuthError, match=why) as refused:
        believed(an_assertion(change))
    assert refused.value.code == "invalid_client"
    assert refused.value.status == 401


def _hs256_with_the_public_key() -> str:
    pem = KEY.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    head, body, _ = an_assertion(key="k" * 32, algorithm="HS256").split(".")
    mac = hmac.HMAC(pem, hashes.SHA256())
    mac.update(f"{head}.{body}".encode())
    return f"{head}.{body}.{jwt.utils.base64url_encode(mac.finalize()).decode()}"


@pytest.mark.parametrize(
    "assertion",
    [
        an_assertion(key=STRANGERS_KEY),
        an_assertion(key="", algorithm="none"),
        an_assertion(key="k" * 32, algorithm="HS256"),
        _hs256_with_the_public_key(),
        an_assertion(key=rsa.generate_private_key(65537, 2048), algorithm="RS256"),
        an_assertion(key=ed25519.Ed25519PrivateKey.generate(), algorithm="EdDSA"),
        an_assertion()[:-4] + "AAAA",
        an_assertion().rsplit(".", 1)[0] + ".",
        "",
        "a.b",
        "a.b.c",
        "W10.W10.W10",
        "." * 9_000,
        "e30.e30." + "a" * 9_000,
    ],
)
def test_only_a_registered_keys_signature_counts(assertion: str) -> None:
    with pytest.raises(OAuthError) as refused:
        believed(assertion)
    assert refused.value.code == "invalid_client"


def test_the_client_whose_key_to_look_for_is_both_issuer_and_subject() -> None:
    assert assertions.claimed_client(an_assertion()) == CLIENT
    with pytest.raises(OAuthError):
        assertions.claimed_client(an_assertion(lambda c, _: c.update(sub="another")))
