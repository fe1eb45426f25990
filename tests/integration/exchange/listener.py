"""A reader of server-sent events, over a real connection."""

import asyncio
import json
from typing import Any, Self

from integration.exchange.house import TRUST


class Stream:
    """One reader of server-sent events."""

    def __init__(self, origin: str, id: str, last: str | None = None) -> None:
        self._host, _, port = origin.removeprefix("http://").partition(":")
        self._port, self._id, self._last = int(port), id, last

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection(self._host, self._port)
        resume = f"Last-Event-ID: {self._last}\r\n" if self._last else ""
        head = f"GET /v1/events/stream?subscription={self._id} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{resume}"
        self._writer.write(f"{head}Authorization: {TRUST['Authorization']}\r\n\r\n".encode())
        self.head = (await self._reader.readuntil(b"\r\n\r\n")).decode().lower()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()

    async def next(self) -> tuple[str, dict[str, Any]]:
        """The next event's id and document."""
        fields: dict[str, str] = {}
        while True:
            line = (await asyncio.wait_for(self._reader.readline(), 20)).decode().rstrip("\r\n")
            if not line and "data" in fields:
                return fields["id"], json.loads(fields["data"])
            name, _, value = line.partition(": ")
            fields[name] = value

    async def rest(self) -> bytes:
        """What comes until the end."""
        return await asyncio.wait_for(self._reader.read(), 20)
