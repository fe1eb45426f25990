"""What the host's settings mean."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from jointly.settings import Settings, SimulatedTime
from jointly.state import CREDENTIALS, StateFolder


@pytest.mark.parametrize(
    ("text", "rate"),
    [("2026-09-01T08:00:00Z", 1), ("2026-09-01T08:00:00Z*600", 600), ("2026-09-01T09:00:00+01:00*0", 0)],
)
def test_simulated_time_has_a_start_and_may_have_a_rate(text: str, rate: float) -> None:
    assert SimulatedTime.read(text) == SimulatedTime(datetime(2026, 9, 1, 8, tzinfo=UTC), rate)


@pytest.mark.parametrize(
    "text", ["", "tomorrow", "2026-09-01T08:00:00", "2026-09-01T08:00:00Z*-1", "2026-09-01T08:00:00Z*x"]
)
def test_simulated_time_without_a_zone_or_with_a_wrong_rate_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        SimulatedTime.read(text)


def test_only_development_without_an_issuer_of_its_own_issues_tokens() -> None:
    assert Settings(env="development").issues_tokens
    assert not Settings(env="development", issuer="https://sign-in.example").issues_tokens
    assert not Settings(env="production").issues_tokens


def test_a_laptop_does_not_wait_for_load_balancers_and_production_does() -> None:
    assert Settings(env="development").drains_for == 0
    assert Settings(env="production").drains_for == 5
    assert Settings(env="production", drain_seconds=1).drains_for == 1


def test_commands_in_another_terminal_ask_the_house_that_runs_in_their_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOINTLY_STATE", str(tmp_path))
    assert Settings.of_the_running().audience == "http://127.0.0.1:8000", "nobody has run here yet"
    system = {"organisation": "school-115482", "token_url": "http://127.0.0.1:8700/oauth/token"}
    StateFolder(tmp_path).write_json(CREDENTIALS, {"systems": [system], "people": []})
    assert Settings.of_the_running().audience == "http://127.0.0.1:8700"
    monkeypatch.setenv("JOINTLY_PORT", "8800")
    assert Settings.of_the_running().audience == "http://127.0.0.1:8800", "what is set wins"
