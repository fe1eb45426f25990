"""What an operator can ask of the router: clusters and capacities from files, a check of every decision, transfers.

The host's commands call them with the service's runtime at hand, and so does the demo county.
"""

import tomllib
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Final

from chassis.cause import Cause
from chassis.service import Runtime

from cluster_router.clients import read_csv
from cluster_router.domain.days import day_of
from cluster_router.domain.decision import replay
from cluster_router.domain.transfer import year_of
from cluster_router.handlers import county
from cluster_router.handlers.county import Changes
from cluster_router.handlers.transfers import Transfers, expect_transfers, offer_transfers
from cluster_router.policy import BOOK

#: The county's own code, and when its clusters began.
_DEFAULTS: Final = tomllib.loads((files("cluster_router") / "data" / "clusters.toml").read_text("utf-8"))
#: Decisions that a check reads at once.
_BATCH: Final = 1_000


async def import_clusters(runtime: Runtime, path: Path) -> Changes:
    """Clusters from a CSV file of memberships. Raises `NotAClusterFile`, with nothing imported."""
    rows = read_csv(path)
    cause = Cause.fresh()
    async with runtime.transaction() as tx:
        changes = await county.import_clusters(tx, rows, cause)
        await expect_transfers(tx, cause)
    return changes


async def import_capacity(runtime: Runtime, path: Path) -> Changes:
    """Dated capacities from a CSV file. Raises `NotAClusterFile` naming every wrong row, with nothing imported."""
    rows = read_csv(path)
    async with runtime.transaction() as tx:
        return await county.import_capacities(tx, rows, Cause.fresh())


async def default_clusters(
    runtime: Runtime, *, local_authority: str | None = None, since: date | None = None
) -> Changes:
    """One cluster per district and phase, led by the school with most pupils. Raises `NoSchoolsKnown`."""
    how = county.Defaults(local_authority or _DEFAULTS["local_authority"], since or _DEFAULTS["since"])
    cause = Cause.fresh()
    async with runtime.transaction() as tx:
        changes = await county.default_clusters(tx, how, cause)
        await expect_transfers(tx, cause)
    return changes


async def check_decisions(runtime: Runtime) -> int:
    """Replay every decision from its trace, in order; returns how many. Raises `TraceDisagrees`."""
    checked = 0
    while True:
        async with runtime.transaction() as tx:
            traces = await tx.decisions.traces(after=checked, limit=_BATCH)
        checked += len(replay(traces, BOOK, after=checked))
        if len(traces) < _BATCH:
            return checked


async def transfer(runtime: Runtime, year: int | None = None, *, dry_run: bool = False) -> Transfers:
    """Offer cases to the secondary clusters where their children begin Year 7 in September of this year, or the next.

    One transaction a batch: stopped and run again, it goes on, and no case is offered twice for one year.
    """
    cause, after = Cause.fresh(), ""
    async with runtime.transaction() as tx:
        counts = Transfers(year or year_of(day_of(tx.now)))
    while True:
        async with runtime.transaction() as tx:
            batch = await offer_transfers(tx, counts.year, cause, after=after, keep=not dry_run)
        counts.add(batch.counts)
        if batch.after is None:
            return counts
        after = batch.after
