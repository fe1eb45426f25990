"""The development issuer lets people go on without signing in anew: once for each token, and never for a thief."""

import hashlib
import json
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
import pytest
from chassis.clock import wall_now
from fastapi import FastAPI
from jointly.issuer import app as issuer_module
from jointly.issuer.app import Issuer, issuer_routes
from jointly.state import StateFolder

ORIGIN = "http://127.0.0.1:8000"
VERIFIER = "a-verifier-of-at-least-forty-three-characters-long"
CHALLENGE = urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
PERSON = {"sub": "p1", "name": "Cluster lead", "title": "Cluster lead", "roles": ["cluster-lead"],
          "organisation": "school-1", "sector": "education", "clusters": ["north"]}  # fmt: skip


@pytest.fixture
def state(tmp_path: Path) -> StateFolder:
    folder = StateFolder(tmp_path / "state")
    folder.prepare()
    folder.write_json("credentials.json", {"systems": [], "people": [PERSON]})
    return folder


@pytest.fixture
async def http(state: StateFolder) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    for router in issuer_routes(Issuer(state, issuer=ORIGIN, audience=ORIGIN)):
        app.include_router(router)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ORIGIN) as client:
        yield client


async def signed_in(http: httpx.AsyncClient, scope: str = "openid jointly offline_access") -> dict[str, Any]:
    """The tokens of somebody who signs in."""
    asked = {
        "response_type": "code", "client_id": "jointly-portal", "redirect_uri": f"{ORIGIN}/signed-in", "scope": scope,
        "code_challenge": CHALLENGE, "code_challenge_method": "S256", "state": "s", "nonce": "n",
    }  # fmt: skip
    back = await http.post("/oauth/authorize", data={**asked, "person": "p1"})
    code = parse_qs(urlsplit(back.headers["location"]).query)["code"][0]
    form = {
        "grant_type": "authorization_code", "code": code, "client_id": "jointly-portal",
        "redirect_uri": f"{ORIGIN}/signed-in", "code_verifier": VERIFIER,
    }  # fmt: skip
    found: dict[str, Any] = (await http.post("/oauth/token", data=form)).json()
    return found


async def refreshed(http: httpx.AsyncClient, token: str, client: str = "jointly-portal") -> httpx.Response:
    """The answer to a refresh token."""
    form = {"grant_type": "refresh_token", "refresh_token": token, "client_id": client}
    return await http.post("/oauth/token", data=form)


def later(monkeypatch: pytest.MonkeyPatch, by: timedelta) -> None:
    """The issuer's clock goes forward."""
    now: datetime = wall_now() + by
    monkeypatch.setattr(issuer_module, "wall_now", lambda: now)


async def test_a_refresh_token_gives_new_tokens_for_the_same_person(http: httpx.AsyncClient) -> None:
    first = await signed_in(http)
    second = (await refreshed(http, first["refresh_token"])).json()
    claims = jwt.decode(second["access_token"], options={"verify_signature": False})
    assert (claims["sub"], claims["clusters"]) == ("p1", ["north"])
    assert second["refresh_token"] != first["refresh_token"]
    assert (await refreshed(http, second["refresh_token"])).status_code == 200


async def test_none_is_given_to_who_does_not_ask_for_it(http: httpx.AsyncClient) -> None:
    assert "refresh_token" not in await signed_in(http, "openid jointly")


async def test_requests_that_cross_each_other_may_bring_the_same_token(http: httpx.AsyncClient) -> None:
    first = await signed_in(http)
    answers = [await refreshed(http, first["refresh_token"]) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]


async def test_a_token_that_comes_again_later_was_stolen_and_ends_all_that_followed(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await signed_in(http)
    second = (await refreshed(http, first["refresh_token"])).json()
    later(monkeypatch, timedelta(minutes=5))
    assert (await refreshed(http, first["refresh_token"])).json()["error"] == "invalid_grant"
    assert (await refreshed(http, second["refresh_token"])).json()["error"] == "invalid_grant"


async def test_nobody_goes_on_for_longer_than_a_day_of_work(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await signed_in(http)
    later(monkeypatch, timedelta(hours=11))
    second = (await refreshed(http, first["refresh_token"])).json()
    later(monkeypatch, timedelta(hours=13))
    assert (await refreshed(http, second["refresh_token"])).json()["error"] == "invalid_grant"


async def test_who_has_left_gets_no_more_tokens(http: httpx.AsyncClient, state: StateFolder) -> None:
    first = await signed_in(http)
    state.write("credentials.json", json.dumps({"systems": [], "people": []}).encode())
    assert (await refreshed(http, first["refresh_token"])).json()["error"] == "invalid_grant"


@pytest.mark.parametrize("client", ["jointly-cli", "", "nobody"])
async def test_another_application_cannot_use_it(http: httpx.AsyncClient, client: str) -> None:
    first = await signed_in(http)
    assert (await refreshed(http, first["refresh_token"], client)).json()["error"] == "invalid_grant"


async def test_the_token_itself_is_not_kept(http: httpx.AsyncClient, state: StateFolder) -> None:
    first = await signed_in(http)
    assert first["refresh_token"].encode() not in state.file("issuer.sqlite").read_bytes()
