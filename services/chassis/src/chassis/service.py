"""A service as a value, and the parts that run it: one description for the host, for containers and for tests."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from typing import Any, Final

import sqlalchemy as sa
from fastapi import APIRouter, FastAPI, Request, Response
from schemas.topics import TOPICS, Topic

from chassis.actions import Actions
from chassis.auth import Authenticator
from chassis.clock import BusinessClock
from chassis.consuming import Consumer
from chassis.database import Database
from chassis.deadlines import Deadline, Deadlines
from chassis.event_log.interface import EventLog
from chassis.hints import Hints
from chassis.http import Cursors, Edge, install_errors, json_response
from chassis.settings import Settings
from chassis.subscription import Subscription
from chassis.tables import ChassisTables
from chassis.transaction import Transaction

#: A worker's loop: outward effects, housekeeping. Ends when the event is set.
Worker = Callable[["Runtime", asyncio.Event], Awaitable[None]]

VERSION: Final = "0.1.0"


@dataclass(frozen=True)
class Service:
    """What a service consists of. Each service's `app.py` makes one."""

    #: The folder's name, as in topics and metrics: `referral-api`.
    name: str
    #: The import name, also the name of its PostgreSQL schema and role: `referral_api`.
    package: str
    summary: str
    metadata: sa.MetaData
    tables: ChassisTables
    tx: type[Transaction]
    #: The path prefixes that it answers, longest match wins.
    paths: tuple[str, ...] = ()
    routers: tuple[APIRouter, ...] = ()
    subscriptions: tuple[Subscription, ...] = ()
    deadlines: tuple[Deadline, ...] = ()
    workers: tuple[Worker, ...] = ()
    settings: type[Settings] = Settings

    @property
    def source(self) -> str:
        """The CloudEvents source of what it says."""
        return f"/{self.name}"

    @cached_property
    def topics(self) -> tuple[Topic, ...]:
        """The topics it speaks on."""
        return tuple(topic for topic in TOPICS.values() if topic.speaker == self.name)


@dataclass
class Runtime:
    """A service's parts in one process. Routes get it by `chassis.http.runtime`, workers as their argument."""

    service: Service
    settings: Settings
    clock: BusinessClock
    database: Database
    event_log: EventLog
    hints: Hints
    authenticator: Authenticator
    cursors: Cursors
    #: A secret of this service's own for one purpose, from the house's one secret: the same in every process.
    secret_for: Callable[[str], str]
    actions: Actions = field(init=False)
    consumer: Consumer | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        """Join the parts that follow from the others."""
        service = self.service
        self.actions = Actions(database=self.database, tx_type=service.tx, service=service.name)
        if service.subscriptions:
            self.consumer = Consumer(service.name, service.subscriptions, database=self.database, tx_type=service.tx)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Any]:
        """The service's own kind of transaction, for reads, workers and commands."""
        async with self.database.transaction(self.service.tx) as tx:
            yield tx

    def deadlines(self) -> Deadlines:
        """The service's timers."""
        return Deadlines(
            self.service.name, self.service.deadlines, database=self.database, tx_type=self.service.tx,
            clock=self.clock,
        )  # fmt: skip


def load(package: str) -> Service:
    """The `SERVICE` of a service's package."""
    service = import_module(f"{package}.app").SERVICE
    if not isinstance(service, Service):
        raise TypeError(f"{package}.app.SERVICE is not a Service.")
    return service


def create_app(runtime: Runtime) -> FastAPI:
    """The service's own app: the same alone in a container, or behind the host's one origin."""
    service = runtime.service

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        runtime.actions.start()
        try:
            yield
        finally:
            await runtime.actions.close()

    app = FastAPI(
        title=service.name,
        summary=service.summary,
        version=VERSION,
        lifespan=lifespan,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.runtime = runtime
    install_errors(app)
    for router in service.routers:
        app.include_router(router)
    app.add_middleware(Edge, service=service.name)
    return app


def operations(runtimes: Sequence[Runtime]) -> APIRouter:
    """Health and readiness that tell the truth: alive means the process answers, ready that its stores do."""
    router = APIRouter(include_in_schema=False)

    @router.get("/healthz")
    async def healthz() -> Response:
        return json_response({"status": "alive"})

    @router.get("/readyz")
    async def readyz(request: Request) -> Response:
        checks: dict[str, bool] = {"accepting": not getattr(request.app.state, "stopping", False)}
        answers = await asyncio.gather(*(r.database.answers() for r in runtimes))
        checks |= {f"database:{r.service.name}": a for r, a in zip(runtimes, answers, strict=True)}
        if runtimes:
            checks["event-log"] = await runtimes[0].event_log.healthy()
        # The API keeps accepting while the log is away: the outbox holds what is said.
        ready = all(ok for name, ok in checks.items() if name != "event-log")
        return json_response({"ready": ready, "checks": checks}, status=200 if ready else 503)

    return router
