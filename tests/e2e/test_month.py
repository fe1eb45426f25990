"""A month of the demo county: what each person was told is what the rules make of the events, recomputed elsewhere.

None missing, none twice, none at night, and nothing marked in any of it.
"""

import asyncio
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import pytest
from e2e.house import EMBEDDED
from integration.notifier.mail import MailHost
from support.host import running
from support.message_rules import is_night
from support.messages import Line, Telling, departures, within
from support.month import BEGINS, MARK, Month, lived

REFERRALS = 20
SEED = 11
#: A link in a letter: to a case, to money, or to all of one's work.
_LINK = re.compile(r"/cases/([0-9a-f-]{36})|/(money)\b")


@pytest.fixture(scope="module")
def event_log() -> str:
    """People are told the same whatever carries the events; the slow month is lived on one of them."""
    return EMBEDDED


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> Month:
    """A house whose letters wait for their hours, and a mail server; a month has gone by."""
    folder = tmp_path_factory.mktemp("month")

    async def live() -> Month:
        async with MailHost().listening() as mail:
            environment = {
                "JOINTLY_SIMULATED_CLOCK": BEGINS,
                "JOINTLY_POST_AT_ONCE": "false",
                "JOINTLY_SMTP_URL": mail.url(),
            }
            house = running(folder, environment=environment)
            host = await asyncio.to_thread(house.__enter__)
            try:
                return await lived(host, mail, referrals=REFERRALS, seed=SEED)
            finally:
                await asyncio.to_thread(house.__exit__, None, None, None)

    return asyncio.run(live())


@pytest.fixture(scope="module")
def told(month: Month) -> Telling:
    """The same month, told once more by other code."""
    return Telling(month.facts, month.stops, reader=month.reader)


def test_the_month_had_nights_a_weekend_and_everything_that_wakes_waits_or_climbs(month: Month, told: Telling) -> None:
    assert month.refused == {}
    assert month.parked == 0
    lines = told.lines.values()
    assert len({line.rule for line in lines}) > 25
    night = [line for line in lines if is_night(line.told)]
    assert any(line.wakes for line in night)
    assert any(line.at_once and not line.wakes for line in night)
    assert any(not line.at_once for line in night)
    assert any(line.told.weekday() == 5 and line.at_once for line in lines)
    assert any(line["why"].startswith("Nobody whose task this is has looked") for line in month.inbox)
    assert any(line.cleared for line in lines)


def _wanted(month: Month, told: Telling) -> dict[tuple[str, str], Line]:
    """Who should have been told of what. What ended in the moment in which it came due may be missing."""
    there = {(row["event_id"], row["person_id"]) for row in month.inbox}
    return {key: line for key, line in told.lines.items() if key in there or not line.is_moot(month.stops)}


def _moved(month: Month, told: Telling) -> list[dict[str, Any]]:
    """What was told to who held a case until a moment before, was then told to who does, and says that it moved."""
    others = {(line.event, line.rule) for line in told.lines.values()}
    return [
        row
        for row in month.inbox
        if (row["event_id"], row["person_id"]) not in told.lines
        and row["cleared_because"] == "moved"
        and (row["event_id"], row["rule"]) in others
    ]


def _rows(month: Month, told: Telling) -> dict[tuple[str, str], dict[str, Any]]:
    moved = {row["id"] for row in _moved(month, told)}
    return {(row["event_id"], row["person_id"]): row for row in month.inbox if row["id"] not in moved}


def test_each_person_was_told_of_each_fact_once_by_the_rule_that_names_them(month: Month, told: Telling) -> None:
    ours = {key: row["rule"] for key, row in _rows(month, told).items()}
    wanted = {key: line.rule for key, line in _wanted(month, told).items()}
    assert {key: rule for key, rule in wanted.items() if key not in ours} == {}, "missing"
    assert {key: rule for key, rule in ours.items() if key not in wanted} == {}, "told without a rule"
    assert {key: (rule, wanted[key]) for key, rule in ours.items() if wanted[key] != rule} == {}, "by another rule"
    assert max(Counter((row["event_id"], row["person_id"]) for row in month.inbox).values()) == 1
    assert len(ours) > 500


