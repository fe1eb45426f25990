"""What people do with plans: agree on one, review it, agree on its next cycle."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from chassis.cause import Cause
from chassis.clock import new_id
from chassis.errors import Conflict

from assessments.domain import plans
from assessments.domain.plans import Cycle, Outcome, Plan, Stage
from assessments.handlers import casework
from assessments.handlers.acts import ASSESSMENT, Act, perform, unchanged
from assessments.handlers.assessments import past
from assessments.handlers.desk import Desk, saved
from assessments.policy import check_code, pathway_of
from assessments.store import CaseFile, Tx

PLAN: Final = "plan"
#: The clock of a cycle.
REVIEW: Final = "plan-review"


class PlanIsThere(Conflict):
    """The case has a plan at this stage that goes on."""

    code = "plan-is-there"


@dataclass(frozen=True, slots=True)
class Agreement:
    """What a cycle of a plan comes to."""

    agreed_on: date
    review_on: date | None
    provisions: tuple[str, ...]
    text: str | None = None
    #: For a new plan: its stage, and the basis that it rests on since a day.
    stage: str = ""
    basis: str = ""
    basis_on: date | None = None


@dataclass(frozen=True, slots=True)
class Review:
    """What a review decided."""

    outcome: str
    reviewed_on: date
    next_stage: str | None = None
    text: str | None = None


async def agree_plans(acts: Sequence[Act], tx: Tx) -> Sequence[object]:
    """A plan is agreed, with or without an assessment; its review is waited for."""

    def step(desk: Desk, case: CaseFile, act: Act) -> Plan:
        said: Agreement = act.said
        stage = pathway_of(desk.today).stage(said.stage)
        check_code("basis-kinds", said.basis, on=desk.today, pointer="/basis/kind")
        plans.check_basis(stage, said.basis)
        past(desk, said.basis_on or said.agreed_on, "/basis/recorded_on")
        there = (one for one in desk.work.plans.values() if one.case_id == case.id and one.stage == stage.code)
        if any(one.state is not plans.State.ENDED and one.basis_ended_on is None for one in there):
            raise PlanIsThere("The case has a plan at this stage: review it, then agree on its next cycle.")
        assessment = desk.work.assessments.get(act.id) or desk.open_assessment(case.id)
        plan = Plan(
            id=new_id(),
            case_id=case.id,
            stage=stage.code,
            basis=said.basis,
            basis_on=said.basis_on or said.agreed_on,
            cycles=(_cycle(desk, stage, said),),
            assessment_id=assessment.id if assessment else None,
        )
        return _agreed(desk, case, plans.agree(plan), said, act.cause)

    return await perform(acts, tx, step, what=ASSESSMENT, action="plan-agreed")


async def agree_cycles(acts: Sequence[Act], tx: Tx) -> Sequence[object]:
    """The next cycle of a reviewed plan is agreed."""

    def step(desk: Desk, case: CaseFile, act: Act) -> Plan:
        said: Agreement = act.said
        plan = _found(desk, act)
        cycle = _cycle(desk, pathway_of(desk.today).stage(plan.stage), said)
        return _agreed(desk, case, plans.agree_again(plan, cycle), said, act.cause)

    return await perform(acts, tx, step, what=PLAN, action="plan-agreed")


async def review_plans(acts: Sequence[Act], tx: Tx) -> Sequence[object]:
    """A cycle is reviewed: the plan goes on, changes, steps up or down, or ends."""

    def step(desk: Desk, case: CaseFile, act: Act) -> Plan:
        said: Review = act.said
        plan = _found(desk, act)
        check_code("review-outcomes", said.outcome, on=desk.today, pointer="/outcome")
        past(desk, said.reviewed_on, "/reviewed_on")
        change = plans.review(
            plan,
            outcome=Outcome(said.outcome),
            on=said.reviewed_on,
            next_stage=said.next_stage,
            pathway=pathway_of(desk.today),
        )
        desk.keep_plan(change.plan)
        desk.say([change.event], act.cause)
        _write(desk, change.plan, "review", said.text)
        casework.meet_clocks(desk, case.id, plan.id, said.reviewed_on, act.cause)
        return saved(change.plan)

    return await perform(acts, tx, step, what=PLAN, action="plan-reviewed")


def _found(desk: Desk, act: Act) -> Plan:
    plan = desk.work.plans[act.id]
    unchanged(desk, plan, act)
    return plan


def _cycle(desk: Desk, stage: Stage, said: Agreement) -> Cycle:
    past(desk, said.agreed_on, "/agreed_on")
    for n, kind in enumerate(said.provisions):
        check_code("provision-kinds", kind, on=desk.today, pointer=f"/provisions/{n}")
    return Cycle(1, said.agreed_on, plans.review_day(stage, said.agreed_on, said.review_on), said.provisions)


def _agreed(desk: Desk, case: CaseFile, change: plans.Change, said: Agreement, cause: Cause) -> Plan:
    plan = change.plan
    desk.keep_plan(plan)
    desk.say([change.event], cause)
    _write(desk, plan, "plan", said.text)
    casework.start_clock(
        desk,
        case,
        REVIEW,
        plan.cycle.agreed_on,
        cause,
        about=plan.id,
        assessment_id=plan.assessment_id,
        given=plan.cycle.review_on,
    )
    return saved(plan)


def _write(desk: Desk, plan: Plan, part: str, text: str | None) -> None:
    row: dict[str, Any] = {
        "plan_id": plan.id,
        "cycle": plan.cycle.number,
        "part": part,
        "case_id": plan.case_id,
        "text": text,
    }
    if text is not None:
        desk.work.plan_texts.append(row)
