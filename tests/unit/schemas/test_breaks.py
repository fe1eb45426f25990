"""What breaks a reader: each kind of change is caught and named, and an addition is none."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from schemas.compatibility import Break, Contracts, breaks, schema_breaks
from schemas.contracts import every_event, json_schema

BASE: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": "https://schemas.jointly.example/events/jointly.test.happened.v1.json",
    "title": "TestHappened",
    "description": "Something happened.",
    "x-type": "jointly.test.happened.v1",
    "x-topics": ["test-events"],
    "x-subject": "case_id",
    "type": "object",
    "properties": {
        "case_id": {"type": "string", "pattern": "^[a-z]+$"},
        "count": {"type": "integer", "minimum": 1, "maximum": 9},
        "square": {"type": "integer", "multipleOf": 100},
        "state": {"type": "string", "enum": ["known", "unknown"]},
        "urgency": {"type": "string", "x-codes": "urgency"},
        "on": {"type": "string", "format": "date"},
        "name": {"type": "string", "minLength": 1, "maxLength": 50},
        "needs": {"type": "array", "items": {"$ref": "#/$defs/Need"}, "minItems": 1},
        "either": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
        "until": {"type": "string", "default": "open"},
        "home": {"allOf": [{"$ref": "#/$defs/Home"}], "description": "Where."},
    },
    "required": ["case_id", "count", "needs"],
    "$defs": {
        "Need": {
            "type": "object",
            "properties": {"type": {"type": "string"}, "rank": {"type": "integer"}},
            "required": ["type"],
        },
        "Home": {"type": "object", "properties": {"state": {"const": "known"}}},
    },
}

#: (what happens, where in the schema, the new value or None to take it away, what it is called)
CHANGES = [
    ("a field goes", "properties/count", None, {("/count", "field-removed")}),
    ("an optional field goes", "properties/until", None, {("/until", "field-removed")}),
    ("a field of a part goes", "$defs/Need/properties/rank", None, {("/needs/*/rank", "field-removed")}),
    (
        "a field is renamed",
        "properties",
        {**{k: v for k, v in BASE["properties"].items() if k != "until"}, "end": {"type": "string"}},
        {("/until", "field-removed")},
    ),
    ("an optional one becomes required", "required", ["case_id", "count", "needs", "on"], {("/on", "became-required")}),
    ("a required one becomes optional", "required", ["case_id", "needs"], {("/count", "became-optional")}),
    ("a part's one becomes required", "$defs/Need/required", ["type", "rank"], {("/needs/*/rank", "became-required")}),
    ("a type changes", "properties/count/type", "string", {("/count", "type-changed")}),
    ("a type widens", "properties/count/type", ["integer", "null"], {("/count", "type-changed")}),
    ("parts become words", "properties/needs/items", {"type": "string"}, {("/needs/*", "type-changed")}),
    ("a list says no more of its members", "properties/needs/items", None, {("/needs", "type-changed")}),
    ("a value is no longer allowed", "properties/state/enum", ["known"], {("/state", "values-narrowed")}),
    ("a new value is allowed", "properties/state/enum", ["known", "unknown", "none"], {("/state", "values-widened")}),
    (
        "a value is renamed",
        "properties/state/enum",
        ["known", "unsure"],
        {("/state", "values-narrowed"), ("/state", "values-widened")},
    ),
    ("any value is allowed", "properties/state/enum", None, {("/state", "values-widened")}),
    ("free words become a list", "properties/name/enum", ["a"], {("/name", "values-narrowed")}),
    (
        "a constant changes",
        "$defs/Home/properties/state/const",
        "unknown",
        {("/home/state", "values-narrowed"), ("/home/state", "values-widened")},
    ),
    ("a minimum rises", "properties/count/minimum", 2, {("/count", "limit-tightened")}),
    ("a minimum falls", "properties/count/minimum", 0, {("/count", "limit-loosened")}),
    ("a minimum goes", "properties/count/minimum", None, {("/count", "limit-loosened")}),
    ("a maximum falls", "properties/count/maximum", 8, {("/count", "limit-tightened")}),
    ("a maximum rises", "properties/count/maximum", 10, {("/count", "limit-loosened")}),
    ("a minimum appears", "properties/square/minimum", 0, {("/square", "limit-tightened")}),
    ("a text gets shorter", "properties/name/maxLength", 40, {("/name", "limit-tightened")}),
    ("a text gets longer", "properties/name/maxLength", 60, {("/name", "limit-loosened")}),
    ("a text may be empty", "properties/name/minLength", 0, {("/name", "limit-loosened")}),
    ("a list may be empty", "properties/needs/minItems", None, {("/needs", "limit-loosened")}),
    ("a list ends", "properties/needs/maxItems", 3, {("/needs", "limit-tightened")}),
    ("a grid gets coarser", "properties/square/multipleOf", 1000, {("/square", "limit-tightened")}),
    ("a grid gets finer", "properties/square/multipleOf", 10, {("/square", "limit-loosened")}),
    ("a pattern changes", "properties/case_id/pattern", "^[a-z0-9]+$", {("/case_id", "pattern-changed")}),
    ("a pattern appears", "properties/name/pattern", "^[a-z]+$", {("/name", "pattern-changed")}),
    ("a format goes", "properties/on/format", None, {("/on", "format-changed")}),
    ("a format changes", "properties/on/format", "date-time", {("/on", "format-changed")}),
    ("an alternative goes", "properties/either/anyOf", [{"type": "string"}], {("/either", "alternatives-changed")}),
    ("another registry counts", "properties/urgency/x-codes", "sectors", {("/urgency", "registry-changed")}),
    ("no registry counts", "properties/urgency/x-codes", None, {("/urgency", "registry-changed")}),
    ("what absence means changes", "properties/until/default", "closed", {("/until", "keyword-changed")}),
    ("a list wants each once", "properties/needs/uniqueItems", True, {("/needs", "keyword-changed")}),
    ("no other field is allowed", "additionalProperties", False, {("", "keyword-changed")}),
    ("it moves to another topic", "x-topics", ["other-events"], {("", "topic-left")}),
    ("it is about something else", "x-subject", "name", {("", "subject-changed")}),
]  # fmt: skip

#: What may be done within a version.
ADDITIONS = [
    ("an optional field", "properties/more", {"type": "string"}),
    ("an optional field of a part", "$defs/Need/properties/since", {"type": "string"}),
    ("other words about it", "description", "Something has happened."),
    ("words about a field", "properties/count/description", "How many."),
    ("a registry where there was none", "properties/name/x-codes", "urgency"),
    ("one more topic", "x-topics", ["test-events", "more-events"]),
    ("values in another order", "properties/state/enum", ["unknown", "known"]),
    ("required fields in another order", "required", ["needs", "count", "case_id"]),
    ("an example", "properties/name/examples", ["a"]),
]


def changed(path: str, value: object) -> dict[str, Any]:
    new = copy.deepcopy(BASE)
    *way, last = path.split("/")
    place = new
    for step in way:
        place = place[step]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return new


@pytest.mark.parametrize(("path", "value", "found"), [c[1:] for c in CHANGES], ids=[c[0] for c in CHANGES])
def test_a_change_is_caught_and_named(path: str, value: object, found: set[tuple[str, str]]) -> None:
    assert set(schema_breaks(BASE, changed(path, value))) == found


@pytest.mark.parametrize(("path", "value"), [a[1:] for a in ADDITIONS], ids=[a[0] for a in ADDITIONS])
def test_an_addition_breaks_nobody(path: str, value: object) -> None:
    assert schema_breaks(BASE, changed(path, value)) == ()


def test_a_new_required_field_is_caught() -> None:
    new = changed("properties/more", {"type": "string"})
    new["required"] = [*new["required"], "more"]
    assert schema_breaks(BASE, new) == (("/more", "required-field-added"),)


def test_a_closed_object_cannot_grow() -> None:
    closed = changed("additionalProperties", value=False)
    grown = copy.deepcopy(closed)
    grown["properties"]["more"] = {"type": "string"}
    assert schema_breaks(closed, grown) == (("/more", "field-added-to-closed"),)


def test_a_part_may_be_renamed_or_written_in_place() -> None:
    renamed = copy.deepcopy(BASE)
    renamed["$defs"]["AdditionalNeed"] = renamed["$defs"].pop("Need")
    renamed["properties"]["needs"]["items"] = {"$ref": "#/$defs/AdditionalNeed"}
    renamed["properties"]["home"] = renamed["$defs"].pop("Home")
    assert schema_breaks(BASE, renamed) == ()


def test_true_is_not_one() -> None:
    before, after = ({"enum": [value]} for value in (1, True))
    assert {kind for _, kind in schema_breaks(before, after)} == {"values-narrowed", "values-widened"}


def test_a_part_that_contains_itself_is_compared_and_ends() -> None:
    def tree(kind: str) -> dict[str, Any]:
        node = {"type": "object", "properties": {"name": {"type": kind}, "child": {"$ref": "#/$defs/Node"}}}
        return {"properties": {"root": {"$ref": "#/$defs/Node"}}, "$defs": {"Node": node}}

    assert schema_breaks(tree("string"), tree("string")) == ()
    assert ("/root/name", "type-changed") in schema_breaks(tree("string"), tree("integer"))


CODES = {"sectors": {"codes": [{"code": "health", "since": "2020-01-01", "until": None}]}}


@pytest.mark.parametrize(
    ("now", "found"),
    [
        ([("health", "2020-01-01", None)], []),
        ([("health", "2020-01-01", "2030-01-01")], []),
        ([("health", "2019-01-01", None), ("police", "2026-01-01", None)], []),
        ([("health", "2020-01-01", "2025-01-01"), ("health", "2025-01-01", None)], []),
        ([], [("health", "code-removed")]),
        ([("health", "2021-01-01", None)], [("health", "code-begins-later")]),
    ],
)
def test_codes_end_by_a_date_and_are_never_taken_away(
    now: list[tuple[str, str, str]], found: list[tuple[str, str]]
) -> None:
    codes = [{"code": code, "since": since, "until": until} for code, since, until in now]
    new = Contracts({}, {"sectors": {"codes": codes}}, {})
    assert [(each.where, each.kind) for each in breaks(Contracts({}, CODES, {}), new)] == found


TOPIC = {"speaker": "referral-api", "purpose": "Cases.", "partitions": 6, "compacted": False, "kept_days": 30}


@pytest.mark.parametrize(
    ("now", "kinds"),
    [
        ({"purpose": "Referrals and cases.", "kept_days": 60, "internal": True}, []),
        ({"partitions": 12}, ["partitions-changed"]),
        ({"kept_days": 7}, ["kept-shorter"]),
        ({"compacted": True}, ["compaction-changed"]),
        ({"speaker": "exchange"}, ["speaker-changed"]),
    ],
)
def test_a_topic_keeps_its_order_its_speaker_and_its_length(now: dict[str, object], kinds: list[str]) -> None:
    old, new = Contracts({}, {}, {"t": TOPIC}), Contracts({}, {}, {"t": {**TOPIC, **now}})
    assert [each.kind for each in breaks(old, new)] == kinds


def test_what_goes_is_a_break_and_what_comes_is_none() -> None:
    old, new = Contracts({"a.v1": BASE}, CODES, {"t": TOPIC}), Contracts({"a.v2": BASE}, {}, {})
    assert breaks(old, new) == (
        Break("a.v1", "", "event-removed"),
        Break("sectors", "health", "code-removed"),
        Break("t", "", "topic-removed"),
    )
    assert breaks(Contracts({}, {}, {}), old) == ()


def test_a_break_is_told_in_one_line() -> None:
    assert (
        str(Break("jointly.case.closed.v1", "/reason", "field-removed"))
        == "jointly.case.closed.v1 /reason: field-removed"
    )
    assert str(Break("jointly.case.closed.v1", "", "topic-left")) == "jointly.case.closed.v1 /: topic-left"


SCHEMAS = {name: json_schema(kind) for name, kind in every_event().items()}


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_an_event_is_compatible_with_itself(name: str) -> None:
    assert schema_breaks(SCHEMAS[name], copy.deepcopy(SCHEMAS[name])) == ()


#: Words that say something to people alone.
SILENT = {"title", "description", "$schema", "$id", "x-type", "examples"}


def _rules(schema: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Where every rule of a schema stands, in the parts of it that are used."""
    if not isinstance(schema, dict):
        return []
    found: list[tuple[str | int, ...]] = []
    for word, value in schema.items():
        here = (*path, word)
        if word in {"properties", "$defs"}:
            for name, each in value.items():
                found += [(*here, name), *_rules(each, (*here, name))]
        elif word == "items":
            found += [here, *_rules(value, here)]
        elif word not in SILENT:
            found.append(here)
    return found


@given(st.data())
def test_no_rule_of_any_event_can_be_dropped_unnoticed(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(SCHEMAS)))
    rules = [rule for rule in _rules(SCHEMAS[name]) if rule[:-1] != ("$defs",)]
    *way, last = data.draw(st.sampled_from(rules))
    new = copy.deepcopy(SCHEMAS[name])
    place: Any = new
    for step in way:
        place = place[step]
    del place[last]
    Draft202012Validator.check_schema(new)
    assert schema_breaks(SCHEMAS[name], new) != ()
