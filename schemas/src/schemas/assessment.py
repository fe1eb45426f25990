"""What assessments says: advice asked and given, plans and their cycles, and the clocks of the law."""

from datetime import date
from typing import ClassVar

from pydantic import Field

from schemas.event import Code, Event, Id
from schemas.topics import ASSESSMENTS, Topic


class AssessmentEvent(Event):
    """A fact about the assessment of one case."""

    topic: ClassVar[Topic] = ASSESSMENTS
    case_id: Id


class AssessmentOpened(AssessmentEvent):
    """A cluster took its case on, and an inclusion assessment began."""

    type: ClassVar[str] = "jointly.assessment.opened.v1"
    assessment_id: Id
    cluster_id: Id
    #: The lead school's organisation: who answers for the assessment.
    organisation_id: Id
    needs: tuple[Code, ...] = Field(min_length=1)
    #: Whose advice the needs call for.
    disciplines: tuple[Code, ...]


class AssessmentCompleted(AssessmentEvent):
    """The assessment ended, each need with the provision that meets it, or without one."""

    type: ClassVar[str] = "jointly.assessment.completed.v1"
    assessment_id: Id
    outcome: Code
    provisions: tuple[Code, ...]
    #: Needs that nothing was found for: somebody must see them.
    needs_without_provision: tuple[Code, ...] = ()
    completed_on: date


class AdviceEvent(AssessmentEvent):
    """A fact about one discipline's advice."""

    assessment_id: Id
    advice_id: Id
    discipline: Code


class AdviceRequested(AdviceEvent):
    """A discipline was asked for its advice."""

    type: ClassVar[str] = "jointly.advice.requested.v1"
    #: Who was asked; absent when it is an adviser without an account.
    asked_of: Id | None = None
    requested_on: date
    due_on: date


class AdviceReceived(AdviceEvent):
    """A discipline gave its advice."""

    type: ClassVar[str] = "jointly.advice.received.v1"
    received_on: date
    due_on: date
    days_late: int = Field(default=0, ge=0)


class AdviceReused(AdviceEvent):
    """Earlier advice serves again: its giver, the council and the family agreed (SEND Regulations 2014, reg 6(4))."""

    type: ClassVar[str] = "jointly.advice.reused.v1"
    #: The advice that serves again.
    earlier_advice_id: Id
    agreed_on: date


class AdviceCancelled(AdviceEvent):
    """Advice is no longer needed."""

    type: ClassVar[str] = "jointly.advice.cancelled.v1"
    reason: Code


class ViewsRecorded(AssessmentEvent):
    """The child or the family was asked for their views, and gave them or did not."""

    type: ClassVar[str] = "jointly.views.recorded.v1"
    assessment_id: Id
    answer_id: Id
    #: child or family.
    of: Code
    method: Code
    asked_on: date
    #: Why there are none; absent when views were given.
    not_given: Code | None = None


class PlanEvent(AssessmentEvent):
    """A fact about one plan."""

    plan_id: Id
    stage: Code
    #: 1 is the first round of assess, plan, do, review.
    cycle: int = Field(ge=1)


class PlanAgreed(PlanEvent):
    """A plan was agreed, or a further cycle of it."""

    type: ClassVar[str] = "jointly.plan.agreed.v1"
    agreed_on: date
    review_on: date
    provisions: tuple[Code, ...] = ()


class PlanReviewed(PlanEvent):
    """A plan's cycle was reviewed: it goes on, steps up or down, or ends."""

    type: ClassVar[str] = "jointly.plan.reviewed.v1"
    reviewed_on: date
    outcome: Code
    #: The stage it steps to; absent when it stays or ends.
    next_stage: Code | None = None


class ClockEvent(AssessmentEvent):
    """A fact about one time limit of the law."""

    clock_id: Id
    #: Such as ehc-decide-to-assess or advice; what it means is in the registry.
    kind: Code
    due_on: date


class ClockStarted(ClockEvent):
    """A time limit began to run."""

    type: ClassVar[str] = "jointly.clock.started.v1"
    started_on: date
    #: The advice, plan or request that it is about.
    about: Id | None = None


class ClockDueSoon(ClockEvent):
    """A time limit comes near."""

    type: ClassVar[str] = "jointly.clock.due-soon.v1"
    days_left: int = Field(ge=0)


class ClockBreached(ClockEvent):
    """A time limit passed. An exception excuses this; it does not stop the clock."""

    type: ClassVar[str] = "jointly.clock.breached.v1"
    excused: bool
    #: Days from `due_on` to when this was said: 1 as the next day begins, more when nobody could say it then.
    days_late: int = Field(ge=0)


class ClockExcepted(ClockEvent):
    """An exception of the law was recorded with its evidence."""

    type: ClassVar[str] = "jointly.clock.excepted.v1"
    exception: Code
    since: date
    until: date | None = None


class ClockMet(ClockEvent):
    """What the clock waited for was done, in time or late."""

    type: ClassVar[str] = "jointly.clock.met.v1"
    met_on: date
    in_time: bool
    #: The same with exceptions counted as excuses.
    in_time_or_excused: bool


class ClockCancelled(ClockEvent):
    """The clock's reason is gone."""

    type: ClassVar[str] = "jointly.clock.cancelled.v1"
    reason: Code
