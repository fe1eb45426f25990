"""What an operator sees at a terminal."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from chassis.cause import Cause
from chassis.clock import BusinessClock, wall_now
from chassis.service import Runtime
from cluster_router.app import SERVICE
from cluster_router.handlers import county
from integration.cluster_router.county import CLUSTERS, COLUMNS, NORTH, SCHOOLS, act, opened
from jointly.commands import clusters
from support.database import Copy
from support.service import Served, serving
from typer.testing import CliRunner

Work = Callable[[Served], Awaitable[Any]]


class House:
    """A database, and the router on it whenever somebody needs it."""

    def __init__(self, database: Copy) -> None:
        self._database = database
        self._clock = BusinessClock()
        self._clock.simulate(datetime(2026, 11, 23, 12, tzinfo=UTC), anchor=wall_now(), rate=1.0)

    def do(self, work: Work) -> Any:
        """Something that happens meanwhile."""

        async def go() -> Any:
            async with serving(SERVICE, self._database, clock=self._clock) as served:
                return await work(served)

        return asyncio.run(go())

    @asynccontextmanager
    async def opens(self, service: str) -> AsyncIterator[Runtime]:
        """The router's parts, as the host gives them."""
        assert service == "cluster-router"
        async with serving(SERVICE, self._database, clock=self._clock) as served:
            yield served.runtime


@pytest.fixture
def house(database: Copy, monkeypatch: pytest.MonkeyPatch) -> House:
    """A county with a case in Year 6 that its cluster has accepted, and one that waits."""
    house = House(database)

    async def begin(served: Served) -> None:
        await served.hear(*SCHOOLS)
        async with served.runtime.transaction() as tx:
            rows = [dict(zip(COLUMNS, row, strict=True)) for row in CLUSTERS]
            await county.import_clusters(tx, rows, Cause.fresh())
        first, second = opened(year_group="6", age=10), opened(year_group="6", age=10)
        await served.hear(first, second)
        assert (await act(served, first.case_id, "accept", NORTH)).status_code == 200

    house.do(begin)
    monkeypatch.setattr(clusters, "opens", house.opens)
    return house


def test_transfers_are_previewed_then_offered_once(house: House) -> None:
    lines = ["  north-primary to north-secondary: 1", "  not offered, not-accepted: 1"]
    dry = CliRunner().invoke(clusters.app, ["transfer", "--year", "2027", "--dry-run"])
    assert (dry.exit_code, dry.stdout.splitlines()) == (
        0,
        [
            "Nothing was offered; this is what would be. Year 7 in September 2027: 1 offered.",
            *lines,
        ],
    )
    done = CliRunner().invoke(clusters.app, ["transfer"])
    assert done.stdout.splitlines() == ["Year 7 in September 2027: 1 offered.", *lines]
    again = CliRunner().invoke(clusters.app, ["transfer"])
    assert again.stdout.splitlines() == ["Year 7 in September 2027: 0 offered.", lines[1]]


def test_the_check_counts_decisions_and_names_the_first_that_disagrees(house: House) -> None:
    fine = CliRunner().invoke(clusters.app, ["check"])
    assert (fine.exit_code, fine.stdout) == (0, "2 decisions, each as its trace gives it.\n")

    async def forge(served: Served) -> None:
        await served.rows(
            "UPDATE decision SET trace = jsonb_set(trace, '{chosen}', '\"south-primary\"') WHERE number = 2"
        )

    house.do(forge)
    wrong = CliRunner().invoke(clusters.app, ["check"])
    assert (wrong.exit_code, wrong.stderr) == (1, "Decision 2 chose south-primary; its trace gives north-primary.\n")


def test_an_operator_finds_them_under_clusters() -> None:
    from jointly.__main__ import app

    told = CliRunner().invoke(app, ["clusters", "--help"])
    assert told.exit_code == 0
    assert "transfer" in told.stdout
