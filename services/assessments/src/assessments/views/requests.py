"""Statutory requests as they are answered, with every step that may follow."""

from collections.abc import Sequence
from datetime import date

from chassis.wire import Action, Out

from assessments.domain.clocks import Clock
from assessments.domain.statutory import Request, why_not
from assessments.policy import process_of
from assessments.views.actions import action


class TakenOut(Out):
    """A step that was taken."""

    step: str
    on: date
    by: str


class StatutoryRequestOut(Out):
    """A statutory request, and what may follow."""

    id: str
    case_id: str
    assessment_id: str
    asked_by: str
    received_on: date
    state: str
    steps: tuple[TakenOut, ...]
    version: int
    actions: tuple[Action, ...] = ()


def request_out(request: Request, clocks: Sequence[Clock], *, on: date, team: bool) -> StatutoryRequestOut:
    """A statutory request, with every step and why it cannot be taken now."""
    base = f"/v1/assessments/{request.assessment_id}/statutory-requests/{request.id}/steps"
    actions = []
    for step in process_of(request.received_on).steps:
        refusal = why_not(request, step, clocks, on)
        reason = refusal.detail if refusal else None if team else "Only those who work the case may do this."
        actions.append(action(step.name, base, reason))
    return StatutoryRequestOut(
        id=request.id,
        case_id=request.case_id,
        assessment_id=request.assessment_id,
        asked_by=request.asked_by,
        received_on=request.received_on,
        state=request.state,
        steps=tuple(TakenOut(step=t.step, on=t.on, by=t.by) for t in request.taken),
        version=request.version,
        actions=tuple(actions),
    )
