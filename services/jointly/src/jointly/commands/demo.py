"""`jointly demo`: a first look at the whole."""

import asyncio
from typing import Annotated

import typer

from jointly.demo.show import show
from jointly.demo.simulated import RealTime
from jointly.demo.term import show_term
from jointly.settings import Settings
from jointly.terminal import Terminal

app = typer.Typer(add_completion=False)


@app.command()
def demo(
    referrals: Annotated[int, typer.Option(min=1, max=1000, help="How many.")] = 60,
    rate: Annotated[float, typer.Option(min=0, help="So many a second; 0 as fast as possible.")] = 0,
    seed: Annotated[int | None, typer.Option(help="The same seed posts the same children.")] = None,
    *,
    term: Annotated[
        bool, typer.Option("--term", help="Play a school term, on a house with a simulated clock.")
    ] = False,
) -> None:
    """Post referrals as a school's, a health and a social care system, and watch them find their clusters.

    With `--term` a whole school term goes by in minutes: assessments, money, suspensions, places, deadlines.
    """
    if term:
        try:
            asyncio.run(show_term(Settings.of_the_running(), count=referrals, seed=seed, terminal=Terminal()))
        except RealTime as why:
            typer.echo(str(why), err=True)
            raise typer.Exit(1) from why
        return
    asyncio.run(show(Settings.of_the_running(), count=referrals, rate=rate, seed=seed, terminal=Terminal()))
