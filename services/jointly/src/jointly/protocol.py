"""HTTP/1.1 connections that cannot be held open or filled up: bounded heads, and a time for each part of a request."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

import orjson
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

#: Bytes of a request line and its headers together.
MAX_HEAD: Final = 32 * 1024
#: Seconds for a request's head to arrive, from the connection or from its first byte.
HEAD_SECONDS: Final = 15.0
#: Seconds for its body to arrive.
BODY_SECONDS: Final = 60.0
#: Bytes of a body that is read to its end even when it was refused at its beginning.
SHORT_BODY: Final = 256 * 1024
#: Bytes that are still taken, and dropped, from somebody who is on their way out.
MAX_UNWANTED: Final = 16 * 1024 * 1024
#: Sent twice, these mean one thing to us and perhaps another to whoever passes the request on.
_ONCE: Final = frozenset({b"host", b"authorization", b"content-type", b"idempotency-key", b"if-match"})
#: After a refusal, seconds for the caller to stop talking and read it.
_GOODBYE_SECONDS: Final = 1.0

_SAYS: Final[Mapping[int, tuple[str, str]]] = {
    400: ("malformed", "The request cannot be read."),
    408: ("too-slow", "The request did not arrive in time."),
    431: ("head-too-large", f"Request line and headers are larger than {MAX_HEAD // 1024} kB."),
}


class GuardedProtocol(HttpToolsProtocol):
    """uvicorn's protocol with limits. What is refused here never reaches an application."""

    _head_bytes = 0
    _in_head = True
    _in_body = False
    #: Bytes of a body's framing (chunk sizes, extensions, trailers) less the bytes that they frame.
    _framing = 0
    #: Bytes that came after we had hung up.
    _unwanted = 0
    #: A request has begun on this connection.
    _asked = False
    _refused = False
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Expect a request soon."""
        super().connection_made(transport)
        self._expect(HEAD_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        """Expect nothing more."""
        self._expect(None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Feed the parser; give up on a head that does not end."""
        if self._refused:
            self._unwanted += len(data)
            if self._unwanted > MAX_UNWANTED:
                self.transport.pause_reading()
            # Read and dropped: closing on unread bytes would reset the connection and take our answer with it.
            return
        if self._in_head:
            self._head_bytes += len(data)
        elif self._in_body:
            self._framing += len(data)
        super().data_received(data)
        if self._in_head and self._head_bytes > MAX_HEAD and not self._refused:
            self._refuse(431)
        elif self._in_body and self._framing > MAX_HEAD and not self._refused:
            self._refuse(400)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Note a header. A trailer is not one: it must not add to what the request was let in with."""
        if self._in_head:
            super().on_header(name, value)

    def on_message_begin(self) -> None:
        """A new request on this connection."""
        super().on_message_begin()
        self._asked, self._in_head, self._head_bytes = True, True, 0
        self._in_body, self._framing = False, 0
        self._expect(HEAD_SECONDS)

    def on_headers_complete(self) -> None:
        """The head is here, now the body has its time."""
        self._in_head, self._in_body = False, True
        names = [name for name, _ in self.headers]
        if b"host" not in names and self.parser.get_http_version() != "1.0":
            raise Ambiguous("host")
        for name in _ONCE:
            if names.count(name) > 1:
                raise Ambiguous(name.decode())
        self._expect(BODY_SECONDS)
        super().on_headers_complete()
        if not self._short():
            # Whoever is answered before they have said all is told to go, and listened to until they have heard it:
            # else a body without end would be read to its end.
            self.cycle.default_headers = [*self.cycle.default_headers, (b"connection", b"close")]
            self.cycle.transport = cast("asyncio.Transport", _Patient(self.transport, self._leave))

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        self._framing -= 2 * len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """All of it is here; from now on it is the application's time."""
        self._in_body = False
        self.cycle.default_headers = self.server_state.default_headers
        self._expect(None)
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  uvicorn's words for it
        """What cannot be parsed is answered in the same form as everything else."""
        self._refuse(400)

    def _short(self) -> bool:
        """Whether the body has an end that is near: its rest is waited for even when it is not wanted."""
        announced = dict(self.headers)
        return b"transfer-encoding" not in announced and int(announced.get(b"content-length", 0)) <= SHORT_BODY

    def _expect(self, seconds: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if seconds is None else self.loop.call_later(seconds, self._too_late)

    def _too_late(self) -> None:
        if not self._asked or self._refused:
            # Nothing was asked, or it is answered already.
            self.transport.close()
        else:
            self._refuse(408)

    def _refuse(self, status: int) -> None:
        if self._in_body and self.cycle is not None and self.cycle.response_complete:
            # This request has its answer; a second one would be taken for the next request's.
            self._hang_up()
            return
        self._refused = True
        if self.cycle is not None and not self.cycle.response_complete:
            # The application hears that its caller is gone; what it has begun to say is not mixed with a refusal.
            begun = self.cycle.response_started
            self.cycle.disconnected = True
            self.cycle.message_event.set()
            if begun:
                self.transport.close()
                return
        self.transport.write(_answer(status, self.server_state.default_headers))
        self._hang_up()

    def _leave(self) -> None:
        if self._in_body:
            self._hang_up()
        else:
            self.transport.close()

    def _hang_up(self) -> None:
        self._refused = True
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._expect(_GOODBYE_SECONDS)


class _Patient:
    """A transport that its user closes in another way."""

    def __init__(self, transport: asyncio.Transport, close: Callable[[], None]) -> None:
        self._transport = transport
        self.close = close

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class Ambiguous(ValueError):
    """A head without, or with two of, what there must be one of."""


def _answer(status: int, headers: list[tuple[bytes, bytes]]) -> bytes:
    code, detail = _SAYS[status]
    body: dict[str, Any] = {
        "type": f"https://schemas.jointly.example/problems/{code}",
        "title": code.replace("-", " ").capitalize(),
        "status": status,
        "detail": detail,
        "errors": [],
    }
    content = orjson.dumps(body)
    lines = [
        *headers,
        (b"content-type", b"application/problem+json"),
        (b"content-length", str(len(content)).encode()),
        (b"cache-control", b"no-store"),
        (b"connection", b"close"),
    ]
    return b"".join([STATUS_LINE[status], *(b"%b: %b\r\n" % line for line in lines), b"\r\n", content])


def head_size(scope: Mapping[str, Any]) -> int:
    """Bytes of a request's head, as an application sees it."""
    size = len(scope.get("raw_path", b"")) + len(scope.get("query_string", b""))
    return size + sum(len(name) + len(value) + 4 for name, value in scope["headers"])
