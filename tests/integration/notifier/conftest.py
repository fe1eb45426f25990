"""The notifier in this process, on a database of its own."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from support.database import Copy
    from support.service import Served


@pytest.fixture
async def notifier(database: "Copy") -> "AsyncIterator[Served]":
    """The notifier, ready; nobody known to it."""
    from notifier.app import SERVICE
    from support.service import serving

    async with serving(SERVICE, database) as served:
        yield served
