"""`jointly import`: what an operator brings in from files, by each service's own commands."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

import typer
from chassis.errors import Refusal
from chassis.service import Runtime
from cluster_router.commands import default_clusters, import_capacity, import_clusters
from cluster_router.handlers.county import Changes
from directory.commands import app as directory_app
from referral_api.clients import NotPostcodes
from referral_api.commands import import_postcodes

from jointly import house
from jointly.settings import Settings

app: Final = typer.Typer(add_completion=False, no_args_is_help=True)
app.registered_commands += directory_app.registered_commands


@app.callback()
def about() -> None:
    """Bring in schools, links between them, organisations, people, clusters and postcodes."""


@app.command("postcodes")
def postcodes_command(
    files: Annotated[list[Path] | None, typer.Argument(metavar="FILE...", help="None: the synthetic county's.")] = None,
) -> None:
    """Where postcodes are, from files of Ordnance Survey's Code-Point Open."""

    async def work() -> int:
        async with opens("referral-api") as runtime:
            return await import_postcodes(runtime, files or [])

    with _told():
        typer.echo(f"{asyncio.run(work())} postcodes read.")


@app.command("clusters")
def clusters_command(
    file: Annotated[Path | None, typer.Argument(help="Memberships; none needs --default.")] = None,
    *,
    default: Annotated[bool, typer.Option("--default", help="One cluster for each district and phase.")] = False,
    since: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="When default memberships begin.")
    ] = None,
) -> None:
    """Clusters and their schools, from a file or by the county's districts."""
    if default == (file is not None):
        raise typer.BadParameter("Say a file, or --default.")

    async def work() -> Changes:
        async with opens("cluster-router") as runtime:
            if file is not None:
                return await import_clusters(runtime, file)
            return await default_clusters(runtime, since=since.date() if since else None)

    with _told():
        _say(asyncio.run(work()))


@app.command("capacity")
def capacity_command(file: Annotated[Path, typer.Argument(help="Dated capacities of clusters.")]) -> None:
    """How many open cases each cluster can hold, and from when."""

    async def work() -> Changes:
        async with opens("cluster-router") as runtime:
            return await import_capacity(runtime, file)

    with _told():
        _say(asyncio.run(work()))


def _say(changes: Changes) -> None:
    typer.echo(f"{len(changes.changed)} clusters changed, {changes.unchanged} stayed as they were.")


@contextmanager
def _told() -> Iterator[None]:
    """What a file lacks is told by line, and nothing of it was taken."""
    try:
        yield
    except Refusal as refusal:
        typer.echo(refusal.detail, err=True)
        for error in refusal.errors:
            typer.echo(f"  {error.pointer}: {error.detail}", err=True)
        raise typer.Exit(1) from refusal
    except (NotPostcodes, OSError) as error:
        typer.echo(f"Not read: {error}", err=True)
        raise typer.Exit(1) from error


@asynccontextmanager
async def opens(service: str) -> AsyncIterator[Runtime]:
    """The parts of one service, for one of its commands."""
    async with house.opened(Settings(), [service]) as parts:
        yield parts.runtime(service)