def test_what_they_read_is_the_published_text(month: Month, told: Telling) -> None:
    texts = {key: row["text"] for key, row in _rows(month, told).items()}
    assert texts == {key: line.text for key, line in _wanted(month, told).items()}


def test_their_own_lists_show_all_of_it(month: Month, told: Telling) -> None:
    wanted: defaultdict[str, Counter[Any]] = defaultdict(Counter)
    for line in _wanted(month, told).values():
        case = line.case if is_case(line.case) else None
        wanted[line.person][case, line.rule, line.text, line.cleared is not None] += 1
    moved = {row["id"] for row in _moved(month, told)}
    assert len(month.lists) > 10
    for person, rows in month.lists.items():
        shown = Counter(
            (row["case_id"], row["rule"], row["text"], row["cleared_at"] is not None)
            for row in rows
            if row["id"] not in moved
        )
        assert shown == wanted[person], person


def test_each_letter_left_at_its_hour_and_told_of_each_line_once(month: Month, told: Telling) -> None:
    certain, possible = departures(told.lines.values(), month.stops)
    owners = {email: person for person, email in told.people.emails.items()}
    ours: Counter[Any] = Counter()
    for mail in month.mails:
        for case, text in _lines(mail.text):
            ours[mail.stop, owners[mail.address], case, text] += 1
    # What moved on may have left before it did.
    for row in _moved(month, told):
        key = within(month.stops, row["told_at"]), row["person_id"], row["case_id"], row["text"]
        possible[key] = possible.get(key, 0) + 1
    most: Counter[Any] = Counter()
    for (stop, person, case, text), count in possible.items():
        most[stop, person, case if is_case(case) else "money", text] += count
    least = {
        (stop, person, case if is_case(case) else "money", text)
        for (stop, person, case, text), count in certain.items()
        if count
    }
    missing = [key for key in least if not ours[key]]
    early = [key for key, count in ours.items() if count > most[key]]
    # Who was told before it moved on, and once more as nobody looked at it, has one letter: the first.
    for key in list(missing):
        first = next((one for one in early if one[1:] == key[1:] and one[0] < key[0]), None)
        if first is not None:
            early.remove(first)
            missing.remove(key)
    assert missing == []
    assert early == [], "not due then, or twice"
    ids = [mail.message["Message-ID"] for mail in month.mails]
    assert len(ids) == len(set(ids)) > 100
    assert set(month.letters) <= {"sent", "dropped"}


def test_nothing_left_at_night_but_what_the_rules_let_wake(month: Month, told: Telling) -> None:
    wake = {line.text for line in told.lines.values() if line.wakes}
    night = [mail for mail in month.mails if is_night(mail.stop)]
    assert night
    assert [text for mail in night for _, text in _lines(mail.text) if text not in wake] == []


def test_nothing_marked_is_in_any_message(month: Month) -> None:
    assert len(month.marked) > 100
    words = "|".join(re.escape(mark) for mark in sorted({*month.marked, MARK}))
    marks = re.compile(rf"\b(?:{words})\b|-Test\b", re.IGNORECASE)
    said = [f"{mail.subject}\n{mail.text}" for mail in month.mails]
    said += [f"{row['text']} {row['why']}" for row in month.inbox]
    assert [found[0] for text in said if (found := marks.search(text))] == []
    # The look itself sees: what a referral says is full of it.
    assert marks.search(f"A concern {MARK}.")


def is_case(file: str) -> bool:
    """Whether what was told is of a case, and not of a budget."""
    return not file.startswith("budget:")


def _lines(text: str) -> Iterator[tuple[str, str]]:
    """(case or `money`, text) of every line in a letter."""
    body, _, _ = text.replace("\r\n", "\n").partition("\n\nThis message does not say")
    if "\n- " not in body and not body.startswith("- "):
        said, _, link = body.partition("\n\nSign in to read more:\n")
        yield _place(link), said
        return
    lines: list[str] = []
    for row in body.partition("\n\nSign in to read more:\n")[0].splitlines():
        if row.startswith("- "):
            lines.append(row.removeprefix("- "))
        elif _LINK.search(row):
            yield from ((_place(row), said) for said in lines)
            lines = []


def _place(link: str) -> str:
    found = _LINK.search(link)
    assert found is not None, link
    return found[1] or found[2]
