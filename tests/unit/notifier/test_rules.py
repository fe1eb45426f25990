"""The rules file: that it can be trusted, and what a broken one is told."""

import json
from collections.abc import Callable
from datetime import date, timedelta
from importlib.resources import files
from typing import Any

import pytest
from notifier.domain.rules import Channel, UnreadableRules, read_rules
from notifier.policy import RULES, TEXTS
from schemas.contracts import every_event

SHIPPED = json.loads(files("notifier").joinpath("data", "rules.json").read_text(encoding="utf-8"))
DIRECTORY_WORDS = json.loads(files("directory").joinpath("data", "words.json").read_text(encoding="utf-8"))
DAY = date(2026, 11, 20)


def changed(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(json.dumps(SHIPPED))
    change(data)
    return data


@pytest.mark.parametrize("rule", RULES.rules, ids=lambda rule: rule.id)
def test_a_rule_has_a_text_and_says_a_date_only_if_its_event_has_one(rule: Any) -> None:
    text = TEXTS[rule.template]
    has_date = {"due_on", "answer_by"} & set(every_event()[rule.event].model_fields)
    assert ("{due}" in text.line) == bool(has_date)


def test_every_text_has_a_rule() -> None:
    assert {rule.template for rule in RULES.rules} == set(TEXTS.texts)


def test_rules_name_only_roles_that_the_directory_knows() -> None:
    assert set(DIRECTORY_WORDS["roles"]) >= RULES.roles


def test_a_rule_for_a_cluster_ends_at_the_desk() -> None:
    for rule in RULES.rules:
        if rule.to.of in {"cluster", "holder", "sender", "receiver"}:
            assert rule.ladder[-1] == RULES.desk


def test_what_must_not_wait_goes_by_letter_too() -> None:
    assert all(Channel.EMAIL in rule.channels for rule in RULES.rules if rule.urgency == "at-once")


def test_a_rule_gives_way_to_its_successor_on_the_day() -> None:
    def succeed(data: dict[str, Any]) -> None:
        first = data["rules"][2]
        assert first["id"] == "case-assigned"
        first["until"] = "2026-12-31"
        data["rules"].append({**first, "since": "2027-01-01", "until": None, "urgency": "at-once"})

    rules = read_rules(changed(succeed), every_event())
    assert [
        [rule.urgency.value for rule in rules.for_event("jointly.case.assigned.v1", day) if rule.id == "case-assigned"]
        for day in (date(2026, 12, 31), date(2027, 1, 1))
    ] == [["ordinary"], ["at-once"]]
    old = rules.by_id("case-assigned", date(2026, 12, 31))
    assert old is not None
    assert old.until == date(2027, 1, 1) - timedelta(days=1)
    assert rules.by_id("case-assigned", date(2020, 1, 1)) is None


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda d: d["rules"][0].update(event="jointly.case.dreamt.v1"), "nobody says"),
        (lambda d: d["rules"][0].update(urgency="soonish"), "soonish"),
        (lambda d: d["rules"][0].update(channels=["email"]), "in-app is the record"),
        (lambda d: d["rules"][0].update(channels=["in-app", "pigeon"]), "pigeon"),
        (lambda d: d["rules"][0].update(ladder="none"), "none"),
        (lambda d: d["rules"][0].pop("template"), "template"),
        (lambda d: d["rules"][0]["to"].update(of="receiver"), "does not say who the receiver is"),
        (lambda d: d["rules"][0]["to"].update(of="asked-organisation"), "does not say who"),
        (lambda d: d["rules"][0]["to"].update(of="lead-organisation"), "does not say who"),
        (lambda d: d["rules"].append(d["rules"][0]), "holds twice"),
        (lambda d: d["ladders"]["cluster"].append({"roles": [], "of": "receiver"}), "looks at the event"),
    ],
)
def test_rules_that_mean_nothing_are_refused_by_name(change: Any, says: str) -> None:
    with pytest.raises(UnreadableRules, match=says):
        read_rules(changed(change), every_event())
