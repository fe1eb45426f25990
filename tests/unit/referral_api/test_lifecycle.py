"""States of referrals and cases, who takes part, and events in plain words."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from referral_api.domain.lifecycle import ACTIVE, NEXT, NEXT_OF_CASE, CaseStatus, ReferralStatus, may_become
from referral_api.domain.participation import Participants, joined, left, present
from referral_api.domain.sentences import fallback, sentence

MONDAY, TUESDAY = date(2026, 11, 23), date(2026, 11, 24)


def test_every_state_has_its_row_in_the_table() -> None:
    assert set(NEXT) == set(ReferralStatus)
    assert set(NEXT_OF_CASE) == set(CaseStatus)
    assert {ReferralStatus.SUBMITTED, ReferralStatus.INFORMATION_REQUESTED} == ACTIVE


@pytest.mark.parametrize("to", ReferralStatus)
def test_a_withdrawn_referral_stays_withdrawn(to: ReferralStatus) -> None:
    assert not may_become(ReferralStatus.WITHDRAWN, to)


def test_a_referral_waits_for_information_and_goes_on() -> None:
    assert may_become(ReferralStatus.SUBMITTED, ReferralStatus.INFORMATION_REQUESTED)
    assert may_become(ReferralStatus.INFORMATION_REQUESTED, ReferralStatus.SUBMITTED)


def test_an_organisation_joins_once_and_its_first_day_stays() -> None:
    once = joined((), "school-1", sector="education", role="referrer", on=MONDAY)
    assert joined(once, "school-1", sector="education", role="referrer", on=TUESDAY) == once
    assert present(once) == ("school-1",)


def test_an_organisation_that_left_one_role_still_takes_part_in_another() -> None:
    both = joined((), "school-1", sector="education", role="referrer", on=MONDAY)
    both = joined(both, "school-1", sector="education", role="holder", on=MONDAY)
    after = left(both, role="holder", on=TUESDAY)
    assert present(after) == ("school-1",)
    assert present(after, roles=("holder",)) == ()
    assert {p.until for p in after} == {None, TUESDAY}


def test_who_comes_back_takes_part_again_from_that_day() -> None:
    gone = left(joined((), "a", sector="health", role="referrer", on=MONDAY), role="referrer", on=MONDAY)
    again = joined(gone, "a", sector="health", role="referrer", on=TUESDAY)
    assert [(p.since, p.until) for p in again] == [(TUESDAY, None)]


@given(st.lists(st.tuples(st.booleans(), st.sampled_from("abc"), st.sampled_from(["referrer", "holder"])), max_size=12))
def test_taking_part_is_the_last_thing_that_happened(steps: list[tuple[bool, str, str]]) -> None:
    people: Participants = ()
    inside: set[tuple[str, str]] = set()
    for joins, organisation, role in steps:
        if joins:
            people = joined(people, organisation, sector="education", role=role, on=MONDAY)
            inside.add((organisation, role))
        else:
            people = left(people, role=role, organisation=organisation, on=TUESDAY)
            inside.discard((organisation, role))
    assert set(present(people)) == {organisation for organisation, _ in inside}
    assert len({(p.organisation_id, p.role) for p in people}) == len(people)


def test_a_template_is_filled_in_plain_words() -> None:
    words = {("organisation", "school-1"): "A school", ("help", "a"): "an assessment", ("help", "b"): "money"}
    told = sentence(
        "{organisation_id:organisation} asked for {requested:help}{missing}.",
        {"organisation_id": "school-1", "requested": ["a", "b"]},
        lambda kind, value: words[kind, value],
    )
    assert told == "A school asked for an assessment and money."


def test_a_list_of_objects_is_told_by_their_types() -> None:
    data = {"needs": [{"type": "A"}, {"type": "B"}, {"type": "C"}]}
    assert sentence("{needs:x}", data, lambda _, value: value.lower()) == "a, b and c"
    assert sentence("{needs}", {"needs": []}, lambda _, value: value) == ""


def test_an_event_without_a_template_still_has_words() -> None:
    assert fallback("jointly.plan.agreed.v1") == "Plan agreed."


def test_the_readme_shows_the_table() -> None:
    root = Path(__file__).resolve().parents[3]
    readme = (root / "referral-api/README.md").read_text()
    shown = "; ".join(
        f"{was.value} -> {', '.join(to.value for to in ReferralStatus if to in NEXT[was])}"
        for was in ReferralStatus
        if NEXT[was]
    )
    assert f"A referral: {shown}." in readme
