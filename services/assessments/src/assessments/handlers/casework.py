"""What happens in several places: an assessment opens, advice is asked for, clocks start, are met and end."""

from collections.abc import Collection
from dataclasses import replace
from datetime import date, timedelta

from chassis.cause import Cause
from chassis.clock import new_id

from assessments.domain import advice as advices
from assessments.domain import clocks as ticking
from assessments.domain.advice import Advice
from assessments.domain.asking import whom_to_ask
from assessments.domain.assessment import Assessment, give_up, opened
from assessments.domain.basis import ended_on
from assessments.domain.clocks import Clock
from assessments.domain.statutory import CLOSED
from assessments.handlers.desk import Desk
from assessments.policy import LIMITS, asking_of
from assessments.store import CaseFile

#: The clock of one discipline's advice.
ADVICE = "advice"


def open_assessment(desk: Desk, case: CaseFile, cause: Cause) -> Assessment:
    """An assessment opens and asks for the advice that the needs call for. The case has a holder."""
    table = asking_of(desk.today)
    needs = case.needs or (table.unknown_need,)
    # What rests on nothing asks nobody; the team asks when there is a basis again.
    rests = ended_on(desk.bases.get(case.id, ())) is None
    disciplines = table.disciplines(needs, case.age) if rests else ()
    assessment = Assessment(
        id=new_id(),
        case_id=case.id,
        cluster_id=case.cluster_id or "",
        organisation_id=case.organisation_id or "",
        needs=needs,
        disciplines=disciplines,
        opened_on=desk.today,
    )
    desk.keep_assessment(assessment)
    desk.say([opened(assessment)], cause)
    for discipline in disciplines:
        ask(desk, case, assessment, discipline, cause)
    return assessment


def ask(
    desk: Desk,
    case: CaseFile,
    assessment: Assessment,
    discipline: str,
    cause: Cause,
    *,
    asked_of: str | None = None,
    question: str | None = None,
    statutory: bool = False,
    without_account: bool = False,
) -> Advice:
    """Earlier advice that still serves is offered; otherwise the discipline is asked, and its clock starts."""
    if asked_of is None and not without_account:
        asked_of = whom_to_ask(
            asking_of(desk.today).asked.get(discipline),
            desk.organisations,
            school=desk.schools.get(case.school_urn or ""),
            taking_part={id for id, _ in desk.participants.get(case.id, ())},
        )
    earlier = earlier_advice(desk, case.id, discipline)
    advice = Advice(
        id=new_id(),
        case_id=case.id,
        assessment_id=assessment.id,
        discipline=discipline,
        state=advices.State.OFFERED,
        asked_of=asked_of,
        earlier_id=earlier.id if earlier else None,
        statutory=statutory,
    )
    if question is not None:
        desk.work.questions.append((advice.id, case.id, question))
    if earlier is not None:
        desk.keep_advice(advice)
        return advice
    return request(desk, case, advice, cause)


def earlier_advice(desk: Desk, case_id: str, discipline: str) -> Advice | None:
    """The newest advice of this case and discipline that was given late enough to serve again."""
    oldest = desk.today - timedelta(weeks=asking_of(desk.today).reuse_weeks)
    given = [
        one
        for one in desk.advice_of(case_id)
        if one.discipline == discipline
        and one.state is advices.State.RECEIVED
        and one.received_on is not None
        and one.received_on >= oldest
    ]
    return max(given, key=lambda one: (one.received_on, one.id), default=None)


def request(desk: Desk, case: CaseFile, advice: Advice, cause: Cause) -> Advice:
    """The discipline is asked: six weeks, or what the law has by then."""
    clock = start_clock(desk, case, ADVICE, desk.today, cause, about=advice.id, quietly=True)
    step = advices.request(advice, on=desk.today, due_on=clock.due_on)
    desk.keep_advice(step.advice)
    desk.say(step.events, cause)
    desk.keep_clock(ticking.start(replace(clock, assessment_id=advice.assessment_id)), cause)
    return step.advice


def start_clock(
    desk: Desk,
    case: CaseFile,
    kind: str,
    on: date,
    cause: Cause,
    *,
    about: str,
    assessment_id: str | None = None,
    given: date | None = None,
    variant: str = "",
    quietly: bool = False,
) -> Clock:
    """A clock by the rule of the day on which it starts. `quietly`: whoever asked keeps it and says so."""
    limit = LIMITS.limit(kind, on)
    clock = Clock(
        id=new_id(),
        case_id=case.id,
        assessment_id=assessment_id,
        kind=kind,
        about=about,
        started_on=on,
        due_on=limit.due_on(on, desk.calendar(case), variant=variant, given=given),
        rule_since=limit.since,
        cluster_id=case.cluster_id,
    )
    if not quietly:
        desk.keep_clock(ticking.start(clock), cause)
    return clock


def meet_clocks(
    desk: Desk, case_id: str, about: str, on: date, cause: Cause, *, kinds: Collection[str] | None = None
) -> None:
    """What these clocks waited for was done; those that do not run are left alone."""
    for clock in desk.open_clocks(case_id, about=about):
        if kinds is None or clock.kind in kinds:
            desk.keep_clock(ticking.meet(clock, on), cause)


def cancel_clocks(
    desk: Desk,
    case_id: str,
    reason: str,
    cause: Cause,
    *,
    about: str | None = None,
    kinds: Collection[str] | None = None,
) -> None:
    """The reason of these clocks is gone."""
    for clock in desk.open_clocks(case_id, about=about):
        if kinds is None or clock.kind in kinds:
            desk.keep_clock(ticking.cancel(clock, reason), cause)


def cancel_advice(desk: Desk, advice: Advice, reason: str, cause: Cause, *, clocks: str = "advice-cancelled") -> Advice:
    """Advice is no longer needed, nor its clock, nor a link to answer it."""
    step = advices.cancel(advice, reason)
    desk.keep_advice(step.advice)
    desk.say(step.events, cause)
    desk.work.answered.append(advice.id)
    cancel_clocks(desk, advice.case_id, clocks, cause, about=advice.id)
    return step.advice


def end_case(desk: Desk, case_id: str, clocks: str, cause: Cause) -> None:
    """The case ended: nothing is waited for any longer. `clocks`: why its clocks end."""
    for advice in desk.advice_of(case_id):
        if advice.is_open:
            cancel_advice(desk, advice, "case-closed", cause, clocks=clocks)
    assessment = desk.open_assessment(case_id)
    if assessment is not None:
        done = give_up(assessment, on=desk.today)
        desk.keep_assessment(done.assessment)
        desk.say([done.event], cause)
    for request_ in desk.requests_of(case_id):
        if request_.is_open:
            desk.keep_request(replace(request_, state=CLOSED))
    cancel_clocks(desk, case_id, clocks, cause)
