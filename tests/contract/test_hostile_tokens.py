"""Token confusion: whatever is not a good token gets one answer, which does not say what is wrong with it."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import jwt
from chassis.clock import new_id, wall_now
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jointly.issuer.keys import SigningKey
from support.hostile import Outsider


def forged(outsider: Outsider) -> Iterator[tuple[str, str]]:
    """Tokens that are not good, and what is wrong with each."""
    key, claims = outsider.key, outsider.claims()
    now = int(wall_now().timestamp())
    stranger = ec.generate_private_key(ec.SECP256R1())
    jwk = SigningKey(stranger).public_jwk
    rsa_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = key._private.public_key()  # noqa: SLF001  what everybody can fetch, in the forms a forger would sign with
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    good = {"typ": "at+jwt", "kid": key.id}

    def signed(by: Any, alg: str = "ES256", *, what: Mapping[str, Any] = claims, **header: Any) -> str:
        return jwt.encode(dict(what), by, algorithm=alg, headers={**good, **header})

    def raw(header: Mapping[str, Any], what: Mapping[str, Any], signature: bytes = b"") -> str:
        parts = (json.dumps(header).encode(), json.dumps(what).encode(), signature)
        return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)

    private = key._private  # noqa: SLF001
    whole = signed(private)
    head, body, signature = whole.split(".")
    for alg in ("none", "None", "NONE", "nOnE", ""):
        yield f"algorithm {alg!r}", raw({**good, "alg": alg}, claims)
    yield "no algorithm", raw(good, claims)
    yield "no signature", f"{head}.{body}."
    yield "no signature part", f"{head}.{body}"
    yield "another's signature", f"{head}.{body}.{signed(stranger).split('.')[2]}"
    yield "a signature of zeros", f"{head}.{body}.{base64.urlsafe_b64encode(bytes(64)).rstrip(b'=').decode()}"
    yield "changed after signing", f"{head}.{raw({}, {**claims, 'roles': ['operator']}).split('.')[1]}.{signature}"
    yield "HS256 with nothing", hs256(good, claims, b"")
    yield "HS256 with the public key, PEM", hs256(good, claims, pem)
    yield "HS256 with the public key, DER", hs256(good, claims, der)
    yield "HS256 with the key set", hs256(good, claims, json.dumps(key.jwks()).encode())
    yield "a stranger's key", signed(stranger)
    yield "RS256", signed(rsa_key, "RS256")
    yield "PS256 under our name", signed(rsa_key, "PS256")
    yield "its own key in the header", signed(stranger, jwk=jwk)
    yield "its own key and our name", signed(private, jwk=key.public_jwk)
    yield "keys from elsewhere", signed(stranger, jku="https://elsewhere.example/jwks.json")
    yield "keys from the host, by our key", signed(private, jku=f"{outsider.host.origin}/.well-known/jwks.json")
    yield "a certificate from elsewhere", signed(stranger, x5u="https://elsewhere.example/cert.pem")
    yield "a certificate", signed(stranger, x5c=["MIIB"])
    yield "something critical", raw_signed(private, {**good, "alg": "ES256", "crit": ["exp"], "exp": 1}, claims)
    for kid in (
        "",
        "../../../../dev/null",
        "/dev/null",
        "' OR '1'='1",
        "x" * 2000,
        "\u0000",
        f"{key.id}\n",
        "http://localhost/",
    ):
        yield f"kid {kid[:30]!r}", signed(stranger, kid=kid)
        yield f"kid {kid[:30]!r}, by our key", signed(private, kid=kid)
    yield "kid a number", raw_signed(private, {**good, "alg": "ES256", "kid": 1}, claims)
    yield "no kid", raw_signed(private, {"typ": "at+jwt", "alg": "ES256"}, claims)
    for typ in ("JWT", "id+jwt", "dpop+jwt", "at+jwt2", ""):
        yield f"typ {typ!r}", signed(private, typ=typ)
    yield "an identity token", key.sign({**claims, "aud": "jointly-portal", "nonce": "x"}, typ="JWT")
    wrong: dict[str, Any] = {
        "another audience": {"aud": "https://elsewhere.example"},
        "several audiences": {"aud": [claims["aud"], "https://elsewhere.example"]},
        "a list of our audience": {"aud": [claims["aud"]]},
        "no audience": {"aud": None},
        "another issuer": {"iss": "https://elsewhere.example"},
        "nearly our issuer": {"iss": f"{claims['iss']}/"},
        "no issuer": {"iss": None},
        "expired": {"iat": now - 900, "nbf": now - 900, "exp": now - 600},
        "expired long ago": {"exp": 0},
        "never expires": {"exp": None},
        "expires in words": {"exp": "tomorrow"},
        "expires beyond numbers": {"exp": 10**400},
        "not yet": {"nbf": now + 3600},
        "made tomorrow": {"iat": now + 86_400},
        "made never": {"iat": None},
        "about nobody": {"sub": None},
        "about a number": {"sub": 12},
        "of no client": {"client_id": None},
        "of no organisation": {"organisation": None},
        "of an empty organisation": {"organisation": ""},
        "of several organisations": {"organisation": ["school-115482", "county-council"]},
        "roles that are no list": {"roles": {"operator": True}},
        "roles that are no words": {"roles": [["operator"]]},
    }
    for what, changed in wrong.items():
        yield what, signed(private, what={n: v for n, v in (claims | changed).items() if v is not None})
    yield "claims that are no object", raw_signed(private, {**good, "alg": "ES256"}, [claims])
    yield "five parts", f"{whole}.a.b"
    yield "encrypted", raw({**good, "alg": "dir", "enc": "A256GCM"}, claims) + ".a.b"
    odd = {"twice": f"{whole} {whole}", "with a comma": f"{whole},{whole}", "not base64": "!!!.???.***"}
    yield from {**odd, "endless": "a" * 20_000}.items()


def hs256(header: Mapping[str, Any], claims: Mapping[str, Any], secret: bytes) -> str:
    """Signed symmetrically with what everybody knows."""
    parts = [json.dumps({**header, "alg": "HS256"}).encode(), json.dumps(dict(claims)).encode()]
    signed = ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)
    mac = hmac.digest(secret, signed.encode(), hashlib.sha256)
    return f"{signed}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def raw_signed(by: ec.EllipticCurvePrivateKey, header: Mapping[str, Any], claims: Any) -> str:
    """Signed as ES256 says, whatever the header and the claims are."""
    parts = [json.dumps(header).encode(), json.dumps(claims).encode()]
    content = ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)
    signature = jwt.get_algorithm_by_name("ES256").sign(content.encode(), by)
    return f"{content}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def test_every_token_that_is_not_good_gets_the_same_answer(outsider: Outsider) -> None:
    correlation = new_id()
    bodies, tried = set[bytes](), 0
    headers = {"X-Correlation-Id": correlation}
    refusals: list[tuple[str, httpx.Response]] = []
    for what, token in forged(outsider):
        answer = outsider.client.get("/v1/cases", headers=headers | {"Authorization": f"Bearer {token}"})
        refusals.append((what, answer))
        tried += 1
    good = outsider.token()
    for given in (f"Basic {good}", f"DPoP {good}", f"Token {good}", good, f"Bearer  {good}", "Bearer"):
        answer = outsider.client.get("/v1/cases", headers=headers | {"Authorization": given})
        refusals.append((given[:10], answer))
    refusals.append(("no header", outsider.client.get("/v1/cases", headers=headers)))
    refusals.append(("in the address", outsider.client.get(f"/v1/cases?access_token={good}", headers=headers)))
    for what, response in refusals:
        assert response.status_code == 401, (what, response.text)
        assert response.headers["WWW-Authenticate"] == 'Bearer realm="jointly"', what
        assert response.headers["Cache-Control"] == "no-store", what
        bodies.add(response.content)
    assert len(bodies) == 1, bodies
    assert tried > 60
    # The good one is good: none of the above was refused for a reason of ours.
    assert outsider.client.get("/v1/cases", headers={"Authorization": f"Bearer {good}"}).status_code == 200
