"""A real Apache Kafka for development and tests: one broker, or three, as child processes on this machine."""

import asyncio
import base64
import contextlib
import shutil
import signal
import socket
import subprocess
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template
from types import TracebackType
from typing import Final, Self

import psutil
from chassis.clock import new_id, wall_now, wall_seconds
from chassis.event_log.kafka import Brokers, KafkaEventLog

from jointly.kafka_artifacts import DEPLOY, KafkaUnavailable, fetch, java
from jointly.lock import StateLock
from jointly.state import StateFolder

#: Replicas that must have a record before it is acknowledged, with three brokers.
_IN_SYNC_OF_THREE: Final = 2
_START_SECONDS: Final = 90.0
_STOP_SECONDS: Final = 30.0
_POLL_SECONDS: Final = 0.1
_TRIES_FOR_A_PORT: Final = 3
#: Small and quick to start; a development broker does not live long enough to earn the optimising compiler.
_JVM: Final = ("-Xms96m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:+ExitOnOutOfMemoryError")


class BrokerDidNotStart(KafkaUnavailable):
    """The broker's process ended, or never answered."""


class Node:
    """One broker process and its folder."""

    def __init__(self, number: int, folder: Path, port: int | None) -> None:
        self.number = number
        self.folder = StateFolder(folder)
        self._wanted = port
        self.port = port or 0
        self.broker_port = 0
        self.controller_port = 0
        self._process: subprocess.Popen[bytes] | None = None

    def choose_ports(self) -> None:
        """Take free ports. They stay the same for as long as this object lives, so clients find it again."""
        free = _free_ports(3)
        self.port = self._wanted or free[0]
        self.broker_port, self.controller_port = free[1], free[2]

    @property
    def pid(self) -> int | None:
        """The process, while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    @property
    def ended(self) -> bool:
        """Whether the process ended although nobody asked it to."""
        return self._process is not None and self._process.poll() is not None

    @property
    def log(self) -> Path:
        """The broker's own log."""
        return self.folder.file("broker.log")

    def launch(self, jars: Path, properties: str, formatting: Sequence[str]) -> None:
        """Start the process, after the first-time formatting of its data folder."""
        self.folder.prepare()
        self._end_leftover()
        self.folder.write("server.properties", properties.encode())
        if not self.folder.file("data/meta.properties").exists():
            done = subprocess.run(  # noqa: S603  a fixed command line
                self._command(
                    *(jars, "kafka.tools.StorageTool", "format", "--ignore-formatted"),
                    *("--config", str(self.folder.file("server.properties")), *formatting),
                ),
                capture_output=True,
                text=True,
                check=False,
                timeout=_START_SECONDS,
            )
            if done.returncode:
                raise BrokerDidNotStart(f"Kafka could not format its storage:\n{done.stdout}{done.stderr}")
        with self.folder.file("broker.out").open("wb") as out:
            # Out of the terminal's process group: Ctrl-C reaches the services first, and they end the broker.
            self._process = subprocess.Popen(  # noqa: S603  a fixed command line
                self._command(jars, "kafka.Kafka", str(self.folder.file("server.properties"))),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        started = psutil.Process(self._process.pid).create_time()
        self.folder.write_json("process.json", {"pid": self._process.pid, "started": started})

    async def stop(self) -> None:
        """Ask the process to end; insist when it does not."""
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.to_thread(process.wait, _STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            await asyncio.to_thread(process.wait)
        self.folder.file("process.json").unlink(missing_ok=True)

    async def kill(self) -> None:
        """What a crash does: SIGKILL, no goodbye."""
        self._send(signal.SIGKILL)
        process, self._process = self._process, None
        if process is not None:
            await asyncio.to_thread(process.wait)

    def pause(self) -> None:
        """Freeze the process: it keeps its connections and answers nobody."""
        self._send(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a paused process go on."""
        self._send(signal.SIGCONT)

    def last_words(self) -> str:
        """What a person wants to see of a broker that did not start."""
        lines: list[str] = []
        for file in (self.folder.file("broker.out"), self.log):
            if file.exists():
                lines += file.read_text(encoding="utf-8", errors="replace").splitlines()[-400:]
        telling = [line for line in lines if " ERROR " in line or " FATAL " in line or "xception" in line]
        return "\n".join((telling or lines)[-12:])

    def _send(self, what: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(what)

    def _command(self, jars: Path, main: str, *arguments: str) -> list[str]:
        settings = (f"-Dlog4j2.configurationFile={DEPLOY / 'log4j2.xml'}", f"-Dbroker.log={self.log}")
        return [str(java()), *_JVM, *settings, "-cp", f"{jars}/*", main, *arguments]

    def _end_leftover(self) -> None:
        """A broker whose parent was killed lives on and holds the data folder: end that very process."""
        noted = self.folder.read_json("process.json")
        with contextlib.suppress(psutil.NoSuchProcess, KeyError):
            leftover = psutil.Process(noted["pid"])
            if leftover.create_time() == noted["started"]:
                leftover.terminate()
                try:
                    leftover.wait(_STOP_SECONDS)
                except psutil.TimeoutExpired:
                    leftover.kill()
                    leftover.wait()


class KafkaBroker:
    """Apache Kafka in KRaft mode, in a folder of its own. `async with KafkaBroker(folder) as broker: broker.bootstrap`.

    `port` is the first broker's (the next ones follow it); by default free ones are taken. `advertised` maps a
    broker's number to the port that clients are told, for a proxy that stands between. `settings` are more lines for
    server.properties, and `scram` the users of a listener that asks for one: name to password.
    """

    def __init__(
        self,
        folder: Path,
        *,
        brokers: int = 1,
        port: int | None = None,
        advertised: Mapping[int, int] | None = None,
        settings: str = "",
        scram: Mapping[str, str] | None = None,
    ) -> None:
        self._settings = settings
        self._users = [f"SCRAM-SHA-512=[name={name},password={word}]" for name, word in (scram or {}).items()]
        self._folder = StateFolder(folder)
        self._port = port
        self._advertised = dict(advertised or {})
        self._lock: StateLock | None = None
        self._jars: Path | None = None
        self._id = ""
        self.nodes = tuple(
            Node(number, self._folder.path / f"node-{number}", port and port + number - 1)
            for number in range(1, brokers + 1)
        )

    @property
    def bootstrap(self) -> str:
        """What clients are given."""
        return ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Start every broker and return when all of them answer. Raises `KafkaUnavailable`, `AlreadyRunning`."""
        self._folder.prepare()
        self._jars = await asyncio.to_thread(fetch)
        self._lock = StateLock(self._folder.path, port=self._port or 0, now=wall_now())
        self._lock.take()
        self._id = self._kafka_id()
        try:
            for tries_left in reversed(range(_TRIES_FOR_A_PORT)):
                for node in self.nodes:
                    node.choose_ports()
                try:
                    await self._start_all()
                except BrokerDidNotStart as error:
                    # Somebody took a free port between our look and the broker's.
                    if not tries_left or "Address already in use" not in str(error) or self._port:
                        raise
                    await self._stop_all()
                else:
                    return
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop every broker and let the folder go."""
        await self._stop_all()
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    async def forget(self) -> None:
        """What losing the disks does: every topic and offset is gone. Brokers that still run are killed first."""
        for node in self.nodes:
            await node.kill()
            await asyncio.to_thread(shutil.rmtree, node.folder.file("data"), ignore_errors=True)
        self._folder.file("kafka-id").unlink()
        self._id = self._kafka_id()

    async def restart(self, number: int = 1) -> None:
        """Start a broker again that was killed or stopped, at its old address; return when all that run answer."""
        await asyncio.to_thread(self._launch, self.nodes[number - 1])
        await self._until_ready()

    async def _start_all(self) -> None:
        await asyncio.gather(*(asyncio.to_thread(self._launch, node) for node in self.nodes))
        await self._until_ready()

    async def _stop_all(self) -> None:
        # Together: a quorum that goes one by one leaves the last ones waiting for a controller.
        await asyncio.gather(*(node.stop() for node in self.nodes))

    def _launch(self, node: Node) -> None:
        if self._jars is None:
            raise BrokerDidNotStart("This broker was never started.")
        template = Template((DEPLOY / "server.properties").read_text(encoding="utf-8") + self._settings)
        replicas = min(len(self.nodes), 3)
        node.launch(
            self._jars,
            template.substitute(
                node=node.number,
                voters=",".join(f"{n.number}@127.0.0.1:{n.controller_port}" for n in self.nodes),
                port=node.port,
                broker_port=node.broker_port,
                controller_port=node.controller_port,
                advertised_port=self._advertised.get(node.number, node.port),
                data=node.folder.file("data"),
                replicas=replicas,
                in_sync=min(replicas, _IN_SYNC_OF_THREE),
            ),
            ["--cluster-id", self._id, *(word for user in self._users for word in ("--add-scram", user))],
        )

    def _kafka_id(self) -> str:
        """Kafka's own name for the brokers that belong together: made once, the same for all of them."""
        file = self._folder.file("kafka-id")
        if not file.exists():
            made = base64.urlsafe_b64encode(uuid.UUID(new_id()).bytes).decode().rstrip("=")
            self._folder.write("kafka-id", made.encode())
        return file.read_text(encoding="utf-8")

    async def _until_ready(self) -> None:
        """A client's answer counts, not a line in a log: each that runs must name all that run."""
        until = wall_seconds() + _START_SECONDS
        for node in self.nodes:
            while node.pid is not None and not await self._knows_all(node):
                if wall_seconds() > until:
                    raise BrokerDidNotStart(f"Kafka did not answer within {_START_SECONDS:.0f} s. {_look(node)}")
                await asyncio.sleep(_POLL_SECONDS)
        for node in self.nodes:
            if node.ended:
                raise BrokerDidNotStart(f"Kafka's broker {node.number} ended. {_look(node)}")

    async def _knows_all(self, asked: Node) -> bool:
        if not _listens(asked.port):
            return False
        log = KafkaEventLog(Brokers(f"127.0.0.1:{asked.port}"))
        try:
            return {node.number for node in self.nodes if node.pid is not None} <= await log.brokers_up()
        finally:
            await log.close()


def _look(node: Node) -> str:
    return f"Its log is {node.log}, and it says:\n{node.last_words()}"


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]
