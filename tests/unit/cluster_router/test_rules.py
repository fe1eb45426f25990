"""Rule files: which one applies, and what is refused."""

from datetime import date
from typing import Any

import pytest
from cluster_router.domain.rules import NotARule, WhenFull, amended, read_rules, rules_on
from unit.cluster_router.builders import rule_document, the_rules


def test_the_shipped_rules_can_be_read() -> None:
    rules = the_rules()
    assert rules.version == "2026-09"
    assert rules.own_cluster_full is WhenFull.QUEUE


def test_the_newest_rules_whose_time_has_come_apply() -> None:
    old = read_rules({**rule_document(), "version": "old", "valid_from": date(2024, 9, 1)})
    new = read_rules({**rule_document(), "version": "new", "valid_from": date(2026, 9, 1)})
    book = [new, old]
    assert rules_on(book, date(2026, 8, 31)).version == "old"
    assert rules_on(book, date(2026, 9, 1)).version == "new"
    assert rules_on(book, date(2030, 1, 1)).version == "new"


def test_before_the_first_rules_the_first_apply() -> None:
    assert rules_on([the_rules()], date(2001, 1, 1)).version == "2026-09"


def test_without_any_rules_nothing_can_be_decided() -> None:
    with pytest.raises(NotARule):
        rules_on([], date(2026, 1, 1))


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"version": ""}, "/version"),
        ({"valid_from": "tomorrow"}, "/valid_from"),
        ({"valid_from": 20260901}, "/valid_from"),
        ({"phase": {"primary": "2"}}, "/phase/primary"),
        ({"phase": {"primary_years": [1]}}, "/phase/primary_years"),
        ({"phase": {"to_age": True}}, "/phase/to_age"),
        ({"choice": {"own_cluster_full": "elsewhere"}}, "/choice/own_cluster_full"),
        ({"choice": {"neighbour_metres": -1}}, "/choice/neighbour_metres"),
        ({"choice": {"considered": 0}}, "/choice/considered"),
        ({"choice": {"neighbor_metres": 1}}, "/choice/neighbor_metres"),
        ({"cost": {"urgency": {"routine": 1.5}}}, "/cost/urgency"),
        ({"cost": 3}, "/cost/full_metres"),
        ({"colour": "blue"}, "/colour"),
    ],
)
def test_a_rule_that_says_nothing_sensible_is_refused_by_place(changes: dict[str, Any], pointer: str) -> None:
    with pytest.raises(NotARule) as refusal:
        read_rules(amended(rule_document(), changes))
    assert [error.pointer for error in refusal.value.errors] == [pointer]


def test_a_missing_rule_is_refused_by_place() -> None:
    document = rule_document()
    del document["handover"]
    with pytest.raises(NotARule) as refusal:
        read_rules(document)
    assert refusal.value.errors[0].pointer == "/handover/answer_within_days"


def test_amending_leaves_the_original_alone() -> None:
    document = rule_document()
    assert amended(document, {"choice": {"neighbour_metres": 1}})["choice"]["considered"] == 12
    assert document == rule_document()
