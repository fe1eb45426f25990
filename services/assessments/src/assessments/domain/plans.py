"""Plans of the graduated pathway: a stage, in cycles of assess, plan, do, review; up, down or ended at a review."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from typing import Any, Final

from chassis.errors import Conflict, Invalid
from schemas.assessment import PlanAgreed, PlanEvent, PlanReviewed

from assessments.domain.basis import check_stands


class State(StrEnum):
    """Where a plan is. `reviewed`: its cycle is over and the next one is to be agreed."""

    ACTIVE = "active"
    REVIEWED = "reviewed"
    ENDED = "ended"


#: The whole life of a plan.
NEXT: Final[Mapping[State, frozenset[State]]] = {
    State.ACTIVE: frozenset({State.REVIEWED, State.ENDED}),
    State.REVIEWED: frozenset({State.ACTIVE, State.ENDED}),
    State.ENDED: frozenset(),
}


class Outcome(StrEnum):
    """What a review decides."""

    CONTINUE = "continue"
    CHANGE = "change"
    STEP_UP = "step-up"
    STEP_DOWN = "step-down"
    END = "end"


#: After these the same plan has another cycle.
_GOES_ON: Final = frozenset({Outcome.CONTINUE, Outcome.CHANGE})


class PlanOutOfTurn(Conflict):
    """It makes sense, but not in the state that the plan is in."""

    code = "plan-out-of-turn"


class NoSuchStage(Invalid):
    """The pathway has no such stage."""

    code = "no-such-stage"


class WrongBasis(Invalid):
    """This stage does not rest on that basis."""

    code = "wrong-basis"


class ReviewDateWrong(Invalid):
    """The review comes after the agreement, and not later than the stage allows."""

    code = "review-date-wrong"


class WrongStep(Invalid):
    """A plan steps up to a later stage, down to an earlier one, and otherwise stays."""

    code = "wrong-step"


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage of the pathway."""

    code: str
    #: What its agreement may rest on: consent or law.
    bases: tuple[str, ...]
    review_weeks: int
    longest_weeks: int


@dataclass(frozen=True, slots=True)
class Pathway:
    """The stages that hold from a day on, in the order in which they step up."""

    since: date
    stages: tuple[Stage, ...]

    def stage(self, code: str, *, pointer: str = "/stage") -> Stage:
        """The stage. Raises `NoSuchStage`."""
        found = next((stage for stage in self.stages if stage.code == code), None)
        if found is None:
            raise NoSuchStage(f"Use one of: {', '.join(stage.code for stage in self.stages)}.", pointer=pointer)
        return found

    def order(self, code: str) -> int:
        """Its place on the way up."""
        return self.stages.index(self.stage(code, pointer="/next_stage"))


@dataclass(frozen=True, slots=True)
class Cycle:
    """One round of assess, plan, do, review."""

    number: int
    agreed_on: date
    review_on: date
    provisions: tuple[str, ...] = ()
    reviewed_on: date | None = None
    outcome: str | None = None
    next_stage: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan at one stage."""

    id: str
    case_id: str
    stage: str
    #: Consent or law, and since when: each stage has its own.
    basis: str
    basis_on: date
    cycles: tuple[Cycle, ...]
    assessment_id: str | None = None
    state: State = State.ACTIVE
    #: Since when its basis does not stand any more: it can be ended, and goes on on nothing.
    basis_ended_on: date | None = None
    version: int = 0

    @property
    def cycle(self) -> Cycle:
        """The present one, or the last."""
        return self.cycles[-1]


@dataclass(frozen=True, slots=True)
class Change:
    """A plan as it now is, and what is said about it."""

    plan: Plan
    event: PlanEvent


def review_day(stage: Stage, agreed_on: date, review_on: date | None) -> date:
    """The day of the next review: as agreed, or as the stage has it. Raises `ReviewDateWrong`."""
    day = review_on or agreed_on + timedelta(weeks=stage.review_weeks)
    latest = agreed_on + timedelta(weeks=stage.longest_weeks)
    if not agreed_on < day <= latest:
        raise ReviewDateWrong(f"The review must be after {agreed_on} and not after {latest}.", pointer="/review_on")
    return day


def check_basis(stage: Stage, basis: str) -> None:
    """Raises `WrongBasis`."""
    if basis not in stage.bases:
        raise WrongBasis(f"{stage.code} rests on: {', '.join(stage.bases)}.", pointer="/basis/kind")


def agree(plan: Plan) -> Change:
    """A new plan was agreed: its first cycle begins."""
    return Change(plan, _agreed(plan))


def agree_again(plan: Plan, cycle: Cycle) -> Change:
    """The next cycle of a reviewed plan was agreed. Raises `PlanOutOfTurn`."""
    check_stands(plan.basis_ended_on)
    if plan.state is not State.REVIEWED:
        raise PlanOutOfTurn(f"The plan is {plan.state}; its cycle must be reviewed before the next is agreed.")
    again = replace(plan, state=State.ACTIVE, cycles=(*plan.cycles, replace(cycle, number=plan.cycle.number + 1)))
    return Change(again, _agreed(again))


def review(plan: Plan, *, outcome: Outcome, on: date, next_stage: str | None, pathway: Pathway) -> Change:
    """The cycle was reviewed. A step ends this plan: another is agreed at the next stage."""
    if plan.state is not State.ACTIVE:
        raise PlanOutOfTurn(f"The plan is {plan.state}; there is no cycle to review.")
    if on < plan.cycle.agreed_on:
        raise ReviewDateWrong(f"The review cannot be before {plan.cycle.agreed_on}.", pointer="/reviewed_on")
    _check_step(plan, outcome, next_stage, pathway)
    if outcome in _GOES_ON:
        check_stands(plan.basis_ended_on)
    reviewed = replace(plan.cycle, reviewed_on=on, outcome=outcome.value, next_stage=next_stage)
    state = State.REVIEWED if outcome in _GOES_ON else State.ENDED
    after = replace(plan, state=state, cycles=(*plan.cycles[:-1], reviewed))
    event = PlanReviewed(
        case_id=plan.case_id, plan_id=plan.id, stage=plan.stage, cycle=reviewed.number, reviewed_on=on,
        outcome=outcome.value, next_stage=next_stage,
    )  # fmt: skip
    return Change(after, event)


def _check_step(plan: Plan, outcome: Outcome, next_stage: str | None, pathway: Pathway) -> None:
    steps = outcome in {Outcome.STEP_UP, Outcome.STEP_DOWN}
    if steps != (next_stage is not None):
        raise WrongStep("Name the next stage when it steps up or down, and only then.", pointer="/next_stage")
    if next_stage is None:
        return
    up = pathway.order(next_stage) - pathway.order(plan.stage)
    if up == 0 or (up > 0) != (outcome is Outcome.STEP_UP):
        raise WrongStep(f"{next_stage} is not a {outcome.value} from {plan.stage}.", pointer="/next_stage")


def _agreed(plan: Plan) -> PlanAgreed:
    cycle = plan.cycle
    return PlanAgreed(
        case_id=plan.case_id, plan_id=plan.id, stage=plan.stage, cycle=cycle.number, agreed_on=cycle.agreed_on,
        review_on=cycle.review_on, provisions=cycle.provisions,
    )  # fmt: skip


def read_pathways(document: Mapping[str, Any]) -> tuple[Pathway, ...]:
    """The pathways from the form of the data file."""
    return tuple(
        Pathway(
            table["since"],
            tuple(Stage(s["code"], tuple(s["bases"]), s["review_weeks"], s["longest_weeks"]) for s in table["stages"]),
        )
        for table in document["tables"]
    )
