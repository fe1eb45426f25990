"""`jointly run`: everything from one command, in order, and stopped in the opposite order."""

import asyncio
import os
import shutil
import signal
import socket
import sys
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

import psutil
from chassis.clock import wall_now

from jointly import house
from jointly.lock import StateLock
from jointly.serving import LISTEN_FDS, listen
from jointly.settings import Settings
from jointly.state import StateFolder
from jointly.stores import Stores, prepare, started
from jointly.supervisor import Child, Supervisor
from jointly.terminal import Terminal
from jointly.welcome import welcome

PROCESSES: Final = "processes.json"
_LOG_BYTES: Final = 10_000_000
#: Longer than the longest request that a front may have in hand.
_LEFT_SECONDS: Final = 40.0


async def run(settings: Settings, names: Sequence[str], *, kafka: bool, terminal: Terminal) -> None:
    """Start everything, keep it running, and stop it when told to. What fails on the way up raises."""
    house.check(settings)
    house.known(names)
    state = StateFolder(settings.state_folder)
    state.prepare()
    stopping = _Stop()
    async with AsyncExitStack() as stack:
        stack.enter_context(StateLock(state.path, port=settings.port, now=wall_now()))
        await _until_gone(state, terminal)
        listening = [listen(settings.host, settings.port), listen(settings.host, settings.internal_port)]
        for each in listening:
            stack.callback(each.close)
        stores = await stack.enter_async_context(started(settings, state, kafka=kafka, terminal=terminal))
        settings = stores.settings
        if not stopping.now.is_set():
            with terminal.step("Schemas, roles and topics"):
                await prepare(settings, state)
        supervisor = Supervisor(
            _children(settings, state, names, listening),
            say=terminal.warn,
            note=lambda pids: _note(state, pids),
        )
        stack.push_async_callback(_stop, supervisor, stopping, listening, terminal)
        with terminal.step("Front and worker"):
            await stopping.unless(supervisor.start())
        await stopping.unless(welcome(settings, state, names, terminal))
        await stopping.unless(_go_on(supervisor, stores, terminal))


async def _until_gone(state: StateFolder, terminal: Terminal) -> None:
    """The children of a copy that was killed finish what they have in hand; until then they have the port."""
    recorded = state.read_json(PROCESSES).values()
    left = [process for pid in recorded if (process := _ours(pid)) is not None]
    if left:
        with terminal.step("Processes of a copy that was killed have finished"):
            _, alive = await asyncio.to_thread(psutil.wait_procs, left, _LEFT_SECONDS)
        for process in alive:
            process.kill()


def _ours(pid: int) -> psutil.Process | None:
    """The process of this number, if it is one of ours: numbers are used again."""
    try:
        process = psutil.Process(pid)
        return process if "jointly" in process.cmdline() and "--only" in process.cmdline() else None
    except psutil.Error:
        return None


async def _go_on(supervisor: Supervisor, stores: Stores, terminal: Terminal) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(supervisor.failed())
        group.create_task(stores.tend(terminal))


class _Stop:
    """Whether somebody wants us to stop, and whether they have said so twice."""

    def __init__(self) -> None:
        self.now = asyncio.Event()
        self.again = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, self._signalled)

    async def unless(self, work: Coroutine[object, object, None]) -> None:
        """Do something, but not longer than until told to stop."""
        if self.now.is_set():
            work.close()
            return
        doing = asyncio.create_task(work)
        told = asyncio.create_task(self.now.wait())
        await asyncio.wait({doing, told}, return_when=asyncio.FIRST_COMPLETED)
        told.cancel()
        if doing.done():
            doing.result()
            return
        doing.cancel()
        await asyncio.gather(doing, return_exceptions=True)

    def _signalled(self) -> None:
        if self.now.is_set():
            self.again.set()
        self.now.set()


async def _stop(
    supervisor: Supervisor, stopping: _Stop, listening: Sequence[socket.socket], terminal: Terminal
) -> None:
    terminal.say("\nStopping: what is in hand is finished first. Once more to wait for nothing else.")
    # The front's copies are now the only ones: when it stops listening, nobody waits in vain.
    for each in listening:
        each.close()
    hurrying = asyncio.create_task(stopping.again.wait())
    hurrying.add_done_callback(lambda task: None if task.cancelled() else supervisor.hasten())
    await supervisor.stop()
    hurrying.cancel()
    terminal.say("Stopped.")


def _note(state: StateFolder, pids: Mapping[str, int]) -> None:
    state.write_json(PROCESSES, {"supervisor": os.getpid(), **pids})


def _children(
    settings: Settings, state: StateFolder, names: Sequence[str], listening: Sequence[socket.socket]
) -> list[Child]:
    """The front first: it stops taking work in before the worker stops doing it."""
    logs, metrics = state.file("logs"), state.file("metrics")
    for folder in (logs, metrics):
        folder.mkdir(mode=0o700, exist_ok=True)
    for stale in metrics.iterdir():
        stale.unlink()
    shared = {
        "PROMETHEUS_MULTIPROC_DIR": str(metrics),
        "JOINTLY_STATE": str(state.path),
        "PYTHONUNBUFFERED": "1",
    }
    if settings.kafka_bootstrap is not None:
        shared["JOINTLY_KAFKA_BOOTSTRAP"] = settings.kafka_bootstrap
    descriptors = tuple(each.fileno() for each in listening)
    command = [sys.executable, "-m", "jointly", "run", *names, "--only"]
    return [
        Child(
            "front",
            [*command, "http"],
            _log(logs / "front.log"),
            {**shared, LISTEN_FDS: ",".join(map(str, descriptors))},
            descriptors,
        ),
        Child("worker", [*command, "workers"], _log(logs / "worker.log"), shared),
    ]


def _log(path: Path) -> Path:
    """The log, begun anew when it has grown large; the one before is kept."""
    if path.exists() and path.stat().st_size > _LOG_BYTES:
        shutil.move(path, path.with_suffix(".log.1"))
    return path
