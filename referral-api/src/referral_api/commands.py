"""What an operator can ask of referral-api at a terminal."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import typer
from chassis.service import Runtime

from referral_api.clients import bundled_postcodes, read_code_point
from referral_api.domain.references import clean_reference

app: Final = typer.Typer(name="referral-api", add_completion=False, no_args_is_help=True)


@app.callback()
def main() -> None:
    """Referrals, cases, and where postcodes are."""


@app.command()
def reference(typed: Annotated[str, typer.Argument(help="As somebody wrote it down.")]) -> None:
    """Check a case reference that somebody read out, and print it in its one form."""
    found = clean_reference(typed)
    if found is None:
        raise typer.BadParameter("This is no case reference; look for a slip.")
    typer.echo(found)


async def import_postcodes(runtime: Runtime, paths: Sequence[Path]) -> int:
    """Read Code-Point Open files, or the bundled ones when none is named; returns how many postcodes are in them.

    What is known of other postcodes stays. Raises `NotPostcodes`, with nothing imported.
    """
    squares = [square for path in paths for square in read_code_point(path)] if paths else list(bundled_postcodes())
    async with runtime.transaction() as tx:
        return int(await tx.places.keep(squares))
