"""How far the router's one-by-one choices are from the best there is, where capacity binds.

Run by name: `make bench T=tests/bench/router_quality.py`. The best is exact: a min-cost flow of all cases at once, in
plain Python, whose dual prices certify it. Compared are nearest-with-room, the router's own rule (way, crowding,
fairness), and the same with prices learned from the flow of the cases so far. Two worlds: children at the county's real
postcodes choosing among its real clusters, and OR-Library's generalised assignment problems with their known optima.
"""

import csv
import heapq
import itertools
import json
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from cluster_router.domain.choice import Candidate, Standing, choose, weigh
from cluster_router.domain.county import Capacity, Point
from cluster_router.domain.entitlement import Option, Rank
from cluster_router.domain.rules import Phase
from unit.cluster_router.builders import TODAY, the_rules
from unit.cluster_router.test_naive import county_of

Costs = Sequence[Sequence[int]]

#: What it costs, in metres, that a case waits: more than any way.
WAITING: Final = 60_000
RULES: Final = the_rules()


@dataclass(frozen=True, slots=True)
class Best:
    """An assignment of least cost (-1 waits), and the prices of the clusters that certify it."""

    places: tuple[int, ...]
    cost: int
    prices: tuple[int, ...]


class Flow:
    """Cases to clusters at least total cost: each case is admitted by the cheapest chain of moves that makes room.

    Between two clusters the cheapest move is the top of a heap, so that a chain is a shortest path among clusters.
    """

    def __init__(self, costs: Costs, capacities: Sequence[int], waiting: int) -> None:
        #: The last place is the queue: it takes everybody.
        self._costs = [[*row, waiting] for row in costs]
        self._free = [*capacities, len(costs) + 1]
        self._waiting = waiting
        self._places = [-1] * len(costs)
        size = len(self._free)
        self._moves: list[list[list[tuple[int, int]]]] = [[[] for _ in range(size)] for _ in range(size)]

    def solve(self) -> Best:
        """Admit everybody."""
        for case in range(len(self._costs)):
            self._admit(case)
        cost = sum(self._costs[case][place] for case, place in enumerate(self._places))
        queue = len(self._free) - 1
        prices = self._prices()
        return Best(tuple(-1 if place == queue else place for place in self._places), cost, tuple(prices[:queue]))

    def _admit(self, case: int) -> None:
        ways, onward = self._ways()
        row = self._costs[case]
        first = min(range(len(row)), key=lambda place: (row[place] + ways[place], place))
        path = [first]
        while onward[path[-1]] is not None:
            path.append(onward[path[-1]])  # type: ignore[arg-type]
        self._free[path[-1]] -= 1
        # From the far end, so that each step moves somebody who is still there.
        for here, there in reversed(list(itertools.pairwise(path))):
            self._put(self._cheapest(here, there)[1], there)
        self._put(case, first)

    def _ways(self) -> tuple[list[float], list[int | None]]:
        """From each place, the cost of the cheapest chain of moves to one that has room, and the next step of it."""
        size = len(self._free)
        ways: list[float] = [0 if free > 0 else float("inf") for free in self._free]
        onward: list[int | None] = [None] * size
        arcs = [
            (here, there, move[0])
            for here in range(size)
            for there in range(size)
            if here != there and (move := self._cheapest(here, there)) is not None
        ]
        changed = True
        while changed:
            changed = False
            for here, there, cost in arcs:
                if cost + ways[there] < ways[here]:
                    ways[here], onward[here], changed = cost + ways[there], there, True
        return ways, onward

    def _prices(self) -> list[int]:
        """What one more case at each place would cost the others; where nobody can be, more than anybody would pay."""
        return [int(min(way, self._waiting)) for way in self._ways()[0]]

    def _cheapest(self, here: int, there: int) -> tuple[int, int]:
        heap = self._moves[here][there]
        while heap and self._places[heap[0][1]] != here:
            heapq.heappop(heap)
        return heap[0] if heap else None  # type: ignore[return-value]

    def _put(self, case: int, place: int) -> None:
        self._places[case] = place
        row = self._costs[case]
        for other, heap in enumerate(self._moves[place]):
            if other != place:
                heapq.heappush(heap, (row[other] - row[place], case))


