"""`jointly why`: what a sector's system would hear of an event, and by which rule."""

import asyncio
from typing import Annotated, Final

import typer
from exchange.commands import NoSuchEvent, why

from jointly.commands.imports import opens

app: Final = typer.Typer(add_completion=False)


@app.command()
def why_command(
    event: Annotated[str, typer.Argument(help="An event's id, or a file of structured JSON.")],
    sector: Annotated[str, typer.Option(help="education, health or social-care.")],
) -> None:
    """Say what a sector would hear of an event, and why."""

    async def work() -> list[str]:
        async with opens("exchange") as runtime:
            return await why(runtime, event, sector)

    try:
        lines = asyncio.run(work())
    except NoSuchEvent as unknown:
        typer.echo(str(unknown), err=True)
        raise typer.Exit(1) from unknown
    typer.echo("\n".join(lines))
