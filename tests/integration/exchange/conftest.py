"""Exchange on a database of its own, its topics made."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
import uvicorn
from chassis.clock import BusinessClock, wall_now
from chassis.service import create_app
from exchange.app import SERVICE
from exchange.workers import PostOffice
from integration.exchange.house import AGREEMENT, agree
from integration.exchange.receiver import Receiver
from support.database import Copy
from support.service import Served, serving


@pytest.fixture
def clock() -> BusinessClock:
    """It is noon of a day in November; tests move it."""
    clock = BusinessClock()
    clock.simulate(datetime(2026, 11, 23, 12, tzinfo=UTC), anchor=wall_now(), rate=1.0)
    return clock


@pytest.fixture
async def exchange(database: Copy, clock: BusinessClock) -> AsyncIterator[Served]:
    """Exchange, with an agreement for the county's health trust."""
    async with serving(SERVICE, database, clock=clock) as served:
        await agree(served, **AGREEMENT)
        yield served


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """A receiver of webhooks on this machine."""
    async with Receiver() as one:
        yield one


@pytest.fixture
async def served(exchange: Served) -> AsyncIterator[tuple[str, Any]]:
    """The same behind a real server, for streams that do not end."""
    app = create_app(exchange.runtime)
    config = uvicorn.Config(app, port=0, lifespan="off", log_config=None, timeout_graceful_shutdown=5)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.005)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}", app
    app.state.stopping = True
    server.should_exit = True
    await serving


@pytest.fixture
async def office(exchange: Served) -> AsyncIterator[PostOffice]:
    """What sends, to be sent round by tests."""
    one = PostOffice(exchange.runtime)
    try:
        yield one
    finally:
        await one.close()
