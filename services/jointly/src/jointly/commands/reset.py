"""`jointly reset`: forget everything that the state folder keeps."""

import shutil
from contextlib import suppress
from typing import Annotated

import typer

from jointly.lock import AlreadyRunning, holder_of
from jointly.postgres import EmbeddedPostgres, NotStarted
from jointly.settings import Settings
from jointly.state import StateFolder

app = typer.Typer(add_completion=False)


class NotAStateFolder(Exception):
    """It may be somebody's home."""


@app.command()
def reset(*, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False) -> None:
    """Forget everything that the state folder keeps: database, event log, keys, logs."""
    state = StateFolder(Settings().state_folder)
    holder = holder_of(state.path)
    if holder is not None:
        raise AlreadyRunning(state.path, holder)
    if not state.path.exists():
        typer.echo(f"There is nothing in {state.path}.")
        return
    if not any(state.file(name).exists() for name in ("lock", "secrets.json", "postgres")):
        # A mistyped JOINTLY_STATE must not cost anybody their files.
        raise NotAStateFolder(f"{state.path} does not look like a state folder; remove it by hand if you mean it.")
    if not yes:
        typer.confirm(f"Remove {state.path} and everything in it?", abort=True)
    with suppress(NotStarted):
        EmbeddedPostgres(state.path).erase()
    shutil.rmtree(state.path)
    typer.echo("Forgotten. `make run` starts over.")
