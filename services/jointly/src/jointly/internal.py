"""The second listener: health, metrics and nothing for the outside."""

import asyncio
import os
from pathlib import Path

from chassis.http import Edge, install_errors
from chassis.service import operations
from fastapi import FastAPI, Response
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from jointly.house import House


def internal_app(parts: House, own: FastAPI | None = None) -> FastAPI:
    """For the house's own people. `own`: the public listener's app, whose readiness this one shares."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    if own is not None:
        app.state = own.state
    install_errors(app)
    app.include_router(operations(parts.runtimes))

    @app.get("/metrics")
    async def metrics() -> Response:
        return Response(await asyncio.to_thread(_metrics), media_type=CONTENT_TYPE_LATEST)

    app.add_middleware(Edge, service="jointly-internal")
    return app


def _metrics() -> bytes:
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    if folder is None or not Path(folder).is_dir():
        return generate_latest(REGISTRY)
    # Front and worker write side by side; one page shows both.
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
