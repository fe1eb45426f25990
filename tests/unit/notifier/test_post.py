"""When a letter is tried again, and what a mail server's answers mean."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from notifier.domain.post import Answer, Attempt, Breaker, Stage, meaning, reply_kept
from notifier.policy import SCHEDULE

ASKED = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("stage", "code", "answer"),
    [
        (Stage.CONNECT, None, Answer.SERVER_DOWN),
        (Stage.HELLO, 554, Answer.SERVER_DOWN),
        (Stage.ENCRYPT, None, Answer.SERVER_DOWN),
        # A wrong password is nobody's letter's fault: failing them all for it would lose them.
        (Stage.SIGN_IN, 535, Answer.SERVER_DOWN),
        (Stage.SENDER, 550, Answer.SERVER_DOWN),
        (Stage.RECIPIENT, 550, Answer.REFUSED),
        (Stage.RECIPIENT, 450, Answer.LATER),
        (Stage.RECIPIENT, 421, Answer.SERVER_DOWN),
        (Stage.RECIPIENT, None, Answer.LATER),
        (Stage.CONTENT, 250, Answer.ACCEPTED),
        (Stage.CONTENT, 354, Answer.LATER),
        (Stage.CONTENT, 451, Answer.LATER),
        (Stage.CONTENT, 554, Answer.REFUSED),
        # It may have arrived, and it may be what makes the server fall: it waits its own turn.
        (Stage.CONTENT, None, Answer.LATER),
    ],
)
def test_an_answer_is_about_the_letter_or_about_the_server(stage: Stage, code: int | None, answer: Answer) -> None:
    assert meaning(stage, code) is answer


@given(st.sampled_from(Stage), st.none() | st.integers(200, 599))
def test_only_content_is_accepted_and_only_a_final_no_to_the_letter_is_final(stage: Stage, code: int | None) -> None:
    answer = meaning(stage, code)
    assert answer is not Answer.ACCEPTED or (stage is Stage.CONTENT and code is not None and code < 300)
    assert answer is not Answer.REFUSED or (
        stage in {Stage.RECIPIENT, Stage.CONTENT} and code is not None and code >= 500
    )


def next_try(answer: Answer = Answer.LATER, *, attempts: int = 1, now: datetime = ASKED) -> datetime | None:
    return SCHEDULE.next_try("letter-1", answer=answer, attempts=attempts, asked_at=ASKED, now=now)


def test_a_refused_letter_is_not_tried_again() -> None:
    assert next_try(Answer.REFUSED) is None


def test_after_a_fault_of_the_server_every_letter_is_tried_within_the_minute() -> None:
    at = next_try(Answer.SERVER_DOWN, attempts=40)
    assert at is not None
    assert at - ASKED <= timedelta(seconds=60)


def test_a_letter_is_given_up_after_three_days_and_not_before() -> None:
    assert next_try(attempts=20, now=ASKED + timedelta(hours=66)) is not None
    assert next_try(attempts=20, now=ASKED + timedelta(hours=72)) is None


@given(st.integers(1, 60), st.uuids().map(str))
def test_delays_grow_spread_and_stay_bounded(attempts: int, letter: str) -> None:
    delay = SCHEDULE.delays[min(attempts, len(SCHEDULE.delays)) - 1]
    at = SCHEDULE.next_try(letter, answer=Answer.LATER, attempts=attempts, asked_at=ASKED, now=ASKED)
    assert at is not None
    assert delay <= at - ASKED <= delay * 1.2
    assert at == SCHEDULE.next_try(letter, answer=Answer.LATER, attempts=attempts, asked_at=ASKED, now=ASKED)
    assert list(SCHEDULE.delays) == sorted(SCHEDULE.delays)


def test_letters_that_failed_together_do_not_come_back_together() -> None:
    times = {
        SCHEDULE.next_try(f"letter-{n}", answer=Answer.LATER, attempts=3, asked_at=ASKED, now=ASKED) for n in range(50)
    }
    assert len(times) == 50


def test_a_server_that_is_down_is_asked_by_one_letter_at_a_time() -> None:
    breaker = Breaker()
    assert breaker.lets_through(0.0)
    breaker.note(Answer.SERVER_DOWN, 0.0)
    assert not breaker.lets_through(0.1)
    assert breaker.lets_through(1.0)
    assert not breaker.lets_through(1.0)
    breaker.note(Answer.LATER, 1.1)
    assert breaker.lets_through(1.1)
    assert breaker.lets_through(1.1)


@given(st.integers(1, 2000))
def test_a_server_that_is_back_is_noticed_within_half_a_minute(failures: int) -> None:
    breaker = Breaker(failures=failures - 1)
    breaker.note(Answer.SERVER_DOWN, 100.0)
    assert breaker.lets_through(130.0)


def test_why_a_letter_was_not_delivered_is_a_code() -> None:
    assert Attempt(Answer.REFUSED, Stage.RECIPIENT, 550, "no such user").reason == "recipient-refused"
    assert Attempt(Answer.LATER, Stage.CONTENT, 451, "busy").reason == "gave-up"


def test_a_kept_reply_is_one_line_without_the_address() -> None:
    reply = "5.1.1 <someone@school.example>\r\nno such\x00 user"
    assert reply_kept(reply, "someone@school.example") == "5.1.1 <<recipient>> no such user"
    assert len(reply_kept("x" * 5000, "")) == 300
