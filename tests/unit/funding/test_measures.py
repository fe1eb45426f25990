"""Days to money, and what a year will have cost."""

from datetime import date

import pytest
from funding.domain.measures import Figures, figures, forecast, working_days_between
from funding.domain.rules import Measure
from hypothesis import given
from hypothesis import strategies as st
from schemas.days import Calendar

RULE = Measure(within_working_days=10, fewest_cases=5)
CHRISTMAS = Calendar(bank_holidays=frozenset({date(2026, 12, 25), date(2026, 12, 28)}))


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (date(2026, 11, 23), date(2026, 11, 23), 0),
        (date(2026, 11, 23), date(2026, 11, 24), 1),
        (date(2026, 11, 27), date(2026, 11, 30), 1),
        (date(2026, 11, 23), date(2026, 12, 7), 10),
        (date(2026, 12, 24), date(2026, 12, 29), 1),
        (date(2026, 11, 24), date(2026, 11, 23), 0),
    ],
)
def test_working_days_leave_out_weekends_bank_holidays_and_the_first_day(start: date, end: date, expected: int) -> None:
    assert working_days_between(CHRISTMAS, start, end) == expected


@pytest.mark.parametrize("count", [1, 4])
def test_figures_about_few_cases_say_nothing_not_even_how_many(count: int) -> None:
    assert figures([(3, 2)] * count, RULE) == Figures(suppressed=True)


def test_no_case_is_told_as_none() -> None:
    assert figures([], RULE) == Figures(suppressed=False, count=0)


def test_median_and_ninetieth_percentile_are_cases_that_there_were() -> None:
    days = [(days, days * 5 // 7) for days in (1, 2, 3, 4, 5, 6, 7, 14, 15, 100)]
    assert figures(days, RULE) == Figures(suppressed=False, count=10, median_days=5.5, p90_days=15, within_percent=90.0)
    assert figures(days[:5], RULE).median_days == 3.0


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 300)), min_size=5, max_size=60))
def test_half_of_the_cases_took_no_longer_than_the_median_and_nine_of_ten_than_the_p90(
    days: list[tuple[int, int]],
) -> None:
    found = figures(days, RULE)
    assert found.median_days is not None
    assert found.p90_days is not None
    took = [one for one, _ in days]
    assert sum(one <= found.median_days for one in took) * 2 >= len(took)
    assert sum(one <= found.p90_days for one in took) * 10 >= len(took) * 9
    assert found.p90_days in took


YEAR = {"window_days": 91, "first": date(2026, 4, 1), "last": date(2027, 3, 31)}


@pytest.mark.parametrize(
    ("today", "expected"),
    [
        (date(2027, 4, 1), 1000),
        (date(2027, 3, 31), 1000),
        (date(2027, 3, 30), 1000 + 910 // 91),
        # The year is ten days old: what was granted in them is a tenth a day.
        (date(2026, 4, 10), 1000 + 910 * 355 // 10),
        (date(2026, 3, 1), 1000 + 910 * 364),
    ],
)
def test_the_forecast_goes_on_as_of_late_for_the_days_that_are_left(today: date, expected: int) -> None:
    found = forecast(bound=1000, granted_of_late=910, today=today, **YEAR)  # type: ignore[arg-type]
    assert found.pence == expected
    assert found.explanation
