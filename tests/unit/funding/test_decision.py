"""What the rule grants at once, what waits for a person, and why."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

import pytest
from funding.domain.decision import Purse, Waits, by_person, by_rule
from funding.domain.rules import Rules, read_rules, rules_on
from funding.domain.spans import by_year
from funding.policy import BOOK, rules_of
from schemas.codes import registry

RULES = rules_of(date(2026, 11, 23))
PLENTY = Purse(10_000_000, 10_000_000, 0)
THIS, NEXT = "2026-27", "2027-28"
ONE = by_year(100_000, date(2026, 11, 23), date(2026, 12, 31))
#: 60 percent of its days lie in the year after.
TWO = by_year(100_000, date(2027, 3, 12), date(2027, 4, 30))


@pytest.mark.parametrize(
    ("amount", "purses", "used", "expected"),
    [
        (150_000, {THIS: PLENTY}, {}, None),
        (150_001, {THIS: PLENTY}, {}, Waits.ABOVE_LIMIT),
        (150_000, {THIS: PLENTY}, {THIS: 150_000}, None),
        (150_000, {THIS: PLENTY}, {THIS: 150_001}, Waits.CASE_LIMIT),
        (150_000, {THIS: PLENTY}, {"2025-26": 900_000}, None),
        (150_000, {}, {}, Waits.NO_BUDGET),
        (150_000, {NEXT: PLENTY}, {}, Waits.NO_BUDGET),
        (150_000, {THIS: Purse(10_000_000, 149_999, 0)}, {}, Waits.BUDGET_SPENT),
        (150_000, {THIS: Purse(10_000_000, 150_000, 0)}, {}, None),
        (70_000, {THIS: Purse(100_000, 100_000, 0)}, {}, None),
        (70_001, {THIS: Purse(100_000, 100_000, 0)}, {}, Waits.RULE_SHARE_SPENT),
        (10_000, {THIS: Purse(100_000, 40_000, 60_001)}, {}, Waits.RULE_SHARE_SPENT),
        # What only a person can grant says so, even when the budget is spent too.
        (150_001, {THIS: Purse(10, 0, 10)}, {}, Waits.ABOVE_LIMIT),
    ],
)
def test_the_rule_grants_small_sums_within_its_share(
    amount: int, purses: Mapping[str, Purse], used: Mapping[str, int], expected: Waits | None
) -> None:
    parts = by_year(amount, date(2026, 11, 23), date(2026, 12, 31))
    assert by_rule(amount, parts, purses, used, RULES) is expected


@pytest.mark.parametrize(
    ("purses", "expected"),
    [
        ({THIS: PLENTY, NEXT: PLENTY}, None),
        # What falls into a year that has no budget yet is granted once it has one.
        ({THIS: PLENTY}, None),
        ({NEXT: PLENTY}, Waits.NO_BUDGET),
        ({THIS: Purse(10_000_000, 40_000, 0), NEXT: Purse(10_000_000, 60_000, 0)}, None),
        ({THIS: PLENTY, NEXT: Purse(10_000_000, 59_999, 0)}, Waits.BUDGET_SPENT),
        ({THIS: Purse(10_000_000, 39_999, 0), NEXT: PLENTY}, Waits.BUDGET_SPENT),
    ],
)
def test_each_financial_year_bears_its_own_part(purses: Mapping[str, Purse], expected: Waits | None) -> None:
    assert [(part.financial_year, part.amount_pence) for part in TWO] == [(THIS, 40_000), (NEXT, 60_000)]
    assert by_rule(100_000, TWO, purses, {}, RULES) is expected
    assert by_person(TWO, purses) is expected


def test_a_person_may_grant_what_the_rule_may_not() -> None:
    spent = {THIS: Purse(200_000, 100_000, 100_000)}
    assert by_rule(100_000, ONE, spent, {THIS: 900_000}, RULES) is Waits.CASE_LIMIT
    assert by_rule(100_000, ONE, spent, {}, RULES) is Waits.RULE_SHARE_SPENT
    assert by_person(ONE, spent) is None


def test_rules_hold_from_their_day_on_and_the_first_before_it() -> None:
    first = replace(RULES, version="first", since=date(2026, 4, 1))
    second = replace(RULES, version="second", since=date(2026, 9, 1))

    def on(day: date) -> str:
        return rules_on([second, first], day).version

    days = (date(2025, 1, 1), date(2026, 4, 1), date(2026, 8, 31), date(2026, 9, 1), date(2030, 1, 1))
    assert [on(day) for day in days] == ["first", "first", "first", "second", "second"]


@pytest.mark.parametrize("rules", BOOK.values(), ids=BOOK.keys())
def test_every_tariff_names_a_need_and_a_purpose_that_exist(rules: Rules) -> None:
    needs, purposes = registry("need-types"), registry("funding-purposes")
    assert {entry.code for entry in needs.entries} >= rules.tariffs.keys()
    assert all(purposes.valid(tariff.purpose, on=date(2026, 11, 23)) for tariff in rules.tariffs.values())
    assert rules.tariff("NSA") == rules.tariff("OTH")
    assert rules.version not in {other.version for other in BOOK.values() if other is not rules}


def test_a_rule_file_that_misses_something_is_refused() -> None:
    with pytest.raises(KeyError):
        read_rules({"version": "x", "since": date(2026, 1, 1)})
