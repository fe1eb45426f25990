"""The example consumers ready to be started, and a secured broker that they sign in to."""

import asyncio
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from socket import socket
from typing import NoReturn

import pytest
from integration.exchange.conftest import clock, exchange, receiver, served  # noqa: F401  its house is borrowed
from integration.kit.broker import Secured, secured_broker
from integration.kit.processes import EXAMPLES, Running

Start = Callable[..., Running]


def cannot(reason: str) -> NoReturn:
    """Skip where a tool is missing; where everything counts, fail."""
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def alone(file: Path) -> Iterator[None]:
    """Two runs at the same time install one after the other."""
    with file.open("a", encoding="utf-8") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts processes, and ends those that are left."""
    with ExitStack() as running:

        def one(command: Sequence[str | Path], folder: Path, **settings: str) -> Running:
            process = Running(command, folder, settings)
            running.callback(process.kill)
            return process

        yield one


@pytest.fixture(scope="session")
def python_example() -> tuple[Path, list[str | Path]]:
    """Its folder, and what runs a file of it."""
    return EXAMPLES / "python", [sys.executable, "-B"]


@pytest.fixture(scope="session")
def node_example() -> tuple[Path, list[str | Path]]:
    """Its folder with its packages, as its lock says; and what runs a file of it."""
    node, npm, folder = shutil.which("node"), shutil.which("npm"), EXAMPLES / "node"
    if node is None or npm is None:
        cannot("Node.js with npm is not here: install Node.js 20 or newer to try the examples in JavaScript.")
    stamp = folder / "node_modules" / ".installed-from"
    with alone(folder / "package-lock.json"):
        wanted = (folder / "package-lock.json").read_text("utf-8")
        if not stamp.is_file() or stamp.read_text("utf-8") != wanted:
            done = subprocess.run([npm, "ci"], cwd=folder, check=False, capture_output=True, text=True)  # noqa: S603
            if done.returncode:
                cannot(f"The packages of {folder} could not be installed: {done.stderr[-2000:]}")
            stamp.write_text(wanted, "utf-8")
    return folder, [node]


@pytest.fixture(scope="session")
def java_example() -> tuple[Path, list[str | Path]]:
    """Its folder, and what runs its consumer: compiled, with its jars, in a cache outside the tree."""
    from jointly.kafka_artifacts import DEPLOY, KafkaUnavailable, cache, java

    maven, folder = shutil.which("mvn"), EXAMPLES / "java"
    try:
        runs = java()
    except KafkaUnavailable as missing:
        cannot(str(missing))
    if maven is None or shutil.which("javac") is None:
        cannot("Maven with a Java compiler is not here: install both (Debian: maven, openjdk-17-jdk-headless).")
    sources = [folder / "pom.xml", *sorted(folder.rglob("*.java"))]
    version = hashlib.sha256(b"\0".join(each.read_bytes() for each in sources)).hexdigest()[:16]
    made = cache() / f"kit-java-{version}"
    made.mkdir(parents=True, exist_ok=True)
    with alone(made / "lock"):
        if not (made / "complete").is_file():
            command = [maven, "--batch-mode", "--quiet", "--strict-checksums", f"-Dmade={made}", "process-classes"]
            done = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True)  # noqa: S603
            if done.returncode:
                cannot(f"Maven could not build {folder}: {(done.stdout + done.stderr)[-2000:]}")
            # The client is the broker's own: the same jars, pinned once.
            pinned = {line.split()[0] for line in (DEPLOY / "jars.sha256").read_text("utf-8").splitlines() if line}
            jars = {jar.name: hashlib.sha256(jar.read_bytes()).hexdigest() for jar in (made / "lib").glob("*.jar")}
            assert jars
            assert {name for name, digest in jars.items() if digest not in pinned} == set()
            (made / "complete").touch()
    return folder, [runs, "-Xmx128m", "-XX:TieredStopAtLevel=1", "-cp", f"{made / 'classes'}:{made / 'lib'}/*"]


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """A secured broker with its topics and the rights of deploy/kafka/access.toml."""
    from jointly.kafka_artifacts import KafkaUnavailable

    try:
        running = asyncio.run(secured_broker(tmp_path_factory.mktemp("kafka")))
    except KafkaUnavailable as missing:
        cannot(str(missing))
    yield running
    asyncio.run(running.broker.stop())


@pytest.fixture
def free_port() -> int:
    """One that nobody listens on."""
    with closing(socket()) as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port
