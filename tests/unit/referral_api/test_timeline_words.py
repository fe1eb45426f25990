"""The timeline's words: every fact there is has some, and they are made of what the event says."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from referral_api.domain.sentences import fields_of, sentence
from referral_api.store.dated import for_workers, late_after, timeline_words
from referral_api.subscriptions import OF_A_CASE
from referral_api.views.timeline import Words, ids_in, shown, told

EXAMPLES = Path(__file__).resolve().parents[3] / "schemas" / "examples"
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
SAID = timeline_words()
WORDS = Words(SAID["sentences"], SAID["sentences_for_others"], SAID["by"], SAID["services"], late_after(NOON.date()))
#: What is made of several messages, beside what each says.
OF_MESSAGES = {"people", "channels", "failed"}
KINDS = {event.type: event for event in OF_A_CASE}


def a_row(type: str, **more: Any) -> dict[str, Any]:
    return {"event_id": "e", "at": NOON, "source": "/funding", "sequence": 1, "type": type, "heard_at": NOON} | more


@pytest.mark.parametrize("part", ["sentences", "sentences_for_others", "by"])
def test_words_speak_of_nothing_that_the_event_does_not_say(part: str) -> None:
    for type, template in SAID[part].items():
        assert fields_of(template) <= set(KINDS[type].model_fields) | OF_MESSAGES, type


def test_every_fact_about_a_case_has_words_and_every_service_a_name() -> None:
    assert set(SAID["sentences"]) == set(KINDS)
    assert {kind.topic.speaker for kind in KINDS.values()} == set(SAID["services"])
    assert set(for_workers()) <= set(KINDS)
    assert set(SAID["by"]) <= set(KINDS)


def test_nothing_tells_who_a_member_of_staff_is() -> None:
    for template in (*SAID["sentences"].values(), *SAID["by"].values()):
        assert not {f for f in fields_of(template) if f.endswith(("ed_by", "person_id"))} - {"asked_by", "matched_by"}


@pytest.mark.parametrize("path", sorted(EXAMPLES.rglob("*.json")), ids=lambda path: path.parent.name)
def test_the_examples_are_told_in_whole_sentences(path: Path) -> None:
    event = json.loads(path.read_text())
    if event["type"] not in KINDS:
        return
    data = event["data"] | {"people": 2, "channels": ["in-app"]}
    names = {
        (kind, id): "Somebody" for kind in ("organisation", "cluster", "provider", "school") for id in ids_in(data)
    }
    for works in (True, False):
        entry = shown(a_row(event["type"]), data, WORDS, names, works=works, own_requests=())
        assert re.fullmatch(r"[A-Z0-9].*\.", entry["text"]), entry["text"]
        assert not re.search(r"[{}\[\]]|\(\)|  | [.,:;]|\.\.|: ?\.|None|v1", entry["text"]), entry["text"]
        assert entry["by"]
        assert works or "£" not in entry["text"]


def test_amounts_are_told_to_who_works_the_case_and_to_whose_money_it_is() -> None:
    data = {"request_id": "r-1", "amount_pence": 123_456}
    row = a_row("jointly.funding.paid.v1")
    texts = [
        shown(row, data, WORDS, {}, works=works, own_requests=own)["text"]
        for works, own in ((True, ()), (False, ("r-1",)), (False, ("r-2",)))
    ]
    assert texts == ["Early money was paid: £1,234.56.", "Early money was paid: £1,234.56.", "Early money was paid."]


@pytest.mark.parametrize(
    ("data", "after", "late"),
    [
        ({}, timedelta(), False),
        ({}, timedelta(minutes=60), False),
        ({}, timedelta(minutes=61), True),
        ({"days_late": 0}, timedelta(), False),
        ({"days_late": 2}, timedelta(), True),
    ],
)
def test_what_came_late_is_marked(data: dict[str, Any], after: timedelta, late: bool) -> None:
    row = a_row("jointly.duty.breached.v1", delay_seconds=int(after.total_seconds()))
    assert told(row, data, WORDS.sentences, {}, WORDS)["late"] is late


def test_what_was_kept_before_hearing_was_noted_is_not_late() -> None:
    assert told(a_row("x", heard_at=None, delay_seconds=None), {}, WORDS.sentences, {}, WORDS)["late"] is False


@pytest.mark.parametrize(
    ("template", "data", "text"),
    [
        ("Done {in_time:?in time|late}.", {"in_time": False}, "Done late."),
        ("Came[, {days} late].", {"days": 3}, "Came, 3 late."),
        ("Came[, {days} late].", {"days": 0}, "Came."),
        ("Ended[. Back at {a}][ on {b}].", {"b": "x"}, "Ended on x."),
        ("{needs}", {"needs": ["a", "b", "c"]}, "a, b and c"),
    ],
)
def test_parts_are_left_out_and_chosen(template: str, data: dict[str, Any], text: str) -> None:
    assert sentence(template, data, lambda _, value: value) == text
