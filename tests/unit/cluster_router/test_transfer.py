"""Who begins Year 7 when, and what the rules are told of them."""

from datetime import date, timedelta

import pytest
from cluster_router.domain.decision import decide
from cluster_router.domain.rules import Phase
from cluster_router.domain.transfer import Season, as_year_7, begins_year_7, next_run, season_on, year_of
from cluster_router.policy import SEASONS, season_of
from hypothesis import given
from hypothesis import strategies as st
from unit.cluster_router.builders import TODAY, a_cluster, a_county, a_school, circumstances, the_rules

RULES = the_rules()
LEAVES = frozenset({1, 2})
SEASON = Season(date(2026, 9, 1), (5, 1), (7, 20), 7, 28, LEAVES)
COUNTY = a_county(
    [
        a_school("100001", at=(500, 500)),
        a_school("100002", phase=4, at=(900, 500)),
        a_school("100003", phase=7, at=(80_500, 500)),
        a_school("100004", phase=3, at=(500, 900)),
        a_school("100005", status=2, successors=["100001"]),
    ],
    [
        a_cluster("low", "100001", "100003", "100004"),
        a_cluster("up", "100002", phase=Phase.SECONDARY),
        a_cluster("far-up", "100003", phase=Phase.SECONDARY),
    ],
)


@pytest.mark.parametrize(
    ("group", "age", "year"),
    [("6", 10, 2027), ("5", 9, 2028), ("R", 4, 2033), ("N", 3, 2034), ("7", 11, 2026), ("14", 18, 2019),
     (None, 10, 2027), (None, 4, 2033), (None, 11, 2026), ("6", 11, 2027)],
)  # fmt: skip
def test_the_year_group_says_when_year_7_begins_or_else_the_age(group: str | None, age: int, year: int) -> None:
    assert begins_year_7(circumstances(age=age, year_group=group), TODAY, RULES) == year


@given(st.sampled_from(["N", "R", "1", "5", "6", None]), st.integers(3, 10), st.dates(date(2020, 1, 1)))
def test_what_was_said_in_an_earlier_year_tells_the_same_later(group: str | None, age: int, said: date) -> None:
    said = min(said, date(2090, 1, 1))
    begins = begins_year_7(circumstances(age=age, year_group=group), said, RULES)
    if group == "5":
        assert begins == begins_year_7(circumstances(age=age + 1, year_group="6"), _a_year_on(said), RULES)
    assert begins == begins_year_7(circumstances(age=age, year_group=group), said.replace(day=1), RULES)


def _a_year_on(day: date) -> date:
    return day.replace(year=day.year + 1, day=min(day.day, 28))


def test_the_school_year_ends_in_the_year_that_year_7_begins() -> None:
    assert [year_of(day) for day in (date(2026, 8, 31), date(2026, 9, 1), date(2027, 8, 31))] == [2026, 2027, 2027]


@pytest.mark.parametrize(
    ("child", "cluster"),
    [
        (circumstances("100001", home=(0, 0), age=10, year_group="6"), "up"),
        (circumstances("100005", home=(0, 0), age=10, year_group="6"), "up"),
        (circumstances(None, home=(0, 0), age=10), "up"),
        (circumstances("100003", home=(0, 0), age=10, year_group="6"), "far-up"),
        (circumstances("100004", home=(0, 0), age=10, year_group="6"), "low"),
        (circumstances("100002", home=(80_000, 0), age=11, year_group="7"), "up"),
        (circumstances("100001", home="unknown", age=10, year_group="6"), None),
        (circumstances("999999", home=(0, 0), age=10, year_group="6"), None),
        (circumstances(None, home="restricted", age=10, year_group="6"), None),
    ],
)
def test_in_year_7_the_home_decides_unless_the_school_goes_on(child: object, cluster: str | None) -> None:
    assert isinstance(child, type(circumstances()))
    told = as_year_7(child, COUNTY, LEAVES)
    assert decide(1, told, COUNTY, {}, {}).cluster == cluster
    assert as_year_7(told, COUNTY, LEAVES) == told, "who is in Year 7 stays as they are"


def test_a_season_runs_weekly_from_its_first_day_and_then_waits_for_the_next_year() -> None:
    days = [date(2026, 11, 23)]
    for _ in range(14):
        days.append(next_run([SEASON], days[-1]))
    assert days[1:4] == [date(2027, 5, 1), date(2027, 5, 8), date(2027, 5, 15)]
    assert days[12:] == [date(2027, 7, 17), date(2028, 5, 1), date(2028, 5, 8)]


@given(st.dates(date(2020, 1, 1), date(2100, 1, 1)))
def test_the_next_run_is_always_later_and_none_is_passed_over(day: date) -> None:
    following = next_run(SEASONS, day)
    assert following > day
    assert next_run(SEASONS, following - timedelta(days=1)) == following


def test_the_season_of_a_day_is_the_newest_that_has_begun() -> None:
    later = Season(date(2028, 9, 1), (4, 1), (7, 1), 14, 28, LEAVES)
    assert season_on([later, SEASON], date(2028, 8, 31)) is SEASON
    assert next_run([later, SEASON], date(2028, 12, 1)) == date(2029, 4, 1)
    assert season_of(date(2020, 1, 1)) == SEASONS[0]
