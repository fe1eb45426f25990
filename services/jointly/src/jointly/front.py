"""The front process: every service's own app behind one origin, and a second listener for metrics and operations."""

import asyncio
import os
import socket
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any, Final

from chassis import telemetry
from chassis.http import Edge, install_errors, openapi_of
from chassis.service import VERSION, create_app, operations
from fastapi import FastAPI
from schemas.asyncapi import asyncapi
from schemas.export import examples_folder, read_examples
from starlette.types import ASGIApp

from jointly import house, openapi
from jointly.control import Control
from jointly.docs.routes import Documents, documents_of
from jointly.internal import internal_app
from jointly.issuer.app import issuer_routes
from jointly.origin import Origin, by_prefix
from jointly.parked import parked_routes
from jointly.serving import LISTEN_FDS, Leaving, Listener, adopt, listen
from jointly.settings import Settings

_ABOUT: Final = (
    "Carries a child's case between the agencies that can help. Everything that is made is made by a POST with an "
    "`Idempotency-Key`; a retry with the same key never makes a second one. A refusal is `application/problem+json` "
    "and says which field, why, and what to do."
)


def sockets(settings: Settings) -> list[socket.socket]:
    """The two listening sockets: inherited from a supervisor, or opened here. Raises `PortTaken`."""
    inherited = os.environ.pop(LISTEN_FDS, "")
    if inherited:
        return adopt([int(number) for number in inherited.split(",")])
    return [listen(settings.host, settings.port), listen(settings.host, settings.internal_port)]


async def serve(settings: Settings, names: Sequence[str], listening: Sequence[socket.socket]) -> None:
    """Serve these services' HTTP until told to stop, by a signal or by the end of the supervisor."""
    telemetry.configure_logging(settings.log_level)
    control = Control.from_environment()
    control.listen_to_signals()
    #: Later than told to stop: requests in hand still ring the relay and look at the clock.
    stopped = asyncio.Event()
    async with house.opened(settings, names) as parts, AsyncExitStack() as stack:
        apps = {runtime.service.name: create_app(runtime) for runtime in parts.runtimes}
        for app in apps.values():
            await stack.enter_async_context(app.router.lifespan_context(app))
        beside = [
            asyncio.create_task(parts.hints.run(stopped)),
            asyncio.create_task(parts.keep_time(stopped)),
        ]
        own = own_app(parts, apps)
        public = Leaving(_dispatcher(parts, apps, own))
        listeners = [Listener(public), Listener(internal_app(parts, own))]
        serving = [
            asyncio.create_task(listener.serve(sockets=[each]))
            for listener, each in zip(listeners, listening, strict=True)
        ]
        watching = asyncio.create_task(control.watch())
        await control.ready()
        await asyncio.wait({*serving, asyncio.create_task(control.stop.wait())}, return_when=asyncio.FIRST_COMPLETED)
        # Not ready first; then, when those who route to us have had time to notice, no more listening.
        for app in (own, *apps.values()):
            # Whoever streams to a caller ends it by this.
            app.state.stopping = True
        public.now = True
        hurried = asyncio.create_task(control.hasten.wait())
        await asyncio.wait({hurried}, timeout=settings.drains_for)
        for listener in listeners:
            if control.hasten.is_set():
                listener.lingers = 0.0
            listener.should_exit = True
        hurried.cancel()
        await asyncio.gather(*serving)
        watching.cancel()
        stopped.set()
        await asyncio.gather(*beside, return_exceptions=True)


def own_app(parts: house.House, apps: Mapping[str, FastAPI]) -> FastAPI:
    """What the host itself answers: health, documents, the development issuer, and 404 in the house's form."""
    app = FastAPI(
        title="jointly",
        summary="Health, documents and, in development, tokens.",
        version=VERSION,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.stopping = False
    install_errors(app)
    app.include_router(operations(parts.runtimes))
    documents = Documents(
        make_openapi=lambda: public_document(parts, apps, app),
        make_asyncapi=lambda: event_document(parts),
        origin=parts.settings.audience,
        tokens=parts.issuer is not None,
    )
    app.include_router(documents_of(documents))
    if parts.runtimes:
        # Whose callers are believed is the same for all.
        app.state.runtime = parts.runtimes[0]
        app.include_router(parked_routes(parts))
    if parts.issuer is not None:
        for router in issuer_routes(parts.issuer):
            app.include_router(router)
    app.add_middleware(Edge, service="jointly")
    return app


def _dispatcher(parts: house.House, apps: Mapping[str, FastAPI], own: FastAPI) -> ASGIApp:
    claims = [(runtime.service.name, runtime.service.paths, apps[runtime.service.name]) for runtime in parts.runtimes]
    return Origin(by_prefix(claims), otherwise=own)


def public_document(parts: house.House, apps: Mapping[str, FastAPI], own: FastAPI) -> dict[str, Any]:
    """The merged OpenAPI document."""
    each = {**apps, "jointly": own}
    described = {
        name: {
            **openapi_of(app, title=name, version=VERSION),
            "info": {"title": name, "version": VERSION, "summary": app.summary},
        }
        for name, app in each.items()
    }
    return openapi.merge(
        described, title="Jointly", version=VERSION, server=parts.settings.audience, description=_ABOUT
    )


def event_document(parts: house.House) -> dict[str, Any]:
    """The AsyncAPI document: every topic, an example of each event, and what the services of this process read."""
    hears = {
        runtime.service.name: [subscription.event.type for subscription in runtime.service.subscriptions]
        for runtime in parts.runtimes
    }
    return asyncapi(hears=hears, examples=read_examples(examples_folder()))
