"""HTTP/1.1 connections that cannot be held open or filled up: bounded heads, and a time for each part of a request."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import orjson
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

#: Bytes of a request line and its headers together.
MAX_HEAD: Final = 32 * 1024
#: Seconds for a request's head to arrive, from the connection or from its first byte.
HEAD_SECONDS: Final = 15.0
#: Seconds for its body to arrive.
BODY_SECONDS: Final = 60.0
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
            # Read and dropped: closing on unread bytes would reset the connection and take our answer with it.
            return
        if self._in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._in_head and self._head_bytes > MAX_HEAD and not self._refused:
            self._refuse(431)

    def on_message_begin(self) -> None:
        """A new request on this connection."""
        super().on_message_begin()
        self._asked, self._in_head, self._head_bytes = True, True, 0
        self._expect(HEAD_SECONDS)

    def on_headers_complete(self) -> None:
        """The head is here, now the body has its time."""
        self._in_head = False
        self._expect(BODY_SECONDS)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """All of it is here; from now on it is the application's time."""
        self._expect(None)
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  uvicorn's words for it
        """What cannot be parsed is answered in the same form as everything else."""
        self._refuse(400)

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
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._expect(_GOODBYE_SECONDS)


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
