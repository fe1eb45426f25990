"""The router on a database of its own, with a small county."""

from collections.abc import AsyncIterator

import pytest
from chassis.cause import Cause
from cluster_router.app import SERVICE
from cluster_router.handlers import county
from schemas.directory import SchoolChanged
from support.database import Copy
from support.service import Served, serving

COLUMNS = ("cluster_id", "name", "phase", "area", "lead_school_urn", "school_urn", "since", "until")
CLUSTERS = (
    ("north-primary", "North primary", "primary", "North", "100001", "100001", "2022-04-01", ""),
    ("north-primary", "North primary", "primary", "North", "100001", "100002", "2022-04-01", ""),
    ("south-primary", "South primary", "primary", "South", "100003", "100003", "2022-04-01", ""),
    ("north-secondary", "North secondary", "secondary", "North", "100004", "100004", "2022-04-01", ""),
)


def school(urn: str, *, phase: int = 2, northing: int = 218_000, **changes: object) -> SchoolChanged:
    """A school near the others."""
    usual = {
        "school_urn": urn, "organisation_id": f"school-{urn}", "name": f"School {urn}", "phase": phase,
        "establishment_type": "01", "status": 1, "local_authority": "916", "district": "North", "easting": 383_000,
        "northing": northing, "pupils": 200, "as_of": "2026-09-01",
    }  # fmt: skip
    return SchoolChanged.model_validate(usual | changes)


SCHOOLS = (
    school("100001"),
    school("100002", northing=219_000),
    school("100003", northing=210_000),
    school("100004", phase=4),
)


@pytest.fixture
async def router(database: Copy) -> AsyncIterator[Served]:
    """The router, its county known."""
    async with serving(SERVICE, database) as served:
        await served.hear(*SCHOOLS)
        async with served.runtime.transaction() as tx:
            await county.import_clusters(tx, [dict(zip(COLUMNS, row, strict=True)) for row in CLUSTERS], Cause.fresh())
        yield served


async def limit(served: Served, cluster: str, capacity: int, kind: str = "hard") -> None:
    """Give a cluster a capacity."""
    async with served.runtime.transaction() as tx:
        row = {"cluster_id": cluster, "since": "2022-04-01", "capacity": str(capacity), "kind": kind}
        await county.import_capacities(tx, [row], Cause.fresh())
