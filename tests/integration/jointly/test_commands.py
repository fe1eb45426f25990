"""The operator's commands, called as a person at a terminal calls them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


def jointly(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603  our own program
        [sys.executable, "-m", "jointly", *words],
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith("JOINTLY_")},
            "JOINTLY_STATE": str(folder),
            **environment,
        },
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_command_is_listed(tmp_path: Path) -> None:
    said = jointly(tmp_path, "--help")
    assert said.returncode == 0
    for name in ("run", "demo", "token", "reset", "import", "dead-letters", "clock", "database", "kafka"):
        assert f"\n  {name} " in said.stdout


def test_services_bring_commands_of_their_own(tmp_path: Path) -> None:
    assert "Subject: " in jointly(tmp_path, "notifier", "preview").stdout
    assert jointly(tmp_path, "referral-api", "--help").returncode == 0


@pytest.mark.parametrize(
    "what", ["schools", "school-links", "organisations", "people", "clusters", "capacity", "postcodes"]
)
def test_everything_that_comes_from_files_has_its_import(tmp_path: Path, what: str) -> None:
    said = jointly(tmp_path, "import", what, "--help")
    assert said.returncode == 0, said.stderr


def test_a_folder_that_is_not_ours_is_not_removed(tmp_path: Path) -> None:
    (tmp_path / "letters.txt").write_text("dear")
    said = jointly(tmp_path, "reset", "--yes")
    assert said.returncode == 1
    assert "does not look like a state folder" in said.stderr
    assert (tmp_path / "letters.txt").exists()


def test_starting_over_removes_a_state_folder(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    (state / "secrets.json").write_text("{}")
    assert jointly(state, "reset", "--yes").returncode == 0
    assert not state.exists()
    assert "nothing" in jointly(state, "reset", "--yes").stdout


@pytest.mark.parametrize(
    ("words", "environment", "sentence"),
    [
        (("token", "--person", "cluster-lead"), {}, "`make run` first"),
        (("demo",), {}, "`make run` first"),
        (("run", "nothing"), {}, "There is no service nothing; there are referral-api"),
        (("run",), {"JOINTLY_ENV": "production"}, "no defaults for JOINTLY_DATABASE_URL, JOINTLY_ROLES_SECRET"),
        (("run", "--only", "http"), {"JOINTLY_ENV": "production"}, "no defaults for JOINTLY_DATABASE_URL"),
        (("clock", "show"), {}, "No PostgreSQL was ever started"),
        (("dead-letters", "list", "nothing"), {}, "No PostgreSQL was ever started"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(
    tmp_path: Path, words: tuple[str, ...], environment: dict[str, str], sentence: str
) -> None:
    said = jointly(tmp_path, *words, **environment)
    assert said.returncode == 1
    assert sentence in said.stderr
    assert "Traceback" not in said.stderr


def test_no_token_is_given_outside_development(tmp_path: Path) -> None:
    (tmp_path / "credentials.json").write_text('{"systems": [], "people": []}')
    said = jointly(tmp_path, "token", "--person", "operator", JOINTLY_ENV="production")
    assert said.returncode == 1
    assert "JOINTLY_ENV is not development" in said.stderr
    assert not (tmp_path / "issuer-key.pem").exists()
