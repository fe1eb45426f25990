"""`jointly clusters`: check every decision by its trace, and offer the year's transfers to secondary clusters."""

import asyncio
from typing import Annotated, Final

import typer
from cluster_router.commands import check_decisions, transfer
from cluster_router.domain.decision import TraceDisagrees
from cluster_router.handlers.transfers import Transfers

from jointly.commands.imports import opens

app: Final = typer.Typer(add_completion=False, no_args_is_help=True)


@app.callback()
def about() -> None:
    """Decisions of the router, and hand-overs from primary to secondary clusters."""


@app.command()
def check() -> None:
    """Decide every case again from its trace alone, in order; the first that disagrees is named."""

    async def work() -> int:
        async with opens("cluster-router") as runtime:
            return await check_decisions(runtime)

    try:
        count = asyncio.run(work())
    except TraceDisagrees as disagrees:
        typer.echo(disagrees.detail, err=True)
        raise typer.Exit(1) from disagrees
    typer.echo(f"{count} decisions, each as its trace gives it.")


@app.command("transfer")
def transfer_command(
    *,
    year: Annotated[
        int | None,
        typer.Option(min=2014, max=2100, help="The year in whose September Year 7 begins; none means the next."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be offered, and offer nothing.")] = False,
) -> None:
    """Offer the cases of children in Year 6 to the secondary clusters where they belong; each once a year."""

    async def work() -> Transfers:
        async with opens("cluster-router") as runtime:
            return await transfer(runtime, year, dry_run=dry_run)

    counts = asyncio.run(work())
    would = "Nothing was offered; this is what would be. " if dry_run else ""
    typer.echo(f"{would}Year 7 in September {counts.year}: {counts.offered.total()} offered.")
    for (before, after), cases in sorted(counts.offered.items()):
        typer.echo(f"  {before} to {after}: {cases}")
    for why, cases in sorted(counts.left.items()):
        typer.echo(f"  not offered, {why}: {cases}")
