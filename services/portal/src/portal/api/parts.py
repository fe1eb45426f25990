"""What the pages of a process share: the two clients, opened with the app and closed with it."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, cast

import httpx
from chassis.http import runtime
from fastapi import APIRouter, FastAPI, Request

from portal.clients.api import TIMEOUT, new_client
from portal.clients.issuer import IssuerClient
from portal.settings import Settings

#: Where people come back to from the issuer.
BACK: Final = "/signed-in"


@dataclass
class Parts:
    """The clients of one process."""

    settings: Settings
    api: httpx.AsyncClient
    outside: httpx.AsyncClient
    issuer: IssuerClient
    #: The API's own description, read once; forms are made from it.
    described: dict[str, Any] = field(default_factory=dict)
    #: Public lists that every viewer sees alike, with when they end.
    kept: dict[str, tuple[datetime, Any]] = field(default_factory=dict)
    #: What is done after its page was answered; called off when the process ends.
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def later(self, work: Coroutine[Any, Any, None]) -> None:
        """Do this beside."""
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)


def settings_of(given: Any) -> Settings:
    """What is set of the portal."""
    return given if isinstance(given, Settings) else Settings(**given.model_dump(exclude_unset=True))


def new_parts(settings: Settings, transport: httpx.AsyncBaseTransport | None = None) -> Parts:
    """The clients; tests give a transport that leads to their own API."""
    api = new_client(settings.api_origin, transport)
    outside = httpx.AsyncClient(transport=transport, timeout=TIMEOUT, trust_env=False)
    secret = settings.portal_client_secret
    issuer = IssuerClient(
        outside,
        settings.believed_issuer,
        client_id=settings.portal_client_id,
        secret=secret.get_secret_value() if secret else None,
        back=settings.audience + BACK,
    )
    return Parts(settings, api, outside, issuer)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Open the clients with the app and close them with it."""
    parts = getattr(app.state, "portal", None) or new_parts(settings_of(app.state.runtime.settings))
    app.state.portal = parts
    try:
        yield
    finally:
        for task in parts.tasks:
            task.cancel()
        await parts.api.aclose()
        await parts.outside.aclose()


def parts_of(request: Request) -> Parts:
    """The clients of this process."""
    return cast("Parts", request.app.state.portal)


def now_of(request: Request) -> Any:
    """Business time."""
    return runtime(request).clock.now()


#: Carries the lifespan; the other routers carry the pages.
router: Final = APIRouter(lifespan=lifespan)
