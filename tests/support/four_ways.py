"""A subscriber who hears by all four ways, as careful integrators do: they come back after anything, and keep count."""

import asyncio
import contextlib
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final, Self

import httpx
from chassis.clock import new_id
from support.agency import Agency

WAYS: Final = ("kafka", "webhook", "http-feed", "sse")
_AGAIN_AFTER: Final = 0.2
#: A proxy's patience: longer than the house is silent on a stream.
_QUIET_SECONDS: Final = 30.0

Event = dict[str, Any]


def in_order(events: Sequence[Event]) -> None:
    """Each case is counted from 1, without a gap; what came twice is counted once."""
    seen: defaultdict[str, dict[int, str]] = defaultdict(dict)
    for event in events:
        assert event["source"].startswith("/exchange/")
        number, id = event["subjectsequence"], event["id"]
        assert seen[event["subject"]].setdefault(number, id) == id, "one number, one event"
    for subject, numbers in seen.items():
        assert next(iter(numbers)) == 1, subject
        assert all(b == a + 1 for a, b in pairwise(numbers)), (subject, list(numbers))


def same_again(events: Sequence[Event]) -> int:
    """What came twice was the same both times; how often something came again."""
    first: dict[str, Event] = {}
    for event in events:
        assert first.setdefault(event["id"], event) == event
    return len(events) - len(first)


def contents(events: Sequence[Event]) -> set[tuple[str, ...]]:
    """What was said, whichever way it came: all but the way's own name and count."""
    return {(e["id"], e["type"], e["subject"], e["time"], json.dumps(e["data"], sort_keys=True)) for e in events}


class Hearer(Agency):
    """An agency's system that subscribes, reads page by page, and listens to a stream."""

    async def subscribe(self, agreement: str, way: str, **more: Any) -> Event:
        """A subscription; `url` is the webhook's."""
        delivery = {"way": way, **({"url": more.pop("url")} if "url" in more else {})}
        made = await self.post("/v1/subscriptions", {"agreement": agreement, "delivery": delivery, **more})
        assert made.status == httpx.codes.CREATED, made
        return made.body

    async def insist(self, id: str) -> None:
        """Have what waits for a webhook sent at once: pause, and resume. Somebody may have been quicker."""
        path = f"/v1/subscriptions/{id}"
        for what in ("pause", "resume"):
            seen = await self.get(path)
            await self.post(f"{path}/{what}", {}, if_match=seen.headers["etag"])

    async def pages(self, id: str, *, limit: int = 50) -> AsyncIterator[Sequence[Event]]:
        """Page after page for ever; empty ones too. Whatever fails is asked for again from the same place."""
        cursor: str | None = None
        while True:
            query: dict[str, str | int] = {"subscription": id, "limit": limit, "wait": 2}
            query |= {"cursor": cursor} if cursor else {}
            try:
                answer = await self.http.get("/v1/events", params=query, headers=await self._bearer())
            except Exception:  # noqa: BLE001  the front may be on its way up
                answer = None
            if answer is None or answer.status_code != httpx.codes.OK:
                await asyncio.sleep(_AGAIN_AFTER)
                continue
            cursor = answer.headers["Next-Cursor"]
            yield answer.json()

    async def streamed(self, id: str, note: Callable[[bytes], None] = lambda _: None) -> AsyncIterator[Event]:
        """Events from a stream for ever; taken up again after the last that came, whenever it breaks off."""
        last: str | None = None
        while True:
            headers = await self._patiently() | ({"Last-Event-ID": last} if last else {})
            with contextlib.suppress(httpx.TransportError):
                async with self.http.stream(
                    "GET", "/v1/events/stream", params={"subscription": id}, headers=headers, timeout=_QUIET_SECONDS
                ) as answer:
                    fields: dict[str, str] = {}
                    async for line in answer.aiter_lines():
                        note(line.encode())
                        if not line and "data" in fields:
                            last = fields["id"]
                            yield json.loads(fields["data"])
                        name, _, value = line.partition(": ")
                        fields = fields | {name: value} if line else {}
            await asyncio.sleep(_AGAIN_AFTER)

    async def _bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {await self._fresh_token()}"}

    async def _patiently(self) -> dict[str, str]:
        while True:
            try:
                return await self._bearer()
            except Exception:  # noqa: BLE001  the front may be on its way up
                await asyncio.sleep(_AGAIN_AFTER)


@dataclass(frozen=True, slots=True)
class Got:
    """One webhook as it came."""

    head: bytes
    body: bytes

    @property
    def event(self) -> Event:
        """The event in it."""
        found: Event = json.loads(self.body)
        return found


@dataclass
class Moody:
    """A receiver of webhooks that fails a third of the time: says 500, hangs up, or never answers.

    It takes an event as it says so: what it took and could not say so of, it will be sent again.
    """

    #: How often it is silent until the sender gives up: that takes long.
    silences: int = 3
    got: list[Got] = field(default_factory=list)
    taken: list[Got] = field(default_factory=list)
    failed: dict[str, int] = field(default_factory=lambda: {"500": 0, "hung up": 0, "silent": 0})
    #: Set to have it do as it should.
    cured: bool = False
    _serving: set[asyncio.Task[None]] = field(default_factory=set)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/{new_id()}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in list(self._serving):
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        try:
            while await self._one(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._serving.discard(task)
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; False: hang up."""
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line.partition(b":")[2]) for line in head.split(b"\r\n") if line[:15].lower() == b"content-length:"
        )
        got = Got(head, await reader.readexactly(length))
        self.got.append(got)
        mood = None if self.cured or len(self.got) % 3 else self._mood()
        if mood is not None:
            self.failed[mood] += 1
        if mood == "silent":
            # Until the sender has had enough and is gone.
            await reader.read(1)
        if mood in {"silent", "hung up"}:
            return False
        if mood is None:
            self.taken.append(got)
        status = b"204 No Content" if mood is None else b"500 Internal Server Error"
        writer.write(b"HTTP/1.1 " + status + b"\r\ncontent-length: 0\r\n\r\n")
        await writer.drain()
        return True

    def _mood(self) -> str:
        turn = len(self.got) // 3 % 10
        if turn == 0 and self.failed["silent"] < self.silences:
            return "silent"
        return "500" if turn % 2 else "hung up"
