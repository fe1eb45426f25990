"""Where the children of a school are on a day: chains, circles, several successors, dead ends, schools to come."""

from collections.abc import Sequence
from datetime import date
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from typing import Any

import pytest
from directory.clients import columns
from directory.domain.extract import Rejection, table
from directory.domain.schools import School, Status
from directory.domain.successors import CarriedOn, Link, carried_on_by, link, successions, teaches
from hypothesis import given, settings
from hypothesis import strategies as st

TODAY = date(2024, 5, 1)
CLOSED, OPEN, TO_OPEN = Status.CLOSED, Status.OPEN, Status.PROPOSED_TO_OPEN


def a_school(urn: str, status: Status = OPEN, **changes: Any) -> School:
    return School(urn=urn, name=f"School {urn}", phase=2, status=status, **changes)


def follow(schools: Sequence[School], links: Sequence[tuple[str, str]], at: date = TODAY, urn: str = "1") -> CarriedOn:
    return carried_on_by(
        urn,
        at,
        schools={school.urn: school for school in schools},
        links=successions(Link(a, b, "successor") for a, b in links),
    )


CASES = {
    "a school that is open carries on for itself": (
        [a_school("1"), a_school("2")],
        [("1", "2")],
        CarriedOn("1", open=("1",)),
    ),
    "one that is proposed to close is open": (
        [a_school("1", Status.PROPOSED_TO_CLOSE), a_school("2")],
        [("1", "2")],
        CarriedOn("1", open=("1",)),
    ),
    "a closed school's successor": (
        [a_school("1", CLOSED), a_school("2")],
        [("1", "2")],
        CarriedOn("1", open=("2",), steps=(("1", "2"),)),
    ),
    "a chain is followed to its end": (
        [a_school("1", CLOSED), a_school("2", CLOSED), a_school("3")],
        [("2", "3"), ("1", "2")],
        CarriedOn("1", open=("3",), steps=(("1", "2"), ("2", "3"))),
    ),
    "several successors are all answered": (
        [a_school("1", CLOSED), a_school("2"), a_school("3")],
        [("1", "3"), ("1", "2")],
        CarriedOn("1", open=("2", "3"), steps=(("1", "2"), ("1", "3"))),
    ),
    "of two, one is dead": (
        [a_school("1", CLOSED), a_school("2", CLOSED), a_school("3")],
        [("1", "2"), ("1", "3")],
        CarriedOn("1", open=("3",), ends=("2",), steps=(("1", "2"), ("1", "3"))),
    ),
    "two ways to one school are no circle": (
        [a_school("1", CLOSED), a_school("2", CLOSED), a_school("3", CLOSED), a_school("4")],
        [("1", "2"), ("1", "3"), ("2", "4"), ("3", "4")],
        CarriedOn("1", open=("4",), steps=(("1", "2"), ("1", "3"), ("2", "4"), ("3", "4"))),
    ),
    "a closed school for which nobody carries on": (
        [a_school("1", CLOSED)],
        [],
        CarriedOn("1", ends=("1",)),
    ),
    "a chain that dies": (
        [a_school("1", CLOSED), a_school("2", CLOSED)],
        [("1", "2")],
        CarriedOn("1", ends=("2",), steps=(("1", "2"),)),
    ),
    "a circle ends": (
        [a_school("1", CLOSED), a_school("2", CLOSED)],
        [("1", "2"), ("2", "1")],
        CarriedOn("1", steps=(("1", "2"), ("2", "1")), circular=True),
    ),
    "a circle among the successors": (
        [a_school("1", CLOSED), a_school("2", CLOSED), a_school("3", CLOSED)],
        [("1", "2"), ("1", "3"), ("2", "3"), ("3", "2")],
        CarriedOn("1", steps=(("1", "2"), ("1", "3"), ("2", "3"), ("3", "2")), circular=True),
    ),
    "a circle with a way out": (
        [a_school("1", CLOSED), a_school("2", CLOSED), a_school("3")],
        [("1", "2"), ("2", "1"), ("2", "3")],
        CarriedOn("1", open=("3",), steps=(("1", "2"), ("2", "1"), ("2", "3")), circular=True),
    ),
    "a successor that is only proposed is to come": (
        [a_school("1", CLOSED), a_school("2", TO_OPEN)],
        [("1", "2")],
        CarriedOn("1", to_open=("2",), steps=(("1", "2"),)),
    ),
    "a successor that opens later is to come": (
        [a_school("1", CLOSED), a_school("2", opened_on=date(2024, 9, 1))],
        [("1", "2")],
        CarriedOn("1", to_open=("2",), steps=(("1", "2"),)),
    ),
    "a successor that no extract has described": (
        [a_school("1", CLOSED)],
        [("1", "2")],
        CarriedOn("1", undescribed=("2",), steps=(("1", "2"),)),
    ),
    "a chain leads through a school that no extract has described": (
        [a_school("1", CLOSED), a_school("3")],
        [("1", "2"), ("2", "3")],
        CarriedOn("1", open=("3",), steps=(("1", "2"), ("2", "3"))),
    ),
    "a school that nobody knows": ([], [], CarriedOn("1", undescribed=("1",))),
}


