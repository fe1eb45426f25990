"""A child's line to its supervisor: it says that it is ready and alive, and notices when nobody listens."""

import asyncio
import os
import signal
import socket
from typing import Final

from jointly.supervisor import ALIVE, CONTROL_FD, READY

#: Seconds between two signs of life; the supervisor waits for many of them.
HEARTBEAT: Final = 5.0


class Control:
    """Works without a supervisor too: then only signals stop the process."""

    def __init__(self, line: socket.socket | None) -> None:
        self._line = line
        #: Set when this process is to stop; work in hand is finished.
        self.stop = asyncio.Event()
        #: Set by a second signal: finish what is in hand, wait for nothing else.
        self.hasten = asyncio.Event()

    @classmethod
    def from_environment(cls) -> "Control":
        """The line this process was started with, if any."""
        descriptor = os.environ.pop(CONTROL_FD, None)
        if descriptor is None:
            return cls(None)
        line = socket.socket(fileno=int(descriptor))
        line.settimeout(0)
        return cls(line)

    @property
    def supervised(self) -> bool:
        """Whether somebody started this process to keep it."""
        return self._line is not None

    def listen_to_signals(self) -> None:
        """SIGTERM and SIGINT stop; the second one hastens; no further one does harm."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._signalled)

    async def ready(self) -> None:
        """Tell the supervisor that this process does its work now."""
        await self._say(READY)

    async def watch(self) -> None:
        """Give signs of life until the supervisor is gone; then stop."""
        if self._line is None:
            return
        beating = asyncio.create_task(self._beat())
        try:
            # Nothing is ever sent this way: reading ends when the other side closes, by intent or by dying.
            await asyncio.get_running_loop().sock_recv(self._line, 1)
        except OSError:
            pass
        finally:
            beating.cancel()
        self.stop.set()

    async def _beat(self) -> None:
        while True:
            await self._say(ALIVE)
            await asyncio.sleep(HEARTBEAT)

    async def _say(self, word: bytes) -> None:
        if self._line is None:
            return
        try:
            await asyncio.get_running_loop().sock_sendall(self._line, word)
        except OSError:
            # Nobody listens any more; `watch` sees the same and stops.
            self._line.shutdown(socket.SHUT_RD)

    def _signalled(self) -> None:
        if self.stop.is_set():
            self.hasten.set()
        self.stop.set()
