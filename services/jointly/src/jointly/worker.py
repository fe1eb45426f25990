"""The worker process: each service's relay, consumer, deadlines and own workers, until told to stop."""

import asyncio
from collections.abc import Sequence

import structlog
from chassis import assembly, telemetry, worker

from jointly import house
from jointly.control import Control
from jointly.internal import internal_app
from jointly.serving import Listener, PortTaken, listen
from jointly.settings import Settings

log = structlog.get_logger()


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
            if not control.supervised:
                # Under a supervisor the front shows the worker's metrics beside its own.
                jobs.create_task(_show(parts, control.stop))
    watching.cancel()


async def _show(parts: house.House, stop: asyncio.Event) -> None:
    """Health and metrics of a worker that is alone, for whoever watches its container."""
    try:
        socket = listen(parts.settings.host, parts.settings.internal_port)
    except PortTaken as taken:
        log.warning("worker.shows-nothing", why=str(taken))
        return
    listener = Listener(internal_app(parts))
    listener.lingers = 0.0
    serving = asyncio.create_task(listener.serve(sockets=[socket]))
    await stop.wait()
    listener.should_exit = True
    await serving