@pytest.mark.parametrize(("schools", "links", "expected"), CASES.values(), ids=CASES.keys())
def test_where_the_children_are(schools: list[School], links: list[tuple[str, str]], expected: CarriedOn) -> None:
    assert follow(schools, links) == expected


def test_only_a_dead_chain_leads_to_nobody() -> None:
    assert follow([a_school("1", CLOSED)], []).nobody
    assert not follow([a_school("1", CLOSED)], [("1", "2")]).nobody


def test_a_school_teaches_on_its_last_day_and_its_successor_on_the_next() -> None:
    schools = [a_school("1", CLOSED, closed_on=date(2023, 8, 31)), a_school("2", opened_on=date(2023, 9, 1))]
    links = [("1", "2")]
    assert follow(schools, links, date(2023, 8, 31)).open == ("1",)
    assert follow(schools, links, date(2023, 9, 1)).open == ("2",)


def test_of_a_school_without_a_closing_date_the_link_tells_the_day() -> None:
    school = a_school("1", CLOSED)
    links = [Link("1", "2", "successor", date(2023, 9, 1)), Link("1", "3", "split", date(2024, 9, 1))]
    assert teaches(school, date(2023, 8, 31), links)
    assert not teaches(school, date(2023, 9, 1), links)
    assert not teaches(school, date(2023, 8, 31))


def test_a_school_does_not_teach_before_it_opens() -> None:
    assert not teaches(a_school("1", opened_on=TODAY), date(2024, 4, 30))
    assert teaches(a_school("1", opened_on=TODAY), TODAY)


URNS = [str(n) for n in range(1, 7)]


def goes_round(steps: Sequence[tuple[str, str]]) -> bool:
    """Whether the standard library finds a circle in these steps."""
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for here, there in steps:
        sorter.add(here, there)
    try:
        sorter.prepare()
    except CycleError:
        return True
    return False


@settings(deadline=None)
@given(
    st.dictionaries(st.sampled_from(URNS), st.sampled_from(Status)),
    st.lists(st.tuples(st.sampled_from(URNS), st.sampled_from(URNS)).filter(lambda p: p[0] != p[1]), max_size=15),
)
def test_every_chain_ends_and_says_how(statuses: dict[str, Status], links: list[tuple[str, str]]) -> None:
    schools = [a_school(urn, status) for urn, status in statuses.items()]
    found = follow(schools, links)
    ends = (*found.open, *found.to_open, *found.undescribed, *found.ends)
    assert len(set(ends)) == len(ends)
    # Every end is reached by steps from the school that was asked for, and only a circle has no end at all.
    reached = {"1"}
    for here, there in found.steps:
        assert here in reached
        reached.add(there)
    assert set(ends) <= reached
    assert ends or found.circular
    assert found.circular is goes_round(found.steps)
    assert all(statuses[urn] in {OPEN, Status.PROPOSED_TO_CLOSE} for urn in found.open)


@settings(deadline=None)
@given(st.permutations(URNS), st.integers(1, 5))
def test_a_chain_of_any_length_leads_to_its_one_open_school(order: list[str], length: int) -> None:
    chain = order[: length + 1]
    schools = [*(a_school(urn, CLOSED) for urn in chain[:-1]), a_school(chain[-1])]
    found = follow(schools, list(pairwise(chain)), urn=chain[0])
    assert found.open == (chain[-1],)
    assert len(found.steps) == length


HEADER = "URN,LinkURN,LinkName,LinkType,LinkEstablishedDate"


def read(row: str) -> Link | Rejection | None:
    [record] = table(f"{HEADER}\n{row}\n".encode(), needs=(("URN",),)).records
    return link(record, columns())


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("100001,100002,B,Successor,01-09-2023", Link("100001", "100002", "successor", date(2023, 9, 1))),
        ("100002,100001,A,Predecessor,", Link("100001", "100002", "successor", None)),
        ("100001,100002,B,Successor - merged,", Link("100001", "100002", "merged", None)),
        ("100002,100001,A,Predecessor - Split School,", Link("100001", "100002", "split", None)),
        ("100001,100002,B,Sixth Form Centre Link,", None),
        ("1,100002,B,Successor,", Rejection(2, "urn", "not-a-urn")),
        ("100001,x,B,Successor,", Rejection(2, "linked", "not-a-urn")),
        ("100001,100001,B,Successor,", Rejection(2, "linked", "linked-to-itself")),
        ("100001,100002,B,Successor,32-01-2023", Rejection(2, "since", "not-a-date")),
    ],
)
def test_what_a_row_of_a_links_file_says(row: str, expected: Link | Rejection | None) -> None:
    assert read(row) == expected


def test_a_pair_said_from_both_sides_is_one_succession_from_the_later_day() -> None:
    both = [
        Link("100001", "100002", "successor", date(2023, 8, 31)),
        Link("100001", "100002", "successor", date(2023, 9, 1)),
    ]
    expected = {"100001": (both[1],)}
    assert successions(both) == expected
    assert successions(reversed(both)) == expected
