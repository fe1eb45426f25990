"""What an operator imports at a terminal: schools and their links from the register, organisations, people.

The host mounts `app` and gives the context's `obj`: a function that opens the parts of a service by its name. The same
imports can be called with a runtime at hand, as the demo county does.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Final, TypeVar

import typer
from chassis.cause import Cause
from chassis.clock import new_id, wall_now
from chassis.errors import Refusal, TryAgain
from chassis.service import Runtime
from rich.console import Console
from rich.progress import Progress

from directory import clients
from directory.domain import lists
from directory.domain.duty import COUNTY
from directory.domain.extract import Rejection, Table, table
from directory.domain.people import Organisation
from directory.domain.register import statement, whole_number_text
from directory.domain.report import Report
from directory.domain.schools import Outcome, Statement
from directory.domain.successors import Link, link, successions
from directory.handlers.lists import list_people
from directory.handlers.organisations import list_organisations
from directory.handlers.schools import link_schools, tell_schools
from directory.store import Tx

T = TypeVar("T")

#: Rows of one transaction.
BATCH: Final = 500
Opens = Callable[[str], AbstractAsyncContextManager[Runtime]]
Note = Callable[[int], None]


def _silent(_rows: int) -> None:
    """Nobody watches."""


class _OnlyAsked(Exception):
    """A dry run ends: nothing of it stays."""


async def import_schools(
    runtime: Runtime, data: bytes, *, as_of: date, dry_run: bool = False, note: Note = _silent
) -> Report:
    """Read an extract of the register, as it was on a day. Raises `Unreadable` when it is none."""
    columns, codes = clients.columns(), clients.codes()
    report = Report()
    statements: dict[str, Statement] = {}
    for record in _read(report, data, [columns.schools["urn"]]).records:
        said, rejections = statement(record, columns, codes)
        report.reject(rejections)
        if said is not None and said.urn in statements:
            report.reject([Rejection(record.line, "urn", "named-twice")])
        elif said is not None:
            statements[said.urn] = said

    async def take(batch: Sequence[Statement], tx: Tx) -> None:
        for said, told in zip(batch, await tell_schools(batch, tx, as_of=as_of, cause=cause), strict=True):
            if isinstance(told, str):
                report.reject([Rejection(said.line, told, "missing-for-a-new-school")])
                continue
            report.older += told.older
            report.add(said.urn, told.outcome, told.changed)

    cause = Cause.fresh()
    await _in_batches(runtime, list(statements.values()), take, dry_run=dry_run, note=note)
    return report


async def import_school_links(
    runtime: Runtime, data: bytes, *, as_of: date, dry_run: bool = False, note: Note = _silent
) -> Report:
    """Read the register's links between schools, as they were on a day. Raises `Unreadable` when it is no such file."""
    columns = clients.columns()
    report = Report()
    links: list[Link] = []
    described: list[str] = []
    needs = [columns.links[name] for name in ("urn", "linked", "type")]
    for record in _read(report, data, needs).records:
        found = link(record, columns)
        if isinstance(found, Rejection):
            report.reject([found])
        elif found is None:
            report.passed_over += 1
        else:
            links.append(found)
            described.append(whole_number_text(record.first(columns.links["urn"]) or ""))
    # The file says of each school it describes all links there are: also that none leads on.
    stated: dict[str, tuple[Link, ...]] = dict.fromkeys(described, ()) | successions(links)

    async def take(batch: Sequence[str], tx: Tx) -> None:
        for linked in await link_schools({urn: stated[urn] for urn in batch}, tx, as_of=as_of, cause=cause):
            if not stated[linked.urn] and not linked.changed:
                continue
            report.older += linked.older
            outcome = Outcome.NEW if linked.new else Outcome.CHANGED if linked.changed else Outcome.UNCHANGED
            report.add(linked.urn, outcome, ("successors",))

    cause = Cause.fresh()
    await _in_batches(runtime, sorted(stated), take, dry_run=dry_run, note=note)
    return report


async def import_organisations(runtime: Runtime, data: bytes, *, dry_run: bool = False, note: Note = _silent) -> Report:
    """Read a list of organisations: id, name, sector, kind, active. Raises `Unreadable` when it is none."""
    report = Report()
    found: dict[str, Organisation] = {}
    needs = [lists.ORGANISATION_COLUMNS[name] for name in ("id", "name", "sector", "kind")]
    for record in _read(report, data, needs).records:
        row = lists.organisation(record, clients.words())
        if isinstance(row, Rejection):
            report.reject([row])
        elif row.id in found:
            report.reject([Rejection(record.line, "id", "named-twice")])
        else:
            found[row.id] = row

    async def take(batch: Sequence[Organisation], tx: Tx) -> None:
        for row, outcome in zip(batch, await list_organisations(batch, tx, cause=cause), strict=True):
            report.add(row.id, outcome)

    cause = Cause.fresh()
    await _in_batches(runtime, list(found.values()), take, dry_run=dry_run, note=note)
    return report


async def import_people(runtime: Runtime, data: bytes, *, dry_run: bool = False, note: Note = _silent) -> Report:
    """Read a list of people and roles: person, organisation, name, title, email, active, role, cluster, since, until.

    Raises `Unreadable` when it is none.
    """
    report = Report()
    found: list[lists.Listed] = []
    needs = [lists.PEOPLE_COLUMNS[name] for name in ("organisation", "name")]
    for record in _read(report, data, needs).records:
        row = lists.listed(record, clients.words())
        if isinstance(row, Rejection):
            report.reject([row])
        else:
            found.append(row)

    async def take(batch: Sequence[lists.Listed], tx: Tx) -> None:
        for taken in await list_people(batch, tx, cause=cause, new_id=new_id):
            if isinstance(taken, Rejection):
                report.reject([taken])
                continue
            both = (("person", taken.person), ("role", taken.role))
            changed = tuple(name for name, outcome in both if outcome not in {None, Outcome.UNCHANGED})
            report.add(taken.person_id, _summed(taken.person, taken.role), changed)

    cause = Cause.fresh()
    await _in_batches(runtime, found, take, dry_run=dry_run, note=note)
    return report


def _summed(person: Outcome, role: Outcome | None) -> Outcome:
    if person is Outcome.UNCHANGED and role not in {None, Outcome.UNCHANGED}:
        return Outcome.CHANGED
    return person


def _read(report: Report, data: bytes, needs: Sequence[Sequence[str]]) -> Table:
    found = table(data, needs=needs)
    report.rows = len(found.records) + len(found.rejections)
    report.reject(found.rejections)
    return found


async def _in_batches(
    runtime: Runtime,
    rows: Sequence[T],
    take: Callable[[Sequence[T], Tx], Awaitable[None]],
    *,
    dry_run: bool,
    note: Note,
) -> None:
    """A transaction for each batch: an import that is stopped has done a part, and done again does the rest.

    A dry run is one transaction that is never committed, so that each batch sees those before it.
    """
    batches = [rows[n : n + BATCH] for n in range(0, len(rows), BATCH)]
    if dry_run:
        with suppress(_OnlyAsked):
            async with runtime.transaction() as tx:
                for batch in batches:
                    await take(batch, tx)
                    note(len(batch))
                raise _OnlyAsked
        return
    for batch in batches:
        async with runtime.transaction() as tx:
            await take(batch, tx)
        note(len(batch))


app: Final = typer.Typer(add_completion=False, no_args_is_help=True, help="Read schools, organisations and people.")


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
