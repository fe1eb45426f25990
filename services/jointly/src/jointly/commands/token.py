"""`jointly token`: an access token of the development issuer, for curl."""

from typing import Annotated

import typer
from chassis.clock import new_id, wall_now

from jointly.issuer.app import Issuer
from jointly.issuer.tokens import DEFAULT_SCOPE
from jointly.settings import Settings
from jointly.state import CREDENTIALS, StateFolder

app = typer.Typer(add_completion=False)


class NobodyLikeThat(Exception):
    """The demo county has no such person or system."""


class NoTokensHere(Exception):
    """This house does not issue tokens."""


@app.command()
def token(
    person: Annotated[str, typer.Option(help="A role (cluster-lead), a name or an id.")] = "",
    system: Annotated[str, typer.Option(help="An organisation, such as school-115482.")] = "",
) -> None:
    """Print an access token of the development issuer, for curl. It lives for five minutes."""
    if bool(person) == bool(system):
        raise typer.BadParameter("Say --person or --system.")
    settings = Settings.of_the_running()
    state = StateFolder(settings.state_folder)
    if not state.file(CREDENTIALS).exists():
        raise NobodyLikeThat(f"There is nobody in {state.path} yet. `make run` first.")
    issuer = Issuer.of(settings, state)
    if issuer is None:
        raise NoTokensHere(
            "Only the development issuer gives tokens this way: JOINTLY_ENV is not development, or JOINTLY_ISSUER "
            "names another issuer."
        )
    typer.echo(_for_system(issuer, system) if system else _for_person(issuer, person))


def _for_system(issuer: Issuer, wanted: str) -> str:
    systems = issuer.registry.systems()
    found = next((each for each in systems if wanted in {each.organisation, each.client_id}), None)
    if found is None:
        known = ", ".join(each.organisation for each in systems)
        raise NobodyLikeThat(f"No system speaks for {wanted}. There are: {known}.")
    return issuer.mint.for_system(found, scope=DEFAULT_SCOPE, now=wall_now(), token_id=new_id())


def _for_person(issuer: Issuer, wanted: str) -> str:
    people = issuer.registry.people()
    fitting = [each for each in people if each.answers_to(wanted)]
    # Whoever is that first of all, before those who are it besides.
    found = next((each for each in fitting if wanted == each.roles[0]), next(iter(fitting), None))
    if found is None:
        known = ", ".join(sorted({role for each in people for role in each.roles}))
        raise NobodyLikeThat(f"Nobody is {wanted}. The roles are: {known}.")
    return issuer.mint.for_person(
        found, client_id="jointly-cli", scope=DEFAULT_SCOPE, now=wall_now(), token_id=new_id()
    )
