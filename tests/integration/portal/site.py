"""The portal on a real database, signed in to by the real development issuer, in front of an API of this test's own.

The API is a front's neighbour, not its store: it answers what a test gives it, and counts what it was asked.
"""

import json
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
from chassis.assembly import assemble
from chassis.auth import Authenticator
from chassis.clock import BusinessClock
from chassis.event_log.embedded import EmbeddedEventLog
from chassis.hints import Hints
from chassis.service import Runtime, create_app
from fastapi import FastAPI
from jointly.issuer.app import Issuer, issuer_routes
from jointly.state import CREDENTIALS, StateFolder
from portal.api.parts import new_parts
from portal.app import SERVICE
from portal.settings import Settings
from support.database import SECRET, Copy
from support.service import AUDIENCE

PEOPLE: Final = (
    {
        "sub": "lead", "name": "Cluster lead, north", "title": "Cluster lead", "roles": ["cluster-lead"],
        "organisation": "school-1", "sector": "education", "clusters": ["north"],
    },
    {
        "sub": "stranger", "name": "Caseworker, south", "title": "Caseworker", "roles": ["caseworker"],
        "organisation": "school-2", "sector": "education", "clusters": ["south"],
    },
    {
        "sub": "finance", "name": "Finance officer", "title": "Finance officer", "roles": ["finance-officer"],
        "organisation": "county-council", "sector": "council", "clusters": [],
    },
    {
        "sub": "officer", "name": "Data protection officer", "title": "Officer",
        "roles": ["data-protection-officer"], "organisation": "county-council", "sector": "council", "clusters": [],
    },
    {
        "sub": "operator", "name": "Operator", "title": "Operator", "roles": ["operator"],
        "organisation": "county-council", "sector": "council", "clusters": [],
    },
)  # fmt: skip

Json = dict[str, Any]
Answerer = Callable[[httpx.Request], httpx.Response]


def page_of(*items: Json) -> Json:
    """A list of the API."""
    return {"items": list(items), "next": None}


@dataclass
class Api:
    """The public API as a test wants it: whatever is not given is not there."""

    answers: dict[tuple[str, str], Any] = field(default_factory=dict)
    asked: list[httpx.Request] = field(default_factory=list)

    def gives(self, path: str, answer: Any, *, method: str = "GET") -> None:
        """Answer this: a body, a status, or a function of the request."""
        self.answers[method, path] = answer

    def paths(self) -> Counter[str]:
        """How often each address was asked."""
        return Counter(f"{one.method} {one.url.path}" for one in self.asked)

    def sent(self, path: str) -> list[httpx.Request]:
        """What was sent to an address, in order."""
        return [one for one in self.asked if one.url.path == path and one.method != "GET"]

    def answer(self, request: httpx.Request) -> httpx.Response:
        """One answer."""
        self.asked.append(request)
        found = self.answers.get((request.method, request.url.path), 404)
        if callable(found):
            given: httpx.Response = found(request)
            return given
        if isinstance(found, int):
            return httpx.Response(found, json={"detail": "No.", "errors": []})
        return httpx.Response(200, json=found, headers={"ETag": '"7"'})


class Neighbours(httpx.AsyncBaseTransport):
    """The issuer's own routes where they are asked for, the test's API for the rest."""

    def __init__(self, issuer: FastAPI, api: Api) -> None:
        self._issuer = httpx.ASGITransport(issuer)
        self._api = api

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """One request of the portal's."""
        if request.url.path.startswith(("/oauth/", "/.well-known/")):
            return await self._issuer.handle_async_request(request)
        await request.aread()
        return self._api.answer(request)


@dataclass
class Site:
    """The portal, its API, and browsers."""

    app: FastAPI
    api: Api
    runtime: Runtime
    issuer: httpx.AsyncClient
    database: Copy
    #: What carries the portal's own questions.
    neighbours: httpx.AsyncBaseTransport

    @asynccontextmanager
    async def browser(self, person: str | None = None) -> AsyncIterator["Browser"]:
        """A browser of its own; signed in as somebody."""
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=AUDIENCE) as client:
            browser = Browser(client, self.issuer)
            if person is not None:
                await browser.sign_in(person)
                self.api.asked.clear()
            yield browser


@dataclass
class Browser:
    """Follows addresses and sends forms as a browser without scripts does."""

    client: httpx.AsyncClient
    issuer: httpx.AsyncClient

    async def get(self, path: str) -> httpx.Response:
        """A page."""
        return await self.client.get(path)

    async def post(self, path: str, page: httpx.Response, **fields: Any) -> httpx.Response:
        """A form of this page, with its hidden token."""
        return await self.client.post(path, data={"form_token": token_of(page), **fields})

    async def sign_in(self, person: str) -> httpx.Response:
        """To the issuer and back."""
        began = await self.client.get("/sign-in", params={"then": "/"})
        back = await self.choose(began.headers["location"], person)
        return await self.client.get(back)

    async def choose(self, address: str, person: str) -> str:
        """Be this person at the issuer: where it sends one back to."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        answer = await self.issuer.post("/oauth/authorize", data={**asked, "person": person})
        return answer.headers["location"]


def token_of(page: httpx.Response) -> str:
    """What every form of a page carries."""
    found = re.search(r'name="form_token" value="([^"]+)"', page.text)
    assert found is not None, "the page has no form"
    return unescape(found[1])


def hidden(page: httpx.Response, name: str) -> str:
    """The value of a hidden field."""
    found = re.search(rf'name="{name}" value="([^"]*)"', page.text)
    assert found is not None
    return unescape(found[1])


@asynccontextmanager
async def site(database: Copy, folder: Path, *, clock: BusinessClock | None = None) -> AsyncIterator[Site]:
    """The portal, ready."""
    state = StateFolder(folder)
    state.prepare()
    state.write(CREDENTIALS, json.dumps({"systems": [], "people": list(PEOPLE)}).encode())
    issuer = Issuer(state, issuer=AUDIENCE, audience=AUDIENCE)
    beside = FastAPI()
    for router in issuer_routes(issuer):
        beside.include_router(router)

    async def find_key(_kid: str) -> Any:
        return jwt.PyJWK(dict(issuer.key.public_jwk)).key

    log = EmbeddedEventLog(database.url("event_log"))
    runtime = assemble(
        SERVICE,
        settings=Settings(),
        database_url=database.admin_url,
        secret=SECRET,
        log=log,
        hints=Hints(database.url(SERVICE.package)),
        clock=clock or BusinessClock(),
        authenticator=Authenticator(issuer=AUDIENCE, audience=AUDIENCE, find_key=find_key),
    )
    api = Api()
    app = create_app(runtime)
    neighbours = Neighbours(beside, api)
    app.state.portal = new_parts(Settings(), neighbours)
    try:
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=httpx.ASGITransport(beside), base_url=AUDIENCE) as at_issuer,
        ):
            yield Site(app, api, runtime, at_issuer, database, neighbours)
    finally:
        await log.close()
        await runtime.database.close()
