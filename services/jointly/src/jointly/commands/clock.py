"""`jointly clock`: what time it is for the county."""

import asyncio
from datetime import datetime
from typing import Annotated

import typer
from chassis.business_time import Simulation
from chassis.clock import BusinessClock

from jointly import house
from jointly.settings import Settings, SimulatedTime
from jointly.state import StateFolder

app = typer.Typer(add_completion=False, no_args_is_help=True)


@app.callback()
def about() -> None:
    """Business time: what day it is for the county. Deadlines run on it; a term can pass in minutes."""


@app.command("show")
def show_command() -> None:
    """Say what time it is for the county."""
    typer.echo(asyncio.run(_now()).isoformat(timespec="seconds"))


@app.command("simulate")
def simulate_command(
    start: Annotated[str, typer.Argument(help="Such as 2026-09-01T08:00:00Z, or 2026-09-01T08:00:00Z*600.")],
) -> None:
    """Begin simulated time, here and in every process that runs."""
    try:
        simulated = SimulatedTime.read(start)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    asyncio.run(_simulation().begin(simulated.base, rate=simulated.rate))
    typer.echo(f"It is {simulated.base.isoformat()}, and time passes {simulated.rate:g} times as fast.")


@app.command("real")
def real_command() -> None:
    """End simulated time."""
    asyncio.run(_simulation().end())
    typer.echo("It is what the wall's clock says.")


def _simulation() -> Simulation:
    settings = Settings()
    found = house.business_time(settings, StateFolder(settings.state_folder))
    if found is None:
        raise house.NotConfigured("In production, business time is the wall's.")
    return found


async def _now() -> datetime:
    settings = Settings()
    county = BusinessClock()
    simulation = house.business_time(settings, StateFolder(settings.state_folder))
    if simulation is not None:
        await simulation.apply(county)
    return county.now()
