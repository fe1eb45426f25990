"""What callers say."""

from typing import Annotated, Literal

from chassis.wire import Day, In, Line, Prose, Word, listed
from pydantic import Field

#: A text that says something.
Said = Annotated[Prose, Field(min_length=1)]


class NothingIn(In):
    """Nothing needs to be said."""


class ViewsIn(In):
    """The child or the family was asked: what they said, or why they did not."""

    of: Annotated[Word, listed("views-of")]
    method: Annotated[Word, listed("views-methods")]
    asked_on: Day
    #: The role of who asked, such as `class teacher`; your own id when you leave it out.
    asked_by: Line | None = None
    text: Said | None = None
    not_given: Annotated[Word, listed("views-absences")] | None = None


class AskAdviceIn(In):
    """Whose advice is asked for. Nobody named: whoever the table of disciplines has."""

    discipline: Annotated[Word, listed("advice-disciplines")]
    organisation_id: Word | None = None
    without_account: bool = Field(default=False, description="Ask a person by a link, whoever the table has.")
    question: Said | None = None


class FoundProvisionIn(In):
    """What is done about a need, and what it is to achieve."""

    kind: Annotated[Word, listed("provision-kinds")]
    outcome: Said | None = None


class FoundNeedIn(In):
    """A need with its provision; none is allowed, and shown."""

    need: Annotated[Word, listed("need-types")]
    provisions: Annotated[tuple[FoundProvisionIn, ...], Field(max_length=30)] = ()


class CompletionIn(In):
    """How the assessment ends, need by need."""

    outcome: Annotated[Word, listed("assessment-outcomes")]
    needs: Annotated[tuple[FoundNeedIn, ...], Field(min_length=1, max_length=30)]


class AdviceAnswerIn(In):
    """An adviser's advice."""

    text: Said


class LinkAnswerIn(AdviceAnswerIn):
    """Advice of somebody without an account: their title, and what they say."""

    given_by: Line


class ReuseAgreementIn(In):
    """Whether one of the three says that earlier advice suffices."""

    party: Literal["giver", "council", "parent"]
    agrees: bool = True
    #: The role of who said so, such as `speech therapist` or `mother`; never a name.
    agreed_by: Line
    agreed_on: Day


class ReuseAdviceIn(In):
    """One agreement or several; all three make earlier advice serve again, one refusal asks anew."""

    agreements: Annotated[tuple[ReuseAgreementIn, ...], Field(min_length=1, max_length=3)]


class CancelAdviceIn(In):
    """Why."""

    reason: Annotated[Word, listed("advice-cancellations")]


class PlanBasisIn(In):
    """What this stage rests on: consent, or law."""

    kind: Annotated[Word, listed("basis-kinds")]
    recorded_on: Day


class PlanCycleIn(In):
    """A cycle of a plan. No review date: what the stage usually has."""

    agreed_on: Day
    review_on: Day | None = None
    provisions: Annotated[tuple[Annotated[Word, listed("provision-kinds")], ...], Field(max_length=30)]
    text: Said | None = None


class NewPlanIn(PlanCycleIn):
    """A plan and its first cycle."""

    stage: Annotated[Word, listed("plan-stages")]
    basis: PlanBasisIn


class PlanReviewIn(In):
    """What a review decided; the next stage where it steps up or down."""

    outcome: Annotated[Word, listed("review-outcomes")]
    reviewed_on: Day
    next_stage: Annotated[Word, listed("plan-stages")] | None = None
    text: Said | None = None


class StatutoryRequestIn(In):
    """Somebody asked the council for an education, health and care needs assessment."""

    asked_by: Literal["parent", "young-person", "school", "other"]
    received_on: Day


class StatutoryStepIn(In):
    """A step of the process, and the day on which it was taken."""

    step: Word
    on: Day
    variant: Literal["", "post-16"] = Field(default="", description="Which date counts for a phase transfer.")


class ClockExceptionIn(In):
    """An exception of the law, and what shows that it is true."""

    exception: Annotated[Word, listed("clock-exceptions")]
    since: Day
    until: Day | None = None
    evidence: Said
