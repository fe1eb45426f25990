"""What an operator can ask of the notifier at a terminal."""

from datetime import date
from typing import Annotated, Final

import typer

from notifier.policy import RULES, TEXTS

app: Final = typer.Typer(name="notifier", add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)


@app.callback()
def main() -> None:
    """Who is told of what, and in which words."""


@app.command()
def preview(
    template: Annotated[str | None, typer.Argument(help="One template, such as case-assigned; absent: all.")] = None,
) -> None:
    """Print every message as people read it, with a made-up reference and date."""
    if template is not None and template not in TEXTS.texts:
        known = ", ".join(sorted(TEXTS.texts))
        raise typer.BadParameter(f"There is no template {template}; there are {known}.")
    for name in [template] if template else sorted(TEXTS.texts):
        text = TEXTS[name]
        line = text.inbox(reference=_REFERENCE, due=_DUE)
        rules = ", ".join(rule.id for rule in RULES.rules if rule.template == name)
        typer.echo(f"=== {name} ({TEXTS.language}; rules: {rules})")
        typer.echo(f"Subject: {text.title(reference=_REFERENCE)}\n")
        typer.echo(TEXTS.letter.text(line=line, link="https://jointly.example/cases/0190f3a4"))


_REFERENCE: Final = "J-7F3K"
_DUE: Final = date(2026, 11, 24)
