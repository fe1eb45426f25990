"""What people do with an assessment: hear child and family, ask for more advice, complete it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from chassis.clock import new_id
from chassis.errors import Conflict, Invalid
from schemas.assessment import ViewsRecorded

from assessments.domain import assessment as assessing
from assessments.domain.advice import Advice
from assessments.domain.assessment import Assessment, Finding
from assessments.domain.basis import check_stands, ended_on
from assessments.handlers import casework
from assessments.handlers.acts import Act, perform, unchanged
from assessments.handlers.desk import Desk, saved
from assessments.policy import check_code
from assessments.store import CaseFile, Tx
from assessments.store.texts import View


class AskedAlready(Conflict):
    """This discipline is being asked, or its advice may serve again."""

    code = "asked-already"


class NotInTheFuture(Invalid):
    """It has happened, so its day is not later than today."""

    code = "not-in-the-future"


class ViewsOrReason(Invalid):
    """Views, or why there are none: one of the two."""

    code = "views-or-reason"


class NoSuchOrganisation(Invalid):
    """The organisation named is not in the directory, or no longer works."""

    code = "no-such-organisation"


class NoAssessment(Conflict):
    """The case has no assessment yet: no cluster has accepted it."""

    code = "no-assessment"


@dataclass(frozen=True, slots=True)
class Views:
    """What a child or family was asked, and said or did not."""

    of: str
    method: str
    asked_on: date
    asked_by: str
    text: str | None = None
    not_given: str | None = None


@dataclass(frozen=True, slots=True)
class Completion:
    """Each need with its provision and what it is to achieve."""

    outcome: str
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Ask:
    """Whose advice is asked for, of whom, and what."""

    discipline: str
    organisation_id: str | None = None
    #: Ask a person by a link.
    without_account: bool = False
    question: str | None = None


def past(desk: Desk, day: date, pointer: str) -> None:
    """Raises `NotInTheFuture`."""
    if day > desk.today:
        raise NotInTheFuture(f"Today is {desk.today}.", pointer=pointer)


def find(desk: Desk, case: CaseFile, act: Act) -> Assessment:
    """The assessment that an act names, or the newest of the case that it names. Raises `NoAssessment`."""
    found = desk.work.assessments.get(act.id)
    if found is not None:
        return found
    of_case = [one for one in desk.work.assessments.values() if one.case_id == case.id]
    if not of_case:
        raise NoAssessment("No cluster has accepted the case yet: its assessment opens when one does.")
    return desk.open_assessment(case.id) or of_case[-1]


async def record_views(acts: Sequence[Act], tx: Tx) -> Sequence[object]:
    """Somebody asked the child or the family."""

    def step(desk: Desk, case: CaseFile, act: Act) -> View:
        said: Views = act.said
        assessment = find(desk, case, act)
        _open(assessment)
        check_code("views-of", said.of, on=desk.today, pointer="/of")
        check_code("views-methods", said.method, on=desk.today, pointer="/method")
        if (said.text is None) == (said.not_given is None):
            raise ViewsOrReason("Give the views, or why there are none, and not both.", pointer="/text")
        if said.not_given is not None:
            check_code("views-absences", said.not_given, on=desk.today, pointer="/not_given")
        past(desk, said.asked_on, "/asked_on")
        view = View(
            id=new_id(),
            case_id=case.id,
            assessment_id=assessment.id,
            of=said.of,
            asked_by=said.asked_by,
            asked_on=said.asked_on,
            method=said.method,
            not_given=said.not_given,
            text=said.text,
        )
        desk.work.views.append(view)
        event = ViewsRecorded(
            case_id=case.id,
            assessment_id=assessment.id,
            answer_id=view.id,
            of=view.of,
            method=view.method,
            asked_on=view.asked_on,
            not_given=view.not_given,
        )
        desk.say([event], act.cause)
        return view

    return await perform(acts, tx, step, what="assessment", action="views-recorded")


async def ask_advice(acts: Sequence[Act], tx: Tx) -> Sequence[object]:
    """One more discipline is asked, or the same of somebody else."""
    named = {act.said.organisation_id for act in acts if act.said.organisation_id is not None}
    known = {id for id in named if await tx.county.knows(id)}

    def step(desk: Desk, case: CaseFile, act: Act) -> Advice:
        said: Ask = act.said
        assessment = find(desk, case, act)
        _open(assessment)
        check_stands(ended_on(desk.bases.get(case.id, ())))
        check_code("advice-disciplines", said.discipline, on=desk.today, pointer="/discipline")
        if said.organisation_id is not None and said.organisation_id not in known:
            raise NoSuchOrganisation("There is no such organisation.", pointer="/organisation_id")
        if any(one.is_open and one.discipline == said.discipline for one in desk.advice_of(case.id)):
            raise AskedAlready("This discipline is asked already. Cancel that first to ask somebody else.")
        advice = casework.ask(
            desk,
            case,
            assessment,
            said.discipline,
            act.cause,
            asked_of=said.organisation_id,
            without_account=said.without_account,
            question=said.question,
        )
        return saved(advice)

    return await perform(acts, tx, step, what="assessment", action="advice-asked", asking=True)


async def complete_assessments(acts: Sequence[Act], tx: Tx) -> Sequence[object]:
    """The assessment ends: need, provision and outcome are linked, and what is missing is said."""
    heard = await _heard(acts, tx)

    def step(desk: Desk, case: CaseFile, act: Act) -> Assessment:
        said: Completion = act.said
        assessment = find(desk, case, act)
        unchanged(desk, assessment, act)
        check_code("assessment-outcomes", said.outcome, on=desk.today, pointer="/outcome")
        for n, finding in enumerate(said.findings):
            check_code("need-types", finding.need, on=desk.today, pointer=f"/needs/{n}/need")
            for m, provision in enumerate(finding.provisions):
                pointer = f"/needs/{n}/provisions/{m}/kind"
                check_code("provision-kinds", provision.kind, on=desk.today, pointer=pointer)
        done = assessing.complete(
            assessment,
            said.findings,
            outcome=said.outcome,
            on=desk.today,
            heard=heard.get(assessment.id, set()),
            outstanding=[
                one.discipline
                for one in desk.advice_of(case.id)
                if one.assessment_id == assessment.id and one.is_open and not one.statutory
            ],
        )
        desk.keep_assessment(done.assessment)
        desk.say([done.event], act.cause)
        return saved(done.assessment)

    return await perform(acts, tx, step, what="assessment", action="assessment-completed")


async def _heard(acts: Sequence[Act], tx: Tx) -> dict[str, set[str]]:
    """Whose views are recorded, by assessment, for those named and those of the cases named."""
    cases = await tx.casework.cases_of("assessment", [act.id for act in acts])
    of_cases = await tx.casework.assessments({*cases.values(), *(act.id for act in acts)})
    return await tx.texts.heard({one.id for one in of_cases})


def _open(assessment: Assessment) -> None:
    if not assessment.is_open:
        raise assessing.AssessmentIsOver("The assessment is completed.")
