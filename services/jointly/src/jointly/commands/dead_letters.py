"""`jointly dead-letters`: what a service could not take."""

import asyncio
from typing import Annotated

import typer
from chassis.parking import parked_events, put_back

from jointly import house
from jointly.settings import Settings
from jointly.terminal import Terminal

app = typer.Typer(add_completion=False, no_args_is_help=True)


@app.callback()
def about() -> None:
    """Events that a service could not take: see them, and put them back when the cause is gone."""


@app.command("list")
def list_command(
    service: Annotated[list[str] | None, typer.Argument(help="Such as notifier; none means all.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="The oldest so many of each service.")] = 100,
) -> None:
    """What waits, with its reason: `waiting` is tried again by itself, `poison` until somebody puts it back."""
    rows = asyncio.run(_list(service or [], limit))
    if not rows:
        typer.echo("Nothing waits.")
        return
    Terminal().rows(rows, head=("Service", "Event", "Topic", "Subject", "State", "Reason", "Tries", "Since"))


@app.command("put-back")
def put_back_command(
    service: Annotated[str, typer.Argument(help="Such as notifier.")],
    event: Annotated[list[str] | None, typer.Argument(help="Events' ids; none means all of the service.")] = None,
) -> None:
    """Let poison events be tried again, in their order; each counts once, however often it is put back."""
    typer.echo(f"{asyncio.run(_put_back(service, event))} put back; the service looks at them within seconds.")


async def _list(names: list[str], limit: int) -> list[tuple[str, ...]]:
    async with house.opened(Settings(), names) as parts:
        return [
            (
                runtime.service.name,
                row["event_id"],
                row["topic"],
                row["subject"],
                row["state"],
                row["reason"],
                str(row["attempts"]),
                row["parked_at"].isoformat(timespec="seconds"),
            )
            for runtime in parts.runtimes
            if runtime.consumer is not None
            for row in await parked_events(runtime.database, runtime.consumer.name, limit=limit)
        ]


async def _put_back(name: str, events: list[str] | None) -> int:
    async with house.opened(Settings(), [name]) as parts:
        runtime = parts.runtime(name)
        return await put_back(runtime.database, name, events) if runtime.consumer is not None else 0
