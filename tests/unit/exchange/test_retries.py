"""When a webhook is tried again, and what a receiver's answer means."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from exchange.domain.retries import Attempt, Outcome, answered, wait_of
from exchange.policy import webhooks_of
from hypothesis import given
from hypothesis import strategies as st

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
PATIENCE = webhooks_of(date(2026, 11, 23)).patience


def test_ten_attempts_go_over_seventy_five_hours_and_a_half() -> None:
    pauses = [PATIENCE.next_pause(n, None, 0.0) for n in range(10)]
    assert sum((p for p in pauses if p is not None), timedelta()) == timedelta(hours=75, minutes=35, seconds=5)
    assert PATIENCE.next_pause(10, None, 0.0) is None
    known = [p for p in pauses if p is not None]
    assert all(a < b for a, b in pairwise(known))


@given(st.integers(1, 9), st.floats(0, 1))
def test_chance_only_makes_a_pause_longer_and_by_a_tenth_at_most(attempts: int, chance: float) -> None:
    plain, longer = PATIENCE.next_pause(attempts, None, 0.0), PATIENCE.next_pause(attempts, None, chance)
    assert plain is not None
    assert longer is not None
    assert plain <= longer <= plain * 1.1


@given(st.integers(1, 9), st.timedeltas(timedelta(0), timedelta(days=400)))
def test_retry_after_is_never_undercut_up_to_a_day(attempts: int, wanted: timedelta) -> None:
    pause = PATIENCE.next_pause(attempts, wanted, 0.0)
    assert pause is not None
    assert pause >= min(wanted, timedelta(days=1))


@pytest.mark.parametrize(
    ("status", "outcome", "reason"),
    [
        (200, Outcome.DELIVERED, "delivered"), (204, Outcome.DELIVERED, "delivered"),
        (299, Outcome.DELIVERED, "delivered"), (301, Outcome.FAILED, "redirect"), (307, Outcome.FAILED, "redirect"),
        (400, Outcome.FAILED, "status-400"), (401, Outcome.FAILED, "status-401"), (410, Outcome.GONE, "gone"),
        (429, Outcome.FAILED, "status-429"), (503, Outcome.FAILED, "status-503"),
    ],
)  # fmt: skip
def test_only_two_hundreds_are_success(status: int, outcome: Outcome, reason: str) -> None:
    attempt = answered(status, None, NOW)
    assert (attempt.outcome, attempt.reason, attempt.status) == (outcome, reason, status)


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("120", timedelta(minutes=2)), ("0", timedelta(0)), (" 5 ", timedelta(seconds=5)),
        ("Mon, 23 Nov 2026 12:05:00 GMT", timedelta(minutes=5)), ("Mon, 23 Nov 2026 11:00:00 GMT", timedelta(0)),
        ("-1", None), ("soon", None), ("", None), (None, None), ("9" * 30, None), ("1.5", None), ("²", None),
    ],
)  # fmt: skip
def test_retry_after_is_seconds_or_a_date(header: str | None, wait: timedelta | None) -> None:
    assert wait_of(header, NOW) == wait


@given(st.text(max_size=40))
def test_whatever_a_receiver_writes_there_breaks_nothing(header: str) -> None:
    wait = wait_of(header, NOW)
    assert wait is None or wait >= timedelta(0)


def test_a_receiver_rests_longer_the_more_it_fails_and_five_minutes_at_most() -> None:
    failed = Attempt(Outcome.FAILED, "status-500", 500)
    rests = [PATIENCE.rest(failures, failed) for failures in range(200)]
    assert rests[:5] == [timedelta(0)] * 5
    assert rests[5] == timedelta(seconds=2)
    assert all(a <= b for a, b in pairwise(rests))
    assert rests[-1] == timedelta(minutes=5)


def test_too_many_requests_stops_everything_for_that_receiver_as_long_as_it_asks() -> None:
    wanted = timedelta(minutes=7)
    assert PATIENCE.rest(1, Attempt(Outcome.FAILED, "status-429", 429, wanted)) == wanted
    assert PATIENCE.rest(1, Attempt(Outcome.FAILED, "status-400", 400, wanted)) == timedelta(0)