def bound(costs: Costs, capacities: Sequence[int], waiting: int, prices: Sequence[int]) -> int:
    """No assignment whatever costs less: what everybody pays at these prices, less what the capacities earn."""
    paid = sum(min(waiting, *(cost + price for cost, price in zip(row, prices, strict=True))) for row in costs)
    return paid - sum(price * capacity for price, capacity in zip(prices, capacities, strict=True))


Pick = Callable[[Sequence[int], Sequence[int], Sequence[int]], int | None]


def one_by_one(costs: Costs, capacities: Sequence[int], pick: Pick) -> tuple[int, list[int]]:
    """The total cost, and the places, when each case is placed as it comes."""
    loads, places = [0] * len(capacities), []
    for row in costs:
        place = pick(row, loads, capacities)
        places.append(-1 if place is None else place)
        if place is not None:
            loads[place] += 1
    return sum(WAITING if place < 0 else row[place] for row, place in zip(costs, places, strict=True)), places


def nearest(row: Sequence[int], loads: Sequence[int], capacities: Sequence[int]) -> int | None:
    """The cheapest that has room."""
    room = [place for place, load in enumerate(loads) if load < capacities[place]]
    return min(room, key=lambda place: (row[place], place), default=None)


def router(prices: Sequence[int]) -> Pick:
    """The router's own choice, at these prices (a list that may be changed while it is used)."""

    def pick(row: Sequence[int], loads: Sequence[int], capacities: Sequence[int]) -> int | None:
        chosen = routed(row, loads, capacities, prices)
        return None if chosen is None else int(chosen.cluster)

    return pick


def routed(
    row: Sequence[int], loads: Sequence[int], capacities: Sequence[int], prices: Sequence[int]
) -> Candidate | None:
    """What the router's rules choose among places at these distances."""
    options = [Option(f"{place:04}", cost * cost, Rank.FIRST) for place, cost in enumerate(row)]
    standings = {
        option.cluster: Standing(load, Capacity(TODAY, capacity))
        for option, load, capacity in zip(options, loads, capacities, strict=True)
    }
    named = {option.cluster: price for option, price in zip(options, prices, strict=True)}
    return choose(weigh(options, standings, named, 1000, RULES))[0]


