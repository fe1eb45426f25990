"""`jointly kafka`: a real broker for development, and the topics on any broker."""

import asyncio
import logging
import signal
from collections.abc import Mapping
from typing import Annotated

import typer
from chassis.event_log.interface import Partition
from chassis.event_log.kafka import Brokers, KafkaEventLog
from schemas.topics import TOPICS

from jointly.broker import KafkaBroker
from jointly.kafka_access import Access, AccessControl
from jointly.kafka_artifacts import KafkaUnavailable, fetch
from jointly.settings import Settings
from jointly.terminal import Terminal

app = typer.Typer(add_completion=False, no_args_is_help=True)


@app.callback()
def about() -> None:
    """Apache Kafka: a broker on this machine for development, and the topics on the one that is used."""


@app.command("fetch")
def fetch_command() -> None:
    """Bring the broker's pinned artifacts into the cache, and say where they are."""
    typer.echo(str(fetch()))


@app.command("start")
def start_command(
    port: Annotated[int, typer.Option(help="The first broker's; the next ones follow it.")] = 9092,
    brokers: Annotated[int, typer.Option(min=1, max=5, help="Three keep three copies of every record.")] = 1,
) -> None:
    """Run a broker until Ctrl-C, with every topic on it. What it holds is kept for the next time."""
    asyncio.run(_run(port, brokers, Terminal()))


@app.command("topics")
def topics_command() -> None:
    """Make the topics that are missing on the broker that JOINTLY_KAFKA_BOOTSTRAP names, and list all."""
    try:
        asyncio.run(_make_topics(Brokers.of(Settings()), Terminal()))
    except (ValueError, ConnectionError) as error:
        raise KafkaUnavailable(str(error)) from error


@app.command("access")
def access_command(
    *, apply: Annotated[bool, typer.Option("--apply", help="Bring the broker to what the file says.")] = False
) -> None:
    """Compare the rights on the broker that JOINTLY_KAFKA_BOOTSTRAP names with deploy/kafka/access.toml."""
    try:
        differ = asyncio.run(_access(Brokers.of(Settings()), apply=apply))
    except (ValueError, ConnectionError) as error:
        raise KafkaUnavailable(str(error)) from error
    if differ and not apply:
        raise typer.Exit(1)


async def _access(brokers: Brokers, *, apply: bool) -> bool:
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    wanted, control = Access.read(), AccessControl(brokers)
    lacking, surplus = await (control.apply(wanted) if apply else control.differences(wanted))
    for rights, done, undone in ((lacking, "given", "lacking"), (surplus, "taken away", "too much")):
        for right in rights:
            typer.echo(f"{done if apply else undone}: {right}")
    if not lacking and not surplus:
        typer.echo(f"The broker allows exactly what the file says: {len(wanted.rights)} rights.")
    return bool(lacking or surplus)


async def _run(port: int, brokers: int, terminal: Terminal) -> None:
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    kafka = KafkaBroker(Settings().state_folder / "kafka", brokers=brokers, port=port)
    with terminal.step("Apache Kafka"):
        await kafka.start()
    try:
        await _make_topics(Brokers(kafka.bootstrap), terminal)
        terminal.say(
            f"Apache Kafka answers at {kafka.bootstrap}. Use it with: JOINTLY_KAFKA_BOOTSTRAP={kafka.bootstrap}"
        )
        terminal.say(f"Its log is {kafka.nodes[0].log}. Ctrl-C stops it.")
        await ended.wait()
    finally:
        await kafka.stop()


async def _make_topics(brokers: Brokers, terminal: Terminal) -> None:
    # The client reports every attempt; a person at a terminal wants the outcome.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    log = KafkaEventLog(brokers)
    try:
        await log.ensure_topics(tuple(TOPICS.values()))
        ends = await log.end_offsets(tuple(TOPICS))
    finally:
        await log.close()
    terminal.rows(_rows(ends), head=("topic", "partitions", "kept", "spoken by", "appended so far"))


def _rows(ends: Mapping[Partition, int]) -> list[list[str]]:
    return [
        [
            topic.name,
            str(sum(partition.topic == topic.name for partition in ends)),
            "newest" if topic.compacted else f"{topic.kept_days} days",
            topic.speaker,
            str(sum(end for partition, end in ends.items() if partition.topic == topic.name)),
        ]
        for topic in TOPICS.values()
    ]
