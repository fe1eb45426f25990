"""Who is told of what: from facts to people."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from notifier.domain.facts import Fact
from notifier.domain.planning import (
    COUNCIL,
    Case,
    Context,
    Holder,
    Kind,
    Place,
    addresses,
    late,
    places_to_look,
    plan,
)
from notifier.domain.rules import Urgency
from notifier.policy import RULES
from unit.notifier.builders import (
    CLUSTER,
    LEAD,
    NOON,
    REFERRING,
    a_case,
    a_fact,
    a_holder,
    a_referrer,
    directory,
    the_desk,
)


def told(fact: Fact | None = None, case: Case | None = None, context: Context | None = None) -> dict[str, str]:
    """Person -> the rule by which they are told."""
    messages, _ = plan(fact or a_fact(), case or a_case(), context or directory(), RULES)
    return {message.person_id: message.rule.id for message in messages}


def test_the_leads_and_caseworkers_of_the_assigned_cluster_are_told() -> None:
    context = directory(
        a_holder("lead", "cluster-lead"),
        a_holder("worker"),
        a_holder("elsewhere", cluster_id="forest-primary"),
        a_holder("therapist", "adviser"),
    )
    assert told(context=context) == {"lead": "case-assigned", "worker": "case-assigned"}


def test_the_referrers_of_the_referring_organisation_are_told_where_it_went() -> None:
    context = directory(a_holder("worker"), a_referrer("senco"), the_desk())
    assert told(context=context) == {"worker": "case-assigned", "senco": "referral-placed"}


def test_somebody_whom_two_rules_reach_is_told_once_by_the_first() -> None:
    both = [a_holder("ann-or-so"), a_referrer("ann-or-so")]
    assert told(context=directory(*both)) == {"ann-or-so": "case-assigned"}
    assert told(context=directory(*reversed(both))) == {"ann-or-so": "case-assigned"}


def test_somebody_in_two_roles_of_one_rule_is_told_once() -> None:
    context = directory(a_holder("one"), a_holder("one", "cluster-lead"))
    messages, _ = plan(a_fact(), a_case(), context, RULES)
    assert [m.person_id for m in messages] == ["one"]


@pytest.mark.parametrize(
    ("role", "since", "until", "is_told"),
    [
        ("caseworker", date(2026, 11, 20), None, True),
        ("caseworker", date(2026, 11, 21), None, False),
        ("caseworker", date(2026, 1, 1), date(2026, 11, 20), True),
        ("caseworker", date(2026, 1, 1), date(2026, 11, 19), False),
    ],
)
def test_who_is_in_the_role_is_decided_on_the_day_of_the_fact(
    role: str, since: date, until: date | None, is_told: bool
) -> None:
    somebody = a_holder("x", role, since=since, until=until)
    assert ("x" in told(context=directory(somebody, the_desk()))) is is_told


def test_the_day_is_the_countys_own() -> None:
    # 23:30 UTC on 30 June is already 1 July in the county.
    fact = a_fact(at=datetime(2026, 6, 30, 23, 30, tzinfo=UTC))
    starts_in_july = a_holder("x", since=date(2026, 7, 1))
    assert told(fact, context=directory(starts_in_july, the_desk())) == {"x": "case-assigned"}


def test_a_lead_of_the_lead_school_without_a_cluster_leads_what_the_school_leads() -> None:
    head = a_holder("head", "cluster-lead", organisation_id=LEAD, cluster_id=None)
    assert told(context=directory(head, the_desk())) == {"head": "case-assigned"}


def rung_of(context: Context) -> tuple[int | None, list[str]]:
    found = next(t for t in plan(a_fact(), a_case(), context, RULES)[1] if t.address.rule.id == "case-assigned")
    return found.rung, [message.person_id for message in found.messages]


def test_nobody_in_the_role_falls_to_the_team_then_the_lead_school_then_the_desk() -> None:
    team = a_holder("therapist", "adviser")
    school = a_holder("dsl", "safeguarding-lead", organisation_id=LEAD, cluster_id=None)
    desk = the_desk()
    assert rung_of(directory(team, school, desk)) == (1, ["therapist"])
    assert rung_of(directory(school, desk)) == (2, ["dsl"])
    assert rung_of(directory(desk)) == (3, ["desk"])
    assert rung_of(directory()) == (None, [])


def test_a_cluster_whose_lead_school_is_unknown_still_falls_to_the_desk() -> None:
    assert rung_of(Context.of([the_desk()], {})) == (3, ["desk"])


def test_a_referring_school_without_referrers_troubles_nobody_and_is_noted() -> None:
    _, found = plan(a_fact(), a_case(), directory(a_holder("worker"), the_desk()), RULES)
    noted = {t.address.place: t.rung for t in found}
    assert noted == {Place(Kind.CLUSTER, CLUSTER): 0, Place(Kind.ORGANISATION, REFERRING): None}


@pytest.mark.parametrize("type", ["jointly.case.returned.v1", "jointly.case.unrouted.v1"])
def test_a_case_without_a_cluster_is_the_desks_at_once(type: str) -> None:
    messages, _ = plan(a_fact(type), a_case(), directory(the_desk(), a_holder("worker")), RULES)
    assert [(m.person_id, m.urgency) for m in messages] == [("desk", Urgency.AT_ONCE)]


def test_only_an_immediate_referral_wakes_the_desk() -> None:
    opened = a_fact("jointly.case.opened.v1", urgency="soon")
    assert told(opened, context=directory(the_desk())) == {}
    assert told(replace(opened, urgency="immediate"), context=directory(the_desk())) == {"desk": "case-immediate"}


@pytest.mark.parametrize(
    ("case_urgency", "urgency"),
    [("routine", Urgency.ORDINARY), ("soon", Urgency.ORDINARY), ("urgent", Urgency.AT_ONCE)],
)
def test_an_urgent_case_makes_its_assignment_urgent(case_urgency: str, urgency: Urgency) -> None:
    messages, _ = plan(a_fact(), a_case(urgency=case_urgency), directory(a_holder("worker")), RULES)
    assert [m.urgency for m in messages] == [urgency]


def test_what_happens_before_a_cluster_holds_the_case_is_the_desks() -> None:
    withdrawn = a_fact("jointly.referral.withdrawn.v1")
    context = directory(a_holder("worker"), the_desk())
    assert told(withdrawn, a_case(), context) == {"desk": "referral-withdrawn"}
    assert told(withdrawn, a_case(cluster_id=CLUSTER), context) == {"worker": "referral-withdrawn"}


def test_a_hand_over_is_offered_to_the_receiver_and_its_end_told_to_the_sender() -> None:
    context = directory(
        a_holder("sender", "cluster-lead"), a_holder("receiver", "cluster-lead", cluster_id="forest-secondary")
    )
    case = a_case(cluster_id=CLUSTER)
    offered = a_fact(
        "jointly.handover.offered.v1", from_cluster_id=CLUSTER, to_cluster_id="forest-secondary", due=NOON.date()
    )
    assert told(offered, case, context) == {"receiver": "handover-offered"}
    taken = a_fact("jointly.handover.accepted.v1", cluster_id="forest-secondary", actor="receiver")
    assert told(taken, case, context) == {"sender": "handover-accepted"}
    lapsed = a_fact("jointly.handover.lapsed.v1", from_cluster_id=CLUSTER, to_cluster_id="forest-secondary")
    assert told(lapsed, case, context) == {"sender": "handover-lapsed"}


def test_a_move_is_told_to_both_clusters_and_a_move_to_itself_to_one() -> None:
    context = directory(a_holder("old"), a_holder("new", cluster_id="forest-primary"))
    moved = a_fact("jointly.case.reassigned.v1", cluster_id="forest-primary", from_cluster_id=CLUSTER)
    assert told(moved, a_case(cluster_id=CLUSTER), context) == {"new": "case-reassigned", "old": "case-moved-away"}
    stayed = replace(moved, cluster_id=CLUSTER)
    assert told(stayed, a_case(cluster_id=CLUSTER), context) == {"old": "case-reassigned"}
    left = [a.rule.id for a in addresses(stayed, a_case(cluster_id=CLUSTER, referring=()), RULES)]
    assert left == ["case-reassigned"]


def test_who_did_it_is_not_told_and_nobody_else_is_told_instead() -> None:
    returned = a_fact("jointly.case.returned.v1", actor="desk")
    messages, found = plan(returned, a_case(), directory(the_desk()), RULES)
    assert messages == ()
    assert [t.rung for t in found] == [0]


def test_letters_go_to_those_who_want_them() -> None:
    context = directory(a_holder("paper"), a_holder("screen", wants_email=False))
    messages, _ = plan(a_fact(), a_case(), context, RULES)
    assert {m.person_id: m.by_email for m in messages} == {"paper": True, "screen": False}


def test_a_rule_for_the_inbox_alone_sends_no_letters() -> None:
    amended = a_fact("jointly.referral.amended.v1")
    messages, _ = plan(amended, a_case(cluster_id=CLUSTER), directory(a_holder("worker")), RULES)
    assert [m.by_email for m in messages] == [False]


def test_who_becomes_known_late_gets_a_letter_only_about_what_cannot_wait() -> None:
    context = directory(a_holder("worker"))
    ordinary, _ = plan(a_fact(), a_case(), context, RULES)
    urgent, _ = plan(a_fact(), a_case(urgency="urgent"), context, RULES)
    assert [m.by_email for m in (*late(ordinary), *late(urgent))] == [False, True]


def test_people_are_looked_for_wherever_a_ladder_may_lead() -> None:
    found = addresses(a_fact(), a_case(), RULES)
    assert places_to_look(found, {CLUSTER: LEAD}) == {
        COUNCIL,
        Place(Kind.CLUSTER, CLUSTER),
        Place(Kind.ORGANISATION, LEAD),
        Place(Kind.ORGANISATION, REFERRING),
    }


@pytest.mark.parametrize("key", ["cluster:stroud-primary", "organisation:school-115482", "council"])
def test_a_place_is_found_again_by_its_key(key: str) -> None:
    assert Place.from_key(key).key == key


# Rules of arithmetic, over any directory.

_DAYS = st.dates(date(2026, 11, 1), date(2026, 11, 30))
_HOLDERS = st.builds(
    Holder,
    person_id=st.sampled_from(["p1", "p2", "p3", "p4"]),
    role=st.sampled_from(["cluster-lead", "caseworker", "adviser", "referrer", "intake"]),
    organisation_id=st.sampled_from([LEAD, REFERRING, "county-council"]),
    sector=st.sampled_from(["education", "council"]),
    cluster_id=st.sampled_from([None, CLUSTER, "forest-primary"]),
    since=_DAYS,
    until=st.none() | _DAYS,
)
_FACTS = st.builds(
    a_fact,
    st.sampled_from(sorted(RULES.events)),
    cluster_id=st.sampled_from([None, CLUSTER, "forest-primary"]),
    from_cluster_id=st.sampled_from([None, CLUSTER]),
    to_cluster_id=st.sampled_from([None, "forest-primary"]),
    asked_of=st.sampled_from([None, REFERRING]),
    urgency=st.sampled_from([None, "routine", "immediate"]),
    actor=st.sampled_from([None, "p1"]),
)
_CASES = st.builds(a_case, cluster_id=st.sampled_from([None, CLUSTER]), referring=st.sampled_from([(), (REFERRING,)]))


@given(_FACTS, _CASES, st.lists(_HOLDERS, max_size=8))
def test_nobody_is_told_twice_and_the_order_of_the_directory_does_not_matter(
    fact: Fact, case: Case, holders: list[Holder]
) -> None:
    messages, found = plan(fact, case, directory(*holders), RULES)
    people = [message.person_id for message in messages]
    assert len(people) == len(set(people))
    assert fact.actor not in people
    again, _ = plan(fact, case, directory(*reversed(holders)), RULES)
    assert again == messages
    assert {m.person_id for t in found for m in t.messages} == set(people)


@given(_FACTS, _CASES, st.lists(_HOLDERS, max_size=8))
def test_whoever_is_told_is_somebody_of_the_directory_on_that_day(
    fact: Fact, case: Case, holders: list[Holder]
) -> None:
    messages, _ = plan(fact, case, directory(*holders), RULES)
    assert {m.person_id for m in messages} <= {h.person_id for h in holders if h.on(fact.on)}


@given(_FACTS, _CASES, st.lists(_HOLDERS, max_size=8))
def test_somebody_at_the_desk_means_that_only_courtesies_find_nobody(
    fact: Fact, case: Case, holders: list[Holder]
) -> None:
    _, found = plan(fact, case, directory(*holders, the_desk("desk-1"), the_desk("desk-2")), RULES)
    assert all(t.rung is not None for t in found if t.address.rule.ladder or t.address.place == COUNCIL)


@given(_FACTS, _CASES, st.lists(_HOLDERS, max_size=6), st.integers(0, 6))
def test_in_whatever_order_fact_and_roles_are_heard_of_the_right_people_are_told_in_the_end(
    fact: Fact, case: Case, holders: list[Holder], known: int
) -> None:
    right, _ = plan(fact, case, directory(*holders), RULES)
    inbox: set[str] = set()
    stood_in: set[str] = set()
    for heard in range(min(known, len(holders)), len(holders) + 1):
        messages, found = plan(fact, case, directory(*holders[:heard]), RULES)
        inbox |= {m.person_id for m in messages}
        stood_in |= {m.person_id for t in found if t.rung != 0 for m in t.messages}
    assert {m.person_id for m in right} <= inbox
    # Nobody else, but those who had to stand in while the role looked empty.
    assert inbox - {m.person_id for m in right} <= stood_in
