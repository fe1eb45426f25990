"""The worker process: each service's relay, consumer, deadlines and own workers, until told to stop."""

import asyncio
from collections.abc import Sequence

from chassis import assembly, telemetry, worker

from jointly import house
from jointly.control import Control
from jointly.settings import Settings


async def work(settings: Settings, names: Sequence[str]) -> None:
    """Do the work of these services beside their HTTP. What is in hand when told to stop is finished."""
    telemetry.configure_logging(settings.log_level)
    control = Control.from_environment()
    control.listen_to_signals()
    watching = asyncio.create_task(control.watch())
    async with house.opened(settings, names, pool_size=assembly.WORKER_POOL) as parts:
        for runtime in parts.runtimes:
            await worker.prepare(runtime)
        await control.ready()
        async with asyncio.TaskGroup() as jobs:
            jobs.create_task(parts.keep_time(control.stop))
            jobs.create_task(parts.hints.run(control.stop))
            jobs.create_task(worker.run(parts.runtimes, control.stop))
    watching.cancel()
