"""The life of an assignment, transition by transition."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from chassis.errors import Refusal
from cluster_router.domain.assignment import (
    NEXT,
    AlreadyThere,
    Assignment,
    CaseIsClosed,
    Change,
    Handover,
    HandoverIsOpen,
    NothingOffered,
    OutOfTurn,
    State,
    accept,
    accept_handover,
    close,
    decline_handover,
    end_handover,
    escalate,
    give_back,
    offer,
    offer_by_rule,
    open_case,
    override,
    reconsider,
)
from cluster_router.domain.decision import Decision, Kind, Trace
from schemas.routing import (
    CaseAccepted,
    CaseAssigned,
    CaseReassigned,
    CaseReturned,
    CaseUnrouted,
    HandoverAccepted,
    HandoverDeclined,
    HandoverEscalated,
    HandoverLapsed,
    HandoverOffered,
)
from unit.cluster_router.builders import TODAY

LEADS = {"a": "school-a", "b": "school-b", "c": "school-c"}
SOON = datetime(2026, 12, 3, tzinfo=UTC)

QUEUED = Assignment("case-1")
ASSIGNED = Assignment("case-1", State.ASSIGNED, "a")
ACCEPTED = Assignment("case-1", State.ACCEPTED, "a")


def decided(cluster: str | None, number: int = 1) -> Decision:
    """A decision for a cluster, or for the queue."""
    return Decision(number, "2026-09", cluster, ("because",), Trace(Kind.RULES, "2026-09", TODAY, ("because",)))


def handover(to: str = "b", *, by: str | None = "person-1") -> Handover:
    """An offer to a cluster."""
    return Handover("handover-1", to, "moved-home", SOON, by)


OFFERED = offer(ACCEPTED, handover()).assignment


def test_a_decision_for_a_cluster_assigns_the_case_to_it() -> None:
    change = open_case("case-1", decided("a"), LEADS)
    assert change.assignment == ASSIGNED
    (event,) = change.events
    assert isinstance(event, CaseAssigned)
    assert (event.cluster_id, event.organisation_id, event.decision, event.reasons) == (
        "a",
        "school-a",
        1,
        ("because",),
    )


def test_a_decision_for_nobody_queues_the_case_with_the_intake_desk() -> None:
    change = open_case("case-1", decided(None), LEADS)
    assert change.assignment == QUEUED
    assert change.assignment.holder is None
    assert isinstance(change.events[0], CaseUnrouted)


def test_a_queued_case_that_finds_a_cluster_is_assigned() -> None:
    change = reconsider(QUEUED, decided("b", 2), LEADS)
    assert (change.assignment.state, change.assignment.cluster) == (State.ASSIGNED, "b")
    assert isinstance(change.events[0], CaseAssigned)


def test_an_assigned_case_is_moved_when_the_rules_say_another_cluster() -> None:
    change = reconsider(ASSIGNED, decided("b", 2), LEADS)
    (event,) = change.events
    assert isinstance(event, CaseReassigned)
    assert (event.from_cluster_id, event.cluster_id, event.overridden_by) == ("a", "b", None)
    assert (change.assignment.state, change.assignment.cluster) == (State.ASSIGNED, "b")


def test_an_assigned_case_that_belongs_there_stays_without_a_word() -> None:
    assert reconsider(ASSIGNED, decided("a", 2), LEADS) == Change(ASSIGNED)


def test_an_assigned_case_without_a_place_goes_back_to_the_queue() -> None:
    change = reconsider(ASSIGNED, decided(None, 2), LEADS)
    assert change.assignment == QUEUED
    assert isinstance(change.events[0], CaseUnrouted)


def test_an_accepted_case_is_never_moved_by_rule() -> None:
    with pytest.raises(OutOfTurn):
        reconsider(ACCEPTED, decided("b"), LEADS)


def test_accepting_says_who_and_makes_the_lead_school_accountable() -> None:
    change = accept(ASSIGNED, LEADS, by="person-1")
    assert change.assignment == ACCEPTED
    assert change.events == (
        CaseAccepted(case_id="case-1", cluster_id="a", organisation_id="school-a", accepted_by="person-1"),
    )


def test_a_returned_case_waits_for_a_person() -> None:
    change = give_back(ASSIGNED, by="person-1", reason="wrong-area")
    assert change.assignment == Assignment("case-1", State.QUEUED, None, for_a_person=True)
    assert change.events == (
        CaseReturned(case_id="case-1", cluster_id="a", returned_by="person-1", reason="wrong-area"),
    )


@pytest.mark.parametrize("before", [QUEUED, ASSIGNED, ACCEPTED])
def test_an_override_places_any_open_case(before: Assignment) -> None:
    change = override(before, decided("b", 9), LEADS, by="person-1")
    (event,) = change.events
    assert isinstance(event, CaseReassigned)
    assert (event.from_cluster_id, event.cluster_id, event.overridden_by) == (before.cluster, "b", "person-1")
    assert change.assignment == Assignment("case-1", State.ASSIGNED, "b")


def test_an_override_ends_an_open_offer() -> None:
    change = override(OFFERED, decided("c"), LEADS, by="person-1")
    assert [type(event) for event in change.events] == [HandoverLapsed, CaseReassigned]
    assert change.assignment.handover is None


def test_an_override_to_where_the_case_is_or_nowhere_is_refused() -> None:
    with pytest.raises(AlreadyThere):
        override(ASSIGNED, decided("a"), LEADS, by="person-1")
    with pytest.raises(OutOfTurn):
        override(ASSIGNED, decided(None), LEADS, by="person-1")


def test_an_offer_leaves_the_case_with_the_sender() -> None:
    change = offer(ACCEPTED, handover())
    assert change.assignment.holder == "a"
    (event,) = change.events
    assert isinstance(event, HandoverOffered)
    assert (event.from_cluster_id, event.to_cluster_id, event.answer_by) == ("a", "b", SOON)


def test_only_acceptance_moves_the_holder() -> None:
    change = accept_handover(OFFERED, LEADS, by="person-2")
    assert change.assignment == Assignment("case-1", State.ACCEPTED, "b")
    (event,) = change.events
    assert isinstance(event, HandoverAccepted)
    assert (event.cluster_id, event.organisation_id, event.accepted_by) == ("b", "school-b", "person-2")


def test_a_receiver_that_declines_says_why_and_the_sender_keeps_the_case() -> None:
    change = decline_handover(OFFERED, by="person-2", reason="too-early")
    assert change.assignment == ACCEPTED
    assert change.events == (
        HandoverDeclined(
            case_id="case-1", handover_id="handover-1", from_cluster_id="a", to_cluster_id="b", declined_by="person-2",
            reason="too-early",
        ),
    )  # fmt: skip


def test_an_offer_that_climbs_changes_nothing_but_is_said() -> None:
    change = escalate(OFFERED, 2)
    assert change.assignment == OFFERED
    (event,) = change.events
    assert isinstance(event, HandoverEscalated)
    assert (event.handover_id, event.from_cluster_id, event.to_cluster_id) == ("handover-1", "a", "b")
    assert (event.rung, event.answer_by) == (2, SOON)


def test_an_offer_that_ends_leaves_the_case_with_the_sender_who_is_told() -> None:
    change = end_handover(OFFERED)
    assert change.assignment == ACCEPTED
    (event,) = change.events
    assert isinstance(event, HandoverLapsed)
    assert (event.from_cluster_id, event.to_cluster_id) == ("a", "b")


def test_changed_circumstances_offer_an_accepted_case_instead_of_moving_it() -> None:
    change = offer_by_rule(ACCEPTED, decided("b"), handover("b", by=None))
    assert change.assignment.holder == "a"
    assert isinstance(change.events[0], HandoverOffered)


@pytest.mark.parametrize("cluster", ["a", None])
def test_an_accepted_case_that_belongs_there_or_nowhere_stays(cluster: str | None) -> None:
    assert offer_by_rule(ACCEPTED, decided(cluster), handover("x", by=None)) == Change(ACCEPTED)


def test_an_offer_made_by_rule_follows_the_circumstances() -> None:
    by_rule = offer_by_rule(ACCEPTED, decided("b"), handover("b", by=None)).assignment
    assert offer_by_rule(by_rule, decided("b"), handover("b", by=None)) == Change(by_rule)
    elsewhere = offer_by_rule(by_rule, decided("c"), handover("c", by=None))
    assert [type(event) for event in elsewhere.events] == [HandoverLapsed, HandoverOffered]
    back = offer_by_rule(by_rule, decided("a"), handover("a", by=None))
    assert [type(event) for event in back.events] == [HandoverLapsed]
    assert back.assignment == ACCEPTED


def test_an_offer_made_by_a_person_is_left_alone() -> None:
    assert offer_by_rule(OFFERED, decided("c"), handover("c", by=None)) == Change(OFFERED)


@pytest.mark.parametrize(
    ("attempt", "refusal"),
    [
        (lambda: accept(QUEUED, LEADS, by="p"), OutOfTurn),
        (lambda: accept(ACCEPTED, LEADS, by="p"), OutOfTurn),
        (lambda: give_back(QUEUED, by="p", reason="x"), OutOfTurn),
        (lambda: give_back(ACCEPTED, by="p", reason="x"), OutOfTurn),
        (lambda: offer(ASSIGNED, handover()), OutOfTurn),
        (lambda: offer(QUEUED, handover()), OutOfTurn),
        (lambda: offer(OFFERED, handover("c")), HandoverIsOpen),
        (lambda: offer(ACCEPTED, handover("a")), AlreadyThere),
        (lambda: accept_handover(ACCEPTED, LEADS, by="p"), NothingOffered),
        (lambda: end_handover(ASSIGNED), NothingOffered),
        (lambda: decline_handover(ACCEPTED, by="p", reason="too-early"), NothingOffered),
        (lambda: escalate(ACCEPTED, 1), NothingOffered),
    ],
)
def test_what_is_out_of_turn_is_refused(attempt: Callable[[], Change], refusal: type[Refusal]) -> None:
    with pytest.raises(refusal):
        attempt()


CLOSED = close(OFFERED).assignment


@pytest.mark.parametrize(
    "attempt",
    [
        lambda: accept(CLOSED, LEADS, by="p"),
        lambda: give_back(CLOSED, by="p", reason="x"),
        lambda: override(CLOSED, decided("b"), LEADS, by="p"),
        lambda: offer(CLOSED, handover()),
        lambda: offer_by_rule(CLOSED, decided("b"), handover()),
        lambda: accept_handover(CLOSED, LEADS, by="p"),
        lambda: end_handover(CLOSED),
        lambda: decline_handover(CLOSED, by="p", reason="too-early"),
        lambda: escalate(CLOSED, 1),
        lambda: reconsider(CLOSED, decided("b"), LEADS),
    ],
)
def test_nothing_happens_to_a_closed_case(attempt: Callable[[], Change]) -> None:
    assert (CLOSED.closed, CLOSED.handover) == (True, None)
    with pytest.raises(CaseIsClosed):
        attempt()


def test_every_state_says_what_may_follow() -> None:
    assert set(NEXT) == set(State)
