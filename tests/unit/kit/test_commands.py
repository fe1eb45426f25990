"""The commands say what they are asked, and refuse in words."""

import json

import pytest
from jointly_kit.commands import app
from jointly_kit.golden import golden, told_outside
from jointly_kit.signing import Key
from typer.testing import CliRunner


def run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, list(arguments))
    return done.exit_code, done.output


def test_events_are_listed() -> None:
    code, said = run("events")
    assert (code, len(said.splitlines())) == (0, len(golden()))
    assert "jointly.person.changed.v1  a-cluster-lead-by-function  (never told outside)" in said


@pytest.mark.parametrize(
    ("form", "part"),
    [
        ("structured", '"specversion": "1.0"'),
        ("kafka", "ce_type: jointly.case.closed.v1"),
        ("webhook", "webhook-signature: v1,"),
        ("sse", "event: jointly.case.closed.v1"),
        ("page", '[{"specversion":"1.0"'),
    ],
)
def test_an_event_is_shown_in_each_form(form: str, part: str) -> None:
    code, said = run("events", "jointly.case.closed.v1", "--form", form)
    assert code == 0
    assert part in said


def test_structured_is_the_default() -> None:
    _, said = run("events", "jointly.case.closed.v1")
    assert json.loads(said) == told_outside(["jointly.case.closed.v1"])[0].told()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("events", "jointly.person.changed.v1"), "Never told outside"),
        (("check-receiver", "http://127.0.0.1:9/", "--secret", "nonsense"), "A key begins with whsec_"),
        (("check-receiver", "http://127.0.0.1:9/", "--secret", "whsec_AAAA", "--only", "x"), "No such trial: x"),
    ],
)
def test_what_cannot_be_is_refused_in_words(arguments: tuple[str, ...], words: str) -> None:
    code, said = run(*arguments)
    assert code == 2
    assert words in " ".join(said.replace("│", " ").split())


@pytest.mark.parametrize("extra", [(), ("--ed25519",)])
def test_a_new_key_signs_and_verifies(extra: tuple[str, ...]) -> None:
    code, said = run("new-key", *extra)
    words = said.split()
    assert code == 0
    assert Key.read(words[1]).verifies == words[3]
