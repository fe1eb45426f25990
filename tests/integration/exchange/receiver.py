"""A receiver of webhooks: a real server on this machine, that answers as it is told to."""

import asyncio
import contextlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self


@dataclass
class Got:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> dict[str, Any]:
        """The event in it."""
        document: dict[str, Any] = json.loads(self.body)
        return document


#: A status, headers and a body.
Answer = tuple[int, dict[str, str], bytes]


def _fine(_: Got) -> Answer:
    return 204, {}, b""


@dataclass
class Receiver:
    """Answers 204 unless `answer` says otherwise; keeps every request, also those that it refuses."""

    answer: Callable[[Got], Answer] = _fine
    got: list[Got] = field(default_factory=list)
    #: Those that it answered 2xx.
    taken: list[Got] = field(default_factory=list)
    #: Requests wait here before they are answered, when it is not set.
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    #: At most at once.
    most: int = 0
    _now: int = 0

    async def __aenter__(self) -> Self:
        self.gate.set()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self.gate.set()
        self._server.close()
        for task in list(self._tasks()):
            task.cancel()
        with contextlib.suppress(Exception):
            await self._server.wait_closed()

    def _tasks(self) -> set[asyncio.Task[None]]:
        found: set[asyncio.Task[None]] = self.__dict__.setdefault("_open", set())
        return found

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}/hook"

    def ids(self) -> list[str]:
        """The ids of what it took, each once, in order."""
        return list(dict.fromkeys(got.event["id"] for got in self.taken))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks().add(task)
        try:
            while await self._one(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._tasks().discard(task)
            writer.close()
            with contextlib.suppress(Exception):
                await writer.wait_closed()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        got = Got(head[0].split(" ")[1], headers, body)
        self.got.append(got)
        self._now += 1
        self.most = max(self.most, self._now)
        try:
            await self.gate.wait()
        finally:
            self._now -= 1
        status, extra, content = self.answer(got)
        if 200 <= status < 300:
            self.taken.append(got)
        lines = [f"HTTP/1.1 {status} X", f"content-length: {len(content)}", *(f"{n}: {v}" for n, v in extra.items())]
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + content)
        await writer.drain()
        return True
