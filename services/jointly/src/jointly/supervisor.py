"""Keeps child processes running: starts them, starts again what dies or hangs, stops all in order."""

import asyncio
import os
import signal
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from chassis.clock import wall_seconds

#: Names the file descriptor of a child's line to its supervisor.
CONTROL_FD: Final = "JOINTLY_CONTROL_FD"
READY: Final = b"r"
ALIVE: Final = b"."


@dataclass(frozen=True, slots=True)
class Child:
    """A process to keep. It writes to its log, and says on its control line that it is ready and alive."""

    name: str
    command: Sequence[str]
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    #: Open files that it inherits under the same numbers.
    pass_fds: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for what, in seconds of wall time."""

    first_pause: float = 0.5
    longest_pause: float = 30.0
    #: After so long without a crash the pauses start small again.
    forgiven_after: float = 60.0
    #: Without a sign of life for so long, a child hangs.
    silence: float = 60.0
    #: A child that has not stopped by then is killed; its work in hand is redone at the next start.
    stopping: float = 40.0
    #: Crashes before it was ever ready, after which starting is given up.
    false_starts: int = 4


class CannotStart(Exception):
    """A child died again and again before it was ready."""


class Supervisor:
    """Keeps some children. `say` tells a person what happens, `note` gets the process ids when they change."""

    def __init__(
        self,
        children: Sequence[Child],
        *,
        say: Callable[[str], None],
        note: Callable[[Mapping[str, int]], None] = lambda _: None,
        patience: Patience | None = None,
    ) -> None:
        self._note = note
        wait = patience or Patience()
        self._kept = {child.name: _Kept(child, say, self._changed, wait) for child in children}

    async def start(self) -> None:
        """Start all and return when all are ready. Raises `CannotStart`; then nothing runs any more."""
        keeping = [kept.start() for kept in self._kept.values()]
        ready = [asyncio.create_task(kept.ready.wait()) for kept in self._kept.values()]
        try:
            waiting = set(ready)
            while waiting:
                done, _ = await asyncio.wait({*waiting, *keeping}, return_when=asyncio.FIRST_COMPLETED)
                for task in done - waiting:
                    await task
                waiting -= done
        except BaseException:
            await self.stop()
            raise
        finally:
            for task in ready:
                task.cancel()

    async def failed(self) -> None:
        """Wait until a child cannot be kept at all. Raises what stopped it."""
        keeping = [kept.task for kept in self._kept.values() if kept.task is not None]
        # `gather` would cancel the keeping when this waiting is cancelled, and children would be left to themselves.
        done, _ = await asyncio.wait(keeping, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()

    async def stop(self) -> None:
        """Stop the children one by one, in the order given: who takes work in stops before who does it."""
        for kept in self._kept.values():
            await kept.stop()

    def hasten(self) -> None:
        """Tell every child that is still stopping not to wait for anything but the work in hand."""
        for kept in self._kept.values():
            kept.hasten()

    def pids(self) -> dict[str, int]:
        """The process ids of those that run now."""
        return {name: kept.pid for name, kept in self._kept.items() if kept.pid is not None}

    def _changed(self) -> None:
        self._note(self.pids())


class _Kept:
    """One child through all its lives."""

    def __init__(
        self, child: Child, say: Callable[[str], None], changed: Callable[[], None], patience: Patience
    ) -> None:
        self._child = child
        self._say = say
        self._changed = changed
        self._patience = patience
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = asyncio.Event()
        self.ready = asyncio.Event()
        self.task: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    def start(self) -> asyncio.Task[None]:
        self.task = asyncio.create_task(self._keep(), name=f"keep {self._child.name}")
        return self.task

    async def stop(self) -> None:
        """Ask it to finish; kill it when it does not."""
        self._stopping.set()
        if self.task is None:
            return
        self._signal(signal.SIGTERM)
        done, _ = await asyncio.wait({self.task}, timeout=self._patience.stopping)
        if not done:
            self._say(f"{self._child.name} does not stop; killing it. What it had in hand is done again next time.")
            self._signal(signal.SIGKILL)
        await asyncio.gather(self.task, return_exceptions=True)

    def hasten(self) -> None:
        if self._stopping.is_set():
            self._signal(signal.SIGTERM)

    async def _keep(self) -> None:
        pause, false_starts = self._patience.first_pause, 0
        while not self._stopping.is_set():
            started = wall_seconds()
            code = await self._live()
            if self._stopping.is_set():
                return
            if wall_seconds() - started > self._patience.forgiven_after:
                pause = self._patience.first_pause
            false_starts = 0 if self.ready.is_set() else false_starts + 1
            if false_starts == self._patience.false_starts:
                raise CannotStart(
                    f"{self._child.name} {_how(code)} {false_starts} times before it was ready. "
                    f"Its log, {self._child.log}, ends:\n{tail(self._child.log)}"
                )
            self._say(f"{self._child.name} {_how(code)}; starting it again in {pause:g} s. Log: {self._child.log}")
            stopped = asyncio.create_task(self._stopping.wait())
            await asyncio.wait({stopped}, timeout=pause)
            stopped.cancel()
            pause = min(2 * pause, self._patience.longest_pause)

    async def _live(self) -> int:
        """One life, from start to end; its return code."""
        ours, theirs = socket.socketpair()
        with theirs, self._child.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._child.command,
                env={**os.environ, **self._child.environment, CONTROL_FD: str(theirs.fileno())},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(theirs.fileno(), *self._child.pass_fds),
                # Ctrl-C reaches the supervisor alone, which stops the children in order.
                start_new_session=True,
            )
        self._changed()
        if self._stopping.is_set():
            self._signal(signal.SIGTERM)
        listening = asyncio.create_task(self._listen(ours))
        try:
            return await self._process.wait()
        finally:
            listening.cancel()
            ours.close()

    async def _listen(self, line: socket.socket) -> None:
        line.settimeout(0)
        loop = asyncio.get_running_loop()
        while True:
            try:
                async with asyncio.timeout(self._patience.silence):
                    words = await loop.sock_recv(line, 64)
            except TimeoutError:
                self._say(f"{self._child.name} gave no sign of life for {self._patience.silence:g} s; killing it.")
                self._signal(signal.SIGKILL)
                return
            except OSError:
                return
            if READY in words:
                self.ready.set()
            if not words:
                return

    def _signal(self, number: signal.Signals) -> None:
        if self.pid is not None and self._process is not None:
            self._process.send_signal(number)


def _how(code: int) -> str:
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"


def tail(log: Path, lines: int = 15) -> str:
    """The last lines of a log."""
    with log.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - 16_384))
        return "\n".join(file.read().decode("utf-8", "replace").splitlines()[-lines:])
