"""A running referral-api on a database of the test's own."""

from collections.abc import AsyncIterator

import pytest
from integration.referral_api.steps import House
from referral_api.app import SERVICE
from support.database import Copy
from support.service import serving


@pytest.fixture
async def house(database: Copy) -> AsyncIterator[House]:
    """The service, and who calls it."""
    async with serving(SERVICE, database) as served:
        yield House(served)
