"""A draft rule replayed over past cases."""

from typing import Any

from cluster_router.domain.choice import Standing
from cluster_router.domain.county import Capacity, County
from cluster_router.domain.decision import decide
from cluster_router.domain.ledger import Ledger
from cluster_router.domain.rules import Rules
from cluster_router.domain.simulation import Past, Simulation, simulate
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.cluster_router.builders import TODAY, a_cluster, a_county, a_school, circumstances, the_rules

OVERFLOW = the_rules(choice={"own_cluster_full": "neighbours"})


def county(rules: Rules) -> County:
    """Two clusters three kilometres apart."""
    return a_county(
        [a_school("100001", at=(500, 500)), a_school("100002", at=(3_500, 500))],
        [a_cluster("near", "100001"), a_cluster("far", "100002")],
        rules=rules,
    )


def past(cases: list[Any], limit: int) -> list[Past]:
    """These cases as the shipped rules decided them, with this hard capacity near and some cases already there."""
    ledger = Ledger({"near": Standing(1, Capacity(TODAY, limit)), "far": Standing(7)})
    decided = []
    for number, case in enumerate(cases, 1):
        decision = decide(number, case, county(the_rules()), ledger.standings(), {"far": 300})
        ledger.move(None, decision.cluster)
        decided.append(Past(case, decision.trace))
    return decided


def test_a_draft_says_how_many_would_move_and_where() -> None:
    cases = past([circumstances("100001")] * 5, limit=3)
    assert simulate(cases, lambda _: county(OVERFLOW)) == Simulation(5, ((None, "far", 3),))


def test_what_a_draft_sends_away_leaves_room_for_later_cases() -> None:
    # The draft lets a child without a school go to the farther cluster when it is much emptier.
    cases = past([circumstances(home=(0, 0))] * 2 + [circumstances("100001")] * 2, limit=4)
    assert [case.trace.chosen for case in cases] == ["near", "near", "near", None]
    draft = the_rules(cost={"full_metres": 100_000})
    assert simulate(cases, lambda _: county(draft)) == Simulation(4, (("near", "far", 2), (None, "near", 1)))


def test_nothing_past_moves_nobody() -> None:
    assert simulate([], lambda _: county(OVERFLOW)) == Simulation(0, ())


CASES = st.builds(
    circumstances,
    st.sampled_from(["100001", "100002", "999999", None]),
    home=st.sampled_from(["unknown", "none", "restricted", (0, 0), (2_000, 0)]),
    urgency=st.sampled_from(["routine", "urgent"]),
)


@settings(deadline=None)
@given(st.lists(CASES, max_size=10), st.integers(1, 5))
def test_the_rules_of_the_time_move_nobody(cases: list[Any], limit: int) -> None:
    assert simulate(past(cases, limit), lambda _: county(the_rules())).would_move == 0
