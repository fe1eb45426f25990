"""Figures by cluster and phase: no small number is shown, and none follows from what is."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portal.clients.api import Part
from portal.domain.figures import hidden
from portal.views.insight_places import Phase, bounces, contact

PRIMARY = Phase("primary", "Primary", (("a", "A"), ("b", "B"), ("c", "C")))


def given_of(**clusters: tuple[int, int]) -> Part:
    """What the router says: cluster -> given, given back."""
    rows = [{"cluster_id": id, "given": n, "given_back": back, "passed_on": 0} for id, (n, back) in clusters.items()]
    return Part(200, {"clusters": rows})


def rows(found: Any) -> dict[str, tuple[str, ...]]:
    """Name -> what its line says."""
    return {row[0]: row[2:] for row in found.rows}


@pytest.mark.parametrize(
    ("counts", "out"),
    [([10, 20, 30], set()), ([3, 20, 30], {0, 1}), ([3, 4, 30], {0, 1}), ([0, 20, 30], set()), ([3], {0})],
)
def test_a_single_small_count_takes_the_next_smallest_with_it(counts: list[int], out: set[int]) -> None:
    assert hidden([(count,) for count in counts], 5) == out


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), max_size=8))
def test_nothing_small_is_shown_and_nothing_hidden_stands_alone_among_others(parts: list[tuple[int, int]]) -> None:
    out = hidden(parts, 5)
    assert all(count == 0 or count >= 5 for at, one in enumerate(parts) if at not in out for count in one)
    assert len(out) != 1 or not any(any(one) for at, one in enumerate(parts) if at not in out)


def test_a_rate_is_shown_where_both_its_parts_are_large_enough() -> None:
    found = rows(bounces([PRIMARY], given_of(a=(40, 10), b=(60, 12), c=(50, 20)), 5, county=True))
    assert found["A"] == ("40", "10", "25%")
    assert found["Primary, all"] == ("150", "42", "28%")
    assert found["The county"] == ("150", "42", "28%")


def test_the_few_that_came_back_are_shown_of_no_cluster_from_which_they_would_follow() -> None:
    found = rows(bounces([PRIMARY], given_of(a=(40, 2), b=(60, 12), c=(50, 20)), 5, county=False))
    assert found["A"] == found["B"] == ("Too few", "Too few", "Too few")
    assert found["C"] == ("50", "20", "40%")
    assert "The county" not in found


def test_first_contact_is_shown_with_how_many_were_met() -> None:
    one = {"cluster_id": "a", "cases": 20, "taken_on": 18, "days_to_taken_on": 2.0, "met": 12, "days_to_contact": 9.5}
    few = {**one, "cluster_id": "b", "met": 3}
    together = {**one, "cluster_id": None, "cases": 40, "taken_on": 36, "met": 15}
    part = Part(200, {"together": together, "clusters": [one, few], "whole_county": False})
    found = rows(contact([PRIMARY], {"primary": part}, Part(404), 5))
    assert found["Primary, all"] == ("40", "2 days", "15", "9.5 days")
    assert found["B"] == ("Too few", "2 days", "Too few", "Too few")
    assert found["A"][0] == "Too few", "with the phase's sum, the other would follow"
