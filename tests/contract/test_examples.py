"""The hand-written examples: believable events that every checker accepts and that name nobody."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator, Draft202012Validator  # type: ignore[import-untyped]
from schemas.codes import registry
from schemas.contracts import every_event
from schemas.envelope import Envelope
from schemas.export import HOME

EXAMPLES = sorted((HOME / "examples").rglob("*.json"))
SCHEMAS = HOME / "generated" / "jsonschema"
each_example = pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: f"{path.parent.name}/{path.stem}")


def read(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document


def schema_of(example: dict[str, Any]) -> dict[str, Any]:
    return read(SCHEMAS / f"{example['type']}.json")


def test_every_event_has_an_example_and_every_folder_is_an_event() -> None:
    assert {path.name for path in (HOME / "examples").iterdir()} == every_event().keys()
    assert {path.parent.name for path in EXAMPLES} == every_event().keys()


def test_every_file_is_an_example() -> None:
    files = {path for path in (HOME / "examples").rglob("*") if path.is_file()}
    assert files == set(EXAMPLES)
    for path in EXAMPLES:
        assert path.parent.parent == HOME / "examples", path
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", path.stem), f"{path} is not called by what happens in it"


def test_no_two_examples_are_the_same_event_or_have_the_same_place() -> None:
    examples = [read(path) for path in EXAMPLES]
    assert len({each["id"] for each in examples}) == len(examples)
    assert len({(each["source"], each["subject"], each["subjectsequence"]) for each in examples}) == len(examples)


@each_example
def test_an_example_is_what_its_schema_says(path: Path) -> None:
    example = read(path)
    assert example["type"] == path.parent.name
    schema = schema_of(example)
    assert schema["$id"] == example["dataschema"]
    checker = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
    assert [error.message for error in checker.iter_errors(example["data"])] == []


@each_example
def test_an_example_has_no_field_that_its_schema_does_not_know(path: Path) -> None:
    example = read(path)
    schema = schema_of(example)
    for where, value, part in walk(example["data"], schema, schema):
        if isinstance(value, dict):
            assert value.keys() <= part["properties"].keys(), where or "/"


@each_example
def test_an_example_is_an_official_cloud_event(path: Path, reference_data: Path) -> None:
    official = read(reference_data / "standards/cloudevents/formats_cloudevents.json")
    checker = Draft7Validator(official, format_checker=Draft7Validator.FORMAT_CHECKER)
    assert [error.message for error in checker.iter_errors(read(path))] == []


@each_example
def test_an_example_goes_through_its_class_and_comes_back(path: Path) -> None:
    example = read(path)
    envelope = Envelope.from_structured(example)
    event = envelope.event()
    assert event is not None
    assert type(event) is every_event()[path.parent.name]
    again = Envelope.of(
        event,
        id=envelope.id,
        time=envelope.time,
        sequence=envelope.subjectsequence,
        correlation_id=envelope.correlationid,
        causation_id=envelope.causationid,
        traceparent=envelope.traceparent,
    )
    assert again.to_structured() == example
    assert Envelope.from_kafka(*again.to_kafka()) == again


@each_example
def test_an_example_uses_codes_that_held_on_its_day(path: Path) -> None:
    example = read(path)
    schema = schema_of(example)
    day = Envelope.from_structured(example).time.date()
    for where, value, part in walk(example["data"], schema, schema):
        if "x-codes" in part:
            codes = registry(part["x-codes"])
            for code in value if isinstance(value, list) else [value]:
                assert codes.valid(code, on=day), f"{where}: {code} is not in {codes.name}"


#: What would say who a child, a parent or where they live is.
PERSONAL_FIELDS = re.compile(
    r"(given|family|first|last|middle|maiden|child|parent)_?name|surname|forename|birth|dob|gender|\bsex\b|ethnic"
    r"|nhs|upn|postcode|address|street|town|phone|mobile|contact|language|(?<!re)view|summary|note|comment|text|free"
)
#: Names of organisations, schools, areas and clusters; and a member of staff's work contacts, on directory-events.
NAMED = {
    "jointly.organisation.changed.v1": {"name"},
    "jointly.school.changed.v1": {"name"},
    "jointly.person.changed.v1": {"name", "email"},
    "jointly.cluster.changed.v1": {"name"},
    "jointly.cluster.capacity-changed.v1": {"name"},
    "jointly.provider.changed.v1": {"name"},
}
POSTCODE = re.compile(r"\b[A-Z]{1,2}[0-9][0-9A-Z]? ?[0-9][A-Z]{2}\b")
UPN = re.compile(r"\b[A-HJ-NP-RT-Z][0-9]{11}[0-9A-Z]\b")
TEN_DIGITS = re.compile(r"(?<![0-9a-f-])[0-9]{10}(?![0-9a-f-])")


@each_example
def test_an_example_has_no_personal_field_and_no_personal_value(path: Path) -> None:
    example = read(path)
    allowed = NAMED.get(example["type"], set())
    schema = schema_of(example)
    for where, value, _ in walk(example["data"], schema, schema):
        field = where.rpartition("/")[2]
        if field in allowed:
            continue
        assert field not in {"name", "email"}, where
        assert not PERSONAL_FIELDS.search(field), where
        if isinstance(value, str):
            assert "@" not in value, where
            assert not POSTCODE.search(value), where
            assert not UPN.search(value), where
            assert not TEN_DIGITS.search(value), where


def test_a_personal_field_or_value_would_be_seen() -> None:
    for field in ("given_name", "date_of_birth", "nhs_number", "upn", "postcode", "address", "phone", "summary"):
        assert PERSONAL_FIELDS.search(field), field
    assert POSTCODE.search("GL1 4AW")
    assert UPN.search("B801200005001")
    assert TEN_DIGITS.search("9990000018")


def walk(value: Any, schema: dict[str, Any], root: dict[str, Any], where: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Every value in the data that is there, with its place and the schema that describes it."""
    described = resolved(schema, root)
    yield where, value, described
    if isinstance(value, dict):
        for name, each in value.items():
            yield from walk(each, described.get("properties", {}).get(name, {}), root, f"{where}/{name}")
    elif isinstance(value, list):
        for each in value:
            yield from walk(each, described.get("items", {}), root, where)


def resolved(schema: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    plain = dict(schema)
    for part in plain.pop("allOf", []):
        plain = resolved(part, root) | plain
    reference = plain.pop("$ref", None)
    return plain if reference is None else resolved(root["$defs"][reference.rpartition("/")[2]], root) | plain
