"""The real host as processes: `jointly run` in a folder of its own, on free ports, to be asked, killed and stopped."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
import psutil
from chassis.clock import wall_seconds

#: The last thing said on the way up, by which everybody knows that it is up.
UP: Final = "Jointly runs."
#: Two busy cores, a new database and a whole county.
_START_SECONDS: Final = 120.0
_STOP_SECONDS: Final = 60.0


class DidNotStart(Exception):
    """It ended, or never came up; with what it said."""


@dataclass
class Host:
    """One running copy. What it keeps stays in `state` when it stops, so that the next one goes on there."""

    state: Path
    port: int
    process: subprocess.Popen[bytes]
    environment: Mapping[str, str]
    _secrets: dict[str, Any] = field(default_factory=dict)

    @property
    def origin(self) -> str:
        """Where the services are reached."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def internal(self) -> str:
        """Metrics and operations."""
        return f"http://127.0.0.1:{self.port + 1}"

    @property
    def output(self) -> str:
        """What it has said so far."""
        return (self.state / "run.out").read_text(encoding="utf-8")

    def log(self, name: str) -> str:
        """What `front` or `worker` has logged so far."""
        return (self.state / "logs" / f"{name}.log").read_text(encoding="utf-8")

    def credentials(self) -> dict[str, Any]:
        """The demo systems and people."""
        found: dict[str, Any] = json.loads((self.state / "credentials.json").read_text(encoding="utf-8"))
        return found

    def system(self, sector: str) -> dict[str, Any]:
        """The credentials of the first system of a sector."""
        rows: list[dict[str, Any]] = self.credentials()["systems"]
        return next(row for row in rows if row["sector"] == sector)

    def token(self, *, person: str = "", system: str = "") -> str:
        """An access token, by a person's role or a system's organisation."""
        who = ["--person", person] if person else ["--system", system]
        return self.command("token", *who).strip()

    def command(self, *words: str) -> str:
        """The output of an operator's command beside this host. Raises when it fails."""
        done = subprocess.run(  # noqa: S603  our own program
            [sys.executable, "-m", "jointly", *words],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise AssertionError(f"jointly {' '.join(words)} failed: {done.stdout}{done.stderr}")
        return done.stdout

    def pids(self) -> dict[str, int]:
        """Process ids: supervisor, front, worker."""
        found: dict[str, int] = json.loads((self.state / "processes.json").read_text(encoding="utf-8"))
        return found

    def kill(self, name: str, how: signal.Signals = signal.SIGKILL) -> psutil.Process:
        """Send a signal to one of the processes, and return it."""
        process = psutil.Process(self.pids()[name])
        process.send_signal(how)
        return process

    def until_ready(self, seconds: float = 30.0) -> None:
        """Wait until requests are taken."""
        ends = wall_seconds() + seconds
        last = ""
        while wall_seconds() < ends:
            try:
                answer = httpx.get(f"{self.origin}/readyz", trust_env=False, timeout=5)
            except httpx.TransportError as error:
                last = type(error).__name__
                continue
            if answer.status_code == httpx.codes.OK:
                return
            last = answer.text
        raise DidNotStart(f"Not ready after {seconds:g} s: {last}\n{self.output}")

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Stop it as an operator does; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        return self.process.wait(_STOP_SECONDS)


@contextmanager
def running(
    state: Path,
    *services: str,
    port: int | None = None,
    environment: Mapping[str, str] | None = None,
    arguments: Sequence[str] = (),
) -> Iterator[Host]:
    """`jointly run` in this state folder, up and seeded; stopped afterwards, and no process left behind."""
    host = start(state, *services, port=port, environment=environment, arguments=arguments)
    children = psutil.Process(host.process.pid).children(recursive=True)
    try:
        yield host
    finally:
        children += _descendants(host.process.pid)
        try:
            host.stop()
        finally:
            for process in (psutil.Process(host.process.pid), *children) if host.process.poll() is None else children:
                if process.is_running():
                    process.kill()
            host.process.wait()


def start(
    state: Path,
    *services: str,
    port: int | None = None,
    environment: Mapping[str, str] | None = None,
    arguments: Sequence[str] = (),
) -> Host:
    """Start a copy and wait until it is up. Raises `DidNotStart` with what it said."""
    state.mkdir(parents=True, exist_ok=True)
    chosen = port or free_ports()
    surroundings = {
        **{name: value for name, value in os.environ.items() if not name.startswith("JOINTLY_")},
        "JOINTLY_STATE": str(state),
        "JOINTLY_PORT": str(chosen),
        **(environment or {}),
    }
    with (state / "run.out").open("wb") as out:
        process = subprocess.Popen(  # noqa: S603  our own program
            [sys.executable, "-m", "jointly", "run", *services, *arguments],
            env=surroundings,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    host = Host(state, chosen, process, surroundings)
    ends = wall_seconds() + _START_SECONDS
    while UP not in host.output:
        if process.poll() is not None or wall_seconds() > ends:
            host.stop(signal.SIGINT)
            raise DidNotStart(host.output)
        try:
            process.wait(0.05)
        except subprocess.TimeoutExpired:
            continue
    return host


def free_ports() -> int:
    """A port that is free, and the one above it too."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port: int = first.getsockname()[1]
            try:
                second.bind(("127.0.0.1", port + 1))
            except (OSError, OverflowError):
                continue
            return port


def _descendants(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
