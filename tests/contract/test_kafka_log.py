"""Apache Kafka, through the adapter, behaves as an event log must."""

from collections.abc import AsyncIterator, Callable

import pytest
from chassis.event_log.interface import EventLog
from chassis.event_log.kafka import Brokers, KafkaEventLog
from contract.event_log_behaviour import EventLogBehaviour


@pytest.fixture
async def another(kafka_bootstrap: str) -> AsyncIterator[Callable[[], EventLog]]:
    """Opens one more log on the same brokers, as another process would."""
    opened: list[KafkaEventLog] = []

    def open_one() -> EventLog:
        opened.append(KafkaEventLog(Brokers(kafka_bootstrap)))
        return opened[-1]

    yield open_one
    for one in opened:
        await one.close()


@pytest.fixture
async def log(another: Callable[[], EventLog]) -> EventLog:
    """An open log."""
    return another()


@pytest.mark.kafka
class TestKafkaEventLog(EventLogBehaviour):
    """The suite, on Apache Kafka."""
