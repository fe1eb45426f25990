"""What the law wants done, by whom, by which school day: tables with the edges."""

from datetime import date

import pytest
from placements.domain.duties import LIMIT, Duty, soon_days, wanted
from placements.domain.exclusions import Exclusion
from placements.policy import duty_rules
from unit.placements.builders import LAW, MONDAY, TERM, counted, exclusion, permanent


def due(*exclusions: Exclusion) -> dict[tuple[str, str], tuple[str, str]]:
    """The duties: by first day and kind, whose and by when."""
    days = {one.id: one.first_on.isoformat() for one in exclusions}
    return {
        (days[id], kind): (one.holder, one.due_on.isoformat())
        for (id, kind), one in wanted(counted(*exclusions), LAW).items()
    }


@pytest.mark.parametrize(
    ("first_on", "day_6"),
    [
        ("2026-11-23", "2026-12-01"),  # Monday; Friday 27 is INSET
        ("2026-11-20", "2026-11-30"),  # Friday; the INSET day lies between
        ("2026-11-06", "2026-11-13"),  # Friday
        ("2026-10-19", "2026-11-02"),  # the Monday before half term
        ("2026-10-23", "2026-11-06"),  # the Friday before half term
        ("2026-12-18", "2027-01-08"),  # the last day before Christmas
        ("2027-04-28", "2027-05-06"),  # over the bank holiday
        ("2027-07-21", "2027-09-08"),  # the last day before summer
        ("2026-11-21", "2026-12-01"),  # a Saturday: day 1 is the Monday
    ],
)
def test_education_begins_on_the_sixth_school_day(first_on: str, day_6: str) -> None:
    assert due(exclusion(first_on, 12))[first_on, "education-from-day-6"] == ("school", day_6)


@pytest.mark.parametrize(("sessions", "begins"), [(10, False), (11, True), (12, True)])
def test_only_more_than_five_days_need_it(sessions: int, *, begins: bool) -> None:
    assert bool(due(exclusion(sessions=sessions))) is begins


def test_a_permanent_exclusion_is_the_councils_and_the_governors() -> None:
    assert due(permanent()) == {
        ("2026-11-23", "education-from-day-6"): ("the-council", "2026-12-01"),
        ("2026-11-23", "governors-meet-15"): ("school", "2026-12-15"),
    }


def test_suspensions_without_a_school_day_between_are_one() -> None:
    # Three days and three days: the sixth school day of both is the third of the second.
    assert due(exclusion("2026-11-16", 6), exclusion("2026-11-19", 6)) == {
        ("2026-11-19", "education-from-day-6"): ("school", "2026-11-23")
    }
    # A school day between: two short ones.
    assert due(exclusion("2026-11-16", 6), exclusion("2026-11-20", 6)) == {}
    # Over the INSET day and the weekend.
    assert due(exclusion("2026-11-24", 6), exclusion("2026-11-30", 6)) == {
        ("2026-11-30", "education-from-day-6"): ("school", "2026-12-02")
    }
    # Its duty has begun already: a third one after it begins no other.
    three = due(exclusion("2026-11-09", 12), exclusion("2026-11-17", 4))
    assert [key for key in three if key[1] == "education-from-day-6"] == [("2026-11-09", "education-from-day-6")]


@pytest.mark.parametrize(
    ("days", "asked", "kinds"),
    [
        (5, True, set()),
        (5.5, True, {"education-from-day-6", "governors-meet-50"}),
        (5.5, False, {"education-from-day-6"}),
        (15, False, {"education-from-day-6"}),
        (15, True, {"education-from-day-6", "governors-meet-50"}),
        (15.5, False, {"education-from-day-6", "governors-meet-15"}),
        (15.5, True, {"education-from-day-6", "governors-meet-15"}),
    ],
)
def test_governors_meet_by_length_and_when_asked(days: float, kinds: set[str], *, asked: bool) -> None:
    one = exclusion("2026-09-07", int(days * 2), asked_on=MONDAY if asked else None)
    assert {kind for _, kind in due(one)} == kinds


def test_governors_count_the_term_and_from_the_day_of_notice() -> None:
    earlier, later = exclusion("2026-10-05", 28), exclusion("2026-11-16", 4, reported_on=date(2026, 11, 20))
    found = due(earlier, later)
    assert found["2026-11-16", "governors-meet-15"] == ("school", "2026-12-14")
    assert ("2026-10-05", "governors-meet-15") not in found
    assert not [key for key in due(earlier, exclusion("2027-01-04", 4)) if key[1] == "governors-meet-15"]


def test_fifty_school_days_reach_into_spring() -> None:
    one = exclusion("2026-11-09", 12, asked_on=MONDAY)
    assert due(one)["2026-11-09", "governors-meet-50"] == ("school", "2027-02-02")


@pytest.mark.parametrize(
    ("sessions", "days", "passed_on"), [(59, None, None), (60, 30, None), (90, 45, None), (91, 45, "2026-11-16")]
)
def test_the_limit_is_told_of_from_thirty_days_and_passed_after_forty_five(
    sessions: int, days: int | None, passed_on: str | None
) -> None:
    limit = next((d for d in wanted(counted(exclusion("2026-09-07", sessions)), LAW).values() if d.kind == LIMIT), None)
    assert (limit.days if limit else None) == days
    assert (limit.passed_on.isoformat() if limit and limit.passed_on else None) == passed_on
    if limit and not passed_on:
        assert limit.due_on == date(2027, 8, 31)


def test_each_school_year_has_its_own_limit() -> None:
    found = [key for key in due(exclusion("2026-09-07", 60), exclusion("2027-09-06", 60)) if key[1] == LIMIT]
    assert found == [("2026-09-07", LIMIT), ("2027-09-06", LIMIT)]
    assert not [k for k in due(exclusion("2027-06-07", 40), exclusion("2027-09-06", 40)) if k[1] == LIMIT]


@pytest.mark.parametrize(
    ("due_on", "after", "days"),
    [
        ("2026-12-01", "2026-11-23", {2: "2026-11-26"}),  # over weekend and INSET
        ("2026-11-03", "2026-10-20", {2: "2026-10-23"}),  # over half term
        ("2026-12-01", "2026-11-26", {}),  # its mark is today
        ("2026-12-01", "2026-12-05", {}),
    ],
)
def test_due_soon_is_counted_back_in_school_days(due_on: str, after: str, days: dict[int, str]) -> None:
    duty = Duty("d", "x", "c", "education-from-day-6", "school", MONDAY, date.fromisoformat(due_on))
    found = soon_days(duty, duty_rules(MONDAY), TERM, after=date.fromisoformat(after))
    assert {left: day.isoformat() for left, day in found.items()} == days
