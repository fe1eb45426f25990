"""How statements about a school are put together, whatever order they come in."""

from datetime import date
from itertools import permutations
from typing import Any

import pytest
from directory.domain.schools import (
    Outcome,
    School,
    Statement,
    Status,
    Told,
    announcement,
    differences,
    hand_down,
    is_news,
    tell,
)
from hypothesis import given, settings
from hypothesis import strategies as st

SPRING, SUMMER, AUTUMN = date(2022, 4, 1), date(2023, 7, 1), date(2024, 10, 1)


def a_school(urn: str = "100001", **changes: Any) -> School:
    return School(**{"urn": urn, "name": "North School", "phase": 2, "status": Status.OPEN, **changes})


def a_row(**changes: Any) -> Statement:
    return Statement("100001", {"name": "North School", "phase": 2, "status": Status.OPEN, **changes})


def told(known: School | None, statement: Statement, as_of: date) -> Told:
    outcome = tell(known, statement, as_of)
    assert isinstance(outcome, Told)
    return outcome


def test_a_school_first_heard_of_is_new_with_all_that_is_known() -> None:
    outcome = told(None, a_row(pupils=210, district=None), SPRING)
    assert outcome.outcome is Outcome.NEW
    assert outcome.changed == ("name", "phase", "status", "establishment_type", "pupils")
    assert outcome.school.as_of == SPRING
    assert outcome.school.organisation_id == "school-100001"


@pytest.mark.parametrize("field", ["name", "status", "phase"])
def test_a_school_cannot_be_made_without_what_matters(field: str) -> None:
    says = {name: value for name, value in a_row().says.items() if name != field}
    assert tell(None, Statement("100001", says), SPRING) == field


def test_a_known_school_may_be_told_of_in_part() -> None:
    known = told(None, a_row(pupils=210, district="Stroud"), SPRING).school
    outcome = told(known, Statement("100001", {"pupils": 220}), SUMMER)
    assert outcome.outcome is Outcome.CHANGED
    assert outcome.changed == ("pupils",)
    assert outcome.school.district == "Stroud"


def test_the_same_statement_again_leaves_nothing_to_store() -> None:
    known = told(None, a_row(pupils=210), SPRING).school
    outcome = told(known, a_row(pupils=210), SPRING)
    assert (outcome.outcome, outcome.stored) == (Outcome.UNCHANGED, False)


def test_the_same_said_later_is_stored_and_no_news() -> None:
    known = told(None, a_row(pupils=210), SPRING).school
    outcome = told(known, a_row(pupils=210), SUMMER)
    assert (outcome.outcome, outcome.stored) == (Outcome.UNCHANGED, True)
    assert outcome.school.as_of == SUMMER
    assert not is_news(announcement(known, ()), announcement(outcome.school, ()))


def test_an_older_extract_changes_nothing_newer() -> None:
    known = told(None, a_row(name="North Academy", pupils=220), SUMMER).school
    outcome = told(known, a_row(pupils=210, name="North School"), SPRING)
    assert (outcome.outcome, outcome.stored, outcome.older) == (Outcome.UNCHANGED, False, True)
    assert outcome.school == known


def test_an_older_extract_fills_in_what_no_newer_one_has_said() -> None:
    known = told(None, a_row(pupils=220), SUMMER).school
    outcome = told(known, a_row(pupils=210, district="Stroud"), SPRING)
    assert outcome.changed == ("district",)
    assert outcome.school.pupils == 220
    assert outcome.school.as_of == SUMMER


def test_a_corrected_extract_of_the_same_day_wins() -> None:
    known = told(None, a_row(pupils=210), SPRING).school
    assert told(known, a_row(pupils=211), SPRING).school.pupils == 211


def test_a_school_that_is_closed_now_counts_as_closed() -> None:
    known = told(None, a_row(), SPRING).school
    assert told(known, a_row(status=Status.CLOSED), SUMMER).outcome is Outcome.CLOSED


def test_anything_stated_beats_what_was_supposed_however_old_it_is() -> None:
    supposed = Statement("100001", a_row().says, {"establishment_type": "academy"})
    known = told(None, supposed, AUTUMN).school
    assert known.establishment_type == "academy"
    stated = told(known, a_row(establishment_type="34"), SPRING).school
    assert stated.establishment_type == "34"
    assert told(stated, supposed, AUTUMN).school.establishment_type == "34"


ROWS = st.builds(
    Statement,
    st.just("100001"),
    st.fixed_dictionaries(
        {"name": st.sampled_from(["North", "South"]), "phase": st.just(2), "status": st.sampled_from(Status)},
        optional={
            "pupils": st.none() | st.integers(0, 3),
            "district": st.sampled_from([None, "Stroud", "Forest of Dean"]),
            "closed_on": st.sampled_from([None, SPRING, SUMMER]),
            "closing_on": st.sampled_from([None, SPRING, SUMMER]),
        },
    ),
)


@settings(deadline=None)
@given(st.lists(ROWS, min_size=1, max_size=4))
def test_extracts_may_be_read_in_any_order(rows: list[Statement]) -> None:
    dated = list(zip(rows, (date(2020 + n, 1, 1) for n in range(len(rows))), strict=True))
    ends = []
    for order in permutations(dated):
        school = None
        for row, as_of in order:
            school = told(school, row, as_of).school
        ends.append(school)
    assert all(end == ends[0] for end in ends)


@settings(deadline=None)
@given(ROWS, ROWS)
def test_a_statement_told_twice_is_a_statement_told_once(first: Statement, second: Statement) -> None:
    known = told(told(None, first, SPRING).school, second, SUMMER).school
    again = told(known, second, SUMMER)
    assert again.school == known
    assert not again.stored


def test_a_new_academy_stands_where_the_old_school_stood() -> None:
    old = a_school("100002", status=Status.CLOSED, easting=383967, northing=218224, district="Stroud", low_age=4)
    new = a_school(said={"name": SPRING, "low_age": SPRING}, low_age=2)
    given_place = hand_down(new, [old])
    assert differences(new, given_place) == ("district", "easting", "northing")
    assert given_place.low_age == 2


def test_what_was_handed_down_yields_to_what_is_stated() -> None:
    old = a_school("100002", easting=383967, northing=218224)
    known = hand_down(told(None, a_row(), SPRING).school, [old])
    stated = told(known, a_row(easting=400000, northing=200000), SPRING).school
    assert hand_down(stated, [old]) == stated
    assert (stated.easting, stated.northing) == (400000, 200000)


def test_a_school_is_not_put_together_from_two_places() -> None:
    first = a_school("100002", closed_on=SPRING, easting=1000, northing=2000)
    last = a_school("100003", closed_on=SUMMER, easting=3000, northing=4000)
    unplaced = a_school("100004", closed_on=AUTUMN, district="Stroud")
    merged = hand_down(a_school(), [first, last, unplaced])
    assert (merged.easting, merged.northing, merged.district) == (3000, 4000, None)
    half = hand_down(a_school(easting=9, said={"easting": SPRING}), [last])
    assert (half.easting, half.northing) == (9, None)


def test_a_school_without_predecessors_is_left_as_it_is() -> None:
    assert hand_down(a_school(), []) == a_school()
