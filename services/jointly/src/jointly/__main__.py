"""The commands: `jointly run` and everything an operator or a newcomer needs beside it."""

import asyncio
import os
import signal
import sys
from contextlib import AbstractAsyncContextManager, ExitStack
from enum import StrEnum
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any, Final, NoReturn

import typer
import uvloop
from chassis import telemetry
from typer.core import TyperGroup

from jointly.settings import Settings
from jointly.terminal import Terminal

if TYPE_CHECKING:
    from chassis.service import Runtime

#: Where each of the other commands is. What is not called is not loaded.
_ELSEWHERE: Final = {
    "demo": "jointly.commands.demo",
    "token": "jointly.commands.token",
    "reset": "jointly.commands.reset",
    "import": "jointly.commands.imports",
    "dead-letters": "jointly.commands.dead_letters",
    "clock": "jointly.commands.clock",
    "clusters": "jointly.commands.clusters",
    "funding": "funding.commands",
    "providers": "placements.commands",
    "why": "jointly.commands.why",
    "database": "jointly.database",
    "kafka": "jointly.kafka_command",
    "notifier": "notifier.commands",
    "referral-api": "referral_api.commands",
}


class _Commands(TyperGroup):
    """Loads a command when it is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        """`run` first, then the others."""
        return [*super().list_commands(ctx), *_ELSEWHERE]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """One command by its name."""
        place = _ELSEWHERE.get(cmd_name)
        if place is None:
            return super().get_command(ctx, cmd_name)
        try:
            module = import_module(place)
        except ModuleNotFoundError as error:
            if str(error.name).startswith("jointly"):
                raise
            # An image with one service has not what the commands of the others need: they do not exist there.
            return None
        return typer.main.get_command(module.app)


app = typer.Typer(
    cls=_Commands,
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    # Frames show values, and values may be secrets.
    pretty_exceptions_enable=False,
)


@app.callback()
def about() -> None:
    """Jointly carries a child's case between the agencies that can help. JOINTLY_… variables replace the defaults."""


class Part(StrEnum):
    """What one process can do alone."""

    HTTP = "http"
    WORKERS = "workers"


@app.command()
def run(
    services: Annotated[list[str] | None, typer.Argument(help="Such as referral-api; none means all.")] = None,
    *,
    only: Annotated[Part | None, typer.Option(help="This part alone, in this process, for containers.")] = None,
    kafka: Annotated[bool, typer.Option("--kafka", help="Start a real Apache Kafka broker too.")] = False,
) -> None:
    """Run services: database, event log, front and worker, kept running until Ctrl-C or SIGTERM."""
    names = services or []
    settings = Settings()
    if only is None:
        from jointly.run import run as run_everything  # noqa: PLC0415  a part alone needs none of this

        asyncio.run(run_everything(settings, names, kafka=kafka, terminal=Terminal()))
        return
    with ExitStack() as stack:
        _stand_on(settings, stack)
        if only is Part.HTTP:
            from jointly import front  # noqa: PLC0415  nor does a worker need a front

            listening = front.sockets(settings)
            uvloop.run(front.serve(settings, names, listening))
        else:
            from jointly.worker import work  # noqa: PLC0415

            uvloop.run(work(settings, names))


@app.command(hidden=True)
def county() -> None:
    """Bring the demo county in where the house is empty; `jointly run` calls this."""
    from jointly.county.seed import bring_in  # noqa: PLC0415  only here

    telemetry.configure_logging("WARNING")
    uvloop.run(bring_in(Settings(), Terminal()))


def _stand_on(settings: Settings, stack: ExitStack) -> None:
    """A part alone, without a database of its own and nobody who runs one for it, runs the embedded one."""
    from jointly import house  # noqa: PLC0415
    from jointly.supervisor import CONTROL_FD  # noqa: PLC0415

    house.check(settings)
    if settings.database_url is not None or CONTROL_FD in os.environ:
        return
    from jointly.postgres import AlreadyRunning, EmbeddedPostgres  # noqa: PLC0415
    from jointly.state import StateFolder  # noqa: PLC0415
    from jointly.stores import prepare  # noqa: PLC0415

    state = StateFolder(settings.state_folder)
    state.prepare()
    postgres = EmbeddedPostgres(state.path)
    try:
        postgres.start()
    except AlreadyRunning:
        return
    stack.callback(postgres.stop)
    asyncio.run(prepare(settings, state))


def main() -> None:
    """The console script. What can go wrong in an expected way is one sentence, not a traceback."""
    signal.signal(signal.SIGTERM, _terminated)
    try:
        app(obj=_opens)
    except Exception as error:
        from jointly.expected import EXPECTED  # noqa: PLC0415  everything that can end a command

        if not isinstance(error, EXPECTED):
            raise
        sys.stderr.write(f"{error}\n")
        sys.exit(1)


def _opens(service: str) -> "AbstractAsyncContextManager[Runtime]":
    """What the services' own commands find in their context: a way to a service's parts."""
    from jointly.commands.imports import opens  # noqa: PLC0415  loads every service

    return opens(service)


def _terminated(_number: int, _frame: object) -> NoReturn:
    """Until an event loop takes signals over: leave as by Ctrl-C, so that what was started is stopped."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
