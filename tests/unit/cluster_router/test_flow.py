"""The yardstick of the router's quality is itself right: the flow is the best, and its prices prove it."""

from itertools import product

from bench.router_quality import Flow, bound
from hypothesis import given, settings
from hypothesis import strategies as st

WAITING = 50


@st.composite
def problems(draw: st.DrawFn) -> tuple[list[list[int]], list[int]]:
    """A few cases, a few clusters, costs and capacities."""
    clusters = draw(st.integers(1, 3))
    row = st.lists(st.integers(0, 60), min_size=clusters, max_size=clusters)
    return draw(st.lists(row, max_size=5)), draw(st.lists(st.integers(0, 3), min_size=clusters, max_size=clusters))


def cheapest(costs: list[list[int]], capacities: list[int]) -> int:
    """The least cost of all assignments there are, by trying each."""
    places = range(-1, len(capacities))
    return min(
        sum(WAITING if place < 0 else row[place] for row, place in zip(costs, chosen, strict=True))
        for chosen in product(places, repeat=len(costs))
        if all(chosen.count(place) <= capacity for place, capacity in enumerate(capacities))
    )


@settings(deadline=None)
@given(problems())
def test_the_flow_is_the_best_and_its_prices_certify_it(problem: tuple[list[list[int]], list[int]]) -> None:
    costs, capacities = problem
    best = Flow(costs, capacities, WAITING).solve()
    assert best.cost == cheapest(costs, capacities) == bound(costs, capacities, WAITING, best.prices)
    assert all(best.places.count(place) <= capacity for place, capacity in enumerate(capacities))


@settings(deadline=None)
@given(problems(), st.lists(st.integers(0, 40), min_size=3, max_size=3))
def test_no_prices_promise_less_than_the_best_costs(
    problem: tuple[list[list[int]], list[int]], prices: list[int]
) -> None:
    costs, capacities = problem
    assert bound(costs, capacities, WAITING, prices[: len(capacities)]) <= cheapest(costs, capacities)
