"""When the rules see a risk of permanent exclusion, and when they say it again."""

from datetime import date, timedelta

import pytest
from placements.domain.exclusions import Exclusion
from placements.domain.risk import Risk, Signs, is_new, reasons
from placements.policy import risk_rules, tariff
from unit.placements.builders import MONDAY, counted, exclusion, permanent

RULES = risk_rules(MONDAY)


def found(*exclusions: Exclusion, on: date = MONDAY, **signs: object) -> set[str]:
    """The reasons."""
    return set(reasons(counted(*exclusions), Signs(**signs), RULES, tariff(on), on))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("exclusions", "expected"),
    [
        ([], set()),
        ([("2026-11-23", 9)], set()),
        ([("2026-11-23", 10)], {"many-sessions-in-term"}),
        # Five days in each of two terms.
        ([("2026-12-14", 8), ("2027-01-11", 8)], set()),
        ([("2026-12-07", 10), ("2027-01-11", 10)], {"many-sessions-in-term", "many-sessions-in-year"}),
        # The third within six weeks of the first, and a day later.
        ([("2026-09-07", 1), ("2026-10-12", 1), ("2026-10-19", 1)], {"suspended-again"}),
        ([("2026-09-07", 1), ("2026-10-12", 1), ("2026-10-20", 1)], set()),
        ([("2026-09-07", 1), ("2026-10-12", 2), ("2027-01-11", 3)], {"growing-length"}),
        ([("2026-09-07", 1), ("2026-10-12", 2), ("2027-01-11", 2)], set()),
        ([("2026-09-07", 70)], {"many-sessions-in-term", "many-sessions-in-year", "near-45-days"}),
    ],
)
def test_figures_worry_from_their_marks_on(exclusions: list[tuple[str, int]], expected: set[str]) -> None:
    assert found(*(exclusion(day, sessions) for day, sessions in exclusions), on=date(2027, 2, 1)) == expected


@pytest.mark.parametrize("reason", ["OW", "PA", "SM", "DA"])
def test_a_serious_reason_worries_at_once(reason: str) -> None:
    assert found(exclusion(sessions=1, reasons=("DB", reason))) == {"serious-reason"}
    assert found(exclusion(sessions=1, reasons=("VP", "BU"))) == set()


def test_what_the_referrer_says_and_what_broke_down() -> None:
    assert found(imminent=True) == {"imminent-by-referrer"}
    assert found(broke_down_on=MONDAY - timedelta(weeks=26)) == {"placement-broke-down"}
    assert found(broke_down_on=MONDAY - timedelta(weeks=27)) == set()


def test_a_permanent_exclusion_is_said_as_such() -> None:
    assert found(permanent()) == {"permanent-exclusion"}


def test_last_school_year_does_not_count() -> None:
    assert found(exclusion("2026-06-08", 20, reasons=("OW",)), on=MONDAY) == set()


@pytest.mark.parametrize(
    ("said", "now", "raised_on", "new"),
    [
        ([], ["serious-reason"], MONDAY, True),
        (["serious-reason"], ["serious-reason"], MONDAY, False),
        (["serious-reason", "suspended-again"], ["serious-reason"], MONDAY, False),
        (["serious-reason"], ["serious-reason", "suspended-again"], MONDAY, True),
        (["serious-reason"], ["serious-reason"], date(2026, 7, 1), True),
    ],
)
def test_it_is_said_once_for_each_new_reason_in_a_school_year(
    said: list[str], now: list[str], raised_on: date, *, new: bool
) -> None:
    earlier = [Risk("r", "c", None, tuple(said), "1", raised_on, state="dismissed")] if said else []
    assert is_new(now, earlier, MONDAY) is new


def test_the_rules_can_be_read() -> None:
    assert (RULES.version, RULES.sessions_in_term, RULES.sessions_in_year) == ("2014-09", 10, 20)
