"""A real Apache Kafka for tests: one broker for the whole session, or brokers of a test's own that it may kill."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

import pytest

# Tests that need no Kafka should not wait for its client to be imported.
if TYPE_CHECKING:
    from chassis.event_log.kafka import KafkaEventLog
    from jointly.broker import KafkaBroker


#: What makes a broker secured; `.format(port=…)` says where principals sign in. The plain listeners are the tests' own
#: way in: whoever comes by them is a super user.
SECURED: Final = """
listeners=CLIENT://127.0.0.1:${{port}},BROKER://127.0.0.1:${{broker_port}},\\
  CONTROLLER://127.0.0.1:${{controller_port}},SECURE://127.0.0.1:{port}
advertised.listeners=CLIENT://127.0.0.1:${{port}},BROKER://127.0.0.1:${{broker_port}},SECURE://127.0.0.1:{port}
listener.security.protocol.map=CLIENT:PLAINTEXT,BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURE:SASL_PLAINTEXT
listener.name.secure.sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.secure.scram-sha-512.sasl.jaas.config=\\
  org.apache.kafka.common.security.scram.ScramLoginModule required;
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
"""


def password(principal: str) -> str:
    """Of the tests' own brokers."""
    return f"{principal}-password"


def _cannot(reason: str) -> NoReturn:
    """A developer without Java goes on with the rest; CI has no excuse."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def kafka_bootstrap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a broker answers: the one that JOINTLY_KAFKA_BOOTSTRAP names, or one started for this session."""
    if given := os.environ.get("JOINTLY_KAFKA_BOOTSTRAP"):
        yield given
        return
    from jointly.broker import KafkaBroker
    from jointly.kafka_artifacts import KafkaUnavailable

    broker = KafkaBroker(tmp_path_factory.mktemp("kafka"))
    try:
        asyncio.run(broker.start())
    except KafkaUnavailable as missing:
        _cannot(str(missing))
    yield broker.bootstrap
    asyncio.run(broker.stop())


@pytest.fixture
async def kafka_log(kafka_bootstrap: str) -> "AsyncIterator[KafkaEventLog]":
    """The event log on the session's broker, as impatient as a test."""
    from chassis.event_log.kafka import Brokers, KafkaEventLog, Limits

    # A broker allows no session shorter than six seconds.
    limits = Limits(append=6, question=5, handler=3, session=6, stuck=3, goodbye=2)
    log = KafkaEventLog(Brokers(kafka_bootstrap), limits=limits)
    yield log
    await log.close()


@pytest.fixture
async def own_kafka(tmp_path: Path) -> "AsyncIterator[Callable[..., Awaitable[KafkaBroker]]]":
    """Starts brokers of this test alone; takes the arguments of `KafkaBroker`."""
    from jointly.broker import KafkaBroker
    from jointly.kafka_artifacts import KafkaUnavailable

    started: list[KafkaBroker] = []

    async def start(**arguments: Any) -> KafkaBroker:
        broker = KafkaBroker(tmp_path / "kafka", **arguments)
        try:
            await broker.start()
        except KafkaUnavailable as missing:
            _cannot(str(missing))
        started.append(broker)
        return broker

    yield start
    for broker in started:
        for node in broker.nodes:
            node.resume()
        await broker.stop()


def kcat(*arguments: str, given: bytes = b"") -> str:
    """What `kcat` prints: somebody else's client, built on librdkafka."""
    found = shutil.which("kcat")
    if found is None:
        pytest.skip("kcat is not installed (Debian: apt-get install kcat).")
    done = subprocess.run([found, *arguments], input=given, capture_output=True, timeout=60, check=False)  # noqa: S603
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()
