"""Decisions with their traces, and replaying them."""

import tomllib
from collections.abc import Sequence
from dataclasses import replace
from importlib.resources import files
from typing import Any

import orjson
import pytest
from cluster_router.domain.choice import Standing
from cluster_router.domain.county import Capacity, County
from cluster_router.domain.decision import (
    REASONS,
    Decision,
    Kind,
    Occasion,
    TraceDisagrees,
    decide,
    override,
    replay,
    trace_from_json,
    trace_to_json,
)
from cluster_router.domain.ledger import ClusterIsFull, Ledger
from cluster_router.domain.rules import Rules
from hypothesis import given, settings
from hypothesis import strategies as st
from schemas.codes import registry
from unit.cluster_router.builders import TODAY, a_cluster, a_county, a_school, circumstances, the_rules

RULES = the_rules(choice={"own_cluster_full": "neighbours"})
BOOK = {RULES.version: RULES}


def two_clusters(rules: Rules = RULES) -> County:
    """A near and a far primary cluster."""
    return a_county(
        [a_school("100001", at=(500, 500)), a_school("100002", at=(3_500, 500))],
        [a_cluster("near", "100001"), a_cluster("far", "100002")],
        rules=rules,
    )


def standing(load: int, limit: int | None) -> Standing:
    """A cluster with a hard limit."""
    return Standing(load, Capacity(TODAY, limit))


def test_a_decision_keeps_all_it_rested_on() -> None:
    decision = decide(7, circumstances("100001", home=(0, 0)), two_clusters(), {"near": standing(4, 5)}, {"near": 12})
    assert decision == Decision(7, "2026-09", "near", ("school-member",), decision.trace)
    trace = decision.trace
    assert (trace.kind, trace.rules, trace.on, trace.chosen, trace.runner_up) == (
        Kind.RULES, "2026-09", TODAY, "near", "far",
    )  # fmt: skip
    near = trace.candidate("near")
    assert near is not None
    assert (near.load, near.capacity, near.price, near.metres) == (4, 5, 12, 0)
    assert near.cost == 6_000 * 64 // 100 + 4_000 * 4 // 10 + 12


def test_a_full_cluster_sends_to_the_queue_where_no_neighbour_may_help() -> None:
    county = two_clusters(the_rules())
    decision = decide(1, circumstances("100001"), county, {"near": standing(5, 5)}, {})
    assert (decision.cluster, decision.reasons) == (None, ("school-member", "capacity-full"))


def test_a_full_cluster_sends_to_a_neighbour_where_the_rules_let_it() -> None:
    decision = decide(1, circumstances("100001"), two_clusters(), {"near": standing(5, 5)}, {})
    assert decision.cluster == "far"
    assert decision.reasons == ("school-member", "capacity-full", "load-balanced")
    assert decision.trace.steps[-2:] == ("cluster-full", "neighbour-with-room")


def test_an_override_keeps_what_the_rules_would_have_said() -> None:
    decided = decide(1, circumstances("100001"), two_clusters(), {}, {})
    overridden = override(2, decided, "far", by="person-1", reason="continuity")
    assert (overridden.cluster, overridden.reasons) == ("far", ("override",))
    assert overridden.trace.reason == "continuity"
    assert (overridden.trace.runner_up, overridden.trace.by, overridden.trace.candidates) == (
        "near", "person-1", decided.trace.candidates,
    )  # fmt: skip


def test_a_trace_survives_json() -> None:
    decided = decide(1, circumstances("100001", home=(0, 0), age=3), two_clusters(), {"near": standing(1, 5)}, {})
    for trace in (
        decided.trace,
        decided.trace.erased(),
        decide(1, circumstances(), two_clusters(), {}, {}).trace,
    ):
        assert trace_from_json(orjson.loads(orjson.dumps(trace_to_json(trace)))) == trace


def test_an_erased_trace_tells_nothing_of_the_child() -> None:
    decided = decide(1, circumstances("100001", home=(0, 0), age=3), two_clusters(), {}, {})
    erased = decided.trace.erased()
    assert (erased.candidates, erased.school_urn, erased.phase, erased.team) == ((), None, None, None)
    assert replay([(1, erased)], BOOK)[0].cluster == "near"


def test_a_decision_on_changed_circumstances_says_so_first() -> None:
    changed = Occasion.CIRCUMSTANCES_CHANGED
    decision = decide(1, circumstances("100001"), two_clusters(), {}, {}, occasion=changed)
    assert decision.reasons == ("circumstances-changed", "school-member")


