"""Assessments, plans and statutory requests: their tables of states, and what may not be."""

from dataclasses import replace
from datetime import date, timedelta
from itertools import product
from typing import Any

import pytest
from assessments.domain import assessment as assessing
from assessments.domain import plans, statutory
from assessments.domain.assessment import Assessment, Finding, Provision
from assessments.domain.clocks import Clock
from assessments.domain.clocks import State as ClockState
from assessments.domain.days import day_of, months_after, next_date, start_of
from assessments.domain.plans import Cycle, Outcome, Plan
from assessments.domain.statutory import OVER, Request
from assessments.policy import clock_ending, link_rules_of, pathway_of, process_of
from chassis.errors import Refusal
from hypothesis import given
from hypothesis import strategies as st
from schemas.codes import registry

TODAY = date(2026, 11, 23)
BOTH = ("child", "family")
OPEN = Assessment("a", "case", "north", "lead", ("SLCN", "SEMH"), ("education",), TODAY)
MET = (Finding("SLCN", (Provision("mentoring"), Provision("mentoring"))), Finding("SEMH"))


def test_need_and_provision_are_linked_and_what_is_missing_is_said() -> None:
    done = assessing.complete(OPEN, MET, outcome="plan", on=TODAY, heard=BOTH)
    assert (done.event.provisions, done.event.needs_without_provision) == (("mentoring",), ("SEMH",))
    assert not done.assessment.is_open


@pytest.mark.parametrize(
    ("findings", "heard", "outstanding", "code"),
    [
        (MET, (), (), "views-missing"),
        (MET, ("child",), (), "views-missing"),
        (MET, BOTH, ("health",), "advice-outstanding"),
        (MET[:1], BOTH, (), "need-missing"),
        ((), BOTH, (), "need-missing"),
        ((*MET, MET[0]), BOTH, (), "need-twice"),
    ],
)
def test_an_assessment_is_not_complete_without_its_parts(
    findings: tuple[Finding, ...], heard: tuple[str, ...], outstanding: tuple[str, ...], code: str
) -> None:
    with pytest.raises(Refusal) as caught:
        assessing.complete(OPEN, findings, outcome="plan", on=TODAY, heard=heard, outstanding=outstanding)
    assert caught.value.code == code


def test_a_need_that_was_found_on_the_way_may_be_added() -> None:
    done = assessing.complete(OPEN, (*MET, Finding("ASD")), outcome="plan", on=TODAY, heard=BOTH)
    assert done.event.needs_without_provision == ("SEMH", "ASD")


def test_a_completed_assessment_stays_as_it_is() -> None:
    done = assessing.give_up(OPEN, on=TODAY)
    assert done.event.needs_without_provision == OPEN.needs
    with pytest.raises(assessing.AssessmentIsOver):
        assessing.give_up(done.assessment, on=TODAY)
    with pytest.raises(assessing.AssessmentIsOver):
        assessing.complete(done.assessment, MET, outcome="plan", on=TODAY, heard=BOTH)


PATHWAY = pathway_of(TODAY)
STAGES = tuple(stage.code for stage in PATHWAY.stages)


def a_plan(stage: str = "my-plan", state: plans.State = plans.State.ACTIVE) -> Plan:
    """A plan in its first cycle."""
    cycle = Cycle(1, TODAY, TODAY + timedelta(weeks=12))
    return Plan("p", "case", stage, "consent", TODAY, (cycle,), state=state)


def test_the_pathway_has_the_stages_and_bases_of_the_registries() -> None:
    assert set(STAGES) == set(registry("plan-stages").codes(on=TODAY))
    assert {basis for stage in PATHWAY.stages for basis in stage.bases} <= set(registry("basis-kinds").codes(on=TODAY))
    assert {outcome.value for outcome in Outcome} == set(registry("review-outcomes").codes(on=TODAY))
    assert PATHWAY.stage("ehc-plan").bases == ("legal-obligation",), "statutory stages rest on law"
    assert all("consent" in stage.bases for stage in PATHWAY.stages[:-1]), "early-help stages ask for consent"


@pytest.mark.parametrize(("stage", "outcome", "following"), list(product(STAGES, Outcome, (None, *STAGES))))
def test_a_review_goes_up_down_on_or_out_and_nowhere_else(stage: str, outcome: Outcome, following: str | None) -> None:
    steps = {Outcome.STEP_UP: 1, Outcome.STEP_DOWN: -1}
    distance = 0 if following is None else STAGES.index(following) - STAGES.index(stage)
    fits = following is None if outcome not in steps else distance * steps[outcome] > 0
    if not fits:
        with pytest.raises(plans.WrongStep):
            plans.review(a_plan(stage), outcome=outcome, on=TODAY, next_stage=following, pathway=PATHWAY)
        return
    after = plans.review(a_plan(stage), outcome=outcome, on=TODAY, next_stage=following, pathway=PATHWAY).plan
    goes_on = outcome in {Outcome.CONTINUE, Outcome.CHANGE}
    assert after.state is (plans.State.REVIEWED if goes_on else plans.State.ENDED)


@pytest.mark.parametrize("state", plans.State)
def test_what_may_be_done_with_a_plan_depends_on_where_it_is(state: plans.State) -> None:
    one = a_plan(state=state)

    def review() -> plans.Change:
        return plans.review(one, outcome=Outcome.END, on=TODAY, next_stage=None, pathway=PATHWAY)

    def agree() -> plans.Change:
        return plans.agree_again(one, one.cycle)

    for allowed, act in ((plans.State.ACTIVE, review), (plans.State.REVIEWED, agree)):
        if state is allowed:
            assert act().plan.state in plans.NEXT[state]
        else:
            with pytest.raises(plans.PlanOutOfTurn):
                act()


