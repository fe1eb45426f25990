"""What a newcomer sees when everything runs: a county with people in it, addresses, who to be, what to try next."""

import asyncio
import os
import sys
from collections.abc import Sequence
from typing import Any, Final

from jointly.settings import Settings
from jointly.state import CREDENTIALS, StateFolder
from jointly.terminal import Terminal

#: Tells the demo county's own process where everything is, as the front and the worker are told.
SEED: Final = ("-m", "jointly", "county")
#: Says whether bringing the county in has begun or is done, so that an interrupted start goes on.
PROGRESS: Final = "county.json"
#: What the demo county holds today. A house with an older one is given what is missing, once.
EDITION: Final = 2
_SHOWN_SYSTEMS: Final = 4
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


class NotSeeded(Exception):
    """The demo county could not be brought in."""


async def welcome(settings: Settings, state: StateFolder, names: Sequence[str], terminal: Terminal) -> None:
    """Bring the demo county in where it is wanted, then say what there is."""
    if settings.issues_tokens and not names and not _is_there(settings, state):
        await _seed(settings, state)
    show(settings, state, terminal)


def _is_there(settings: Settings, state: StateFolder) -> bool:
    """Whether this folder's own database has the county, and its callers know this address: then nothing is to do."""
    systems = state.read_json(CREDENTIALS).get("systems", ())
    return (
        settings.database_url is None
        and state.read_json(PROGRESS) == {"county": "done", "edition": EDITION}
        and all(row["token_url"].startswith(f"{settings.believed_issuer}/") for row in systems)
    )


async def _seed(settings: Settings, state: StateFolder) -> None:
    environment = {**os.environ, "JOINTLY_STATE": str(state.path)}
    if settings.kafka_bootstrap is not None:
        environment["JOINTLY_KAFKA_BOOTSTRAP"] = settings.kafka_bootstrap
    process = await asyncio.create_subprocess_exec(sys.executable, *SEED, env=environment, start_new_session=True)
    try:
        code = await process.wait()
    except asyncio.CancelledError:
        process.terminate()
        await process.wait()
        raise
    if code:
        raise NotSeeded("The demo county could not be brought in; what went wrong stands above.")


def show(settings: Settings, state: StateFolder, terminal: Terminal) -> None:
    """Addresses, demo callers, and the next commands to try."""
    origin = settings.audience
    terminal.heading("Where everything is")
    terminal.rows(
        [
            ("Pages", origin, "sign in as anybody below" if settings.issues_tokens else "sign in"),
            ("API", origin, f"reference: {origin}/docs"),
            ("Events", f"{origin}/docs/events", f"to hear them: {origin}/docs/integrators"),
            ("Operations", f"http://{settings.host}:{settings.internal_port}/metrics", "not for the outside"),
            ("State and logs", str(settings.state), "`make reset` forgets all of it"),
        ]
    )
    if settings.issues_tokens and settings.host not in _LOOPBACK:
        terminal.warn(
            f"Whoever reaches {settings.host}:{settings.port} can sign in as anybody: the development issuer asks for "
            "no password. Set JOINTLY_ISSUER, or leave JOINTLY_HOST as it is."
        )
    kept = state.read_json(CREDENTIALS)
    if settings.issues_tokens and kept:
        _callers(kept, settings, terminal)
        _try(origin, terminal)
    terminal.heading("Jointly runs. Ctrl-C stops it; nothing is lost.")


def _callers(kept: dict[str, Any], settings: Settings, terminal: Terminal) -> None:
    systems, people = kept["systems"], kept["people"]
    terminal.heading(f"Who you can be (secrets are in {settings.state / CREDENTIALS})")
    rows = [(row["organisation"], row["sector"], f"make token O={row['organisation']}") for row in systems]
    terminal.rows(rows[:_SHOWN_SYSTEMS], head=("System of", "Sector", "A token"))
    if len(rows) > _SHOWN_SYSTEMS:
        terminal.say(f"and {len(rows) - _SHOWN_SYSTEMS} more schools")
    one_of_each = {row["roles"][0]: row for row in reversed(people)}
    terminal.say("")
    terminal.rows(
        [(row["name"], row["organisation"], f"make token P={role}") for role, row in sorted(one_of_each.items())],
        head=("Person", "Works for", "A token"),
    )


def _try(origin: str, terminal: Terminal) -> None:
    terminal.heading("Try, in another terminal")
    terminal.say("make demo")
    terminal.say("TOKEN=$(make -s token O=school-115482)")
    terminal.say(f'curl -H "Authorization: Bearer $TOKEN" {origin}/v1/schools/115482')