def test_every_reason_is_in_the_registry_and_every_step_has_words() -> None:
    codes = registry("routing-reasons").codes(on=TODAY)
    assert set(REASONS.values()) | {Occasion.CIRCUMSTANCES_CHANGED.value} <= set(codes)
    wording = tomllib.loads(files("cluster_router").joinpath("data/wording.toml").read_text("utf-8"))
    assert set(REASONS) - {"override"} <= set(wording["step"])


CASES = st.builds(
    circumstances,
    st.sampled_from(["100001", "100002", "999999", None]),
    home=st.sampled_from(["unknown", "none", "restricted", (0, 0), (2_000, 0), (30_000, 0)]),
    age=st.integers(0, 30),
    urgency=st.sampled_from(["routine", "soon", "urgent", "immediate"]),
    risk=st.sampled_from(["none", "emerging", "imminent"]),
)


def decided_in_order(cases: Sequence[Any], limits: tuple[int | None, int | None]) -> list[Decision]:
    """Decide one case after the other, with the loads that follow."""
    ledger = Ledger({"near": standing(0, limits[0]), "far": standing(0, limits[1])})
    decisions = []
    for number, case in enumerate(cases, 1):
        decision = decide(number, case, two_clusters(), ledger.standings(), {"far": 100})
        ledger.move(None, decision.cluster)
        decisions.append(decision)
    return decisions


LIMITS = st.tuples(st.none() | st.integers(0, 4), st.none() | st.integers(0, 4))


@settings(deadline=None)
@given(st.lists(CASES, max_size=12), LIMITS)
def test_replaying_the_traces_in_order_gives_the_same_decisions(cases: list[Any], limits: tuple[int, int]) -> None:
    decisions = decided_in_order(cases, limits)
    recorded = [(decision.number, trace_from_json(trace_to_json(decision.trace))) for decision in decisions]
    assert replay(recorded, BOOK) == decisions


@settings(deadline=None)
@given(st.lists(CASES, max_size=12), LIMITS)
def test_no_order_of_cases_exceeds_a_hard_capacity(cases: list[Any], limits: tuple[int | None, int | None]) -> None:
    decisions = decided_in_order(cases, limits)
    for cluster, limit in zip(("near", "far"), limits, strict=True):
        assert limit is None or sum(decision.cluster == cluster for decision in decisions) <= limit


@settings(deadline=None)
@given(CASES, LIMITS)
def test_every_case_is_placed_or_queued_with_a_reason(case: Any, limits: tuple[int | None, int | None]) -> None:
    (decision,) = decided_in_order([case], limits)
    assert decision.reasons
    assert decision.cluster in {"near", "far", None}
    if case.home.state == "restricted":
        assert decision.cluster is None


def test_a_trace_that_was_tampered_with_is_found() -> None:
    decision = decide(1, circumstances("100001", home=(0, 0)), two_clusters(), {"near": standing(1, 5)}, {})
    near, far = decision.trace.candidates
    cheaper = replace(decision.trace, candidates=(near, replace(far, cost=far.cost - 1)))
    elsewhere = replace(decision.trace, chosen="far")
    for trace in (cheaper, elsewhere, replace(decision.trace, runner_up=None)):
        with pytest.raises(TraceDisagrees):
            replay([(1, trace)], BOOK)


def test_a_missing_number_is_found() -> None:
    trace = decide(1, circumstances("100001"), two_clusters(), {}, {}).trace
    assert [decision.number for decision in replay([(4, trace), (5, trace)], BOOK, after=3)] == [4, 5]
    with pytest.raises(TraceDisagrees, match="does not follow"):
        replay([(4, trace), (6, trace)], BOOK, after=3)


def test_a_case_does_not_stand_in_its_own_way() -> None:
    ledger = Ledger({"near": standing(5, 5)})
    again = decide(2, circumstances("100001"), two_clusters(), ledger.standings(without="near"), {})
    assert again.cluster == "near"
    ledger.move("near", "near")
    assert ledger.changes == {}


def test_a_full_cluster_admits_nobody_and_changes_nothing() -> None:
    ledger = Ledger({"near": standing(5, 5), "far": standing(1, None)})
    with pytest.raises(ClusterIsFull):
        ledger.move("far", "near")
    assert ledger.changes == {}
    ledger.move("near", "far")
    ledger.move(None, "near")
    assert ledger.changes == {"near": 0, "far": 1}
