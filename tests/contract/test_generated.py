"""What is generated is what the sources say, everywhere and always, and what it promises is what the classes take."""

import copy
import json
import os
import shutil
import subprocess
import sys
import tomllib
from inspect import get_annotations
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from pydantic import ValidationError
from schemas.asyncapi import VERSION
from schemas.codes import FIELDS, OPEN_FIELDS, registries
from schemas.contracts import every_event, json_schema, leaves
from schemas.event import Code, Contract
from schemas.export import HOME, documents, main, read_contracts, read_examples, stale, write

EVENTS = every_event()
SCHEMAS = {name: json_schema(kind) for name, kind in EVENTS.items()}
VALIDATORS = {
    name: Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
    for name, schema in SCHEMAS.items()
}
ALL_EXAMPLES = [each for every in read_examples(HOME / "examples").values() for each in every]
CODE = get_args(Code)[1].pattern
each_event = pytest.mark.parametrize("name", sorted(EVENTS))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A source tree of this test's own, with what is generated and released today."""
    for folder in ("examples", "generated", "released"):
        shutil.copytree(HOME / folder, tmp_path / folder)
    return tmp_path


def test_what_is_committed_is_fresh() -> None:
    assert stale(documents(read_examples(HOME / "examples")), HOME / "generated") == [], (
        "run `python -m schemas.export`"
    )


@pytest.mark.parametrize("seed", ["0", "1", "4242"])
def test_every_hash_seed_writes_the_same(home: Path, seed: str) -> None:
    shutil.rmtree(home / "generated")
    subprocess.run(  # noqa: S603  this very Python
        [sys.executable, "-m", "schemas.export", "--home", str(home)],
        check=True,
        env={**os.environ, "PYTHONHASHSEED": seed},
    )
    assert contents(home / "generated") == contents(HOME / "generated")


def test_every_generated_file_belongs_to_something() -> None:
    names = {path.relative_to(HOME / "generated").as_posix() for path in (HOME / "generated").rglob("*.json")}
    feeds = {f"feeds/{name}.json" for name, kind in EVENTS.items() if leaves(kind)}
    schemas = {f"jsonschema/{name}.json" for name in EVENTS}
    assert names == {"asyncapi.json", "codes.json", "topics.json"} | schemas | feeds


def test_the_document_has_the_version_of_the_package() -> None:
    project = tomllib.loads((HOME / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["version"] == VERSION


@each_event
def test_a_schema_is_a_schema_and_says_where_it_is_published(name: str) -> None:
    schema = SCHEMAS[name]
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == EVENTS[name].dataschema() == f"https://schemas.jointly.example/events/{name}.json"
    assert schema["x-subject"] in schema["required"], "the key is always there"


@each_event
def test_an_event_says_in_words_of_its_own_what_has_happened(name: str) -> None:
    said = SCHEMAS[name]["description"]
    assert said.endswith(".")
    assert EVENTS[name].__doc__ not in {base.__doc__ for base in EVENTS[name].__mro__[1:]}


def test_a_field_says_what_its_source_says_of_it() -> None:
    opened, failed = SCHEMAS["jointly.case.opened.v1"], SCHEMAS["jointly.notification.failed.v1"]
    assert opened["properties"]["reference"]["description"].startswith("What people quote")
    assert failed["properties"]["channel"]["x-codes"] == "notification-channels", "also where the field is inherited"
    assert "description" in failed["properties"]["channel"]
    for name, schema in SCHEMAS.items():
        for part in (schema, *schema.get("$defs", {}).values()):
            assert part["description"], f"{name}: {part['title']}"
            for rule in part["properties"].values():
                assert rule.keys() == {"$ref"} or "$ref" not in rule, "older readers see nothing beside a $ref"


#: Texts that have no code: names of organisations, schools, areas and staff, and two that are wire names.
TEXTS = {
    "OrganisationChanged.name",
    "SchoolChanged.name",
    "SchoolChanged.district",
    "PersonChanged.name",
    "PersonChanged.title",
    "PersonChanged.email",
    "Cluster.name",
    "Cluster.area",
    "Provider.name",
    "DeadLettered.event_type",
    "DeadLettered.event_topic",
    # JSON pointers into a referral.
    "ReferralAmended.fields",
    "ReferralInformationRequested.fields",
}


@each_event
def test_no_event_has_room_for_free_text(name: str) -> None:
    schema = SCHEMAS[name]
    for part in (schema, *schema.get("$defs", {}).values()):
        for field, rule in part["properties"].items():
            each = rule.get("items", rule)
            if each.get("type") == "string" and f"{part['title']}.{field}" not in TEXTS:
                assert {"pattern", "format", "enum", "const"} & each.keys(), f"{part['title']}.{field}"


def test_every_field_of_codes_has_a_registry_or_is_known_to_have_none() -> None:
    kinds = {kind.__name__: kind for kind in subclasses(Contract)}
    found: set[str] = set()
    for schema in SCHEMAS.values():
        for part in (schema, *schema.get("$defs", {}).values()):
            for field, rule in part["properties"].items():
                if rule.get("items", rule).get("pattern") == CODE:
                    bases = kinds[part["title"]].__mro__
                    owner = next(base for base in bases if field in get_annotations(base))
                    found.add(f"{owner.__name__}.{field}")
    assert found == FIELDS.keys() | OPEN_FIELDS
    assert not FIELDS.keys() & OPEN_FIELDS


def test_every_registry_is_published_whole() -> None:
    published = json.loads((HOME / "generated/codes.json").read_text(encoding="utf-8"))
    assert published.keys() == registries().keys()
    for name, registry in published.items():
        own = json.loads((HOME / f"src/schemas/data/{name}.json").read_text(encoding="utf-8"))
        assert registry == own


junk = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 5000), st.just(1.5), st.sampled_from(["", "x", "a b", "2026-02-30", "1"])
)


