"""Whose advice is asked for and of whom; the life of advice, and the three agreements of reg 6(4)."""

from dataclasses import replace
from datetime import date, timedelta
from itertools import product

import pytest
from assessments.domain import advice as advices
from assessments.domain.advice import NEXT, Advice, Agreement, Party, State
from assessments.domain.asking import Asked, Organisation, whom_to_ask
from assessments.domain.dated import NothingInForce
from assessments.policy import asking_of
from chassis.errors import Refusal
from hypothesis import given
from hypothesis import strategies as st
from schemas.assessment import AdviceReceived, AdviceReused
from schemas.codes import registry

TODAY = date(2026, 11, 23)
TABLE = asking_of(TODAY)
NEEDS = registry("need-types").codes(on=TODAY)
DISCIPLINES = registry("advice-disciplines").codes(on=TODAY)


def an_advice(state: State = State.REQUESTED, **changes: object) -> Advice:
    """Advice that was asked for."""
    usual = Advice("v", "case", "a", "education", state, requested_on=TODAY, due_on=TODAY + timedelta(weeks=6))
    return replace(usual, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("needs", "age", "asked"),
    [
        (["SLCN"], 9, ("education", "speech-and-language")),
        (["SEMH"], 9, ("education", "educational-psychology", "mental-health", "early-help")),
        (["SEMH"], 3, ("education", "early-help", "early-years")),
        (["SPLD"], 9, ("education", "specialist-teaching", "educational-psychology")),
        (["SPLD"], 4, ("education", "specialist-teaching", "early-years")),
        (["HI", "VI"], 12, ("education", "sensory-support")),
        (["PD"], 7, ("education", "physiotherapy", "occupational-therapy")),
        (["ASD"], 4, ("education", "speech-and-language", "occupational-therapy", "paediatrics", "early-years")),
        (["ASD"], 5, ("education", "speech-and-language", "occupational-therapy")),
        (["NSA"], 6, ("education", "educational-psychology")),
        ([], 6, ("education",)),
    ],
)
def test_needs_and_age_call_for_disciplines(needs: list[str], age: int, asked: tuple[str, ...]) -> None:
    assert TABLE.disciplines(needs, age) == asked


@given(st.sets(st.sampled_from(NEEDS), min_size=1), st.integers(0, 25))
def test_whatever_the_needs_somebody_is_asked_once_each_and_all_are_known(needs: set[str], age: int) -> None:
    asked = TABLE.disciplines(sorted(needs), age)
    assert asked[0] == "education"
    assert len(set(asked)) == len(asked)
    assert set(asked) <= set(DISCIPLINES)
    assert set(asked) == {d for need in needs for d in TABLE.disciplines([need], age)}


def test_every_need_calls_for_more_than_the_school_and_every_discipline_knows_whom_to_ask() -> None:
    assert all(len(TABLE.disciplines([need], 9)) > 1 for need in NEEDS)
    assert set(TABLE.asked) == set(DISCIPLINES)
    kinds = set(registry("organisation-kinds").codes(on=TODAY))
    assert {kind for asked in TABLE.asked.values() for kind in asked.kinds} <= kinds
    assert set(TABLE.statutory) <= set(DISCIPLINES)
    with pytest.raises(NothingInForce):
        asking_of(date(2014, 8, 31))


HEALTH = Asked("health", ("nhs-trust", "team"))
TRUSTS = [
    Organisation("b-trust", "health", "nhs-trust"),
    Organisation("a-team", "health", "team"),
    Organisation("a-school", "education", "nhs-trust"),
    Organisation("a-trust", "health", "nhs-trust", active=False),
    Organisation("c-trust", "health", "nhs-trust"),
]


@pytest.mark.parametrize(
    ("asked", "organisations", "taking_part", "school", "found"),
    [
        (HEALTH, TRUSTS, set(), None, "b-trust"),
        (HEALTH, TRUSTS, {"c-trust", "a-team"}, None, "c-trust"),
        (HEALTH, TRUSTS[1:2], set(), None, "a-team"),
        (HEALTH, TRUSTS[2:4], set(), None, None),
        (HEALTH, [], {"c-trust"}, None, None),
        (Asked(None, (), of_school=True), TRUSTS, set(), "school-1", "school-1"),
        (Asked(None, (), of_school=True), TRUSTS, set(), None, None),
        (None, TRUSTS, set(), "school-1", None),
    ],
)
def test_who_takes_part_is_asked_first_then_the_first_kind_then_nobody_with_an_account(
    asked: Asked | None, organisations: list[Organisation], taking_part: set[str], school: str | None, found: str | None
) -> None:
    assert whom_to_ask(asked, organisations, school=school, taking_part=taking_part) == found


ACTS = {
    "request": lambda one: advices.request(one, on=TODAY, due_on=TODAY),
    "answer": lambda one: advices.answer(one, on=TODAY),
    "reuse": lambda one: advices.agree(one, [Agreement(party, "x", TODAY) for party in Party]),
    "cancel": lambda one: advices.cancel(one, "not-needed"),
}
ALLOWED = {
    (State.OFFERED, "request"): State.REQUESTED,
    (State.OFFERED, "reuse"): State.REUSED,
    (State.OFFERED, "cancel"): State.CANCELLED,
    (State.REQUESTED, "answer"): State.RECEIVED,
    (State.REQUESTED, "cancel"): State.CANCELLED,
}


@pytest.mark.parametrize(("state", "act"), list(product(State, ACTS)))
def test_the_table_of_states_is_whole(state: State, act: str) -> None:
    one = an_advice(state, earlier_id="earlier")
    expected = ALLOWED.get((state, act))
    if expected is None:
        with pytest.raises(Refusal):
            ACTS[act](one)
        return
    step = ACTS[act](one)
    assert step.advice.state is expected
    assert expected in NEXT[state]
    assert len(step.events) == 1


@pytest.mark.parametrize(("days", "late"), [(0, 0), (42, 0), (43, 1), (60, 18)])
def test_late_is_counted_from_the_last_day(days: int, late: int) -> None:
    [event] = advices.answer(an_advice(), on=TODAY + timedelta(days=days)).events
    assert isinstance(event, AdviceReceived)
    assert event.days_late == late


@given(st.lists(st.tuples(st.sampled_from(list(Party)), st.integers(0, 30)), max_size=8))
def test_nothing_serves_again_before_all_three_agree_and_the_first_word_stands(said: list[tuple[Party, int]]) -> None:
    one = an_advice(State.OFFERED, earlier_id="earlier")
    first: dict[Party, date] = {}
    for party, days in said:
        if one.state is State.REUSED:
            break
        first.setdefault(party, TODAY + timedelta(days=days))
        step = advices.agree(one, [Agreement(party, "x", TODAY + timedelta(days=days))])
        one = step.advice
        assert (one.state is State.REUSED) == (len(first) == len(Party))
        assert bool(step.events) == (one.state is State.REUSED)
        assert {a.party: a.agreed_on for a in one.agreements} == first
        assert set(one.missing) == set(Party) - set(first)
        if step.events:
            [event] = step.events
            assert isinstance(event, AdviceReused)
            assert event.agreed_on == max(first.values())


def test_without_earlier_advice_there_is_nothing_to_agree_on() -> None:
    with pytest.raises(advices.NothingToReuse):
        advices.agree(an_advice(State.OFFERED), [Agreement(Party.GIVER, "x", TODAY)])