@given(st.lists(st.sampled_from([Outcome.CONTINUE, Outcome.CHANGE]), max_size=8))
def test_cycles_are_counted_without_a_gap(outcomes: list[Outcome]) -> None:
    plan = a_plan()
    for outcome in outcomes:
        plan = plans.review(plan, outcome=outcome, on=TODAY, next_stage=None, pathway=PATHWAY).plan
        plan = plans.agree_again(plan, Cycle(1, TODAY, TODAY + timedelta(weeks=6))).plan
    assert [cycle.number for cycle in plan.cycles] == list(range(1, len(outcomes) + 2))
    assert [cycle.outcome for cycle in plan.cycles] == [*(outcome.value for outcome in outcomes), None]


def test_a_review_is_not_before_the_agreement_nor_later_than_the_stage_allows() -> None:
    stage = PATHWAY.stage("my-plan")
    assert plans.review_day(stage, TODAY, None) == date(2027, 2, 15)
    assert plans.review_day(stage, TODAY, date(2027, 11, 22)) == date(2027, 11, 22)
    for wrong in (TODAY, date(2027, 11, 23), date(2026, 1, 1)):
        with pytest.raises(plans.ReviewDateWrong):
            plans.review_day(stage, TODAY, wrong)
    with pytest.raises(plans.ReviewDateWrong):
        plans.review(a_plan(), outcome=Outcome.END, on=date(2026, 11, 22), next_stage=None, pathway=PATHWAY)


PROCESS = process_of(TODAY)
STATES = sorted({state for step in PROCESS.steps for state in (*step.from_states, *([step.to] if step.to else []))})
REQUEST = Request("r", "case", "a", "parent", TODAY)


def comments(due: date, state: ClockState = ClockState.RUNNING) -> Clock:
    """The family's time to comment."""
    return Clock("k", "case", "a", statutory.COMMENTS, "r", TODAY, due, TODAY, state=state)


@pytest.mark.parametrize(("state", "step"), list(product(STATES, [step.name for step in PROCESS.steps])))
def test_a_step_is_taken_from_its_states_and_no_other(state: str, step: str) -> None:
    row = PROCESS.step(step)
    request = replace(REQUEST, state=state)
    clocks = [replace(comments(TODAY), kind=statutory.TRANSFER)] if row.guard is statutory.Guard.A_TRANSFER else []
    if state in row.from_states:
        taken = statutory.take(request, row, clocks, on=TODAY, by="desk")
        assert taken.state == (row.to or state)
        assert taken.taken[-1].step == step
    else:
        with pytest.raises(statutory.StepOutOfTurn):
            statutory.take(request, row, clocks, on=TODAY, by="desk")


def test_every_state_can_be_reached_and_left_but_for_the_last() -> None:
    reached, before = {statutory.REQUESTED}, set[str]()
    while reached != before:
        before = set(reached)
        reached |= {step.to for step in PROCESS.steps if step.to and reached & set(step.from_states)}
    assert reached == set(STATES)
    assert {state for state in STATES if not any(state in s.from_states for s in PROCESS.steps)} == OVER - {
        "case-closed"
    }


@pytest.mark.parametrize(
    ("on", "clock", "allowed"),
    [
        ("2026-12-08", comments(date(2026, 12, 8)), False),
        ("2026-12-09", comments(date(2026, 12, 8)), True),
        ("2026-12-01", comments(date(2026, 12, 8), ClockState.MET), True),
    ],
)
def test_the_family_has_its_fifteen_days_unless_it_has_spoken(on: str, clock: Clock, *, allowed: bool) -> None:
    drafted = replace(REQUEST, state="drafted")
    reason = statutory.why_not(drafted, PROCESS.step("issue-final"), [clock], date.fromisoformat(on))
    assert (reason is None) == allowed


def test_steps_do_not_go_back_in_time() -> None:
    asked = statutory.take(REQUEST, PROCESS.step("decide-to-assess"), (), on=TODAY, by="desk")
    with pytest.raises(statutory.StepBeforeLast):
        statutory.take(asked, PROCESS.step("issue-draft"), (), on=TODAY - timedelta(days=1), by="desk")


@pytest.mark.parametrize(
    ("day", "months", "later"),
    [("2028-02-29", 12, "2029-02-28"), ("2027-02-28", 12, "2028-02-28"), ("2026-08-31", 6, "2027-02-28"),
     ("2026-12-31", 1, "2027-01-31"), ("2026-11-30", 3, "2027-02-28"), ("2026-01-15", 0, "2026-01-15")],
)  # fmt: skip
def test_months_end_on_the_same_day_or_the_last(day: str, months: int, later: str) -> None:
    assert months_after(date.fromisoformat(day), months) == date.fromisoformat(later)


def test_days_here_begin_an_hour_sooner_in_summer() -> None:
    assert start_of(date(2027, 7, 1)).isoformat() == "2027-07-01T00:00:00+01:00"
    assert day_of(start_of(date(2027, 7, 1)) - timedelta(seconds=1)) == date(2027, 6, 30)
    assert next_date(date(2027, 2, 14), 2, 15) == date(2027, 2, 15)


def test_endings_and_links_are_dated_data_of_known_codes() -> None:
    reasons: dict[str, Any] = {r: clock_ending(r, TODAY) for r in registry("closing-reasons").codes(on=TODAY)}
    assert set(reasons.values()) <= set(registry("clock-cancellations").codes(on=TODAY))
    assert reasons["needs-met"] == "case-closed"
    assert link_rules_of(TODAY).valid_days > 0
