"""The operator's commands at a terminal."""

from notifier.commands import app
from notifier.policy import TEXTS
from typer.testing import CliRunner


def test_every_message_can_be_read_before_anybody_gets_it() -> None:
    result = CliRunner().invoke(app, ["preview"])
    assert result.exit_code == 0
    for name in TEXTS.texts:
        assert f"=== {name} (en; rules: " in result.output
    assert "{" not in result.output


def test_one_message_can_be_read() -> None:
    result = CliRunner().invoke(app, ["preview", "handover-offered"])
    assert result.output.count("===") == 1
    assert "Answer by 24 November 2026" in result.output


def test_a_template_that_is_none_is_named() -> None:
    result = CliRunner().invoke(app, ["preview", "no-such"])
    assert result.exit_code == 2
    assert "case-assigned" in " ".join(result.output.split())
