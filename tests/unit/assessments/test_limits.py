"""How days are counted for each clock of the law: the table that ships, its edges, and a variation by regulations."""

import tomllib
from datetime import date
from importlib.resources import files
from typing import Any

import pytest
from assessments.domain.limits import DayMissing, Limit, NoSuchLimit, Unit, read_limits
from assessments.policy import LIMITS, process_of
from schemas.codes import registry
from schemas.days import Calendar

TODAY = date(2026, 11, 23)
#: An autumn and a spring term with a half term, an INSET day on 4 January, and the bank holidays around them.
CALENDAR = Calendar(
    terms=(
        (date(2026, 9, 2), date(2026, 10, 23)),
        (date(2026, 11, 2), date(2026, 12, 18)),
        (date(2027, 1, 4), date(2027, 2, 12)),
    ),
    closures=frozenset({date(2027, 1, 4)}),
    bank_holidays=frozenset({date(2026, 12, 25), date(2026, 12, 28), date(2027, 1, 1)}),
)  # fmt: skip


def document() -> dict[str, Any]:
    """The limits that ship, as a mapping."""
    return tomllib.loads((files("assessments") / "data" / "clocks.toml").read_text("utf-8"))


def a_limit(unit: Unit, count: int = 0, **changes: Any) -> Limit:
    """A limit of the tests' own."""
    usual: dict[str, Any] = {
        "kind": "test", "since": TODAY, "unit": unit, "count": count, "starts": "today", "marks": (), "exceptions": (),
        "source": "the tests",
    }  # fmt: skip
    return Limit(**(usual | changes))


@pytest.mark.parametrize(
    ("kind", "start", "due"),
    [
        # Six weeks from a Monday end on a Monday: the day of receipt is not counted.
        ("ehc-decide-to-assess", "2026-11-23", "2027-01-04"),
        ("ehc-decide-plan", "2026-11-23", "2027-03-15"),
        ("ehc-final-plan", "2026-11-23", "2027-04-12"),
        ("ehc-draft-comments", "2026-11-23", "2026-12-08"),
        # August is not left out, nor bank holidays.
        ("advice", "2026-07-20", "2026-08-31"),
        ("ehc-final-plan", "2026-07-20", "2026-12-07"),
        # Over both changes of the clocks a week is seven days.
        ("advice", "2026-10-24", "2026-12-05"),
        ("advice", "2027-03-27", "2027-05-08"),
        # Leap days are days, and a year from one ends on the last of February.
        ("advice", "2028-02-01", "2028-03-14"),
        ("ehc-annual-review", "2028-02-29", "2029-02-28"),
        ("ehc-annual-review", "2027-02-28", "2028-02-28"),
        ("ehc-review-decision", "2028-02-29", "2028-03-28"),
        ("ehc-amended-plan", "2026-12-01", "2027-01-26"),
        ("ehc-reassess-answer", "2026-12-20", "2027-01-04"),
        ("ehc-reassess-plan", "2026-11-23", "2027-03-01"),
        # The day of the year that comes next.
        ("ehc-phase-transfer", "2026-11-23", "2027-02-15"),
        ("ehc-phase-transfer", "2027-02-15", "2028-02-15"),
    ],
)
def test_every_clock_has_its_last_day(kind: str, start: str, due: str) -> None:
    first = date.fromisoformat(start)
    assert LIMITS.limit(kind, first).due_on(first, CALENDAR) == date.fromisoformat(due)


def test_a_transfer_to_after_sixteen_has_another_day() -> None:
    assert LIMITS.limit("ehc-phase-transfer", TODAY).due_on(TODAY, CALENDAR, variant="post-16") == date(2027, 3, 31)


@pytest.mark.parametrize(
    ("limit", "start", "due"),
    [
        (a_limit(Unit.WORKING_DAYS, 5), "2026-12-23", "2027-01-04"),
        (a_limit(Unit.WORKING_DAYS, 1), "2026-12-24", "2026-12-29"),
        (a_limit(Unit.SCHOOL_DAYS, 1), "2026-12-18", "2027-01-05"),
        (a_limit(Unit.SCHOOL_DAYS, 5), "2026-10-22", "2026-11-05"),
        # Where the day of receipt counts, every period ends a day sooner.
        (a_limit(Unit.WEEKS, 6, counts_first_day=True), "2026-11-23", "2027-01-03"),
        (a_limit(Unit.DAYS, 15, counts_first_day=True), "2026-11-23", "2026-12-07"),
        (a_limit(Unit.SCHOOL_DAYS, 1, counts_first_day=True), "2026-12-18", "2026-12-18"),
    ],
)
def test_other_units_and_another_counting_rule_are_data(limit: Limit, start: str, due: str) -> None:
    assert limit.due_on(date.fromisoformat(start), CALENDAR) == date.fromisoformat(due)


def test_a_day_that_people_agree_must_be_given() -> None:
    limit = LIMITS.limit("plan-review", TODAY)
    assert limit.due_on(TODAY, CALENDAR, given=date(2027, 2, 1)) == date(2027, 2, 1)
    with pytest.raises(DayMissing):
        limit.due_on(TODAY, CALENDAR)


def test_a_variation_holds_from_its_day_for_clocks_that_start_then() -> None:
    """As in 2020, when regulations varied the time limits for months."""
    varied = document()
    [usual] = [entry for entry in varied["clocks"] if entry["kind"] == "advice"]
    varied["clocks"] += [
        usual | {"since": date(2027, 1, 1), "count": 10},
        usual | {"since": date(2027, 4, 1)},
    ]
    limits = read_limits(varied)
    counts = {
        day: limits.limit("advice", day).count for day in (date(2026, 12, 31), date(2027, 1, 1), date(2027, 4, 1))
    }
    assert list(counts.values()) == [6, 10, 6]


def test_before_the_law_there_was_no_clock() -> None:
    with pytest.raises(NoSuchLimit):
        LIMITS.limit("advice", date(2014, 8, 31))
    with pytest.raises(NoSuchLimit):
        LIMITS.limit("tea-break", TODAY)
    with pytest.raises(NoSuchLimit):
        LIMITS.ground("school-closed", date(2014, 8, 31))


def test_the_table_knows_every_kind_and_every_exception_of_the_registries() -> None:
    assert LIMITS.kinds == set(registry("clock-kinds").codes(on=TODAY))
    assert {ground.code for ground in LIMITS.grounds} == set(registry("clock-exceptions").codes(on=TODAY))
    used = {code for limit in LIMITS.limits for code in limit.exceptions}
    assert used <= {ground.code for ground in LIMITS.grounds}
    assert all(limit.source and limit.starts and limit.marks for limit in LIMITS.limits)
    named = {kind for step in process_of(TODAY).steps for kind in (*step.meets, *step.starts, *step.cancels)}
    assert named | set(process_of(TODAY).opens) == {k for k in LIMITS.kinds if k.startswith("ehc-")}
