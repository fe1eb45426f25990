"""What a board counts."""

from datetime import UTC, date, datetime

from cluster_router.domain.board import Board, board_on, by_age, working_days_since
from cluster_router.policy import board_of
from hypothesis import given
from hypothesis import strategies as st
from schemas.days import Calendar

CALENDAR = Calendar(bank_holidays=frozenset({date(2026, 12, 25), date(2026, 12, 28)}))


def test_the_day_it_came_is_not_counted_and_neither_are_weekends_and_bank_holidays() -> None:
    friday = datetime(2026, 11, 20, 17, tzinfo=UTC)
    counted = [working_days_since(friday, datetime(2026, 11, day, 9, tzinfo=UTC), CALENDAR) for day in range(20, 26)]
    assert counted == [0, 0, 0, 1, 2, 3]
    assert working_days_since(datetime(2026, 12, 24, tzinfo=UTC), datetime(2026, 12, 29, tzinfo=UTC), CALENDAR) == 1
    assert working_days_since(datetime(2026, 12, 24, tzinfo=UTC), friday, CALENDAR) == 0


@given(st.lists(st.integers(0, 30)), st.lists(st.integers(0, 20), unique=True).map(sorted))
def test_every_age_is_counted_once(ages: list[int], ends: list[int]) -> None:
    counted = by_age(ages, ends)
    assert [end for end, _ in counted] == [*ends, None]
    assert sum(cases for _, cases in counted) == len(ages)
    assert dict(counted)[None] == sum(age > max(ends, default=-1) for age in ages)


def test_the_board_of_a_day_is_the_newest_that_has_begun() -> None:
    old, new = Board(date(2026, 9, 1), (1,)), Board(date(2027, 9, 1), (2,))
    assert [board_on([new, old], day) for day in (date(2020, 1, 1), date(2027, 9, 1))] == [old, new]
    assert board_of(date(2026, 11, 23)).unaccepted_ages
