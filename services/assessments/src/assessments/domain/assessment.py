"""One inclusion assessment of a case: it opens, hears child and family, and completes need by need."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Final

from chassis.errors import Conflict, Invalid
from schemas.assessment import AssessmentCompleted, AssessmentOpened


class State(StrEnum):
    """Where an assessment is."""

    OPEN = "open"
    COMPLETED = "completed"


#: The whole life of an assessment.
NEXT: Final[Mapping[State, frozenset[State]]] = {
    State.OPEN: frozenset({State.COMPLETED}),
    State.COMPLETED: frozenset(),
}
#: Whose views belong to every assessment.
VOICES: Final = ("child", "family")
#: The outcome of an assessment whose case ended first.
CASE_CLOSED: Final = "case-closed"


class AssessmentIsOver(Conflict):
    """It is completed."""

    code = "assessment-over"


class ViewsMissing(Conflict):
    """Neither views nor a reason why there are none are recorded for the child and the family."""

    code = "views-missing"


class AdviceOutstanding(Conflict):
    """Advice was asked for and neither came nor was cancelled."""

    code = "advice-outstanding"


class NeedMissing(Invalid):
    """Every need has its line, with provision or without."""

    code = "need-missing"


class NeedTwice(Invalid):
    """A need has one line."""

    code = "need-twice"


@dataclass(frozen=True, slots=True)
class Provision:
    """What is done about a need, and what it is to achieve."""

    kind: str
    outcome: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """A need with the provision that meets it; none is allowed, and shown."""

    need: str
    provisions: tuple[Provision, ...] = ()


@dataclass(frozen=True, slots=True)
class Assessment:
    """One assessment."""

    id: str
    case_id: str
    cluster_id: str
    organisation_id: str
    needs: tuple[str, ...]
    disciplines: tuple[str, ...]
    opened_on: date
    state: State = State.OPEN
    completed_on: date | None = None
    outcome: str | None = None
    findings: tuple[Finding, ...] = ()
    version: int = 0

    @property
    def is_open(self) -> bool:
        """Whether it goes on."""
        return self.state is State.OPEN

    @property
    def without_provision(self) -> tuple[str, ...]:
        """Needs that nothing was found for."""
        return tuple(finding.need for finding in self.findings if not finding.provisions)


@dataclass(frozen=True, slots=True)
class Completed:
    """An assessment that ended, and what is said about it."""

    assessment: Assessment
    event: AssessmentCompleted


def opened(assessment: Assessment) -> AssessmentOpened:
    """What is said when an assessment opens."""
    return AssessmentOpened(
        case_id=assessment.case_id,
        assessment_id=assessment.id,
        cluster_id=assessment.cluster_id,
        organisation_id=assessment.organisation_id,
        needs=assessment.needs,
        disciplines=assessment.disciplines,
    )


def complete(
    assessment: Assessment,
    findings: Collection[Finding],
    *,
    outcome: str,
    on: date,
    heard: Collection[str],
    outstanding: Collection[str] = (),
) -> Completed:
    """It ends with need, provision and outcome linked. `heard`: whose views, or the lack of them, are recorded."""
    _still_open(assessment)
    unheard = [voice for voice in VOICES if voice not in heard]
    if unheard:
        raise ViewsMissing(f"Record the views, or why there are none, of: {', '.join(unheard)}.")
    if outstanding:
        raise AdviceOutstanding(f"Wait for or cancel the advice of: {', '.join(sorted(outstanding))}.")
    named = [finding.need for finding in findings]
    if len(set(named)) != len(named):
        raise NeedTwice("Give each need once, with all its provision.", pointer="/needs")
    missing = [need for need in assessment.needs if need not in named]
    if missing:
        raise NeedMissing(f"Say what is done about: {', '.join(missing)}.", pointer="/needs")
    return _ended(replace(assessment, findings=tuple(findings)), outcome, on)


def give_up(assessment: Assessment, *, on: date) -> Completed:
    """The case ended first: every need stays without provision. Raises `AssessmentIsOver`."""
    _still_open(assessment)
    found = tuple(Finding(need) for need in assessment.needs)
    return _ended(replace(assessment, findings=found), CASE_CLOSED, on)


def _ended(assessment: Assessment, outcome: str, on: date) -> Completed:
    done = replace(assessment, state=State.COMPLETED, outcome=outcome, completed_on=on)
    provisions = (provision.kind for finding in done.findings for provision in finding.provisions)
    event = AssessmentCompleted(
        case_id=done.case_id,
        assessment_id=done.id,
        outcome=outcome,
        provisions=tuple(dict.fromkeys(provisions)),
        needs_without_provision=done.without_provision,
        completed_on=on,
    )
    return Completed(done, event)


def _still_open(assessment: Assessment) -> None:
    if State.COMPLETED not in NEXT[assessment.state]:
        raise AssessmentIsOver("The assessment is completed.")
