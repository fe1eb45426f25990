"""The operator's commands at a terminal."""

from notifier.commands import app
from notifier.policy import LANGUAGES, TEXTS
from typer.testing import CliRunner


def test_every_message_can_be_read_before_anybody_gets_it() -> None:
    result = CliRunner().invoke(app, ["preview"])
    assert result.exit_code == 0
    for name in (*TEXTS.texts, "digest", "family-link"):
        for language in LANGUAGES:
            assert f"=== {name} ({language}; rules: " in result.output
    for channel in ("in-app", "email", "sms", "push", "chat", "letter"):
        assert f"--- {channel}\n" in result.output
    assert "{" not in result.output


def test_one_message_can_be_read() -> None:
    result = CliRunner().invoke(app, ["preview", "handover-offered"])
    assert result.output.count("===") == len(LANGUAGES)
    assert "Answer by 24 November 2026" in result.output
    assert "do 24 listopada 2026" in result.output


def test_one_language_and_channel_can_be_read() -> None:
    result = CliRunner().invoke(app, ["preview", "clock-near", "--language", "pl", "--channel", "sms"])
    assert result.output.count("===") == result.output.count("---") == 1
    assert "Termin w sprawie J-7F3K mija 24 listopada 2026. Zaloguj się: https://" in result.output
    assert CliRunner().invoke(app, ["preview", "--language", "tlh"]).exit_code == 2


def test_a_template_that_is_none_is_named() -> None:
    result = CliRunner().invoke(app, ["preview", "no-such"])
    assert result.exit_code == 2
    assert "case-assigned" in " ".join(result.output.split())
