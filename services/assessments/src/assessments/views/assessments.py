"""Assessments as they are answered, with views, advice and requests."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from chassis.wire import Action, Out

from assessments.domain.advice import State
from assessments.domain.assessment import VOICES, Assessment
from assessments.store.texts import View
from assessments.views.actions import action
from assessments.views.advice import AdviceOut
from assessments.views.requests import StatutoryRequestOut


class ViewOut(Out):
    """What a child or family was asked, and said or did not."""

    id: str
    of: str
    asked_by: str
    asked_on: date
    method: str
    not_given: str | None
    text: str | None


class FoundProvisionOut(Out):
    """What is done about a need, and what it is to achieve."""

    kind: str
    outcome: str | None


class FoundNeedOut(Out):
    """A need with its provision."""

    need: str
    provisions: tuple[FoundProvisionOut, ...]


class AssessmentOut(Out):
    """An assessment in a list."""

    id: str
    case_id: str
    cluster_id: str
    organisation_id: str
    state: str
    needs: tuple[str, ...]
    disciplines: tuple[str, ...]
    opened_on: date
    completed_on: date | None
    outcome: str | None
    href: str


class WholeAssessmentOut(AssessmentOut):
    """An assessment with all that belongs to it."""

    reference: str
    findings: tuple[FoundNeedOut, ...]
    needs_without_provision: tuple[str, ...]
    views: tuple[ViewOut, ...]
    views_missing: tuple[str, ...]
    advice: tuple[AdviceOut, ...]
    #: Earlier advice that may serve again, and waits for agreements.
    offers: tuple[AdviceOut, ...]
    statutory_requests: tuple[StatutoryRequestOut, ...]
    actions: tuple[Action, ...]


def assessment_out(one: Assessment) -> AssessmentOut:
    """An assessment in a list."""
    return AssessmentOut(**_summary(one))


def _summary(one: Assessment) -> dict[str, Any]:
    return {
        "id": one.id,
        "case_id": one.case_id,
        "cluster_id": one.cluster_id,
        "organisation_id": one.organisation_id,
        "state": one.state.value,
        "needs": one.needs,
        "disciplines": one.disciplines,
        "opened_on": one.opened_on,
        "completed_on": one.completed_on,
        "outcome": one.outcome,
        "href": f"/v1/assessments/{one.id}",
    }


def whole_assessment_out(
    one: Assessment,
    *,
    reference: str,
    views: Sequence[View],
    advice: Sequence[AdviceOut],
    requests: Sequence[StatutoryRequestOut],
    team: bool,
) -> WholeAssessmentOut:
    """An assessment with all that belongs to it; what people said only for those who work the case."""
    heard = {view.of for view in views}
    missing = tuple(voice for voice in VOICES if voice not in heard)
    return WholeAssessmentOut(
        **_summary(one),
        reference=reference,
        findings=tuple(
            FoundNeedOut(
                need=finding.need,
                provisions=tuple(
                    FoundProvisionOut(kind=p.kind, outcome=p.outcome if team else None) for p in finding.provisions
                ),
            )
            for finding in one.findings
        ),
        needs_without_provision=one.without_provision,
        views=tuple(view_out(view, team=team) for view in views),
        views_missing=missing,
        advice=tuple(a for a in advice if a.state != State.OFFERED.value),
        offers=tuple(a for a in advice if a.state == State.OFFERED.value),
        statutory_requests=tuple(requests),
        actions=_assessment_actions(one, missing, advice, team=team),
    )


def _assessment_actions(
    one: Assessment, missing: Sequence[str], advice: Sequence[AdviceOut], *, team: bool
) -> tuple[Action, ...]:
    base = f"/v1/assessments/{one.id}"
    ours = None if team else "Only those who work the case may do this."
    over = ours if one.is_open else "The assessment is completed."
    waits = [a.discipline for a in advice if a.state in {"offered", "requested"} and not a.statutory]
    complete = over
    if complete is None and missing:
        complete = f"Views, or why there are none, are missing of: {', '.join(missing)}."
    elif complete is None and waits:
        complete = f"Advice is waited for: {', '.join(sorted(waits))}."
    return (
        action("record-views", f"{base}/views", over),
        action("ask-advice", f"{base}/advice", over),
        action("complete", f"{base}/complete", complete),
        action("agree-plan", f"{base}/plans", ours),
        action("statutory-request", f"{base}/statutory-requests", ours),
    )


def view_out(view: View, *, team: bool) -> ViewOut:
    """What somebody was asked, and said."""
    return ViewOut(
        id=view.id,
        of=view.of,
        asked_by=view.asked_by if team else "",
        asked_on=view.asked_on,
        method=view.method,
        not_given=view.not_given,
        text=view.text if team else None,
    )
