"""deploy/SETTINGS.md lists every variable that is read, and none that is not: both ways, for each row."""

import ast
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
from chassis.settings import Settings as HouseSettings
from jointly import house
from jointly.settings import Settings
from pydantic_core import PydanticUndefined

ROOT: Final = Path(__file__).resolve().parents[2]
PAGE: Final = ROOT / "deploy" / "SETTINGS.md"
#: Where people read of settings.
PAGES: Final = (
    PAGE, ROOT / "README.md", ROOT / "Makefile", ROOT / "services/exchange/INTEGRATORS.md",
    *(ROOT / "deploy" / name for name in ("README.md", "kafka/README.md", "Dockerfile", "compose.yaml")),
    *sorted(ROOT.glob("*/README.md")), *sorted(ROOT.glob("services/*/README.md")),
)  # fmt: skip
VARIABLE: Final = re.compile(r"\bJOINTLY_[A-Z][A-Z0-9_]*[A-Z0-9]\b")
PREFIX: Final = "JOINTLY_"


class Row(NamedTuple):
    """One variable as the page has it."""

    readers: frozenset[str]
    default: str
    example: str
    production: str


def sources() -> Iterator[Path]:
    """Every Python file that runs in a house."""
    for folder in ("schemas/src", "services", "referral-api/src", "cluster-router/src", "notifier/src"):
        yield from (ROOT / folder).rglob("*.py")


def classes() -> dict[str, type[HouseSettings]]:
    """Every Settings class, by the package that it is in: found by its file, so that a new one is found too."""
    found = {"chassis": HouseSettings}
    for path in sources():
        if path.name == "settings.py" and path.parent.parent.name == "src":
            name = path.parent.name
            found[name] = import_module(f"{name}.settings").Settings
    return found


CLASSES: Final = classes()
#: Who the page says reads a class's own fields.
READERS: Final = {"chassis": "every process", "jointly": "the host"}


def fields() -> dict[str, frozenset[str]]:
    """Variable -> who reads it."""
    found: dict[str, set[str]] = {}
    for package, kind in CLASSES.items():
        inherited = set() if kind is HouseSettings else set(HouseSettings.model_fields)
        for name in kind.model_fields.keys() - inherited:
            reader = READERS.get(package, package.replace("_", "-"))
            found.setdefault(f"{PREFIX}{name.upper()}", set()).add(reader)
    return {name: frozenset(readers) for name, readers in found.items()}


def read_elsewhere() -> set[str]:
    """Variables that are read without a Settings class: by name, or by a constant that holds it."""
    found: set[str] = set()
    for path in sources():
        text = path.read_text(encoding="utf-8")
        if "environ" in text or "getenv" in text or path.parent.name == "jointly":
            found |= {
                node.value
                for node in ast.walk(ast.parse(text))
                if isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and re.fullmatch(r"JOINTLY_[A-Z_]+|[A-Z_]*(?:HOME|DIR)", node.value)
            }
    return found


def rows() -> dict[str, Row]:
    """The tables of the page that have all columns."""
    found: dict[str, Row] = {}
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) == 6 and cells[0].startswith("`"):
            name = cells[0].strip("`")
            assert name not in found, f"{name} is on the page twice"
            found[name] = Row(frozenset(cells[1].split(", ")), cells[3], cells[4], cells[5])
    return found


ROWS: Final = rows()


def test_every_field_of_every_settings_class_is_on_the_page_and_nothing_else() -> None:
    assert set(CLASSES) >= {"chassis", "jointly", "referral_api", "cluster_router", "notifier", "exchange", "portal"}
    assert ROWS.keys() - fields().keys() == {"JOINTLY_CACHE"}, "what no class has"
    assert fields().keys() - ROWS.keys() == set(), "what the page has not"


@pytest.mark.parametrize("name", sorted(fields()))
def test_a_row_says_who_reads_it(name: str) -> None:
    assert ROWS[name].readers == fields()[name]


@pytest.mark.parametrize("name", sorted(fields()))
def test_a_row_says_the_default_and_an_example_that_can_be_set(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    field = name.removeprefix(PREFIX).lower()
    for kind in CLASSES.values():
        if field in kind.model_fields:
            default: Any = kind.model_fields[field].default
            assert default is not PydanticUndefined
            for each in default if isinstance(default, tuple) else [default] if default not in (None, {}, "") else ():
                assert f"`{each}`" in ROWS[name].default
            example = ROWS[name].example
            if example.startswith("`") and "…" not in example:
                monkeypatch.setenv(name, example.strip("`"))
                assert getattr(kind(), field) not in (None, default) or name == f"{PREFIX}ENV"


def test_what_production_requires_is_what_it_refuses_to_run_without() -> None:
    with pytest.raises(house.NotConfigured) as refused:
        house.check(Settings(env="production"))
    required = {name for name, row in ROWS.items() if row.production == "**required**"}
    assert required == set(VARIABLE.findall(str(refused.value)))


def test_what_is_read_without_a_class_is_on_the_page_too() -> None:
    text = PAGE.read_text(encoding="utf-8")
    missing = {name for name in read_elsewhere() if f"`{name}`" not in text}
    assert not missing


@pytest.mark.parametrize("page", sorted(set(PAGES)), ids=lambda page: str(page.relative_to(ROOT)))
def test_no_page_names_a_variable_that_nobody_reads(page: Path) -> None:
    known = fields().keys() | read_elsewhere() | {"JOINTLY_NAME"}
    assert set(VARIABLE.findall(page.read_text(encoding="utf-8"))) <= known


def test_the_front_page_has_the_ten_most_used_and_says_where_the_rest_is() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    table = text.partition("## Settings")[2]
    assert len(re.findall(r"^\| `JOINTLY_", table, re.MULTILINE)) == 10
    assert "deploy/SETTINGS.md" in table
