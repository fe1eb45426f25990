"""Which clusters a case may go to, before load is weighed."""

import pytest
from cluster_router.domain.county import County
from cluster_router.domain.entitlement import Option, Rank, entitle
from cluster_router.domain.rules import Phase, Rules, Team
from unit.cluster_router.builders import a_cluster, a_county, a_school, circumstances, the_rules

NEIGHBOURS = the_rules(choice={"own_cluster_full": "neighbours", "neighbour_metres": 3_000})


def three_clusters(rules: Rules | None = None) -> County:
    """Three primary clusters on a line, at 500 m, 2,500 m and 9,500 m, and a secondary one."""
    return a_county(
        [
            a_school("100001", at=(500, 500)),
            a_school("100002", at=(2_500, 500)),
            a_school("100003", at=(9_500, 500)),
            a_school("100004", at=(500, 500), phase=4),
            a_school("100005", at=(500, 500), status=2, successors=["100002"]),
            a_school("100006", at=(500, 500), status=2),
            a_school("100007", at=(700, 500)),
            a_school("100008", at=(600, 500), phase=0),
        ],
        [
            a_cluster("near", "100001"),
            a_cluster("middle", "100002"),
            a_cluster("far", "100003"),
            a_cluster("upper", "100004", phase=Phase.SECONDARY),
        ],
        rules=rules,
    )


def test_the_schools_own_cluster_comes_first_and_alone() -> None:
    found = entitle(circumstances("100001", home=(0, 0)), three_clusters())
    assert found.steps == ("phase-of-school", "school-cluster")
    assert (found.phase, found.school_urn) == (Phase.PRIMARY, "100001")
    assert found.options == (
        Option("near", 0, Rank.FIRST),
        Option("middle", 2_000**2, None, "not-own-cluster"),
        Option("far", 9_000**2, None, "not-own-cluster"),
    )


def test_the_schools_cluster_holds_even_when_home_is_nearer_to_another() -> None:
    found = entitle(circumstances("100003", home=(0, 0)), three_clusters())
    assert found.options[0] == Option("far", 9_000**2, Rank.FIRST)
    assert [option.cluster for option in found.options if option.rank is not None] == ["far"]


def test_neighbours_within_the_distance_come_second_where_the_rule_lets_them() -> None:
    found = entitle(circumstances("100001", home=(0, 0)), three_clusters(NEIGHBOURS))
    assert found.options == (
        Option("near", 0, Rank.FIRST),
        Option("middle", 2_000**2, Rank.WHEN_FULL),
        Option("far", 9_000**2, None, "too-far"),
    )


def test_without_a_home_distances_count_from_the_school() -> None:
    found = entitle(circumstances("100002"), three_clusters(NEIGHBOURS))
    assert found.options == (
        Option("middle", 0, Rank.FIRST),
        Option("near", 2_000**2, Rank.WHEN_FULL),
        Option("far", 7_000**2, None, "too-far"),
    )


def test_with_nowhere_to_measure_from_the_own_cluster_still_stands() -> None:
    county = a_county([a_school("100001", at=None)], [a_cluster("near", "100001")])
    assert entitle(circumstances("100001"), county).options == (Option("near", None, Rank.FIRST),)


def test_a_closed_school_is_followed_to_its_successors_cluster() -> None:
    found = entitle(circumstances("100005"), three_clusters())
    assert found.steps == ("successor-school", "phase-of-school", "school-cluster")
    assert (found.school_urn, found.options[0].cluster) == ("100002", "middle")


def test_a_school_that_took_over_from_a_member_inherits_its_cluster() -> None:
    county = a_county(
        [a_school("100001", status=2, successors=["100002"]), a_school("100002")], [a_cluster("near", "100001")]
    )
    found = entitle(circumstances("100002"), county)
    assert found.steps == ("phase-of-school", "inherited-cluster")
    assert found.options[0].cluster == "near"


