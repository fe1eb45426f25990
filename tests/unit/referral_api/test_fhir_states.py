"""How far a referral is, as a Task says it."""

from datetime import UTC, date, datetime
from typing import Final

import pytest
from referral_api.domain.case_file import Assignment, CaseFile, Referral
from referral_api.domain.circumstances import home_of
from referral_api.domain.fhir.states import NoStateFits, task_status
from referral_api.domain.lifecycle import CaseStatus, ReferralStatus
from referral_api.store.fhir_rules import fhir_rules
from referral_api.views.example import REFERRAL
from schemas.codes import registry

AT: Final = datetime(2026, 11, 24, 9, tzinfo=UTC)
STATES: Final = fhir_rules(date(2026, 11, 24)).states
#: https://hl7.org/fhir/R4/valueset-task-status.html
TASK: Final = {
    "draft", "requested", "received", "accepted", "rejected", "ready", "cancelled", "in-progress", "on-hold", "failed",
    "completed", "entered-in-error",
}  # fmt: skip


def a_case(*, referral: str = "submitted", closed: str | None = None, assignment: str = "pending") -> CaseFile:
    """A case with one referral, in these states."""
    sent = Referral(
        "r-1", "c-1", "child-1", "nhs-trust", "health", dict(REFERRAL), home_of(REFERRAL, None), AT, AT, "nhs-trust"
    )
    case = CaseFile.opened(sent, reference="PVJ-MD4-WCY", intake="county-council", at=AT)
    sent.status = ReferralStatus(referral)
    case.assignment = Assignment(state=assignment)
    if closed is not None:
        case.status, case.closing_reason = CaseStatus.CLOSED, closed
    return case


def status_of(case: CaseFile, *, begun: bool = False) -> str:
    return task_status(STATES, case.referrals[0], case, begun=begun)


@pytest.mark.parametrize(
    ("assignment", "begun", "status"),
    [
        ("pending", False, "requested"),
        ("queued", False, "requested"),
        ("assigned", False, "received"),
        ("accepted", False, "accepted"),
        ("accepted", True, "in-progress"),
        ("pending", True, "in-progress"),
    ],
)
def test_an_open_case_is_as_far_as_its_assignment(assignment: str, begun: bool, status: str) -> None:
    assert status_of(a_case(assignment=assignment), begun=begun) == status


@pytest.mark.parametrize(
    ("reason", "status"),
    [
        ("needs-met", "completed"),
        ("plan-in-place", "completed"),
        ("statutory-plan", "completed"),
        ("moved-away", "cancelled"),
        ("no-contact", "cancelled"),
        ("opened-in-error", "entered-in-error"),
    ],
)
def test_a_closed_case_has_ended_well_or_not(reason: str, status: str) -> None:
    assert status_of(a_case(referral="closed", closed=reason, assignment="accepted"), begun=True) == status


def test_what_was_taken_back_is_cancelled_however_the_case_goes_on() -> None:
    assert status_of(a_case(referral="withdrawn", assignment="accepted"), begun=True) == "cancelled"
    assert status_of(a_case(referral="withdrawn", closed="needs-met")) == "cancelled"


def test_who_is_asked_for_more_is_waited_for() -> None:
    assert status_of(a_case(referral="information-requested", assignment="accepted"), begun=True) == "on-hold"


def test_every_state_has_a_status_of_fhir() -> None:
    reasons = [None, *registry("closing-reasons").codes(on=AT.date())]
    for referral in ReferralStatus:
        for closed in reasons:
            for assignment in ("pending", "queued", "assigned", "accepted"):
                case = a_case(referral=referral.value, closed=closed, assignment=assignment)
                assert {status_of(case, begun=begun) for begun in (True, False)} <= TASK
    with pytest.raises(NoStateFits):
        task_status([], a_case().referrals[0], a_case(), begun=False)
