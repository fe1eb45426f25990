"""A portal for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from integration.portal.site import Site, page_of, site
from support.database import Copy


@pytest.fixture
async def portal(database: Copy, tmp_path: Path) -> AsyncIterator[Site]:
    """The portal in front of a small county."""
    async with site(database, tmp_path / "state") as found:
        found.api.gives(
            "/v1/clusters",
            page_of(
                {"id": "north", "name": "North primary", "phase": "primary", "area": "x", "lead_school_urn": "1",
                 "organisation_id": "school-1", "load": 3, "capacity": 10, "hard": True},
                {"id": "south", "name": "South primary", "phase": "primary", "area": "y", "lead_school_urn": "2",
                 "organisation_id": "school-2", "load": 9, "capacity": None, "hard": False},
            ),
        )  # fmt: skip
        yield found
