"""A stub of the feed on 127.0.0.1: `GET /v1/events` with cursor, ETag and long poll, and `GET /v1/events/stream`.

It answers as the exchange does, to whoever sends any bearer token. It can be told to do what networks and restarts do:
give an event twice, end connections, be away for some requests.
"""

import base64
import hashlib
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import parse_qs, urlsplit

from jointly_kit.forms import BATCH_TYPE, STREAM_TYPE, page, sse
from jointly_kit.golden import Event

_MOST_EVENTS: Final = 500
_USUAL_EVENTS: Final = 100
_LONGEST_WAIT: Final = 30
_RETRY_MS: Final = 1_000
_HEARTBEAT_SECONDS: Final = 10.0


class _Refused(Exception):
    """A request that the exchange would refuse."""

    def __init__(self, status: HTTPStatus, detail: str, pointer: str | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail, self.pointer = status, detail, pointer


@dataclass
class _Faults:
    """What is to go wrong with the next answers."""

    away: int = 0
    retry_after: int = 1
    cut_after: int | None = None


@dataclass
class Feed:
    """What one subscription was told. Use it as a context, or ask pytest for `jointly_feed`."""

    subscription: str = "golden"
    #: How long a quiet stream stays silent before it says that it is still there.
    heartbeat_seconds: float = _HEARTBEAT_SECONDS
    _told: list[Event] = field(default_factory=list)
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _faults: _Faults = field(default_factory=_Faults)
    #: Streams opened before the last `end_connections` end.
    _era: int = 0
    _closed: bool = False

    def __enter__(self) -> Self:
        """Listen."""
        feed = self

        class Handler(_Handler):
            def setup(self) -> None:
                super().setup()
                self.feed = feed

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = False
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """End every connection and stop listening."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Where `/v1/events` is."""
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def told(self) -> list[Event]:
        """Everything that was told, also twice."""
        with self._changed:
            return list(self._told)

    def tell(self, *events: Event) -> None:
        """Tell these, in this order. To mix cases, see `golden.interleaved`."""
        with self._changed:
            self._told.extend(events)
            self._changed.notify_all()

    def repeat(self, id: str) -> None:
        """Tell an event once more: the same id is the same event again."""
        with self._changed:
            again = next(event for event in self._told if event["id"] == id)
        self.tell(again)

    def end_connections(self, *, after: int | None = None) -> None:
        """End every open stream now; with `after`, also each new one once it has given so many events."""
        with self._changed:
            self._era += 1
            self._faults.cut_after = after
            self._changed.notify_all()

    def be_away(self, requests: int, *, retry_after: int = 1) -> None:
        """Answer 503 with Retry-After to so many requests."""
        with self._changed:
            self._faults.away, self._faults.retry_after = requests, retry_after

    def _away(self) -> int | None:
        with self._changed:
            if self._faults.away == 0:
                return None
            self._faults.away -= 1
            return self._faults.retry_after

    def _after(self, position: int, limit: int, wait: float) -> list[Event]:
        """What comes after a position; waited for when there is nothing."""
        with self._changed:
            era = self._era
            self._changed.wait_for(lambda: len(self._told) > position or self._closed or self._era != era, wait)
            return self._told[position : position + limit]

    def cursor(self, position: int) -> str:
        """Opaque to its reader, and good for ever."""
        raw = json.dumps([self.subscription, position]).encode()
        return base64.urlsafe_b64encode(raw).decode().rstrip("=")

    def _position(self, cursor: str | None) -> int:
        if cursor is None:
            return 0
        wrong = _Refused(HTTPStatus.BAD_REQUEST, "The cursor is not one of ours.", "/query/cursor")
        try:
            raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
            subscription, position = json.loads(raw)
        except (ValueError, TypeError) as error:
            raise wrong from error
        if subscription != self.subscription or not isinstance(position, int) or position < 0:
            raise wrong
        return position


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "jointly-kit"
    feed: Feed

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the interface is the library's
        """Say nothing."""

    def do_GET(self) -> None:
        """Either way of reading."""
        url = urlsplit(self.path)
        query = {name: values[-1] for name, values in parse_qs(url.query, keep_blank_values=True).items()}
        try:
            self._route(url.path, query)
        except _Refused as refused:
            self._problem(refused)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def _route(self, path: str, query: Mapping[str, str]) -> None:
        if path not in {"/v1/events", "/v1/events/stream"}:
            raise _Refused(HTTPStatus.NOT_FOUND, "There is nothing here.")
        if not self.headers.get("authorization", "").lower().startswith("bearer "):
            raise _Refused(HTTPStatus.UNAUTHORIZED, "Sign in: send an access token.")
        retry_after = self.feed._away()  # noqa: SLF001  two halves of one thing
        if retry_after is not None:
            self._answer(HTTPStatus.SERVICE_UNAVAILABLE, {"Retry-After": str(retry_after)}, b"")
            return
        if query.get("subscription", self.feed.subscription) != self.feed.subscription:
            raise _Refused(HTTPStatus.NOT_FOUND, "There is no such subscription.")
        (self._page if path == "/v1/events" else self._stream)(query)

    def _page(self, query: Mapping[str, str]) -> None:
        feed = self.feed
        position = feed._position(query.get("cursor"))  # noqa: SLF001
        limit = _number(query, "limit", _USUAL_EVENTS, 1, _MOST_EVENTS)
        events = feed._after(position, limit, _number(query, "wait", 0, 0, _LONGEST_WAIT))  # noqa: SLF001
        body, following = page(events), feed.cursor(position + len(events))
        tag = '"' + hashlib.blake2b(body + following.encode(), digest_size=12).hexdigest() + '"'
        link = f'</v1/events?subscription={feed.subscription}&cursor={following}&limit={limit}>; rel="next"'
        headers = {"ETag": tag, "Next-Cursor": following, "Link": link, "Cache-Control": "private, no-cache"}
        if tag in {each.strip() for each in self.headers.get("if-none-match", "").split(",")}:
            self._answer(HTTPStatus.NOT_MODIFIED, headers, b"")
        else:
            self._answer(HTTPStatus.OK, {**headers, "Content-Type": BATCH_TYPE}, body)

    def _stream(self, query: Mapping[str, str]) -> None:
        feed = self.feed
        position = feed._position(self.headers.get("last-event-id") or query.get("cursor"))  # noqa: SLF001
        era, left = feed._era, feed._faults.cut_after  # noqa: SLF001
        self.close_connection = True
        self.send_response(HTTPStatus.OK)
        for name, value in (("Content-Type", STREAM_TYPE), ("Cache-Control", "no-store"), ("X-Accel-Buffering", "no")):
            self.send_header(name, value)
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(f"retry: {_RETRY_MS}\n\n".encode())
        while era == feed._era and not feed._closed:  # noqa: SLF001
            events = feed._after(position, _USUAL_EVENTS, feed.heartbeat_seconds)  # noqa: SLF001
            for event in events:
                if left == 0:
                    return
                position += 1
                self.wfile.write(sse(event, feed.cursor(position)))
                left = None if left is None else left - 1
            if not events:
                self.wfile.write(b": still here\n\n")

    def _problem(self, refused: _Refused) -> None:
        problem: dict[str, Any] = {
            "type": "about:blank", "title": refused.status.phrase, "status": refused.status.value,
            "detail": refused.detail,
        }  # fmt: skip
        if refused.pointer:
            problem["errors"] = [{"pointer": refused.pointer, "detail": refused.detail}]
        headers = {"Content-Type": "application/problem+json"}
        if refused.status is HTTPStatus.UNAUTHORIZED:
            headers["WWW-Authenticate"] = "Bearer"
        self._answer(refused.status, headers, json.dumps(problem).encode())

    def _answer(self, status: HTTPStatus, headers: Mapping[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _number(query: Mapping[str, str], name: str, usual: int, least: int, most: int) -> int:
    text = query.get(name, str(usual))
    if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
        raise _Refused(HTTPStatus.UNPROCESSABLE_ENTITY, f"A number from {least} to {most}.", f"/query/{name}")
    return int(text)
