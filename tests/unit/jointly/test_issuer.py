"""The development issuer over HTTP: tokens for systems, sign-in for people, and every way to be told no."""

import hashlib
import json
from base64 import b64encode, urlsafe_b64encode
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote_plus, urlsplit

import httpx
import jwt
import pytest
from chassis.clock import new_id, wall_now
from fastapi import FastAPI
from jointly.issuer.app import Issuer, issuer_routes
from jointly.issuer.keys import private_key
from jointly.state import StateFolder

ORIGIN = "http://127.0.0.1:8000"
SECRET = "s3cret:with+odd/characters%"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
VERIFIER = "a-verifier-of-at-least-forty-three-characters-long"
CHALLENGE = urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


@pytest.fixture
def state(tmp_path: Path) -> StateFolder:
    folder = StateFolder(tmp_path / "state")
    folder.prepare()
    private_key(folder, "keys/nhs-trust.pem")
    folder.write_json(
        "credentials.json",
        {
            "systems": [
                {
                    "organisation": "nhs-trust",
                    "sector": "health",
                    "client_id": "nhs-trust-system",
                    "client_secret": SECRET,
                    "token_url": f"{ORIGIN}/oauth/token",
                    "private_key": "keys/nhs-trust.pem",
                }
            ],
            "people": [
                {
                    "sub": "person-1",
                    "name": "Cluster lead, Gloucester primary",
                    "title": "Cluster lead",
                    "roles": ["cluster-lead"],
                    "organisation": "school-115482",
                    "sector": "education",
                    "clusters": ["gloucester-primary"],
                }
            ],
        },
    )
    return folder


@pytest.fixture
async def http(state: StateFolder) -> AsyncIterator[httpx.AsyncClient]:
    app = issuer_app(Issuer(state, issuer=ORIGIN, audience=ORIGIN))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ORIGIN) as client:
        yield client


def issuer_app(issuer: Issuer) -> FastAPI:
    app = FastAPI()
    for router in issuer_routes(issuer):
        app.include_router(router)
    return app


def basic(client_id: str = "nhs-trust-system", secret: str = SECRET) -> dict[str, str]:
    pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"
    return {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}


def an_assertion(state: StateFolder, **changes: object) -> str:
    now = int(wall_now().timestamp())
    claims = {
        "iss": "nhs-trust-system",
        "sub": "nhs-trust-system",
        "aud": ORIGIN,
        "iat": now,
        "exp": now + 60,
        "jti": new_id(),
        **changes,
    }
    key = private_key(state, "keys/nhs-trust.pem")
    return jwt.encode(claims, key, algorithm="ES256", headers={"typ": "client-authentication+jwt"})


def by_assertion(assertion: str) -> dict[str, str]:
    return {
        "grant_type": "client_credentials",
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": assertion,
    }


async def verified(http: httpx.AsyncClient, token: str, audience: str = ORIGIN) -> dict[str, Any]:
    """The claims of a token, checked as a service of the house checks them."""
    keys = jwt.PyJWKSet.from_dict((await http.get("/.well-known/jwks.json")).json())
    key = keys[jwt.get_unverified_header(token)["kid"]]
    claims: dict[str, Any] = jwt.decode(token, key, algorithms=["ES256"], audience=audience, issuer=ORIGIN)
    return claims


async def test_a_system_gets_a_token_that_says_whom_it_speaks_for(http: httpx.AsyncClient) -> None:
    answer = await http.post("/oauth/token", data={"grant_type": "client_credentials"}, headers=basic())
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert (body["token_type"], body["expires_in"]) == ("Bearer", 300)
    assert jwt.get_unverified_header(body["access_token"])["typ"] == "at+jwt"
    claims = await verified(http, body["access_token"])
    assert claims["exp"] - claims["iat"] == 300
    assert {name: claims[name] for name in ("sub", "client_id", "organisation", "sector", "roles", "clusters")} == {
        "sub": "nhs-trust-system",
        "client_id": "nhs-trust-system",
        "organisation": "nhs-trust",
        "sector": "health",
        "roles": ["agency-system"],
        "clusters": [],
    }
    assert {"scope", "jti", "nbf"} <= claims.keys()


async def test_a_secret_in_the_body_does_as_well(http: httpx.AsyncClient) -> None:
    form = {"grant_type": "client_credentials", "client_id": "nhs-trust-system", "client_secret": SECRET}
    assert (await http.post("/oauth/token", data=form)).status_code == 200


async def test_an_assertion_does_once_even_after_a_restart(http: httpx.AsyncClient, state: StateFolder) -> None:
    form = by_assertion(an_assertion(state))
    assert (await http.post("/oauth/token", data=form)).status_code == 200
    assert (await http.post("/oauth/token", data=form)).json()["error"] == "invalid_client"

    restarted = issuer_app(Issuer(state, issuer=ORIGIN, audience=ORIGIN))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(restarted), base_url=ORIGIN) as again:
        assert (await again.post("/oauth/token", data=form)).json()["error"] == "invalid_client"
        assert (await again.post("/oauth/token", data=by_assertion(an_assertion(state)))).status_code == 200


