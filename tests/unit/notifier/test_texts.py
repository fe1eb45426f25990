"""What people read: never more than a case reference and a date."""

import json
from datetime import date
from importlib.resources import files
from typing import Any, Final

import pytest
from notifier.domain.texts import PLACEHOLDERS, Line, UnsafeText, compose, plain_date, read_texts
from notifier.policy import LANGUAGES, RULES, STAGES, TEXTS

SHIPPED = json.loads(files("notifier").joinpath("data", "templates.json").read_text(encoding="utf-8"))
#: Words that would say what the case is about, or about whom.
TELLING = (
    "child's",
    "pupil",
    "son",
    "daughter",
    "school's name",
    "autis",
    "diagnos",
    "exclu",
    "need type",
    "address of",
)


def with_line(line: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(json.dumps(SHIPPED))
    data["templates"]["case-assigned"]["en"]["line"] = line
    return data


def test_only_a_reference_a_date_and_a_link_can_be_said() -> None:
    assert {"reference", "due", "link"} == PLACEHOLDERS


@pytest.mark.parametrize(
    "line",
    [
        "Case {reference} of {name}",
        "Case {reference} at {school}",
        "{reference.__class__}",
        "{reference!r}",
        "{due:%A}",
        "{0}",
        "{}",
        "{link}",
        "two\nlines",
    ],
)
def test_a_text_that_asks_for_more_is_refused(line: str) -> None:
    with pytest.raises(UnsafeText, match="case-assigned"):
        read_texts(with_line(line), "en")


#: A clinical or a shaming word is none for a message, in any language.
TELLING_IN: Final = {"en": TELLING, "pl": ("uczni", "uczen", "diagnoz", "autyz", "wydal", "zawiesz", "nazwisk")}


@pytest.mark.parametrize("language", sorted(LANGUAGES))
@pytest.mark.parametrize("name", sorted(TEXTS.texts))
def test_a_text_names_the_case_and_says_nothing_of_whom(name: str, language: str) -> None:
    texts = LANGUAGES[language]
    line = texts.inbox(name, reference="J-7F3K", due=date(2026, 11, 24))
    subject = texts[name].title(reference="J-7F3K")
    assert "J-7F3K" in line
    assert "J-7F3K" in subject
    assert len(subject) <= 70
    assert line.endswith(".")
    for word in TELLING_IN[language]:
        assert word not in f"{line} {subject}".lower().replace("person", "").replace("reason", "")


def test_a_letter_is_the_line_and_a_way_to_the_case() -> None:
    letter = TEXTS.letter.text(line="Case J-7F3K is closed.", link="https://jointly.example/cases/1")
    assert letter.startswith("Case J-7F3K is closed.\n")
    assert "https://jointly.example/cases/1\n" in letter


def test_a_reference_with_braces_is_not_a_template() -> None:
    assert "{due}" in TEXTS["case-closed"].inbox(reference="{due}", due=None)


def test_dates_are_plain() -> None:
    assert plain_date(date(2026, 11, 4)) == "4 November 2026"
    assert plain_date(None) == ""
    assert plain_date(date(2026, 11, 4), "pl") == "4 listopada 2026"


def test_every_text_is_there_in_every_language() -> None:
    for language in LANGUAGES:
        for part in ("templates", "why", "cleared", "letter", "sms", "digest"):
            entries = SHIPPED[part].values() if part in {"templates", "why", "cleared"} else [SHIPPED[part]]
            assert all(language in entry for entry in entries), (part, language)
    assert set(STAGES.words) == set(STAGES.message) == set(STAGES.letter) == set(LANGUAGES)
    assert all(set(words) == set(STAGES.order) for words in STAGES.words.values())


def test_a_language_that_lacks_a_text_has_it_in_english() -> None:
    data = with_line("Case {reference} waits.")
    del data["templates"]["case-assigned"]["pl"]
    assert read_texts(data, "pl")["case-assigned"].line == "Case {reference} waits."


def test_every_message_says_why_it_was_sent_and_why_it_is_cleared() -> None:
    assert {rule.to.of.value for rule in RULES.rules} <= set(TEXTS.why)
    assert {clearing.because for clearing in RULES.clearings} <= set(TEXTS.cleared)


def test_what_happened_to_one_case_stands_together_in_one_letter() -> None:
    one, two = "https://j.example/cases/1", "https://j.example/cases/2"
    lines = [Line("a", "First.", one), Line("b", "Other.", two), Line("c", "Second.", one), Line("d", "First.", one)]
    content = compose(TEXTS, lines, work="https://j.example/work", short=False)
    assert content.subject == "4 messages about your cases"
    assert f"- First.\n- Second.\n  {one}\n\n- Other.\n  {two}\n" in content.body
    assert content.body.count(one) == 1
    short = compose(TEXTS, lines, work="https://j.example/work", short=True)
    assert short.body == "4 messages about your cases wait for you. Sign in: https://j.example/work"
