"""Which phase a child belongs to, rule by rule."""

import pytest
from cluster_router.domain.entitlement import phase_of, team_of
from cluster_router.domain.rules import Phase, Team
from unit.cluster_router.builders import a_school, the_rules

RULES = the_rules()


@pytest.mark.parametrize(
    ("code", "phase"),
    [(1, "primary"), (2, "primary"), (3, "primary"), (4, "secondary"), (5, "secondary"), (6, "secondary")],
)
def test_the_phase_of_the_school_decides_whatever_the_age(code: int, phase: str) -> None:
    for age in (3, 10, 11, 18):
        assert phase_of(a_school("100001", phase=code), "7", age, RULES) == (Phase(phase), "phase-of-school")


@pytest.mark.parametrize(
    ("year_group", "phase"),
    [("N", "primary"), ("R", "primary"), *((str(y), "primary") for y in range(1, 7))]
    + [(str(y), "secondary") for y in range(7, 15)],
)
def test_an_all_through_school_decides_by_year_group(year_group: str, phase: str) -> None:
    school = a_school("100001", phase=7)
    assert phase_of(school, year_group, 30, RULES) == (Phase(phase), "phase-by-year-group")


@pytest.mark.parametrize(
    ("age", "phase"), [(0, "primary"), (4, "primary"), (10, "primary"), (11, "secondary"), (25, "secondary")]
)
def test_without_a_school_or_with_one_of_no_phase_the_age_decides(age: int, phase: str) -> None:
    expected = (Phase(phase), "phase-by-age")
    assert phase_of(None, "7", age, RULES) == expected
    assert phase_of(a_school("100001", phase=0), "7", age, RULES) == expected
    assert phase_of(a_school("100001", phase=7), None, age, RULES) == expected
    assert phase_of(a_school("100001", phase=7), "X", age, RULES) == expected


def test_beyond_twenty_five_no_rule_fits() -> None:
    assert phase_of(None, None, 26, RULES) == (None, "age-outside-rules")


@pytest.mark.parametrize(
    ("phase", "age", "team"),
    [
        (Phase.PRIMARY, 0, Team.EARLY_YEARS),
        (Phase.PRIMARY, 4, Team.EARLY_YEARS),
        (Phase.PRIMARY, 5, None),
        (Phase.SECONDARY, 15, None),
        (Phase.SECONDARY, 16, Team.POST_16),
        (Phase.SECONDARY, 25, Team.POST_16),
        (Phase.SECONDARY, 4, None),
        (Phase.PRIMARY, 16, None),
    ],
)
def test_the_youngest_and_the_oldest_have_their_own_team(phase: Phase, age: int, team: Team | None) -> None:
    assert team_of(phase, age, RULES) is team


def test_the_limits_are_data() -> None:
    rules = the_rules(phase={"secondary_from_age": 12}, team={"early_years_below_age": 6})
    assert phase_of(None, None, 11, rules) == (Phase.PRIMARY, "phase-by-age")
    assert team_of(Phase.PRIMARY, 5, rules) is Team.EARLY_YEARS
