"""A probe service on a database of its own, with the event log in it."""

from collections.abc import AsyncIterator

import pytest
from support.probe import Probe, create_schema


@pytest.fixture
async def probe(admin_url: str) -> AsyncIterator[Probe]:
    """The probe, its topics made."""
    await create_schema(admin_url)
    one = Probe(admin_url)
    await one.log.ensure_topics(one.service.topics)
    yield one
    await one.close()
