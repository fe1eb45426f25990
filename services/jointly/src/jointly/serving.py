"""Serving an application by uvicorn, and ending so that nobody loses an answer."""

import asyncio
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from jointly.protocol import GuardedProtocol

#: Longer than the longest request: its statement may take 30 s.
_FINISH_SECONDS: Final = 35
#: After the end of listening, open connections get so long for one more request, answered with `Connection: close`.
_LINGER_SECONDS: Final = 2.0
_BACKLOG: Final = 2_048
#: Names the sockets that a supervisor opened: the public one, then the internal one.
LISTEN_FDS: Final = "JOINTLY_LISTEN_FDS"
#: Longer than a load balancer keeps an idle connection, so that it is the balancer who closes.
_IDLE_SECONDS: Final = 75


class Leaving:
    """Whether this process is on its way out; then each answer asks its client to go elsewhere next time."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.now = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http" or not self.now:
            await self._app(scope, receive, send)
            return

        async def closing(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"connection", b"close")]
            await send(message)

        await self._app(scope, receive, closing)


class Listener(uvicorn.Server):
    """One listening address. Signals are the process's business, not the server's."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                loop="none",
                http=GuardedProtocol,
                ws="none",
                lifespan="off",
                access_log=False,
                log_config=None,
                server_header=False,
                proxy_headers=False,
                backlog=_BACKLOG,
                timeout_keep_alive=_IDLE_SECONDS,
                timeout_graceful_shutdown=_FINISH_SECONDS,
            )
        )
        self.lingers = _LINGER_SECONDS

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop listening, let open connections have one more answer, then finish what is in hand."""
        for server in self.servers:
            server.close()
        waited = 0.0
        while self.server_state.connections and waited < self.lingers:
            await asyncio.sleep(0.05)
            waited += 0.05
        await super().shutdown(sockets)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket, taken before anything else so that a port in use is told at once. Raises `PortTaken`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise PortTaken(host, port, error) from error
    listening.listen(_BACKLOG)
    return listening


def adopt(descriptors: Sequence[int]) -> list[socket.socket]:
    """Sockets that a supervisor opened and keeps: while this process is away, callers wait instead of failing."""
    return [socket.socket(fileno=descriptor) for descriptor in descriptors]


class PortTaken(Exception):
    """Nobody else may have the port."""

    def __init__(self, host: str, port: int, error: OSError) -> None:
        super().__init__(
            f"{host}:{port} cannot be listened to ({error.strerror}). Another program has it? "
            "Take another: JOINTLY_PORT=8100 (the port above it is needed too)."
        )