@pytest.mark.parametrize(
    ("form", "headers", "error", "status"),
    [
        ({}, basic(), "invalid_request", 400),
        ({"grant_type": "password"}, basic(), "unsupported_grant_type", 400),
        ({"grant_type": "client_credentials"}, {}, "invalid_client", 401),
        ({"grant_type": "client_credentials"}, basic(secret="wrong"), "invalid_client", 401),
        ({"grant_type": "client_credentials"}, basic(secret=""), "invalid_client", 401),
        ({"grant_type": "client_credentials"}, basic("nobody"), "invalid_client", 401),
        ({"grant_type": "client_credentials"}, {"Authorization": "Basic %%%"}, "invalid_client", 401),
        ({"grant_type": "client_credentials"}, {"Authorization": "Bearer x"}, "invalid_client", 401),
        ({"grant_type": "client_credentials", "client_id": "other"}, basic(), "invalid_client", 401),
        ({"grant_type": "client_credentials", "client_secret": SECRET}, basic(), "invalid_request", 400),
        ({"grant_type": "client_credentials", "client_secret": SECRET}, {}, "invalid_client", 401),
        ({"grant_type": "client_credentials", "client_assertion": "a.b.c"}, {}, "invalid_request", 400),
        (by_assertion("a.b.c"), {}, "invalid_client", 401),
        (by_assertion("a.b.c"), basic(), "invalid_request", 400),
        ({"grant_type": "client_credentials", "scope": "everything"}, basic(), "invalid_scope", 400),
        ({"grant_type": "client_credentials", "scope": "openid"}, basic(), "invalid_scope", 400),
        ({"grant_type": "authorization_code", "code": "guess"}, {}, "invalid_grant", 400),
        ({"grant_type": "authorization_code", "code": "guess"}, basic(), "invalid_client", 401),
    ],
)
async def test_a_token_request_that_is_out_of_order_is_refused_in_oauths_words(
    http: httpx.AsyncClient, form: dict[str, str], headers: dict[str, str], error: str, status: int
) -> None:
    answer = await http.post("/oauth/token", data={"x": "", **form}, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert ("www-authenticate" in answer.headers) == (status == 401)
    assert SECRET not in answer.text


async def test_a_parameter_that_is_sent_twice_is_refused(http: httpx.AsyncClient) -> None:
    answer = await http.post(
        "/oauth/token",
        content="grant_type=client_credentials&grant_type=client_credentials",
        headers={**basic(), "Content-Type": "application/x-www-form-urlencoded"},
    )
    assert answer.json()["error"] == "invalid_request"


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b'{"grant_type": "client_credentials"}', "application/json"),
        (b"grant_type=client_credentials&x=" + b"y" * 20_000, "application/x-www-form-urlencoded"),
        (b"grant_type=%ff%fe", "application/x-www-form-urlencoded"),
        (b"grant_type=\xff\xfe", "application/x-www-form-urlencoded"),
        (b"&".join(b"a%d=1" % n for n in range(60)), "application/x-www-form-urlencoded"),
    ],
)
async def test_a_body_that_is_not_a_small_form_is_refused(http: httpx.AsyncClient, content: bytes, kind: str) -> None:
    answer = await http.post("/oauth/token", content=content, headers={**basic(), "Content-Type": kind})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


async def test_a_system_that_is_taken_out_of_the_file_is_refused_at_once(
    http: httpx.AsyncClient, state: StateFolder
) -> None:
    form = {"grant_type": "client_credentials"}
    assert (await http.post("/oauth/token", data=form, headers=basic())).status_code == 200
    credentials = json.loads(state.file("credentials.json").read_text())
    state.write_json("credentials.json", {**credentials, "systems": []})
    assert (await http.post("/oauth/token", data=form, headers=basic())).status_code == 401


def a_sign_in(**changes: str | None) -> dict[str, str]:
    asked: dict[str, str | None] = {
        "response_type": "code",
        "client_id": "jointly-portal",
        "redirect_uri": f"{ORIGIN}/signed-in",
        "scope": "openid jointly",
        "state": "xyz&<script>",
        "nonce": "n-1",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        **changes,
    }
    return {name: value for name, value in asked.items() if value is not None}


async def a_code(http: httpx.AsyncClient, **changes: str | None) -> str:
    answer = await http.post("/oauth/authorize", data={**a_sign_in(**changes), "person": "person-1"})
    assert answer.status_code == 303
    back = parse_qs(urlsplit(answer.headers["location"]).query)
    assert back["iss"] == [ORIGIN]
    return back["code"][0]


def redeeming(code: str, **changes: str) -> dict[str, str]:
    return {
        "grant_type": "authorization_code",
        "code": code,
        "client_id": "jointly-portal",
        "redirect_uri": f"{ORIGIN}/signed-in",
        "code_verifier": VERIFIER,
        **changes,
    }


