"""What an operator can ask of the notifier at a terminal."""

from collections.abc import Iterator
from datetime import date
from typing import Annotated, Final

import typer

from notifier.domain.rules import Channel
from notifier.domain.texts import Line, Texts, compose, plain_date
from notifier.policy import LANGUAGES, RULES, STAGES, TEXTS

app: Final = typer.Typer(name="notifier", add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)

_REFERENCE: Final = "J-7F3K"
_DUE: Final = date(2026, 11, 24)
_LINK: Final = "https://jointly.example/cases/0190f3a4"
_FAMILY_LINK: Final = "https://jointly.example/family/b3JkaW5hcnk"
_WORK: Final = "https://jointly.example/work"
#: What is no rule's: several messages in one, and what goes to families.
_DIGEST: Final = "digest"
_FAMILY: Final = "family-link"


@app.callback()
def main() -> None:
    """Who is told of what, and in which words."""


@app.command()
def preview(
    template: Annotated[
        str | None, typer.Argument(help="One template, such as case-assigned, digest or family-link; absent: all.")
    ] = None,
    language: Annotated[str | None, typer.Option(help="One language, such as en; absent: each.")] = None,
    channel: Annotated[Channel | None, typer.Option(help="One channel; absent: each that it goes by.")] = None,
) -> None:
    """Print every message as people read it, with a made-up reference and date."""
    names = [*sorted(TEXTS.texts), _DIGEST, _FAMILY]
    if template is not None and template not in names:
        raise typer.BadParameter(f"There is no template {template}; there are {', '.join(names)}.")
    if language is not None and language not in LANGUAGES:
        raise typer.BadParameter(f"There is no language {language}; there are {', '.join(sorted(LANGUAGES))}.")
    for name in [template] if template else names:
        for texts in [LANGUAGES[language]] if language else LANGUAGES.values():
            rules = ", ".join(rule.id for rule in RULES.rules if rule.template == name) or "none of its own"
            typer.echo(f"=== {name} ({texts.language}; rules: {rules})")
            for way, said in _said(name, texts):
                if channel in {None, way}:
                    typer.echo(f"--- {way}\n{said}\n")


def _said(name: str, texts: Texts) -> Iterator[tuple[Channel, str]]:
    """What a template says, by each channel that it goes by."""
    if name == _FAMILY:
        yield from _to_family(texts)
        return
    channels = (
        {Channel.EMAIL, Channel.SMS, Channel.PUSH}
        if name == _DIGEST
        else {channel for rule in RULES.rules if rule.template == name for channel in rule.channels}
    )
    lines = [_line(texts, name)] if name != _DIGEST else [_line(texts, "case-assigned"), _line(texts, "duty-near")]
    if Channel.IN_APP in channels:
        yield Channel.IN_APP, lines[0].text
    if Channel.EMAIL in channels:
        content = compose(texts, lines, work=_WORK, short=False)
        yield Channel.EMAIL, f"Subject: {content.subject}\n\n{content.body}"
    for short in (Channel.SMS, Channel.CHAT):
        if short in channels:
            yield short, compose(texts, lines, work=_WORK, short=True).body
    if Channel.PUSH in channels:
        content = compose(texts, lines, work=_WORK, short=False)
        yield Channel.PUSH, "\n".join([content.subject, *([lines[0].text] if len(lines) == 1 else []), content.link])


def _line(texts: Texts, name: str) -> Line:
    return Line(texts[name].title(reference=_REFERENCE), texts.inbox(name, reference=_REFERENCE, due=_DUE), _LINK)


def _to_family(texts: Texts) -> Iterator[tuple[Channel, str]]:
    message = STAGES.message.get(texts.language, STAGES.message["en"])
    frame = STAGES.letter.get(texts.language, STAGES.letter["en"])
    body = frame.format(line=message["line"], link=_FAMILY_LINK, until=plain_date(_DUE, texts.language))
    yield Channel.EMAIL, f"Subject: {message['subject']}\n\n{body}"
    yield Channel.LETTER, f"{message['subject']}\n\n{body}"
    yield Channel.SMS, f"{message['line']} {_FAMILY_LINK}"
