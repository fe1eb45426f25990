"""The pages for people name only what there is: commands, make targets, files."""

import re
from pathlib import Path
from typing import Any, Final

import pytest
import typer
from jointly.__main__ import app

ROOT: Final = Path(__file__).resolve().parents[2]
PAGES: Final = [
    ROOT / "README.md", ROOT / "deploy/README.md", ROOT / "deploy/SETTINGS.md", ROOT / "deploy/kafka/README.md",
    ROOT / "services/exchange/INTEGRATORS.md", ROOT / "services/jointly/README.md",
]  # fmt: skip
#: In code alone: a sentence may speak of what `jointly` does.
CODE: Final = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)
COMMAND: Final = re.compile(r"(?:^|[\s`(/])jointly ((?:[a-z-]+ ?){1,2})", re.MULTILINE)
TARGET: Final = re.compile(r"(?:^|[\s`])make ([a-z][a-z0-9-]*)", re.MULTILINE)
LINK: Final = re.compile(r"\]\((?!https?:|#)([^)#]+)\)")
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def code(page: Path) -> str:
    """What stands as code on a page."""
    return "\n".join(CODE.findall(page.read_text(encoding="utf-8")))


def is_a_command(words: list[str]) -> bool:
    """Whether `jointly` takes these words: a command, and one below it where it has some."""
    group: Any = typer.main.get_command(app)
    one = group.get_command(None, words[0])
    if one is None:
        return False
    return not hasattr(one, "commands") or len(words) == 1 or words[1] in one.commands


@each_page
def test_every_command_that_is_named_is_there(page: Path) -> None:
    named = {tuple(found.split()) for found in COMMAND.findall(code(page))}
    assert {words for words in named if not is_a_command(list(words))} == set()


@each_page
def test_every_target_that_is_named_is_there(page: Path) -> None:
    targets = set(re.findall(r"^([a-z][a-z0-9-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(TARGET.findall(code(page))) <= targets


@each_page
def test_every_link_into_the_tree_leads_to_a_file(page: Path) -> None:
    assert [link for link in LINK.findall(page.read_text(encoding="utf-8")) if not (page.parent / link).exists()] == []


def test_a_command_that_is_not_there_would_be_noticed() -> None:
    assert is_a_command(["dead-letters", "put-back"])
    assert is_a_command(["run", "notifier"])
    assert not is_a_command(["dead-letters", "put-forward"])
    assert not is_a_command(["walk"])
    assert COMMAND.findall("```\n.venv/bin/jointly kafka access\njointly database init && x\n```") == [
        "kafka access", "database init ",
    ]  # fmt: skip
