"""What the services stand on: the embedded PostgreSQL or a given one, a real broker if wanted, schemas and topics."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from chassis import assembly
from schemas.topics import TOPICS

from jointly import database, house
from jointly.broker import KafkaBroker
from jointly.kafka_artifacts import KafkaUnavailable
from jointly.postgres import EmbeddedPostgres, NotStarted
from jointly.settings import Settings, SimulatedTime
from jointly.state import StateFolder
from jointly.terminal import Terminal

#: Which simulated time was begun.
CLOCK: Final = "clock.json"
_LOOK_EACH_SECONDS: Final = 1.0
_PAUSE_SECONDS: Final = 5.0


@dataclass
class Stores:
    """The stores that this process runs itself; those that others run are not here."""

    #: With the addresses of what was started.
    settings: Settings
    postgres: EmbeddedPostgres | None
    broker: KafkaBroker | None

    async def tend(self, terminal: Terminal) -> None:
        """Start again what died. Services wait meanwhile: what they have said is in their outboxes."""
        while True:
            await asyncio.sleep(_LOOK_EACH_SECONDS)
            try:
                await self._look(terminal)
            except (NotStarted, KafkaUnavailable) as error:
                terminal.warn(f"{error} Trying again in {_PAUSE_SECONDS:g} s.")
                await asyncio.sleep(_PAUSE_SECONDS)

    async def _look(self, terminal: Terminal) -> None:
        if self.postgres is not None and not self.postgres.running:
            terminal.warn("PostgreSQL is gone; starting it again.")
            await asyncio.to_thread(self.postgres.start)
        for node in self.broker.nodes if self.broker is not None else ():
            if node.ended and self.broker is not None:
                terminal.warn(f"Kafka's broker {node.number} is gone; starting it again.")
                await self.broker.restart(node.number)


@asynccontextmanager
async def started(settings: Settings, state: StateFolder, *, kafka: bool, terminal: Terminal) -> AsyncIterator[Stores]:
    """Start what nobody else runs; stop it afterwards."""
    postgres = EmbeddedPostgres(state.path) if settings.database_url is None else None
    broker = KafkaBroker(state.file("kafka")) if kafka and settings.kafka_bootstrap is None else None
    try:
        if postgres is not None:
            with terminal.step("PostgreSQL"):
                await asyncio.to_thread(postgres.start)
        if broker is not None:
            with terminal.step("Apache Kafka"):
                await broker.start()
            settings = settings.model_copy(update={"kafka_bootstrap": broker.bootstrap})
        yield Stores(settings, postgres, broker)
    finally:
        if broker is not None:
            await broker.stop()
        if postgres is not None:
            await asyncio.to_thread(postgres.stop)


async def prepare(settings: Settings, state: StateFolder) -> None:
    """Make what the services stand on: schemas and roles, their newest form, business time and the topics."""
    url, secret = house.database_url(settings, state), house.roles_secret(settings, state)
    await database.initialise(url, database.SCHEMAS, secret)
    await database.migrate(url, database.SCHEMAS)
    await _begin_simulated_time(settings, state)
    log = assembly.event_log(settings, database_url=url, secret=secret, application="jointly topics")
    try:
        await log.ensure_topics(list(TOPICS.values()))
    finally:
        await log.close()


async def _begin_simulated_time(settings: Settings, state: StateFolder) -> None:
    """Begin it when the setting is new. With the one of the last start, time goes on where it is by now."""
    wanted = settings.simulated_clock
    if wanted is None or wanted == state.read_json(CLOCK).get("simulated"):
        return
    simulation = house.business_time(settings, state)
    if simulation is None:
        raise house.NotConfigured("In production, business time is the wall's: remove JOINTLY_SIMULATED_CLOCK.")
    simulated = SimulatedTime.read(wanted)
    await simulation.begin(simulated.base, rate=simulated.rate)
    state.write_json(CLOCK, {"simulated": wanted})
