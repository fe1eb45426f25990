"""The unmaking of aiokafka's clients: what their own `stop()` cannot promise, it may wait for ever."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Final

from aiokafka import AIOKafkaClient, AIOKafkaConsumer, AIOKafkaProducer

_CUT_SECONDS: Final = 1.0

# The rest of the adapter uses aiokafka's public interface. Here its tasks are ended from outside, so here its private
# names are used; `tests/integration/kafka` fails when a new version of it has others.


def note_sends(producer: AIOKafkaProducer) -> set[asyncio.Task[Any]]:
    """The producer's requests in flight, kept current: its sender alone knows them, as local variables."""
    sends: set[asyncio.Task[Any]] = set()
    sender = producer._sender  # noqa: SLF001
    send = sender._send_produce_req  # noqa: SLF001

    async def noted(node_id: int, batches: Any) -> None:
        task = asyncio.current_task()
        if task is not None:
            sends.add(task)
            task.add_done_callback(sends.discard)
        await send(node_id, batches)

    sender._send_produce_req = noted  # noqa: SLF001
    return sends


async def close_producer(producer: AIOKafkaProducer, sends: set[asyncio.Task[Any]], seconds: float) -> None:
    """Let a producer go that has nothing left to send."""
    if not await _stopped(producer, seconds):
        await cut_producer(producer, sends)


async def cut_producer(producer: AIOKafkaProducer, sends: set[asyncio.Task[Any]]) -> None:
    """Throw a producer away with all it holds. Nothing of it may reach the log after its successor began."""
    producer._closed = True  # noqa: SLF001
    await _end([producer._sender._sender_task, *sends])  # noqa: SLF001
    await cut_client(producer.client)


async def close_consumer(consumer: AIOKafkaConsumer, seconds: float) -> None:
    """Leave the group so that the others need not wait for our session's end; cut off when that takes too long."""
    if await _stopped(consumer, seconds):
        return
    coordinator, fetcher = consumer._coordinator, consumer._fetcher  # noqa: SLF001
    names = ("_coordination_task", "_heartbeat_task", "_commit_refresh_task", "_reset_committed_task")
    tasks = [getattr(coordinator, name, None) for name in names]
    if fetcher is not None:
        tasks += [fetcher._fetch_task, *fetcher._pending_tasks]  # noqa: SLF001
    await _end(tasks)
    await cut_client(consumer._client)  # noqa: SLF001


async def cut_client(client: AIOKafkaClient) -> None:
    """Drop all connections."""
    with suppress(Exception):
        async with asyncio.timeout(_CUT_SECONDS):
            await client.close()


async def _stopped(client: AIOKafkaProducer | AIOKafkaConsumer, seconds: float) -> bool:
    """Whether its own `stop()` worked. In a task apart: it may raise the CancelledError of what it cancelled itself."""
    stopping = asyncio.ensure_future(client.stop())
    try:
        await asyncio.wait({stopping}, timeout=seconds)
        return stopping.done() and not stopping.cancelled() and stopping.exception() is None
    finally:
        stopping.cancel()


async def _end(tasks: Iterable[asyncio.Task[Any] | None]) -> None:
    """Cancel all before waiting for any, so that none takes up what another dropped."""
    running = [task for task in tasks if task is not None and not task.done()]
    for task in running:
        task.cancel()
    if running:
        await asyncio.wait(running, timeout=_CUT_SECONDS)
