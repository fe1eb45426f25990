"""What an operator types: each import as a command, and its report in plain words."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

import typer
from chassis.clock import wall_now
from chassis.errors import Refusal, TryAgain
from chassis.service import Runtime
from rich.console import Console
from rich.progress import Progress

from directory import clients
from directory.commands.imports import (
    Note,
    import_calendar,
    import_organisations,
    import_people,
    import_school_links,
    import_schools,
)
from directory.domain.duty import COUNTY
from directory.domain.report import Report

Opens = Callable[[str], AbstractAsyncContextManager[Runtime]]

app: Final = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Read schools, organisations, people and term dates."
)


def _past(day: datetime) -> datetime:
    """A slip of the year would keep out every extract until then."""
    if day.date() > wall_now().astimezone(COUNTY).date():
        raise typer.BadParameter("The extract cannot have been taken after today.")
    return day


_File = Annotated[Path, typer.Argument(metavar="FILE", help="A comma-separated file.")]
_AsOf = Annotated[
    datetime,
    typer.Option("--as-of", formats=["%Y-%m-%d"], callback=_past, help="The day on which the extract was taken."),
]
_DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")]


@app.command("schools")
def schools_command(ctx: typer.Context, file: _File, as_of: _AsOf, *, dry_run: _DryRun = False) -> None:
    """Schools, from an extract of the register. What a newer extract has said stays."""
    day = as_of.date()

    async def work(runtime: Runtime, data: bytes, note: Note) -> Report:
        return await import_schools(runtime, data, as_of=day, dry_run=dry_run, note=note)

    _run(ctx, file, work, dry_run=dry_run)


@app.command("school-links")
def school_links_command(ctx: typer.Context, file: _File, as_of: _AsOf, *, dry_run: _DryRun = False) -> None:
    """Which school carries on for which, from the register's file of links."""
    day = as_of.date()

    async def work(runtime: Runtime, data: bytes, note: Note) -> Report:
        return await import_school_links(runtime, data, as_of=day, dry_run=dry_run, note=note)

    _run(ctx, file, work, dry_run=dry_run)


@app.command("organisations")
def organisations_command(ctx: typer.Context, file: _File, *, dry_run: _DryRun = False) -> None:
    """Organisations that are not schools: id, name, sector, kind, active."""

    async def work(runtime: Runtime, data: bytes, note: Note) -> Report:
        return await import_organisations(runtime, data, dry_run=dry_run, note=note)

    _run(ctx, file, work, dry_run=dry_run)


@app.command("people")
def people_command(ctx: typer.Context, file: _File, *, dry_run: _DryRun = False) -> None:
    """People and their roles: person, organisation, name, title, email, active, role, cluster, since, until."""

    async def work(runtime: Runtime, data: bytes, note: Note) -> Report:
        return await import_people(runtime, data, dry_run=dry_run, note=note)

    _run(ctx, file, work, dry_run=dry_run)


@app.command("calendar")
def calendar_command(ctx: typer.Context, file: _File, *, dry_run: _DryRun = False) -> None:
    """Term dates and closures of the county or of a school: calendar, kind (term or closure), first, last; or JSON."""

    async def work(runtime: Runtime, data: bytes, note: Note) -> Report:
        return await import_calendar(runtime, data, dry_run=dry_run, note=note)

    _run(ctx, file, work, dry_run=dry_run)


def _run(
    ctx: typer.Context,
    file: Path,
    work: Callable[[Runtime, bytes, Note], Awaitable[Report]],
    *,
    dry_run: bool,
) -> None:
    """Do it, print what it did; exit with 1 when the file gave nothing."""
    opens: Opens = ctx.find_root().obj

    async def go(note: Note) -> Report:
        data = clients.file_bytes(file)
        async with opens("directory") as runtime:
            return await work(runtime, data, note)

    console = Console(stderr=True)
    try:
        with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
            task = progress.add_task("Reading", total=None)
            report = asyncio.run(go(lambda rows: progress.advance(task, rows)))
    except Refusal as refusal:
        typer.echo(refusal.detail, err=True)
        raise typer.Exit(1) from refusal
    except TryAgain as away:
        typer.echo("The database is away or busy. Run it again: what is done already is not done twice.", err=True)
        raise typer.Exit(1) from away
    for line in report.lines(dry_run=dry_run):
        typer.echo(line)
    if report.nothing_read:
        raise typer.Exit(1)
