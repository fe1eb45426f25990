"""What people read: never more than a case reference and a date."""

import json
from datetime import date
from importlib.resources import files
from typing import Any

import pytest
from notifier.domain.texts import PLACEHOLDERS, UnsafeText, plain_date, read_texts
from notifier.policy import TEXTS

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


@pytest.mark.parametrize("name", sorted(TEXTS.texts))
def test_a_text_names_the_case_and_says_nothing_of_whom(name: str) -> None:
    line = TEXTS[name].inbox(reference="J-7F3K", due=date(2026, 11, 24))
    subject = TEXTS[name].title(reference="J-7F3K")
    assert "J-7F3K" in line
    assert "J-7F3K" in subject
    assert len(subject) <= 70
    assert line.endswith(".")
    for word in TELLING:
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
