"""Forms from the API's description: every field is asked, what is typed becomes the body that the API takes."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portal.domain.forms import (
    Field,
    body_of,
    body_schema,
    fields_of,
    filled,
    fixed,
    operation,
)

COMPONENTS: dict[str, Any] = {
    "Basis": {
        "type": "object",
        "required": ["kind", "recorded_on"],
        "properties": {
            "kind": {"type": "string", "enum": ["consent", "public-task"]},
            "recorded_on": {"type": "string", "format": "date"},
        },
    },
    "Need": {
        "type": "object",
        "required": ["need"],
        "properties": {
            "need": {"type": "string", "enum": ["SEMH", "SLCN"]},
            "note": {"anyOf": [{"type": "string", "maxLength": 8000}, {"type": "null"}]},
        },
    },
}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["amount_pence", "agreed", "since", "needs", "basis"],
    "properties": {
        "amount_pence": {"type": "integer"},
        "agreed": {"type": "boolean"},
        "since": {"type": "string", "format": "date"},
        "needs": {"type": "array", "items": {"$ref": "#/components/schemas/Need"}},
        "basis": {"$ref": "#/components/schemas/Basis"},
        "stages": {"type": "array", "items": {"type": "string", "enum": ["one", "two"]}},
        "ids": {"type": "array", "items": {"type": "string"}},
        "until": {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]},
    },
}
FIELDS = fields_of(SCHEMA, COMPONENTS)
TYPED = {
    "amount_pence": ["£1,250.50"],
    "agreed": ["no"],
    "since.day": ["7"],
    "since.month": ["9"],
    "since.year": ["2026"],
    "needs.0.need": ["SEMH"],
    "needs.2.need": ["SLCN"],
    "needs.2.note": ["Speaks\r\nlittle"],
    "basis.kind": ["consent"],
    "basis.recorded_on.day": ["1"],
    "basis.recorded_on.month": ["9"],
    "basis.recorded_on.year": ["2026"],
    "stages": ["one", "two"],
    "ids": ["a\nb"],
}


def kinds(fields: tuple[Field, ...]) -> dict[str, str]:
    """Name -> kind."""
    return {one.name: one.kind for one in fields}


def test_each_kind_of_value_has_its_own_kind_of_question() -> None:
    assert kinds(FIELDS) == {
        "amount_pence": "money", "agreed": "yesno", "since": "date", "needs": "list", "basis": "group",
        "stages": "checkboxes", "ids": "lines", "until": "moment",
    }  # fmt: skip
    assert kinds(FIELDS[3].fields[0].fields) == {"needs.0.need": "radios", "needs.0.note": "long"}


def test_what_is_typed_becomes_the_body_and_what_is_empty_is_left_out() -> None:
    body, wrong = body_of(FIELDS, TYPED)
    assert wrong == []
    assert body == {
        "amount_pence": 125050,
        "agreed": False,
        "since": "2026-09-07",
        "needs": [{"need": "SEMH"}, {"need": "SLCN", "note": "Speaks\nlittle"}],
        "basis": {"kind": "consent", "recorded_on": "2026-09-01"},
        "stages": ["one", "two"],
        "ids": ["a", "b"],
    }


def test_every_missing_answer_is_named_once_and_optional_ones_never() -> None:
    _, wrong = body_of(FIELDS, {})
    assert [one.field for one in wrong] == [
        "amount_pence", "agreed", "since", "needs", "basis.kind", "basis.recorded_on",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "typed", "says"),
    [
        ("amount_pence", {"amount_pence": ["a lot"]}, "must be a number"),
        ("since", {"since.day": ["31"], "since.month": ["2"], "since.year": ["2026"]}, "must be a real date"),
        ("needs.0.need", {"needs.0.note": ["only a note"]}, "must be answered"),
    ],
)
def test_what_cannot_be_sent_is_named_at_its_field(name: str, typed: dict[str, list[str]], says: str) -> None:
    rest = {key: value for key, value in TYPED.items() if not key.startswith(name.split(".", maxsplit=1)[0])}
    _, wrong = body_of(FIELDS, {**rest, **typed})
    assert [(one.field, says in one.text) for one in wrong] == [(name, True)]


def test_a_known_answer_is_sent_and_not_asked() -> None:
    body, _ = body_of(fixed(FIELDS, {"agreed": True}), {**TYPED, "agreed": ["no"]})
    assert body["agreed"] is True


def test_a_form_of_a_change_begins_with_what_is_there_and_gives_it_back_unchanged() -> None:
    there = {
        "amount_pence": 125050, "agreed": True, "since": "2026-09-07",
        "needs": [{"need": "SEMH"}, {"need": "SLCN", "note": "Little"}],
        "basis": {"kind": "consent", "recorded_on": "2026-09-01"}, "stages": ["two"], "ids": ["a", "b"],
    }  # fmt: skip
    fields = fields_of(SCHEMA, COMPONENTS, have=there)
    assert body_of(fields, filled(fields, there)) == (there, [])


def test_a_long_list_has_a_row_for_each_and_room_for_one_more() -> None:
    there = {"needs": [{"need": "SEMH"}] * 9}
    needs = next(one for one in fields_of(SCHEMA, COMPONENTS, have=there) if one.name == "needs")
    assert len(needs.fields) == 10


@given(st.integers(0, 10**9))
def test_no_sum_is_rounded_on_its_way(pence: int) -> None:
    body, wrong = body_of((Field("x_pence", "money", required=True),), {"x_pence": [f"{pence / 100:.2f}"]})
    assert (body, wrong) == ({"x_pence": pence}, [])


def test_the_operation_of_an_address_is_the_one_with_fewest_placeholders() -> None:
    schema = {"$ref": "#/components/schemas/Basis"}
    document = {
        "paths": {
            "/v1/a/{id}": {"post": {"requestBody": {"content": {"application/json": {"schema": {}}}}}},
            "/v1/a/b": {"post": {"requestBody": {"content": {"application/json": {"schema": schema}}}}},
        }
    }
    found = operation(document, "POST", "/v1/a/b?dry_run=true")
    assert found is not None
    assert body_schema(found) == schema
    assert operation(document, "DELETE", "/v1/a/b") is None
    assert operation(document, "POST", "/v1/a/b/c") is None
