"""Plans as they are answered."""

from collections.abc import Mapping
from datetime import date

from chassis.wire import Action, Out

from assessments.domain.plans import Plan, State
from assessments.views.actions import action


class PlanCycleOut(Out):
    """A cycle of a plan."""

    number: int
    agreed_on: date
    review_on: date
    provisions: tuple[str, ...]
    reviewed_on: date | None
    outcome: str | None
    next_stage: str | None
    text: str | None = None
    review_text: str | None = None


class PlanOut(Out):
    """A plan with its cycles."""

    id: str
    case_id: str
    assessment_id: str | None
    stage: str
    state: str
    basis: str
    basis_on: date
    #: Since when it does not stand any more: the plan can be ended, and goes on on nothing.
    basis_ended_on: date | None
    cycle: int
    review_on: date
    cycles: tuple[PlanCycleOut, ...]
    actions: tuple[Action, ...] = ()


def plan_out(plan: Plan, texts: Mapping[tuple[str, int, str], str | None], *, team: bool) -> PlanOut:
    """A plan with its cycles; what they say only for those who work the case."""
    ours = None if team else "Only those who work the case may do this."
    state = f"The plan is {plan.state}."
    withdrawn = "Its basis was withdrawn." if plan.basis_ended_on is not None else None
    base = f"/v1/plans/{plan.id}"
    return PlanOut(
        id=plan.id,
        case_id=plan.case_id,
        assessment_id=plan.assessment_id,
        stage=plan.stage,
        state=plan.state.value,
        basis=plan.basis,
        basis_on=plan.basis_on,
        basis_ended_on=plan.basis_ended_on,
        cycle=plan.cycle.number,
        review_on=plan.cycle.review_on,
        cycles=tuple(
            PlanCycleOut(
                number=c.number,
                agreed_on=c.agreed_on,
                review_on=c.review_on,
                provisions=c.provisions,
                reviewed_on=c.reviewed_on,
                outcome=c.outcome,
                next_stage=c.next_stage,
                text=texts.get((plan.id, c.number, "plan")) if team else None,
                review_text=texts.get((plan.id, c.number, "review")) if team else None,
            )
            for c in plan.cycles
        ),
        actions=(
            action("review", f"{base}/reviews", ours if plan.state is State.ACTIVE else state),
            action("agree", f"{base}/agree", (withdrawn or ours) if plan.state is State.REVIEWED else state),
        ),
    )