def with_learned_prices(costs: Costs, capacities: Sequence[int], lessons: int) -> int:
    """The cost one by one when, every so often, prices are learned from the flow of the cases so far."""
    prices = [0] * len(capacities)
    pick, loads, total = router(prices), [0] * len(capacities), 0
    every = max(1, len(costs) // lessons)
    for count, row in enumerate(costs):
        if count and count % every == 0:
            share = [capacity * count // len(costs) for capacity in capacities]
            prices[:] = Flow(costs[:count], share, WAITING).solve().prices
        place = pick(row, loads, capacities)
        total += WAITING if place is None else row[place]
        if place is not None:
            loads[place] += 1
    return total


@pytest.mark.parametrize("slack", [1.05, 1.3])
def test_the_routers_choices_beside_the_best(reference_data: Path, slack: float) -> None:
    costs = ways_to_clusters(reference_data, children=1_200)
    share = int(len(costs) * slack) // len(costs[0])
    capacities = [share] * len(costs[0])
    began = time.perf_counter()
    best = Flow(costs, capacities, WAITING).solve()
    took = time.perf_counter() - began
    certified = bound(costs, capacities, WAITING, best.prices)
    totals = {
        "nearest with room": one_by_one(costs, capacities, nearest)[0],
        "the router's rule": one_by_one(costs, capacities, router([0] * len(capacities)))[0],
        "the router's rule, learned prices": with_learned_prices(costs, capacities, lessons=10),
        "best of all at once": best.cost,
    }
    print(f"\n{len(costs)} children, {len(capacities)} clusters, {slack:.2f} places a child; {took:.1f} s for the best")
    for name, total in totals.items():
        print(f"  {name:<36} {total:>12,} {100 * (total / certified - 1):>8.2f} % over the bound")
    assert best.cost == certified, "the prices certify the flow"
    gaps = {name: total - certified for name, total in totals.items()}
    assert gaps["the router's rule"] < gaps["nearest with room"]
    assert gaps["the router's rule, learned prices"] < gaps["nearest with room"] / 2


def ways_to_clusters(reference_data: Path, *, children: int) -> list[list[int]]:
    """The ways, in metres, of children at random postcodes of the county to each of its primary clusters."""
    county = county_of(reference_data, TODAY)
    lines = csv.reader((reference_data / "postcodes/codepoint_gl.csv").read_text("utf-8").splitlines())
    homes = [Point(int(line[2]) // 1000 * 1000 + 500, int(line[3]) // 1000 * 1000 + 500) for line in lines]
    chance = random.Random(7)  # noqa: S311  repeatable on purpose
    clusters = sorted(id for id, cluster in county.clusters.items() if cluster.phase is Phase.PRIMARY)
    rows = []
    for home in chance.choices(homes, k=children):
        reaches = {reach.cluster: reach.metres for reach in county.reach(Phase.PRIMARY, home)}
        rows.append([reaches[cluster] for cluster in clusters])
    return rows


@dataclass(frozen=True, slots=True)
class Instance:
    """A generalised assignment problem: jobs to agents, each job using up some of its agent."""

    name: str
    costs: Costs
    uses: Costs
    capacities: Sequence[int]
    optimum: int


def test_the_routers_rule_on_problems_with_known_optima(reference_data: Path) -> None:
    print("\nOR-Library's generalised assignment problems: over the known optimum")
    for instance in instances(reference_data / "orlib/gap"):
        greedy, ruled = total_of(instance, by_rule=False), total_of(instance, by_rule=True)
        print(
            f"  {instance.name:<8} {len(instance.costs[0])} jobs, {len(instance.costs)} agents:"
            f" nearest with room {over(greedy, instance)}, the router's rule {over(ruled, instance)}"
        )
        assert ruled is not None
        assert ruled >= instance.optimum


def over(total: int | None, instance: Instance) -> str:
    """How much more than the optimum."""
    return "finds none" if total is None else f"{100 * (total / instance.optimum - 1):.1f} %"


def total_of(instance: Instance, *, by_rule: bool) -> int | None:
    """The cost of placing the jobs one by one, the largest first; None when one finds no agent."""
    used, total = [0] * len(instance.capacities), 0
    jobs = sorted(range(len(instance.costs[0])), key=lambda job: -min(row[job] for row in instance.uses))
    for job in jobs:
        # One unit under what it would be: there is room for the last unit only if all of the job fits.
        loads = [use + row[job] - 1 for use, row in zip(used, instance.uses, strict=True)]
        ways = [row[job] * 1_000 for row in instance.costs]
        if by_rule:
            chosen = routed(ways, loads, instance.capacities, [0] * len(ways))
            agent = None if chosen is None else int(chosen.cluster)
        else:
            agent = nearest(ways, loads, instance.capacities)
        if agent is None:
            return None
        used[agent] += instance.uses[agent][job]
        total += instance.costs[agent][job]
    return total


def instances(folder: Path) -> Iterator[Instance]:
    """The problems that minimise a cost."""
    optima = json.loads((folder / "optima.json").read_text("utf-8"))["instances"]
    known = {each["instance"]: each["value"] for each in optima if each["sense"] == "min"}
    numbers = iter(int(word) for word in (folder / "gapa.txt").read_text("utf-8").split())
    for index in range(next(numbers)):
        agents, jobs = next(numbers), next(numbers)
        costs = [[next(numbers) for _ in range(jobs)] for _ in range(agents)]
        uses = [[next(numbers) for _ in range(jobs)] for _ in range(agents)]
        name = f"gapa-{index + 1}"
        yield Instance(name, costs, uses, [next(numbers) for _ in range(agents)], known[name])
