"""What runs beside the API: each service's relay, consumer, deadlines, own workers and housekeeping, in one process."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Final

import structlog

from chassis import telemetry
from chassis.clock import wall_now
from chassis.relay import Relay
from chassis.service import Runtime
from chassis.transaction import Transaction

log = structlog.get_logger()

PARKED_EACH_SECONDS: Final = 0.25
HOUSEKEEPING_EACH_SECONDS: Final = 600.0
LAG_EACH_SECONDS: Final = 5.0
#: Outbox days made ahead.
DAYS_AHEAD: Final = 14
#: The outbox outlives every topic, so that topics can be rebuilt from it.
OUTBOX_KEPT: Final = timedelta(days=120)
#: The inbox outlives every redelivery: a topic's retention and then some.
INBOX_KEPT: Final = timedelta(days=100)
#: Rows behind the cursor's back, its holes, are seldom and soon gone: not counted.
_UNPUBLISHED: Final = """
SELECT count(o.id) AS n FROM relay_cursor c JOIN outbox o ON o.day >= c.last_day - 1 AND o.id > c.last_id
WHERE c.name = $1
"""
IDEMPOTENCY_KEPT: Final = timedelta(hours=72)


async def run(runtimes: Sequence[Runtime], stop: asyncio.Event) -> None:
    """Run everything until told to stop; then let what is in hand finish."""
    for runtime in runtimes:
        await prepare(runtime)
    jobs: list[Awaitable[None]] = []
    for runtime in runtimes:
        name = runtime.service.name
        relay = Relay(name, database=runtime.database, event_log=runtime.event_log, hints=runtime.hints)
        jobs += [
            relay.run(stop),
            runtime.deadlines().run(stop),
            _each(HOUSEKEEPING_EACH_SECONDS, keep_house, runtime, stop),
            _each(LAG_EACH_SECONDS, measure_outbox, runtime, stop),
        ]
        if runtime.consumer is not None:
            consumer = runtime.consumer
            jobs += [
                runtime.event_log.consume(consumer.name, consumer.topics, consumer.deliver, stop=stop),
                _each(PARKED_EACH_SECONDS, retry_parked, runtime, stop),
                _each(LAG_EACH_SECONDS, measure_lag, runtime, stop),
            ]
        jobs += [_guarded(worker, runtime, stop) for worker in runtime.service.workers]
    async with asyncio.TaskGroup() as group:
        for job in jobs:
            group.create_task(_as_coroutine(job))


async def prepare(runtime: Runtime) -> None:
    """Make the days ahead of the outbox before anything is written on them."""
    today = wall_now().date()
    async with runtime.database.transaction(Transaction) as tx:
        await tx.rows(
            "SELECT ensure_outbox_days($1, $2)", today - timedelta(days=1), today + timedelta(days=DAYS_AHEAD)
        )


async def keep_house(runtime: Runtime) -> None:
    """Make days ahead, drop what is past keeping."""
    await prepare(runtime)
    now = wall_now()
    async with runtime.database.transaction(Transaction) as tx:
        await tx.rows("SELECT drop_outbox_days($1)", (now - OUTBOX_KEPT).date())
        await tx.rows("DELETE FROM idempotency WHERE answered_at < $1", now - IDEMPOTENCY_KEPT)
        await tx.rows("DELETE FROM inbox WHERE taken_at < $1", now - INBOX_KEPT)
    await runtime.event_log.apply_retention()


async def retry_parked(runtime: Runtime) -> None:
    """Look whether something parked can be taken by now."""
    if runtime.consumer is not None:
        await runtime.consumer.retry_due()


async def measure_outbox(runtime: Runtime) -> None:
    """How much was said and is not published yet; true also while the log is away."""
    async with runtime.database.transaction(Transaction) as tx:
        [row] = await tx.rows(_UNPUBLISHED, runtime.service.name)
    telemetry.OUTBOX_LAG.labels(runtime.service.name).set(row["n"])


async def measure_lag(runtime: Runtime) -> None:
    """How far the consumer is behind, and what waits."""
    consumer = runtime.consumer
    if consumer is None:
        return
    ends = await runtime.event_log.end_offsets(consumer.topics)
    reached = await runtime.event_log.group_offsets(consumer.name, consumer.topics)
    telemetry.CONSUMER_LAG.labels(consumer.name).set(sum(max(0, end - reached.get(p, 0)) for p, end in ends.items()))
    async with runtime.database.transaction(Transaction) as tx:
        rows = await tx.rows(
            "SELECT state, count(*) AS n FROM parked WHERE consumer = $1 GROUP BY state", consumer.name
        )
    waiting = {row["state"]: row["n"] for row in rows}
    for state in ("waiting", "poison"):
        telemetry.PARKED_NOW.labels(consumer.name, state).set(waiting.get(state, 0))


async def _each(
    seconds: float, work: Callable[[Runtime], Awaitable[None]], runtime: Runtime, stop: asyncio.Event
) -> None:
    while not stop.is_set():
        try:
            await work(runtime)
        except Exception as error:  # noqa: BLE001  the next round may succeed
            log.warning(
                "worker.round-failed",
                service=runtime.service.name,
                work=work.__name__,
                error=type(error).__name__,
            )
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), seconds)


async def _guarded(
    worker: Callable[[Runtime, asyncio.Event], Awaitable[None]], runtime: Runtime, stop: asyncio.Event
) -> None:
    while not stop.is_set():
        try:
            await worker(runtime, stop)
        except Exception as error:  # noqa: BLE001  one worker's trouble is not the others'
            log.warning("worker.failed", service=runtime.service.name, error=type(error).__name__)
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), 1)
        else:
            # It has nothing more to do: a channel that nobody set up, a job that is done.
            return


async def _as_coroutine(job: Awaitable[None]) -> None:
    await job
