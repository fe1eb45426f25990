"""What a fact is about, and where it is read on."""

import pytest
from notifier.domain.facts import is_case, read_at


@pytest.mark.parametrize(
    ("file", "case", "where"),
    [
        ("0190f3a4", True, "/cases/0190f3a4"),
        ("budget:b-1", False, "/money"),
        ("subscription:s-1", False, "/integrators/s-1"),
    ],
)
def test_cases_budgets_and_subscriptions_are_read_where_they_belong(file: str, *, case: bool, where: str) -> None:
    assert (is_case(file), read_at(file)) == (case, where)