@given(st.data())
def test_whatever_a_schema_lets_through_its_class_takes(data: st.DataObject) -> None:
    example = data.draw(st.sampled_from(ALL_EXAMPLES))
    value = copy.deepcopy(example["data"])
    for _ in range(data.draw(st.integers(0, 3))):
        place, key = data.draw(st.sampled_from(list(places(value)) or [({}, "x")]))
        if data.draw(st.booleans()) and isinstance(place, dict):
            place.pop(key, None)
        else:
            place[key] = data.draw(junk)
    if VALIDATORS[example["type"]].is_valid(value):
        taken = EVENTS[example["type"]].from_json(json.dumps(value))
        assert VALIDATORS[example["type"]].is_valid(json.loads(taken.to_json())), "and says nothing that it forbids"


@each_event
def test_a_class_refuses_what_its_schema_requires_and_is_not_there(name: str) -> None:
    example = next(each["data"] for each in ALL_EXAMPLES if each["type"] == name)
    for field in SCHEMAS[name]["required"]:
        without = {key: value for key, value in example.items() if key != field}
        assert not VALIDATORS[name].is_valid(without)
        with pytest.raises(ValidationError):
            EVENTS[name].from_json(json.dumps(without))


@each_event
def test_readers_pass_over_a_field_they_do_not_know(name: str) -> None:
    example = next(each["data"] for each in ALL_EXAMPLES if each["type"] == name)
    grown = {**example, "added_later": {"a": [1]}}
    assert VALIDATORS[name].is_valid(grown)
    assert EVENTS[name].from_json(json.dumps(grown)) == EVENTS[name].from_json(json.dumps(example))


def test_a_check_names_what_is_stale_missing_and_left_over(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--home", str(home), "--check"]) == 0
    (home / "generated/codes.json").write_text("{}", encoding="utf-8")
    (home / "generated/asyncapi.json").unlink()
    (home / "generated/jsonschema/jointly.old.v1.json").write_text("{}", encoding="utf-8")
    before = contents(home / "generated")
    assert main(["--home", str(home), "--check"]) == 1
    said = capsys.readouterr().err
    assert "asyncapi.json is missing" in said
    assert "jsonschema/jointly.old.v1.json is left over" in said
    assert "codes.json is not what the sources say" in said
    assert contents(home / "generated") == before, "a check writes nothing"
    assert main(["--home", str(home)]) == 0
    assert contents(home / "generated") == contents(HOME / "generated")


def test_a_release_is_what_is_generated(home: Path) -> None:
    shutil.rmtree(home / "released")
    assert main(["--home", str(home), "--release"]) == 0
    assert read_contracts(home / "released") == read_contracts(home / "generated")
    assert {path.name for path in (home / "released").iterdir()} == {"codes.json", "jsonschema", "topics.json"}


def test_a_release_that_breaks_a_reader_is_refused_by_name(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = home / "released/jsonschema/jointly.case.closed.v1.json"
    promised = json.loads(path.read_text(encoding="utf-8"))
    promised["properties"]["closed_by"] = {"type": "string"}
    path.write_text(json.dumps(promised), encoding="utf-8")
    before = contents(home / "released")
    assert main(["--home", str(home), "--release"]) == 1
    assert "jointly.case.closed.v1 /closed_by: field-removed" in capsys.readouterr().err
    assert contents(home / "released") == before


def test_without_a_source_tree_nothing_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--home", str(tmp_path)]) == 2
    assert "source tree" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_writing_leaves_other_folders_alone(tmp_path: Path) -> None:
    (tmp_path / "beside.txt").write_text("kept", encoding="utf-8")
    write({"a/b.json": "{}\n"}, tmp_path / "generated")
    assert contents(tmp_path) == {"beside.txt": b"kept", "generated/a/b.json": b"{}\n"}


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def subclasses(kind: type[Contract]) -> list[type[Contract]]:
    found = [each for child in kind.__subclasses__() for each in (child, *subclasses(child))]
    return [each for each in found if each.__module__.startswith("schemas.")]


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every place in the data where something stands, as (what holds it, by which key)."""
    keys = value.keys() if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    return [place for key in keys for place in ((value, key), *places(value[key]))]
