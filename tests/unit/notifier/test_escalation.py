"""When the steps towards a day are taken."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from notifier.domain.escalation import step_at, step_day, step_fact
from notifier.domain.facts import COUNTY_TIME
from notifier.policy import RULES
from schemas.assessment import ClockStarted
from schemas.days import Calendar
from schemas.placement import DutyStarted

TERMS = Calendar(
    terms=((date(2026, 9, 1), date(2026, 10, 23)), (date(2026, 11, 2), date(2026, 12, 18))),
    closures=frozenset({date(2026, 11, 30)}),
)


@pytest.mark.parametrize(
    ("due", "before", "day"),
    [
        (date(2026, 12, 4), 0, date(2026, 12, 4)),
        (date(2026, 12, 4), 2, date(2026, 12, 2)),
        # The INSET day on Monday and the weekend do not count.
        (date(2026, 12, 4), 5, date(2026, 11, 26)),
        # Across half term.
        (date(2026, 11, 3), 2, date(2026, 10, 23)),
        # In the holidays the day itself stays.
        (date(2026, 12, 28), 0, date(2026, 12, 28)),
        (date(2026, 12, 28), 2, date(2026, 12, 17)),
    ],
)
def test_steps_are_counted_in_school_days(due: date, before: int, day: date) -> None:
    assert step_day(TERMS, due, before) == day


def test_a_step_is_taken_in_the_morning_of_the_county() -> None:
    at = step_at(TERMS, date(2026, 10, 20), 2, hour=8)
    assert at.astimezone(COUNTY_TIME).isoformat() == "2026-10-16T08:00:00+01:00"


@given(st.dates(date(2026, 9, 1), date(2027, 7, 31)), st.integers(1, 30))
def test_so_many_school_days_lie_between_a_step_and_its_day(due: date, before: int) -> None:
    day = step_day(TERMS, due, before)
    assert TERMS.is_school_day(day)
    # The day itself is not counted, the step's is.
    assert TERMS.school_days_between(day - timedelta(days=1), due - timedelta(days=1)) == before


@pytest.mark.parametrize("event", [ClockStarted.type, DutyStarted.type])
def test_the_ladder_is_worker_manager_head_of_service(event: str) -> None:
    day = date(2026, 11, 20)
    assert RULES.steps(event, day) == (5, 2, 0)
    of = [RULES.for_event(event, day, before=before)[0].to for before in (5, 2, 0)]
    assert [(a.roles, a.of.value) for a in of][1:] == [
        (("cluster-lead",), "holder"),
        (("head-of-service",), "council"),
    ]


def test_the_same_step_to_the_same_day_is_the_same_fact_and_another_day_is_another() -> None:
    def fact(due: date) -> str:
        at = step_at(TERMS, due, 2, hour=8)
        return step_fact(
            id="clock-1", event_type=ClockStarted.type, case_id="c", due_on=due, holder=None, before=2, at=at,
            field="clock_id",
        ).event_id  # fmt: skip

    assert fact(date(2026, 12, 4)) == fact(date(2026, 12, 4)) != fact(date(2026, 12, 7))
