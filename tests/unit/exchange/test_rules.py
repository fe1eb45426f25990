"""The sharing rules: what they may say, what they say today, and that nothing personal or close to home leaves."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from exchange import policy
from exchange.domain.projection import left_out, project, shape_of
from exchange.domain.rules import NotARuleFile, Rules, To, read_rules, rules_on
from hypothesis import given
from hypothesis import strategies as st
from schemas.codes import registry
from schemas.envelope import Envelope
from schemas.export import HOME, read_examples

TODAY = date(2026, 11, 23)
RULES = policy.rules_of(TODAY)
EVERY = [rule for rules in RULES.by_type.values() for rule in rules]
FIELDS: dict[str, Any] = {"t": {"case_id": {}, "a": {"b": {}, "c": {}}, "d": {}}}


def file(**rule: Any) -> dict[str, Any]:
    usual = {
        "id": "r",
        "type": "t",
        "sectors": ["health"],
        "purposes": ["p"],
        "bases": ["b"],
        "fields": ["d"],
        "why": ".",
    }
    return {"version": "1", "since": TODAY, "rule": [usual | rule]}


@pytest.mark.parametrize(
    "rule",
    [
        {"fields": ["e"]}, {"fields": ["a.x"]}, {"fields": ["d.b"]}, {"type": "u"}, {"to": "nobody"}, {"sectors": []},
        {"purposes": []}, {"bases": []}, {"to": "recipients"}, {"to": "everybody"}, {"unless": "x"},
    ],
)  # fmt: skip
def test_a_rule_that_means_nothing_is_refused(rule: dict[str, Any]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        read_rules(file(**rule), FIELDS)


def test_two_rules_of_one_name_are_refused() -> None:
    document = file()
    document["rule"] *= 2
    with pytest.raises(NotARuleFile):
        read_rules(document, FIELDS)


def test_the_newest_version_that_has_come_applies() -> None:
    first, second = Rules("1", date(2026, 9, 1), {}), Rules("2", date(2027, 1, 1), {})
    assert rules_on([second, first], date(2026, 12, 31)) is first
    assert rules_on([second, first], date(2027, 1, 1)) is second
    assert rules_on([second, first], date(2020, 1, 1)) is first


def test_sectors_purposes_and_bases_are_codes_that_hold() -> None:
    for rule in EVERY:
        assert set(rule.sectors) <= set(policy.SECTORS)
        assert all(registry("disclosure-purposes").valid(each, on=TODAY) for each in rule.purposes), rule.id
        assert all(registry("basis-kinds").valid(each, on=TODAY) for each in rule.bases), rule.id
        assert rule.why.endswith("."), rule.id


def test_what_stays_inside_stays() -> None:
    """The home's square, who decided, free scores, people, and why a family stopped."""
    for rule in EVERY:
        for path in rule.shape.paths:
            assert not set(path.split(".")) & {
                "home", "easting", "northing", "person_id", "decided_by", "accepted_by", "returned_by", "overridden_by",
                "team", "matched_by", "dismissed_by", "confirmed_by",
            }, f"{rule.id}: {path}"  # fmt: skip
    for type in ("jointly.person.changed.v1", "jointly.role.changed.v1", "jointly.notification.sent.v1"):
        assert RULES.of(type) == ()
    assert [rule for rule in EVERY if rule.to is To.SUBSCRIBER and rule.shape.paths] == []


@pytest.mark.parametrize("rule", EVERY, ids=lambda rule: f"{rule.type}-{rule.id}")
def test_every_example_goes_through_its_rule_and_loses_what_is_not_named(rule: Any) -> None:
    for example in read_examples(HOME / "examples")[rule.type]:
        event = Envelope.from_structured(example).event()
        assert event is not None
        projected = project(example["data"], rule.shape, event.subject_field)
        assert projected[event.subject_field] == example["subject"]
        named = {path.split(".")[0] for path in rule.shape.paths} | {event.subject_field}
        assert projected.keys() <= named
        for path in left_out(example["data"], rule.shape, event.subject_field):
            assert not any(path == kept or path.startswith(f"{kept}.") for kept in rule.shape.paths), path


documents = st.recursive(
    st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=12,
)
paths = st.lists(st.lists(st.sampled_from("abc"), min_size=1, max_size=3).map(".".join), max_size=4)


@given(st.dictionaries(st.sampled_from("abc"), documents, max_size=3), paths)
def test_a_projection_keeps_nothing_that_no_path_leads_to_and_changes_no_value(
    data: dict[str, Any], wanted: list[str]
) -> None:
    shape = shape_of(wanted)
    kept = project(data, shape, "id")
    assert project(kept, shape, "id") == kept
    for path, value in leaves(kept):
        names = [name for name in path if isinstance(name, str)]
        assert any(
            names[: len(each)] == each or each[: len(names)] == names for each in (p.split(".") for p in shape.paths)
        )
        found: Any = data
        for step in path:
            found = found[step]
        if not isinstance(value, (dict, list)):
            assert found == value


def leaves(value: Any, at: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    if isinstance(value, dict):
        for name, each in value.items():
            yield from leaves(each, (*at, name))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from leaves(each, (*at, index))
    else:
        yield at, value
