"""How long a case is kept, and what its parts become when it is erased."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from referral_api.domain.case_file import Assignment, CaseFile
from referral_api.domain.lifecycle import NEXT_OF_CASE, CaseStatus
from referral_api.domain.participation import joined, present
from referral_api.domain.retention import RetentionRule, kept_until, years_later
from referral_api.store.dated import access_lasts, access_reasons, erasure_reasons, kept_of_timelines, retention_rule
from schemas.referral import CaseErased, Circumstances, Home, Need

RULE = RetentionRule(since=date(2014, 9, 1), years_after_closing=7, until_birthday=25)
DAYS = st.dates(date(1990, 1, 1), date(2100, 1, 1))


@pytest.mark.parametrize(
    ("closed", "born", "until"),
    [
        (date(2026, 11, 24), [date(2016, 3, 9)], date(2041, 3, 9)),
        (date(2040, 11, 24), [date(2016, 3, 9)], date(2047, 11, 24)),
        # Of two days of birth that were given, the later one.
        (date(2026, 11, 24), [date(2016, 3, 9), date(2016, 9, 3)], date(2041, 9, 3)),
        # Nobody said when: the closing alone counts.
        (date(2026, 11, 24), [], date(2033, 11, 24)),
        # Born on 29 February: a birthday on 1 March.
        (date(2026, 11, 24), [date(2016, 2, 29)], date(2041, 3, 1)),
    ],
)
def test_a_case_is_kept_until_the_later_of_two_days(closed: date, born: list[date], until: date) -> None:
    assert kept_until(RULE, closed=closed, born=born) == until


@given(DAYS, st.lists(DAYS, max_size=4))
def test_it_is_never_kept_less_than_either(closed: date, born: list[date]) -> None:
    until = kept_until(RULE, closed=closed, born=born)
    assert until >= years_later(closed, 7)
    assert all(until >= years_later(each, 25) for each in born)
    assert until in {years_later(closed, 7), *(years_later(each, 25) for each in born)}


def test_the_data_says_what_allows_to_erase_and_for_how_long_somebody_may_look() -> None:
    today = date(2026, 11, 24)
    assert retention_rule(today) == RULE
    assert {code for code, each in erasure_reasons().items() if each.overrides} == {"court-order", "right-to-erasure"}
    assert "retention-ended" in erasure_reasons()
    assert access_reasons()
    assert 0 < access_lasts(today).total_seconds() <= 24 * 3600


def test_what_stays_of_a_timeline_says_nothing_of_the_child() -> None:
    assert not {*Circumstances.model_fields, "circumstances", "data", "year_group", "reasons"} & {*kept_of_timelines()}


def test_an_erased_case_stays_erased_and_an_open_one_is_closed_first() -> None:
    assert NEXT_OF_CASE[CaseStatus.ERASED] == frozenset()
    assert NEXT_OF_CASE[CaseStatus.OPEN] == {CaseStatus.CLOSED}


def test_erasing_leaves_who_took_part_and_nothing_of_the_child() -> None:
    at = datetime(2026, 11, 24, 12, tzinfo=UTC)
    case = CaseFile(
        case_id="case-1", reference="PVJ-MD4-WCY", child_id="child-1", opened_at=at, status=CaseStatus.CLOSED,
        circumstances=Circumstances(
            school_urn="115482", year_group="5", age=10, needs=(Need(type="SEMH", rank=1),), urgency="soon",
            home=Home(state="known", easting=384000, northing=218000), risk_of_exclusion="emerging",
        ),
        participants=joined((), "school-115482", sector="education", role="referrer", on=date(2026, 11, 1)),
        assignment=Assignment("accepted", "gloucester-primary", "school-115600"),
    )  # fmt: skip
    case.erase(at=at)
    assert case.told() == [CaseErased(case_id="case-1")]
    assert case.circumstances == Circumstances(
        age=0, needs=(), home=Home(state="unknown"), urgency="soon", risk_of_exclusion="emerging"
    )
    assert present(case.participants) == ()
    assert [each.organisation_id for each in case.participants] == ["school-115482"]
    assert case.assignment.cluster_id is None
    assert case.status is CaseStatus.ERASED
