"""What an operator asks of funding at a terminal: budgets from a file, and whether the ledger is as it must be.

The host mounts `app` and gives the context's `obj`: a function that opens the parts of a service by its name. The same
can be called with a runtime at hand, as the demo county does.
"""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from pathlib import Path
from typing import Annotated, Final

import typer
from chassis.cause import Cause
from chassis.errors import Refusal, TryAgain
from chassis.service import Runtime

from funding import clients
from funding.domain.budgets import Summary, read_rows
from funding.handlers.budgets import set_budgets

Opens = Callable[[str], AbstractAsyncContextManager[Runtime]]


class _OnlyAsked(Exception):
    """A dry run ends: nothing of it stays."""


async def import_budgets(runtime: Runtime, data: bytes, *, dry_run: bool = False) -> Summary:
    """Budgets from a file's bytes: cluster_id, financial_year, amount in pounds. Raises `NotABudgetFile`.

    One transaction: right rows are taken together, wrong ones are named by line and field.
    """
    rows = clients.budget_rows(data)
    good, wrong = read_rows(rows)
    summary = Summary(rows=len(rows), rejections=wrong)
    with suppress(_OnlyAsked):
        async with runtime.transaction() as tx:
            await set_budgets(good, tx, summary, Cause.fresh())
            if dry_run:
                raise _OnlyAsked
    return summary


async def check_ledger(runtime: Runtime) -> list[str]:
    """What in the ledger is not as it must be: postings that do not add up, accounts below nothing. Empty is right."""
    async with runtime.transaction() as tx:
        wrong: list[str] = await tx.budgets.wrong()
    return wrong


app: Final = typer.Typer(add_completion=False, no_args_is_help=True, help="Budgets of early funding.")


@app.command("budgets")
def budgets_command(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A comma-separated file.")],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")] = False,
) -> None:
    """Budgets per cluster and financial year: cluster_id, financial_year, amount in pounds with pence."""
    opens: Opens = ctx.find_root().obj

    async def go() -> Summary:
        data = clients.file_bytes(file)
        async with opens("funding") as runtime:
            return await import_budgets(runtime, data, dry_run=dry_run)

    try:
        summary = asyncio.run(go())
    except Refusal as refusal:
        typer.echo(refusal.detail, err=True)
        raise typer.Exit(1) from refusal
    except TryAgain as away:
        typer.echo("The database is away or busy. Run it again: what is done already is not done twice.", err=True)
        raise typer.Exit(1) from away
    for line in summary.lines(dry_run=dry_run):
        typer.echo(line)
    if summary.rejections:
        raise typer.Exit(1)


@app.command("check")
def check_command(ctx: typer.Context) -> None:
    """Whether every posting adds up and every balance is what it must be."""
    opens: Opens = ctx.find_root().obj

    async def go() -> list[str]:
        async with opens("funding") as runtime:
            return await check_ledger(runtime)

    wrong = asyncio.run(go())
    for line in wrong or ["The ledger adds up."]:
        typer.echo(line)
    if wrong:
        raise typer.Exit(1)
