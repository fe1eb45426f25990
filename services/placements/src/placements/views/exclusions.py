"""Exclusions, duties and risks as they travel."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated

from chassis.auth import Caller
from chassis.wire import Action, Day, In, Out, Word, listed
from pydantic import Field
from schemas.codes import registry

from placements.domain.cases import Case
from placements.domain.duties import PENDING, Duty
from placements.domain.exclusions import Exclusion
from placements.domain.risk import Risk, RiskState
from placements.policy import at_the_desk, works_on


class ExclusionIn(In):
    """A suspension or exclusion of a child whose case is known: by its id, or its reference."""

    case: Word
    school_urn: Annotated[str, Field(pattern=r"^[0-9]{6}$")]
    kind: Annotated[Word, listed("exclusion-kinds")]
    reasons: Annotated[tuple[Word, ...], Field(min_length=1, max_length=3, strict=False)]
    #: The first school day of it.
    first_on: Day
    #: Half school days; 0 for a permanent exclusion.
    sessions: Annotated[int, Field(ge=0, le=500)]
    year_group: Annotated[str, Field(pattern=r"^(N|R|[1-9]|1[0-4])$")] | None = None
    social_worker: bool = False


class ExclusionPatch(In):
    """What was wrong; what is not named stays."""

    kind: Word | None = None
    reasons: Annotated[tuple[Word, ...], Field(min_length=1, max_length=3, strict=False)] | None = None
    first_on: Day | None = None
    sessions: Annotated[int, Field(ge=0, le=500)] | None = None
    social_worker: bool | None = None


class ExclusionCancelIn(In):
    """Why it does not stand."""

    reason: Annotated[Word, listed("exclusion-cancellations")]


class GovernorsAskedIn(In):
    """The day on which the parents asked for the governors to meet."""

    asked_on: Day


class DutyMetIn(In):
    """The day on which it was done."""

    met_on: Day


class RiskConfirmIn(In):
    """Nothing needs to be said."""


class RiskDismissIn(In):
    """Why it is none."""

    reason: Annotated[Word, listed("risk-dismissals")]


class ExclusionDutyOut(Out):
    """What the law wants done, by whom, by when."""

    id: str
    kind: str
    label: str
    holder: str
    started_on: date
    due_on: date
    state: str
    met_on: date | None
    reason: str | None
    #: School days until the day; null when it has passed or nothing is left to do.
    school_days_left: int | None
    actions: tuple[Action, ...]


class ExclusionOut(Out):
    """A suspension or exclusion, what it adds up to, and what follows from it."""

    id: str
    case_id: str
    organisation_id: str
    school_urn: str
    kind: str
    reasons: tuple[str, ...]
    first_on: date
    sessions: int
    sessions_in_term: int
    sessions_in_year: int
    year_group: str | None
    social_worker: bool
    reported_on: date
    asked_on: date | None
    cancelled: str | None
    version: int
    duties: tuple[ExclusionDutyOut, ...]
    actions: tuple[Action, ...]


class RiskOut(Out):
    """A raised risk, and why."""

    id: str
    case_id: str
    cluster_id: str | None
    reasons: tuple[str, ...]
    #: The same in words.
    because: tuple[str, ...]
    rules_version: str
    raised_on: date
    state: str
    decided_by: str | None
    reason: str | None
    version: int
    actions: tuple[Action, ...]


def exclusion_out(
    exclusion: Exclusion, duties: Sequence[tuple[Duty, int | None]], case: Case | None, caller: Caller
) -> ExclusionOut:
    """An exclusion as the caller sees it; each duty with its school days left."""
    base = f"/v1/exclusions/{exclusion.id}"
    ours = caller.organisation == exclusion.organisation_id or at_the_desk(caller)
    gone = "It was cancelled." if exclusion.cancelled is not None else None
    why = gone or (None if ours else "Only the school that reported it, or the council's desk, may do this.")
    asks = gone or (None if ours or works_on(caller, case) else why)
    return ExclusionOut(
        id=exclusion.id, case_id=exclusion.case_id, organisation_id=exclusion.organisation_id,
        school_urn=exclusion.school_urn, kind=exclusion.kind, reasons=exclusion.reasons, first_on=exclusion.first_on,
        sessions=exclusion.sessions, sessions_in_term=exclusion.sessions_in_term,
        sessions_in_year=exclusion.sessions_in_year, year_group=exclusion.year_group,
        social_worker=exclusion.social_worker, reported_on=exclusion.reported_on, asked_on=exclusion.asked_on,
        cancelled=exclusion.cancelled, version=exclusion.version,
        duties=tuple(duty_out(duty, left, case, caller) for duty, left in duties),
        actions=(
            Action(name="correct", method="PATCH", href=base, allowed=why is None, reason=why),
            Action(name="cancel", method="POST", href=f"{base}/cancel", allowed=why is None, reason=why),
            Action(
                name="parents-asked", method="POST", href=f"{base}/parents-asked", allowed=asks is None, reason=asks
            ),
        ),
    )  # fmt: skip


def duty_out(duty: Duty, left: int | None, case: Case | None, caller: Caller) -> ExclusionDutyOut:
    """A duty as the caller sees it."""
    ours = caller.organisation == duty.holder or at_the_desk(caller) or works_on(caller, case)
    why = "Nothing is left to do." if duty.state not in PENDING else None if ours else "Only who has it may say so."
    href = f"/v1/exclusions/{duty.exclusion_id}/duties/{duty.id}/met"
    return ExclusionDutyOut(
        id=duty.id, kind=duty.kind, label=registry("duty-kinds").label(duty.kind), holder=duty.holder,
        started_on=duty.started_on, due_on=duty.due_on, state=duty.state, met_on=duty.met_on, reason=duty.reason,
        school_days_left=left if duty.state in PENDING else None,
        actions=(Action(name="met", method="POST", href=href, allowed=why is None, reason=why),),
    )  # fmt: skip


def risk_out(risk: Risk, case: Case | None, caller: Caller) -> RiskOut:
    """A risk as the caller sees it."""
    ours = works_on(caller, case)
    why = f"It is {risk.state}." if risk.state != RiskState.RAISED else None if ours else "The cluster decides."
    base = f"/v1/exclusions/risks/{risk.id}"
    labels = registry("risk-reasons")
    return RiskOut(
        id=risk.id, case_id=risk.case_id, cluster_id=case.cluster_id if case else risk.cluster_id,
        reasons=risk.reasons, because=tuple(labels.label(code) for code in risk.reasons),
        rules_version=risk.rules_version, raised_on=risk.raised_on, state=risk.state, decided_by=risk.decided_by,
        reason=risk.reason, version=risk.version,
        actions=tuple(
            Action(name=name, method="POST", href=f"{base}/{name}", allowed=why is None, reason=why)
            for name in ("confirm", "dismiss")
        ),
    )  # fmt: skip