async def test_a_person_chooses_who_to_be_and_signs_in(http: httpx.AsyncClient) -> None:
    page = await http.get("/oauth/authorize", params=a_sign_in())
    assert page.status_code == 200
    assert "Cluster lead, Gloucester primary" in page.text
    assert "<script>" not in page.text
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]

    answer = await http.post("/oauth/token", data=redeeming(await a_code(http)))
    claims = await verified(http, answer.json()["access_token"])
    assert claims["sub"] == "person-1"
    assert claims["client_id"] == "jointly-portal"
    assert claims["clusters"] == ["gloucester-primary"]
    identity = await verified(http, answer.json()["id_token"], audience="jointly-portal")
    assert (identity["nonce"], identity["name"]) == ("n-1", "Cluster lead, Gloucester primary")


async def test_a_code_is_redeemed_once(http: httpx.AsyncClient) -> None:
    code = await a_code(http)
    assert (await http.post("/oauth/token", data=redeeming(code))).status_code == 200
    assert (await http.post("/oauth/token", data=redeeming(code))).json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    "changes",
    [
        {"code_verifier": VERIFIER + "x"},
        {"code_verifier": ""},
        {"code_verifier": CHALLENGE},
        {"client_id": "jointly-cli"},
        {"redirect_uri": f"{ORIGIN}/elsewhere"},
    ],
)
async def test_a_code_without_what_belongs_to_it_is_refused_and_used_up(
    http: httpx.AsyncClient, changes: dict[str, str]
) -> None:
    code = await a_code(http)
    assert (await http.post("/oauth/token", data=redeeming(code, **changes))).json()["error"] == "invalid_grant"
    assert (await http.post("/oauth/token", data=redeeming(code))).json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": "plain", "code_challenge": VERIFIER}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": None}, "unsupported_response_type"),
        ({"scope": "everything"}, "invalid_scope"),
    ],
)
async def test_the_application_is_told_what_was_wrong_with_its_request(
    http: httpx.AsyncClient, changes: dict[str, str | None], error: str
) -> None:
    answer = await http.get("/oauth/authorize", params=a_sign_in(**changes))
    back = urlsplit(answer.headers["location"])
    assert f"{back.scheme}://{back.netloc}{back.path}" == f"{ORIGIN}/signed-in"
    told = parse_qs(back.query)
    assert (told["error"], told["state"], told["iss"]) == ([error], ["xyz&<script>"], [ORIGIN])


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "nobody"},
        {"client_id": None},
        {"client_id": "nhs-trust-system"},
        {"redirect_uri": None},
        {"redirect_uri": "https://evil.example/signed-in"},
        {"redirect_uri": f"{ORIGIN}/signed-in/../oauth"},
        {"redirect_uri": f"{ORIGIN}.evil.example/signed-in"},
        {"redirect_uri": "http://127.0.0.1:9999/signed-in"},
        {"redirect_uri": "javascript:alert(1)"},
        {"redirect_uri": "http://[broken"},
        {"client_id": "jointly-cli", "redirect_uri": "http://127.0.0.1:5000/other"},
        {"client_id": "jointly-cli", "redirect_uri": "http://localhost.evil.example/callback"},
        {"client_id": "jointly-cli", "redirect_uri": "http://user@127.0.0.1:5000/callback"},
    ],
)
async def test_nobody_is_sent_to_an_address_that_no_application_registered(
    http: httpx.AsyncClient, changes: dict[str, str | None]
) -> None:
    answer = await http.get("/oauth/authorize", params=a_sign_in(**changes))
    assert answer.status_code == 400
    assert "location" not in answer.headers


async def test_a_program_on_the_persons_own_machine_may_listen_on_any_port(http: httpx.AsyncClient) -> None:
    there = {"client_id": "jointly-cli", "redirect_uri": "http://127.0.0.1:54321/callback"}
    code = await a_code(http, **there)
    assert (await http.post("/oauth/token", data=redeeming(code, **there))).status_code == 200


async def test_nobody_signs_in_as_somebody_who_is_not_on_the_list(http: httpx.AsyncClient) -> None:
    answer = await http.post("/oauth/authorize", data={**a_sign_in(), "person": "person-2"})
    assert answer.status_code == 400


async def test_discovery_names_every_part_and_only_what_is_safe(http: httpx.AsyncClient) -> None:
    found = (await http.get("/.well-known/openid-configuration")).json()
    assert found["issuer"] == ORIGIN
    assert found["code_challenge_methods_supported"] == ["S256"]
    assert found["token_endpoint"] == f"{ORIGIN}/oauth/token"
    assert (await http.get("/.well-known/oauth-authorization-server")).json() == found


async def test_the_key_set_has_no_private_part(http: httpx.AsyncClient) -> None:
    (key,) = (await http.get("/.well-known/jwks.json")).json()["keys"]
    assert key.keys() == {"kty", "crv", "x", "y", "alg", "use", "kid"}


def test_the_key_stays_the_same_and_belongs_to_its_owner(state: StateFolder) -> None:
    first = Issuer(state, issuer=ORIGIN, audience=ORIGIN).key.id
    assert Issuer(state, issuer=ORIGIN, audience=ORIGIN).key.id == first
    assert state.file("issuer-key.pem").stat().st_mode & 0o777 == 0o600
    assert state.file("issuer.sqlite").stat().st_mode & 0o777 == 0o600
