"""Any history of cases, clusters and people: one holder at every instant, and no hard capacity exceeded."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from chassis.errors import Refusal
from cluster_router.domain import assignment as life
from cluster_router.domain.choice import Standing
from cluster_router.domain.county import Capacity
from cluster_router.domain.decision import Decision, Kind, Trace, decide
from cluster_router.domain.ledger import ClusterIsFull, Ledger
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from schemas.referral import Circumstances
from schemas.routing import (
    CaseAssigned,
    CaseReassigned,
    CaseReturned,
    CaseUnrouted,
    HandoverAccepted,
    HandoverDeclined,
    HandoverEscalated,
    HandoverLapsed,
    HandoverOffered,
    RoutingEvent,
)
from unit.cluster_router.builders import TODAY, a_cluster, a_county, a_school, circumstances, the_rules

CLUSTERS = ("a", "b", "c")
LEADS = {cluster: f"school-{cluster}" for cluster in CLUSTERS}
COUNTY = a_county(
    [a_school(f"10000{n}", at=(500 + 2_000 * n, 500)) for n in range(3)],
    [a_cluster(cluster, f"10000{n}") for n, cluster in enumerate(CLUSTERS)],
    rules=the_rules(choice={"own_cluster_full": "neighbours", "extra_metres": 2_500}),
)
CHILDREN = st.builds(
    circumstances,
    st.sampled_from([None, "100000", "100001", "100002", "999999"]),
    home=st.sampled_from(["unknown", "restricted", (0, 0), (4_000, 0)]),
)
SOON = datetime(2026, 12, 3, tzinfo=UTC)


class County(RuleBasedStateMachine):
    """Cases come, are moved, offered, answered and closed in any order; the events alone tell who holds what."""

    def __init__(self) -> None:
        super().__init__()
        self.limits: dict[str, int | None] = {"a": 1, "b": 2, "c": None}
        self.ledger = Ledger({c: Standing(0, Capacity(TODAY, limit)) for c, limit in self.limits.items()})
        self.cases: list[life.Assignment] = []
        #: What a reader who only hears events believes: case -> holder.
        self.heard: dict[str, str | None] = {}
        self.offers: dict[str, str] = {}
        self.number = 0
        #: Who a reader of the events writes down, one line after another: case -> holders in order.
        self.book: dict[str, list[str | None]] = {}

    @rule(child=CHILDREN)
    def a_case_is_opened(self, child: Circumstances) -> None:
        self.number += 1
        decision = decide(self.number, child, COUNTY, self.ledger.standings(), {})
        case_id = f"case-{len(self.cases)}"
        self.heard[case_id], self.book[case_id] = None, [None]
        change = life.open_case(case_id, decision, LEADS)
        self.ledger.move(None, change.assignment.cluster)
        self.cases.append(change.assignment)
        self._hear(change.events)

    @precondition(lambda self: self.cases)
    @rule(data=st.data(), child=CHILDREN)
    def circumstances_change(self, data: st.DataObject, child: Circumstances) -> None:
        index = self._some(data)
        case = self.cases[index]
        self.number += 1
        decision = decide(self.number, child, COUNTY, self.ledger.standings(without=case.cluster), {})
        if case.state is life.State.ACCEPTED:
            handover = life.Handover(f"h-{self.number}", decision.cluster or "", "circumstances-changed", SOON)
            self._try(index, lambda: life.offer_by_rule(case, decision, handover))
        else:
            self._try(index, lambda: life.reconsider(case, decision, LEADS))

    @precondition(lambda self: self.cases)
    @rule(data=st.data(), cluster=st.sampled_from(CLUSTERS))
    def a_person_overrides(self, data: st.DataObject, cluster: str) -> None:
        index = self._some(data)
        self.number += 1
        trace = Trace(Kind.OVERRIDE, "2026-09", TODAY, (), ("override",), chosen=cluster)
        decision = Decision(self.number, "2026-09", cluster, ("override",), trace)
        self._try(index, lambda: life.override(self.cases[index], decision, LEADS, by="person-1"))

    @precondition(lambda self: self.cases)
    @rule(data=st.data(), cluster=st.sampled_from(CLUSTERS), year=st.sampled_from([2027, 2028]))
    def the_year_offers(self, data: st.DataObject, cluster: str, year: int) -> None:
        index = self._some(data)
        case = self.cases[index]
        self.number += 1
        trace = Trace(Kind.RULES, "2026-09", TODAY, (), chosen=cluster)
        decision = Decision(self.number, "2026-09", cluster, ("school-member",), trace)
        handover = life.Handover(f"h-{self.number}", cluster, "phase-transfer", SOON, transfer=year)
        if case.state is life.State.ACCEPTED:
            self._try(index, lambda: life.offer_by_rule(case, decision, handover))

    @precondition(lambda self: self.cases)
    @rule(
        data=st.data(),
        action=st.sampled_from(["accept", "return", "take over", "decline", "escalate", "lapse", "close"]),
    )
    def somebody_acts(self, data: st.DataObject, action: str) -> None:
        index = self._some(data)
        case = self.cases[index]
        acts = {
            "accept": lambda: life.accept(case, LEADS, by="person-1"),
            "return": lambda: life.give_back(case, by="person-1", reason="wrong-cluster"),
            "take over": lambda: life.accept_handover(case, LEADS, by="person-2"),
            "decline": lambda: life.decline_handover(case, by="person-2", reason="too-early"),
            "escalate": lambda: life.escalate(case, 1),
            "lapse": lambda: life.end_handover(case),
            "close": lambda: life.close(case),
        }
        self._try(index, acts[action])

    @precondition(lambda self: self.cases)
    @rule(data=st.data(), cluster=st.sampled_from(CLUSTERS))
    def the_holder_offers(self, data: st.DataObject, cluster: str) -> None:
        index = self._some(data)
        self.number += 1
        handover = life.Handover(f"h-{self.number}", cluster, "moved-home", SOON, "person-1")
        self._try(index, lambda: life.offer(self.cases[index], handover))

    @invariant()
    def every_case_has_the_one_holder_that_the_events_tell(self) -> None:
        for case in self.cases:
            assert case.holder == self.heard[case.case_id]
            assert (case.holder is None) == (case.state is life.State.QUEUED)
            assert case.holder == self.book[case.case_id][-1], "whoever was written down last answers for it now"
            assert (case.handover is not None) == (case.case_id in self.offers and not case.closed)
            if case.handover is not None:
                assert case.state is life.State.ACCEPTED
                assert case.handover.to_cluster == self.offers[case.case_id] != case.holder

    @invariant()
    def no_hard_capacity_is_exceeded(self) -> None:
        for cluster, limit in self.limits.items():
            held = sum(case.cluster == cluster and not case.closed for case in self.cases)
            assert held == self.ledger.changes.get(cluster, 0)
            assert limit is None or held <= limit

    def _some(self, data: st.DataObject) -> int:
        return data.draw(st.integers(0, len(self.cases) - 1))

    def _try(self, index: int, act: Callable[[], life.Change]) -> None:
        """Do it if it is allowed and there is room: together or not at all."""
        before = self.cases[index]
        try:
            change = act()
            held_before = None if before.closed else before.cluster
            self.ledger.move(held_before, None if change.assignment.closed else change.assignment.cluster)
        except Refusal:
            return
        self.cases[index] = change.assignment
        self._hear(change.events)

    def _hear(self, events: tuple[RoutingEvent, ...]) -> None:
        for event in events:
            assert event.case_id in self.heard, "no event speaks of a case that is not there"
            if isinstance(event, (CaseAssigned, CaseReassigned, HandoverAccepted)):
                self.heard[event.case_id] = event.cluster_id
            if isinstance(event, (CaseReturned, CaseUnrouted)):
                self.heard[event.case_id] = None
            if self.heard[event.case_id] != self.book[event.case_id][-1]:
                self.book[event.case_id].append(self.heard[event.case_id])
            if isinstance(event, HandoverOffered):
                assert event.from_cluster_id == self.heard[event.case_id], "only the holder offers"
                self.offers[event.case_id] = event.to_cluster_id
            if isinstance(event, HandoverEscalated):
                assert event.to_cluster_id == self.offers[event.case_id], "only what is open climbs"
            if isinstance(event, (HandoverAccepted, HandoverDeclined, HandoverLapsed)):
                del self.offers[event.case_id]


TestAnyHistory = County.TestCase
TestAnyHistory.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)


def test_room_is_checked_before_the_holder_changes() -> None:
    ledger = Ledger({"a": Standing(1, Capacity(TODAY, 1))})
    with pytest.raises(ClusterIsFull):
        ledger.move(None, "a")
