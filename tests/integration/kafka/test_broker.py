"""The broker that development and tests run on: it starts, stops, survives, and says why when it cannot."""

import os
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path

import psutil
import pytest
from chassis.clock import new_id
from chassis.event_log.interface import Message, Partition
from chassis.event_log.kafka import Brokers, KafkaEventLog
from jointly import kafka_artifacts
from jointly.broker import BrokerDidNotStart, KafkaBroker
from jointly.kafka_artifacts import DEPLOY, JavaMissing, MavenMissing, NotFetched
from jointly.lock import AlreadyRunning
from schemas.topics import ROUTING, TOPICS, Topic

OwnKafka = Callable[..., Awaitable[KafkaBroker]]


def a_program(folder: Path, name: str, script: str) -> None:
    """Puts a program of this name where only it is found."""
    file = folder / name
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without any program but those that the test puts into this folder, and with an empty cache."""
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setenv("JOINTLY_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    return programs


@pytest.mark.usefixtures("bare")
def test_without_java_it_says_what_to_install_and_what_to_do_instead() -> None:
    with pytest.raises(JavaMissing, match=r"openjdk-17-jre-headless.*JOINTLY_KAFKA_BOOTSTRAP"):
        kafka_artifacts.java()


def test_a_java_that_is_too_old_is_named(bare: Path) -> None:
    a_program(bare, "java", "echo 'openjdk version \"11.0.2\" 2019-01-15' >&2")
    with pytest.raises(JavaMissing, match=r"needs Java 17; .*bin/java is version 11"):
        kafka_artifacts.java()


def test_a_java_that_is_new_enough_is_taken(bare: Path) -> None:
    a_program(bare, "java", "echo 'openjdk version \"21\" 2023-09-19' >&2")
    assert kafka_artifacts.java() == bare / "java"


@pytest.mark.usefixtures("bare")
def test_without_maven_it_says_what_to_install_and_what_to_do_instead() -> None:
    with pytest.raises(MavenMissing, match=r"apt-get install maven.*JOINTLY_KAFKA_BOOTSTRAP"):
        kafka_artifacts.fetch()


def test_what_maven_said_is_passed_on(bare: Path) -> None:
    a_program(bare, "mvn", "echo no such host; exit 1")
    with pytest.raises(NotFetched, match="no such host"):
        kafka_artifacts.fetch()


def test_other_jars_than_the_pinned_ones_are_refused_and_not_kept(bare: Path, tmp_path: Path) -> None:
    a_program(bare, "mvn", 'for word; do case $word in -DoutputDirectory=*) /bin/mkdir "${word#*=}";; esac; done')
    with pytest.raises(NotFetched, match=r"jars\.sha256 pins: .*kafka-clients-4\.3\.1\.jar"):
        kafka_artifacts.fetch()
    assert not list((tmp_path / "cache").iterdir())


def test_the_pinned_jars_are_those_of_the_pinned_kafka() -> None:
    jars = (DEPLOY / "jars.sha256").read_text()
    pom = (DEPLOY / "pom.xml").read_text()
    assert f"kafka_2.13-{kafka_artifacts.VERSION}.jar" in jars
    assert f"<kafka.version>{kafka_artifacts.VERSION}</kafka.version>" in pom


@pytest.mark.kafka
async def test_what_was_acknowledged_is_there_after_a_restart_and_a_second_copy_is_refused(
    own_kafka: OwnKafka, tmp_path: Path
) -> None:
    topic = Topic(f"test-{new_id()}", "tests", "A test's own.", partitions=1)
    kafka = await own_kafka()
    with pytest.raises(AlreadyRunning):
        await KafkaBroker(tmp_path / "kafka").start()
    log = KafkaEventLog(Brokers(kafka.bootstrap))
    await log.ensure_topics([topic])
    await log.appender("w").append([Message(topic.name, b"k", b"v")])
    await log.close()
    await kafka.stop()

    again = await own_kafka()
    log = KafkaEventLog(Brokers(again.bootstrap))
    assert [record.value for record in await log.read(Partition(topic.name, 0), 0)] == [b"v"]
    await log.close()


@pytest.mark.kafka
async def test_a_broker_whose_parent_was_killed_is_ended_by_the_next_one(own_kafka: OwnKafka) -> None:
    orphan = await own_kafka()
    pid = orphan.nodes[0].pid
    assert pid is not None
    left = psutil.Process(pid)
    # What the parent's end does: its lock is free, its child lives.
    assert orphan._lock is not None  # noqa: SLF001
    orphan._lock.release()  # noqa: SLF001

    await own_kafka()
    assert not left.is_running() or left.status() == psutil.STATUS_ZOMBIE


@pytest.mark.kafka
@pytest.mark.usefixtures("kafka_bootstrap")
async def test_a_broker_that_cannot_start_says_why(tmp_path: Path) -> None:
    broker = KafkaBroker(tmp_path, settings="\nnum.io.threads=none\n")
    with pytest.raises(BrokerDidNotStart, match=r"num\.io\.threads"):
        await broker.start()


@pytest.mark.kafka
async def test_only_this_machine_reaches_it(kafka_bootstrap: str) -> None:
    if os.environ.get("JOINTLY_KAFKA_BOOTSTRAP"):
        pytest.skip("The broker is somebody else's.")
    port = int(kafka_bootstrap.rpartition(":")[2])
    open_ports = (c.laddr for c in psutil.net_connections("tcp") if c.status == psutil.CONN_LISTEN and c.laddr)
    listening = [address.ip for address in open_ports if address.port == port]
    assert listening
    assert {address.removeprefix("::ffff:") for address in listening} == {"127.0.0.1"}


@pytest.mark.kafka
async def test_a_topic_that_nobody_described_is_not_made(kafka_log: KafkaEventLog) -> None:
    name = f"misspelt-{new_id()}"
    with pytest.raises(ValueError, match="no topic"):
        await kafka_log.appender("w").append([Message(name, b"k", b"v")])
    assert await kafka_log.end_offsets([name]) == {}


@pytest.mark.kafka
async def test_topics_are_made_as_described(kafka_log: KafkaEventLog) -> None:
    await kafka_log.ensure_topics(tuple(TOPICS.values()))
    names = ("cleanup.policy", "retention.ms", "min.insync.replicas", "message.timestamp.type")
    settings = await kafka_log._questions.settings(TOPICS, names)  # noqa: SLF001
    for topic in TOPICS.values():
        assert await kafka_log._questions.partitions(topic.name) == topic.partitions  # noqa: SLF001
        assert settings[topic.name]["cleanup.policy"] == ("compact" if topic.compacted else "delete")
        assert settings[topic.name]["message.timestamp.type"] == "LogAppendTime"
    assert settings[ROUTING.name]["retention.ms"] == str(30 * 24 * 3600 * 1000)


@pytest.mark.kafka
async def test_with_three_brokers_every_record_has_three_copies_and_two_must_have_it(own_kafka: OwnKafka) -> None:
    kafka = await own_kafka(brokers=3)
    log = KafkaEventLog(Brokers(kafka.bootstrap))
    await log.ensure_topics([ROUTING])
    settings = await log._questions.settings([ROUTING.name], ["min.insync.replicas"])  # noqa: SLF001
    replicas = await log._questions.ask(_replicas)  # noqa: SLF001
    await log.close()
    assert settings[ROUTING.name] == {"min.insync.replicas": "2"}
    assert replicas == {1, 2, 3}


async def _replicas(client: object) -> set[int]:
    return set(client.cluster._partitions[ROUTING.name][0].replicas)  # type: ignore[attr-defined]  # noqa: SLF001
