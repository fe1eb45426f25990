"""The commands: `jointly-kit check-receiver URL --secret …`, `jointly-kit events`, `jointly-kit new-key`."""

import json
from enum import StrEnum
from typing import Annotated

import httpx
import typer

from jointly_kit.checker import TimesDone, check_receiver, trials
from jointly_kit.forms import kafka, page, sse, webhook
from jointly_kit.golden import golden, told_outside
from jointly_kit.signing import Key, NotAKey

app = typer.Typer(no_args_is_help=True, add_completion=False, help="For those who hear Jointly.")


class Form(StrEnum):
    """A way in which an event is given."""

    STRUCTURED = "structured"
    KAFKA = "kafka"
    WEBHOOK = "webhook"
    SSE = "sse"
    PAGE = "page"


@app.command("check-receiver")
def check(
    url: Annotated[str, typer.Argument(help="Where your receiver takes webhooks.")],
    secret: Annotated[str, typer.Option(envvar="JOINTLY_WEBHOOK_SECRET", help="whsec_…, or whsk_… for ed25519.")],
    times_done: Annotated[
        str | None,
        typer.Option(help="An address of yours that answers how often an event was done; {id} stands for its id."),
    ] = None,
    only: Annotated[list[str] | None, typer.Option(help="This trial; may be said more than once.")] = None,
    answer_seconds: Annotated[float, typer.Option(help="How long to wait for an answer.")] = 20.0,
) -> None:
    """Try your receiver with everything that happens to one. Exit code 1 when it did something wrong."""
    if unknown := set(only or ()) - set(trials()):
        raise typer.BadParameter(f"No such trial: {', '.join(sorted(unknown))}. There are: {', '.join(trials())}.")
    try:
        key = Key.read(secret)
    except NotAKey as error:
        raise typer.BadParameter(str(error), param_hint="--secret") from None
    observe = _observer(times_done) if times_done else None
    report = check_receiver(url, key, times_done=observe, only=only or (), answer_seconds=answer_seconds)
    typer.echo(str(report))
    raise typer.Exit(0 if report.right else 1)


@app.command()
def events(
    type: Annotated[str | None, typer.Argument(help="Of this type; without it their names are listed.")] = None,
    form: Annotated[Form, typer.Option(help="How it is given.")] = Form.STRUCTURED,
    secret: Annotated[str | None, typer.Option(help="What signs a webhook; without it a fresh key.")] = None,
) -> None:
    """Golden events: their names, or one in the form in which it is given."""
    if type is None:
        for one in golden():
            typer.echo(f"{one.type}  {one.name}{'' if one.leaves else '  (never told outside)'}")
        return
    try:
        chosen = [one.told() for one in told_outside([type])]
    except KeyError as error:
        raise typer.BadParameter(str(error.args[0])) from None
    for event in chosen:
        typer.echo(_written(event, form, Key.read(secret) if secret else None))


@app.command("new-key")
def new_key(
    ed25519: Annotated[bool, typer.Option("--ed25519", help="A pair instead of a shared secret.")] = False,
) -> None:
    """A key to try a receiver with: what signs, and what the receiver is given."""
    key = Key.new(shared=not ed25519)
    typer.echo(f"signs     {key.secret}\nverifies  {key.verifies}")


def _written(event: dict[str, object], form: Form, key: Key | None) -> str:
    match form:
        case Form.KAFKA:
            record = kafka(event)
            headers = "".join(f"{name}: {value.decode()}\n" for name, value in record.headers)
            return f"{headers}\n{record.key.decode()}\t{record.value.decode()}"
        case Form.WEBHOOK:
            delivery = webhook(event, [key or Key.new()])
            return "".join(f"{n}: {v}\n" for n, v in delivery.headers.items()) + f"\n{delivery.body.decode()}"
        case Form.SSE:
            return sse(event, "opaque-cursor").decode()
        case Form.PAGE:
            return page([event]).decode()
        case Form.STRUCTURED:
            return json.dumps(event, indent=2, ensure_ascii=False)


def _observer(address: str) -> TimesDone:
    def times_done(id: str) -> int:
        answer = httpx.get(address.replace("{id}", id), timeout=10, trust_env=False)
        return int(answer.raise_for_status().text.strip() or 0)

    return times_done
