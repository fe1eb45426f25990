"""Sums are spread over financial years and over days on which they are paid, and no penny is lost."""

from datetime import date, timedelta

import pytest
from funding.domain.rules import Schedule
from funding.domain.spans import by_year, instalments, spread
from hypothesis import given
from hypothesis import strategies as st
from schemas.days import financial_year

SCHEDULE = Schedule(200_000, ((1, 5), (4, 15), (9, 1)))
DAYS = st.dates(date(2024, 1, 1), date(2032, 12, 31))


@pytest.mark.parametrize(
    ("since", "until", "expected"),
    [
        (date(2026, 11, 23), date(2027, 3, 31), [("2026-27", 100_000)]),
        (date(2027, 4, 1), date(2027, 4, 1), [("2027-28", 100_000)]),
        (date(2027, 3, 31), date(2027, 4, 1), [("2026-27", 50_000), ("2027-28", 50_000)]),
        (date(2027, 3, 22), date(2027, 4, 20), [("2026-27", 33_333), ("2027-28", 66_667)]),
        # A leap day is a day: 60 of 61 days lie before April.
        (date(2028, 2, 1), date(2028, 4, 1), [("2027-28", 98_360), ("2028-29", 1_640)]),
    ],
)
def test_a_sum_is_split_by_the_days_in_each_financial_year(
    since: date, until: date, expected: list[tuple[str, int]]
) -> None:
    assert [(part.financial_year, part.amount_pence) for part in by_year(100_000, since, until)] == expected


@given(st.integers(1, 10**9), DAYS, st.integers(0, 1500))
def test_the_parts_are_the_whole_and_each_lies_in_its_year(amount: int, since: date, days: int) -> None:
    parts = by_year(amount, since, since + timedelta(days=days))
    assert sum(part.amount_pence for part in parts) == amount
    assert all(part.amount_pence > 0 for part in parts)
    assert all(financial_year(part.since) == financial_year(part.until) == part.financial_year for part in parts)
    assert len({part.financial_year for part in parts}) == len(parts)


@given(st.integers(0, 10**9), st.lists(st.integers(1, 400), min_size=1, max_size=30))
def test_shares_add_up_and_are_fair_to_the_penny(amount: int, weights: list[int]) -> None:
    shares = spread(amount, weights)
    assert sum(shares) == amount
    assert all(abs(share - amount * weight / sum(weights)) <= 1 for share, weight in zip(shares, weights, strict=True))


@pytest.mark.parametrize(
    ("amount", "since", "until", "expected"),
    [
        (200_000, date(2026, 11, 23), date(2027, 3, 31), [(date(2026, 11, 23), 200_000)]),
        (200_001, date(2026, 11, 23), date(2027, 1, 4), [(date(2026, 11, 23), 200_001)]),
        (258_000, date(2026, 11, 23), date(2027, 3, 31), [(date(2026, 11, 23), 86_000), (date(2027, 1, 5), 172_000)]),
        # It began before today: nothing is due in the past, and nothing twice on one day.
        (258_000, date(2026, 11, 1), date(2026, 11, 10), [(date(2026, 11, 23), 258_000)]),
    ],
)
def test_small_sums_are_paid_at_once_and_larger_ones_by_term(
    amount: int, since: date, until: date, expected: list[tuple[date, int]]
) -> None:
    plan = instalments(amount, since, until, SCHEDULE, today=date(2026, 11, 23))
    assert [(one.due_on, one.amount_pence) for one in plan] == expected


@given(st.integers(1, 10**9), DAYS, st.integers(0, 400), DAYS)
def test_a_plan_pays_the_whole_in_order_and_never_in_the_past(amount: int, since: date, days: int, today: date) -> None:
    plan = instalments(amount, since, since + timedelta(days=days), SCHEDULE, today=today)
    assert sum(one.amount_pence for one in plan) == amount
    assert [one.number for one in plan] == list(range(1, len(plan) + 1))
    due = [one.due_on for one in plan]
    assert due == sorted(set(due))
    assert due[0] == max(since, today)
