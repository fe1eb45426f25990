"""Apache Kafka as it is published: found in a cache, or fetched there by Maven and checked against deploy/kafka."""

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

VERSION: Final = "4.3.1"
#: The oldest Java that this Kafka's brokers run on.
OLDEST_JAVA: Final = 17
#: What the tree says of the broker: pom.xml, jars.sha256, server.properties, log4j2.xml.
DEPLOY: Final = Path(__file__).parents[4] / "deploy" / "kafka"
_FETCH_SECONDS: Final = 900
_OTHERWISE: Final = (
    "Or use a broker that is already there: JOINTLY_KAFKA_BOOTSTRAP=host:port. "
    "Without Kafka, `make run` keeps the same event log in PostgreSQL."
)


class KafkaUnavailable(Exception):
    """The broker cannot be had here; the text says what to do."""


class JavaMissing(KafkaUnavailable):
    """No Java, or one too old."""


class MavenMissing(KafkaUnavailable):
    """No Maven, and the broker is not in the cache yet."""


class NotFetched(KafkaUnavailable):
    """Maven did not bring the broker, or brought other files than the pinned ones."""


def java() -> Path:
    """The Java that runs the broker: JAVA_HOME's, else the first on the PATH. Raises `JavaMissing`."""
    home = os.environ.get("JAVA_HOME")
    found = shutil.which("java", path=str(Path(home) / "bin")) if home else None
    found = found or shutil.which("java")
    install = f"Install Java {OLDEST_JAVA} or newer (Debian: apt-get install openjdk-17-jre-headless). {_OTHERWISE}"
    if found is None:
        raise JavaMissing(f"Apache Kafka needs Java, and there is none. {install}")
    said = subprocess.run([found, "-version"], capture_output=True, text=True, check=False)  # noqa: S603
    version = re.search(r'version "(\d+)', said.stderr)
    if version is None or int(version[1]) < OLDEST_JAVA:
        what = f"is version {version[1]}" if version else "does not say which version it is"
        raise JavaMissing(f"Apache Kafka needs Java {OLDEST_JAVA}; {found} {what}. {install}")
    return Path(found)


def cache() -> Path:
    """Where fetched things are kept, outside the tree: JOINTLY_CACHE, else the user's cache folder."""
    chosen = os.environ.get("JOINTLY_CACHE")
    if chosen:
        return Path(chosen).expanduser().absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").absolute() / "jointly"


def fetch() -> Path:
    """The folder of the broker's jars; the first time Maven fills it (about 45 MB). Raises `KafkaUnavailable`."""
    if not DEPLOY.is_dir():
        raise NotFetched(f"Kafka is started from a checkout of the project, which has deploy/kafka. {_OTHERWISE}")
    pinned = (DEPLOY / "jars.sha256").read_text(encoding="utf-8")
    folder = cache() / f"kafka-{VERSION}"
    if _is_whole(folder, pinned):
        return folder
    maven = shutil.which("mvn")
    if maven is None:
        raise MavenMissing(
            f"Apache Kafka {VERSION} is fetched with Maven, and there is none. Install it once "
            f"(Debian: apt-get install maven), or copy the jars that deploy/kafka/jars.sha256 names and that file "
            f"itself to {folder}. {_OTHERWISE}"
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".kafka-") as made:
        incoming = Path(made) / "jars"
        _copy_with(maven, incoming)
        _check(incoming, pinned)
        (incoming / "jars.sha256").write_text(pinned, encoding="utf-8")
        # Whole or not at all; of two that fetch at once, the later finds the earlier's and keeps it.
        if folder.exists() and not _is_whole(folder, pinned):
            folder.rename(Path(made) / "outdated")
        if not folder.exists():
            incoming.rename(folder)
    return folder


def _is_whole(folder: Path, pinned: str) -> bool:
    """The list of jars is written last, so a folder that has ours has all of them."""
    listed = folder / "jars.sha256"
    return listed.is_file() and listed.read_text(encoding="utf-8") == pinned


def _copy_with(maven: str, incoming: Path) -> None:
    command = [
        *(maven, "--batch-mode", "--quiet", "--strict-checksums", "--file", str(DEPLOY / "pom.xml")),
        *("dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={incoming}"),
    ]
    try:
        run = subprocess.run(  # noqa: S603  a fixed command line
            command,
            capture_output=True,
            text=True,
            check=False,
            timeout=_FETCH_SECONDS,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        raise NotFetched(f"Maven did not bring Apache Kafka within {_FETCH_SECONDS} s. {_OTHERWISE}") from None
    if run.returncode:
        last = "\n".join((run.stdout + run.stderr).strip().splitlines()[-15:])
        raise NotFetched(f"Maven could not fetch Apache Kafka {VERSION}:\n{last}\n{_OTHERWISE}")


def _check(incoming: Path, pinned: str) -> None:
    expected = {name: digest for digest, name in (line.split() for line in pinned.splitlines() if line)}
    found = {jar.name: hashlib.sha256(jar.read_bytes()).hexdigest() for jar in incoming.glob("*.jar")}
    wrong = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
    if wrong:
        raise NotFetched(f"These jars are not the ones that deploy/kafka/jars.sha256 pins: {', '.join(wrong)}.")
