"""Way, capacity, fairness, need and price: which cluster of those that may take a case gets it."""

from cluster_router.domain.choice import Candidate, Standing, choose, steps_of, weigh, weight_of
from cluster_router.domain.county import Capacity
from cluster_router.domain.entitlement import Option, Rank
from unit.cluster_router.builders import TODAY, circumstances, the_rules

RULES = the_rules(cost={"full_metres": 6_000, "fairness_metres": 4_000})


def standing(load: int, limit: int | None, *, hard: bool = True) -> Standing:
    """A cluster's load and capacity."""
    return Standing(load, Capacity(TODAY, limit, hard))


def weighed(
    metres: dict[str, int],
    standings: dict[str, Standing] | None = None,
    prices: dict[str, int] | None = None,
    weight: int = 1000,
) -> dict[str, Candidate]:
    """Candidates of the first rank at these distances."""
    options = [Option(cluster, way**2, Rank.FIRST) for cluster, way in metres.items()]
    return {c.cluster: c for c in weigh(options, standings or {}, prices or {}, weight, RULES)}


def chosen(candidates: dict[str, Candidate]) -> tuple[str | None, str | None]:
    """The best and the runner-up."""
    best, second = choose(candidates.values())
    return (best.cluster if best else None, second.cluster if second else None)


def test_without_capacities_only_the_way_counts() -> None:
    candidates = weighed({"a": 2_000, "b": 1_000, "c": 3_000}, {"b": standing(10_000, None)})
    assert {name: candidate.cost for name, candidate in candidates.items()} == {"a": 2_000, "b": 1_000, "c": 3_000}
    assert chosen(candidates) == ("b", "a")


def test_crowding_rises_with_the_square_of_use() -> None:
    half, full = (weighed({"a": 0}, {"a": standing(load, 10, hard=False)})["a"].cost for load in (5, 10))
    assert (half, full) == (1_500, 6_000)


def test_more_loaded_than_the_others_costs_extra() -> None:
    candidates = weighed({"a": 0, "b": 0}, {"a": standing(8, 10), "b": standing(2, 10)})
    assert candidates["a"].cost == 6_000 * 64 // 100 + 4_000 * 3 // 10
    assert candidates["b"].cost == 6_000 * 4 // 100
    assert chosen(candidates) == ("b", "a")


def test_a_little_more_way_is_worth_a_lot_less_load() -> None:
    crowded = {"a": standing(9, 10), "b": standing(1, 10)}
    assert chosen(weighed({"a": 1_000, "b": 3_000}, crowded)) == ("b", "a")
    assert chosen(weighed({"a": 1_000, "b": 9_000}, crowded)) == ("a", "b")


def test_the_greater_the_need_the_closer_to_home() -> None:
    crowded = {"a": standing(9, 10), "b": standing(1, 10)}
    assert chosen(weighed({"a": 1_000, "b": 6_000}, crowded, weight=1_000))[0] == "b"
    assert chosen(weighed({"a": 1_000, "b": 6_000}, crowded, weight=2_000))[0] == "a"
    assert weight_of(circumstances(), RULES) == 1_000
    assert weight_of(circumstances(urgency="immediate"), RULES) == 2_000
    assert weight_of(circumstances(urgency="soon", risk="imminent"), RULES) == 1_500
    assert weight_of(circumstances(urgency="unheard-of", risk="unheard-of"), RULES) == 1_000


def test_a_price_makes_a_cluster_dearer() -> None:
    assert chosen(weighed({"a": 1_000, "b": 1_500}, prices={"a": 501})) == ("b", "a")
    assert weighed({"a": 1_000}, prices={"a": 501})["a"].price == 501


def test_a_hard_capacity_is_never_exceeded_and_a_soft_one_may_be() -> None:
    for limit in (0, 3):
        assert chosen(weighed({"a": 0}, {"a": standing(3, limit)})) == (None, None)
        assert chosen(weighed({"a": 0}, {"a": standing(3, limit, hard=False)})) == ("a", None)
    assert chosen(weighed({"a": 0}, {"a": standing(2, 3)})) == ("a", None)


def test_ties_go_to_the_exactly_nearer_then_to_the_first_id() -> None:
    options = [Option("b", 10, Rank.FIRST), Option("c", 9, Rank.FIRST), Option("a", 10, Rank.FIRST)]
    candidates = {c.cluster: c for c in weigh(options, {}, {}, 1000, RULES)}
    assert {candidate.cost for candidate in candidates.values()} == {3}
    assert chosen(candidates) == ("c", "a")


def test_a_later_rank_is_only_tried_when_all_before_are_full() -> None:
    options = [Option("own", 9_000**2, Rank.FIRST), Option("next", 0, Rank.WHEN_FULL), Option("no", 0, None, "too-far")]
    for load, expected in ((4, ("own", "next")), (5, ("next", None))):
        candidates = weigh(options, {"own": standing(load, 5)}, {}, 1000, RULES)
        best, second = choose(candidates)
        assert (best and best.cluster, second and second.cluster) == expected


def test_what_load_changed_is_said() -> None:
    def steps(metres: dict[str, int], standings: dict[str, Standing]) -> tuple[str, ...]:
        candidates = tuple(weighed(metres, standings).values())
        return steps_of(choose(candidates)[0], candidates)

    near_and_far = {"a": 1_000, "b": 2_000}
    assert steps(near_and_far, {}) == ()
    assert steps(near_and_far, {"a": standing(5, 5)}) == ("cluster-full", "next-nearest")
    assert steps(near_and_far, {"a": standing(9, 10), "b": standing(0, 10)}) == ("load-shared",)
    assert steps(near_and_far, {"a": standing(5, 5), "b": standing(5, 5)}) == ("all-full",)
    assert steps({"a": 1_000}, {"a": standing(5, 5)}) == ("cluster-full",)
    assert steps({}, {}) == ()


def test_a_neighbour_that_takes_the_overflow_is_said() -> None:
    options = [Option("own", 0, Rank.FIRST), Option("next", 4, Rank.WHEN_FULL)]
    candidates = weigh(options, {"own": standing(5, 5)}, {}, 1000, RULES)
    assert steps_of(choose(candidates)[0], candidates) == ("cluster-full", "neighbour-with-room")
