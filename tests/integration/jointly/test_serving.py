"""Real sockets: limits on what a connection may do, and an end that loses no answer."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from jointly import protocol
from jointly.serving import Leaving, Listener, PortTaken, listen
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send


@asynccontextmanager
async def served(app: ASGIApp) -> AsyncIterator[tuple[Listener, int, Callable[[], Coroutine[Any, Any, None]]]]:
    """The listener, its port, and a way to stop it and wait."""
    socket = listen("127.0.0.1", 0)
    listener = Listener(app)
    serving = asyncio.create_task(listener.serve(sockets=[socket]))
    while not listener.started:
        await asyncio.sleep(0)

    async def stop() -> None:
        listener.should_exit = True
        await serving

    try:
        yield listener, socket.getsockname()[1], stop
    finally:
        await stop()


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    body = await Request(scope, receive).body()
    await Response(body or b"hello")(scope, receive, send)


def a_client(port: int) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False)


async def said(port: int, data: bytes) -> bytes:
    """What comes back until the server closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    try:
        return await reader.read()
    finally:
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"NONSENSE\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 300_000, 431),
        (b"GET /" + b"y" * 300_000, 431),
    ],
)
async def test_a_request_that_cannot_be_read_is_refused_as_a_problem(data: bytes, status: int) -> None:
    async with served(echo) as (_, port, _stop):
        answer = await said(port, data)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert b"application/problem+json" in head
    assert b'"status":%d' % status in body


async def test_a_large_body_behind_a_small_head_is_fine() -> None:
    async with served(echo) as (_, port, _stop), a_client(port) as client:
        answer = await client.post("/", content=b"x" * 250_000)
    assert len(answer.content) == 250_000


async def test_a_head_that_does_not_end_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.05)
    async with served(echo) as (_, port, _stop):
        assert (await said(port, b"GET / HTTP/1.1\r\nHost: x\r\n")).startswith(b"HTTP/1.1 408 ")
        assert await said(port, b"") == b""


async def test_a_body_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "BODY_SECONDS", 0.05)

    async def patient(scope: Scope, receive: Receive, send: Send) -> None:
        assert (await receive())["type"] == "http.request"
        assert (await receive())["type"] == "http.disconnect"

    async with served(patient) as (_, port, _stop):
        answer = await said(port, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")
    assert answer.startswith(b"HTTP/1.1 408 ")


async def test_a_port_that_somebody_has_is_told_at_once() -> None:
    with listen("127.0.0.1", 0) as taken, pytest.raises(PortTaken, match="JOINTLY_PORT"):
        listen("127.0.0.1", taken.getsockname()[1])


async def test_busy_clients_lose_no_answer_when_the_server_stops() -> None:
    """Forty clients on open connections: each request is answered, or was refused before it was sent."""
    leaving = Leaving(echo)
    answered, lost, refused = 0, 0, 0

    async def busy(port: int, going: asyncio.Event) -> None:
        nonlocal answered, lost, refused
        async with a_client(port) as client:
            while True:
                try:
                    answer = await client.get("/")
                except httpx.ConnectError:
                    refused += 1
                    return
                except httpx.TransportError:
                    lost += 1
                    return
                assert answer.content == b"hello"
                answered += 1
                if answered > 400:
                    going.set()

    async with served(leaving) as (_, port, stop):
        going = asyncio.Event()
        async with asyncio.TaskGroup() as clients:
            for _ in range(40):
                clients.create_task(busy(port, going))
            await going.wait()
            leaving.now = True
            await stop()
    assert (lost, refused) == (0, 40)


async def test_a_request_in_hand_is_finished_after_the_end_of_listening() -> None:
    arrived, go_on = asyncio.Event(), asyncio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        arrived.set()
        await go_on.wait()
        await Response(b"done")(scope, receive, send)

    async with served(slow) as (listener, port, stop):
        listener.lingers = 0.0
        async with a_client(port) as client:
            asking = asyncio.create_task(client.get("/"))
            await arrived.wait()
            stopping = asyncio.create_task(stop())
            while listener.servers[0].is_serving():
                await asyncio.sleep(0)
            go_on.set()
            assert (await asking).content == b"done"
            await stopping
