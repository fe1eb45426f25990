"""Schools that close and carry on, clusters with dated members, and distances."""

from datetime import date

import pytest
from cluster_router.domain.county import Capacity, Member, Point
from cluster_router.domain.rules import Phase
from unit.cluster_router.builders import TODAY, a_cluster, a_county, a_school

LAST_YEAR, NEXT_YEAR = date(2025, 8, 31), date(2027, 9, 1)


@pytest.mark.parametrize(
    ("status", "closed_on", "closed"),
    [
        (1, None, False),
        (2, None, True),
        (3, None, False),
        (4, None, False),
        (2, LAST_YEAR, True),
        (3, LAST_YEAR, False),
        (2, NEXT_YEAR, False),
        (2, TODAY, False),
    ],
)
def test_a_school_is_closed_after_its_last_day(status: int, closed_on: date | None, closed: bool) -> None:
    assert a_school("100001", status=status, closed_on=closed_on).is_closed(TODAY) is closed


def test_a_closed_school_without_a_date_was_open_until_another_carried_on() -> None:
    school = a_school("100001", status=2, successors=[("100002", TODAY), ("100003", NEXT_YEAR), "100004"])
    assert not school.is_closed(LAST_YEAR)
    assert school.is_closed(TODAY)


def test_a_chain_of_successors_is_followed_to_the_open_school() -> None:
    county = a_county(
        [
            a_school("100001", status=2, successors=["100002"]),
            a_school("100002", status=2, successors=[("100003", LAST_YEAR)]),
            a_school("100003"),
        ],
        [],
    )
    found = county.whereabouts("100001")
    assert found.school is not None
    assert (found.school.urn, found.chain) == ("100003", ("100001", "100002", "100003"))
    assert found.followed


def test_an_open_school_is_where_it_is() -> None:
    found = a_county([a_school("100001", successors=["100002"]), a_school("100002")], []).whereabouts("100001")
    assert found.school is not None
    assert found.school.urn == "100001"
    assert not found.followed


def test_a_successor_that_has_not_begun_does_not_carry_on_yet() -> None:
    closed = a_school("100001", status=2, closed_on=LAST_YEAR, successors=[("100002", NEXT_YEAR)])
    schools = [closed, a_school("100002")]
    assert a_county(schools, []).whereabouts("100001").school is None
    assert a_county(schools, [], on=NEXT_YEAR).whereabouts("100001").school is not None


def test_a_cycle_of_successors_ends() -> None:
    schools = [
        a_school("100001", status=2, successors=["100002"]),
        a_school("100002", status=2, successors=["100001", "100002"]),
    ]
    assert a_county(schools, []).whereabouts("100001").school is None


def test_a_dead_branch_is_left_for_a_live_one() -> None:
    schools = [
        a_school("100001", status=2, successors=["100009", ("100002", LAST_YEAR), ("100003", TODAY)]),
        a_school("100002", status=2),
        a_school("100003"),
    ]
    found = a_county(schools, []).whereabouts("100001")
    assert found.chain == ("100001", "100003")


def test_the_oldest_link_is_followed_first_then_the_lowest_urn() -> None:
    schools = [
        a_school("100001", status=2, successors=[("100002", TODAY), ("100004", LAST_YEAR), ("100003", LAST_YEAR)]),
        *(a_school(urn) for urn in ("100002", "100003", "100004")),
    ]
    assert a_county(schools, []).whereabouts("100001").chain == ("100001", "100003")


def test_a_school_that_the_directory_does_not_have_is_unknown() -> None:
    found = a_county([], []).whereabouts("999999")
    assert found.unknown
    assert found.school is None


def test_membership_counts_on_its_first_and_last_day() -> None:
    member = Member("100001", date(2026, 9, 1), date(2026, 12, 31))
    days = {date(2026, 8, 31): None, date(2026, 9, 1): "a", date(2026, 12, 31): "a", date(2027, 1, 1): None}
    for day, cluster in days.items():
        county = a_county([a_school("100001")], [a_cluster("a", member)], on=day)
        assert county.cluster_of("100001", Phase.PRIMARY) == (cluster, False)


def test_an_all_through_school_is_in_a_cluster_of_each_phase() -> None:
    county = a_county(
        [a_school("100001", phase=7)],
        [a_cluster("p", "100001"), a_cluster("s", "100001", phase=Phase.SECONDARY)],
    )
    assert county.cluster_of("100001", Phase.PRIMARY) == ("p", False)
    assert county.cluster_of("100001", Phase.SECONDARY) == ("s", False)


def test_who_takes_over_from_a_member_has_its_place() -> None:
    schools = [
        a_school("100001", status=2, closed_on=LAST_YEAR, successors=["100002"]),
        a_school("100002", status=2, closed_on=LAST_YEAR, successors=["100003"]),
        a_school("100003"),
    ]
    county = a_county(schools, [a_cluster("a", Member("100001", date(2020, 9, 1), LAST_YEAR))])
    assert county.cluster_of("100003", Phase.PRIMARY) == ("a", True)
    assert county.cluster_of("100003", Phase.SECONDARY) == (None, False)


def test_a_place_left_before_closing_is_not_inherited() -> None:
    schools = [a_school("100001", status=2, closed_on=LAST_YEAR, successors=["100002"]), a_school("100002")]
    left = Member("100001", date(2020, 9, 1), date(2021, 8, 31))
    assert a_county(schools, [a_cluster("a", left)]).cluster_of("100002", Phase.PRIMARY) == (None, False)


def test_predecessors_in_a_cycle_end() -> None:
    schools = [a_school("100001", status=2, successors=["100002"]), a_school("100002", successors=["100001"])]
    assert a_county(schools, []).cluster_of("100002", Phase.PRIMARY) == (None, False)


def test_distance_is_to_the_nearest_open_school_of_the_phase() -> None:
    county = a_county(
        [
            a_school("100001", at=(10_000, 0)),
            a_school("100002", at=(1_000, 0), status=2),
            a_school("100003", at=(2_000, 0), phase=4),
            a_school("100004", at=(3_000, 0), phase=0),
            a_school("100005", at=None),
            a_school("100006", at=(4_000, 0), phase=7),
        ],
        [
            a_cluster("mixed", "100001", "100002", "100003", "100004", "100005", "100006", "100009"),
            a_cluster("nowhere", "100005"),
        ],
    )
    reaches = county.reach(Phase.PRIMARY, Point(0, 0))
    assert [(reach.cluster, reach.metres, reach.school_urn) for reach in reaches] == [("mixed", 4_000, "100006")]
    assert county.reach(Phase.PRIMARY, Point(0, 0)) is reaches


def test_equally_far_clusters_come_in_the_order_of_their_ids() -> None:
    county = a_county(
        [a_school("100001", at=(0, 5)), a_school("100002", at=(5, 0))],
        [a_cluster("b", "100001"), a_cluster("a", "100002")],
    )
    assert [reach.cluster for reach in county.reach(Phase.PRIMARY, Point(0, 0))] == ["a", "b"]


def test_the_newest_capacity_that_has_begun_applies() -> None:
    cluster = a_cluster("a", "100001")
    assert cluster.capacity(TODAY).limit is None
    dated = (Capacity(date(2026, 9, 1), 10), Capacity(date(2026, 11, 23), 5), Capacity(date(2027, 1, 1), None))
    cluster = type(cluster)(**{**{name: getattr(cluster, name) for name in cluster.__slots__}, "capacities": dated})
    limits = [cluster.capacity(day).limit for day in (date(2026, 8, 31), date(2026, 11, 22), TODAY, date(2027, 1, 1))]
    assert limits == [None, 10, 5, None]
