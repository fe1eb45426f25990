"""The embedded event log behaves as an event log must."""

from collections.abc import AsyncIterator, Callable

import pytest
from chassis.event_log.embedded import EmbeddedEventLog
from chassis.event_log.interface import EventLog
from contract.event_log_behaviour import EventLogBehaviour


@pytest.fixture
async def another(event_log_url: str) -> AsyncIterator[Callable[[], EventLog]]:
    """Opens one more log on the same database, as another process would."""
    opened: list[EmbeddedEventLog] = []

    def open_one() -> EventLog:
        opened.append(EmbeddedEventLog(event_log_url))
        return opened[-1]

    yield open_one
    for one in opened:
        await one.close()


@pytest.fixture
async def log(another: Callable[[], EventLog]) -> EventLog:
    """An open log on an empty database."""
    return another()


class TestEmbeddedEventLog(EventLogBehaviour):
    """The suite, on PostgreSQL."""