@pytest.mark.parametrize("school", [None, "100006"])
def test_no_school_or_a_dead_chain_goes_by_age_and_the_nearest_school(school: str | None) -> None:
    found = entitle(circumstances(school, home=(0, 0), age=10, year_group="7"), three_clusters())
    assert found.steps == ("school-closed" if school else "no-school", "phase-by-age", "nearest-school")
    assert found.options == (
        Option("near", 0, Rank.FIRST),
        Option("middle", 2_000**2, Rank.FIRST),
        Option("far", 9_000**2, None, "too-far"),
    )


def test_how_much_farther_a_free_choice_may_be_is_data() -> None:
    county = three_clusters(the_rules(choice={"extra_metres": 1_999}))
    ranks = [option.rank for option in entitle(circumstances(home=(0, 0)), county).options]
    assert ranks == [Rank.FIRST, None, None]


def test_only_so_many_clusters_are_looked_at() -> None:
    county = three_clusters(the_rules(choice={"considered": 1}))
    assert [option.cluster for option in entitle(circumstances(home=(0, 0)), county).options] == ["near"]
    looked_at = [option.cluster for option in entitle(circumstances("100003", home=(0, 0)), county).options]
    assert looked_at == ["far", "near"]


def test_who_lives_too_far_from_every_school_lives_outside_the_county() -> None:
    found = entitle(circumstances(home=(45_000, 0)), three_clusters())
    assert found.steps[-1] == "home-outside-county"
    assert [(option.cluster, option.why_not) for option in found.options] == [
        ("far", "too-far"),
        ("middle", "too-far"),
        ("near", "too-far"),
    ]
    assert entitle(circumstances("100003", home=(45_000, 0)), three_clusters()).has_options()


def test_an_open_school_outside_every_cluster_goes_by_home() -> None:
    found = entitle(circumstances("100007", home=(9_000, 0)), three_clusters())
    assert found.steps == ("phase-of-school", "school-outside-clusters", "nearest-school")
    assert found.options[0].cluster == "far"


def test_a_special_school_goes_by_age_and_home() -> None:
    found = entitle(circumstances("100008", home=(9_000, 0), age=11), three_clusters())
    assert found.steps == ("phase-by-age", "school-outside-clusters", "nearest-school")
    assert (found.phase, found.options[0].cluster) == (Phase.SECONDARY, "upper")


def test_the_youngest_go_to_the_early_years_team() -> None:
    found = entitle(circumstances(home=(0, 0), age=3), three_clusters())
    assert found.team is Team.EARLY_YEARS
    assert "early-years-team" in found.steps


@pytest.mark.parametrize(
    ("school", "home", "age", "steps"),
    [
        (None, "restricted", 8, ("address-restricted",)),
        ("100001", "restricted", 8, ("address-restricted",)),
        ("999999", (0, 0), 8, ("school-unknown",)),
        (None, "unknown", 8, ("no-school", "phase-by-age", "home-unknown")),
        (None, "none", 8, ("no-school", "phase-by-age", "home-none")),
        ("100006", "unknown", 8, ("school-closed", "phase-by-age", "home-unknown")),
        ("100007", "none", 8, ("phase-of-school", "school-outside-clusters", "home-none")),
        ("100008", "unknown", 3, ("phase-by-age", "early-years-team", "school-outside-clusters", "home-unknown")),
        (None, (0, 0), 26, ("no-school", "age-outside-rules")),
    ],
)
def test_where_no_rule_fits_a_person_decides(
    school: str | None, home: tuple[int, int] | str, age: int, steps: tuple[str, ...]
) -> None:
    found = entitle(circumstances(school, home=home, age=age), three_clusters())
    assert found.steps == steps
    assert not found.has_options()


def test_a_phase_without_any_cluster_is_said() -> None:
    county = a_county([a_school("100001")], [a_cluster("near", "100001")])
    assert entitle(circumstances(home=(0, 0), age=12), county).steps[-1] == "no-cluster-of-phase"
