"""Answers: what each looks like (`…Out`, for the document), and how it is made of domain values."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from chassis.wire import Action, Out
from pydantic import AwareDatetime

from referral_api.domain.case_file import CaseFile, Referral
from referral_api.domain.lifecycle import CaseStatus
from referral_api.handlers.files import File


class SafeguardingOut(Out):
    """Whom to call now: a referral is no way to report that a child is in danger."""

    name: str
    telephone: str
    hours: str
    advice: str


class NoticeOut(Out):
    """Something to know that is no mistake."""

    code: str
    detail: str


class SubmittedOut(Out):
    """A referral that was taken."""

    referral_id: str
    case_id: str
    #: What people quote to each other.
    reference: str
    status: str
    actions: tuple[Action, ...]
    #: Only when the urgency is immediate.
    safeguarding: SafeguardingOut | None = None
    notices: tuple[NoticeOut, ...] = ()


class RehearsedOut(Out):
    """What would happen; nothing was kept."""

    dry_run: bool
    status: str
    #: JSON pointers of what would differ.
    fields: tuple[str, ...] = ()
    #: The parts of the case's circumstances that would differ: they may move it to another cluster.
    circumstances_changed: tuple[str, ...] = ()
    closes_case: bool = False
    home: str | None = None
    safeguarding: SafeguardingOut | None = None
    notices: tuple[NoticeOut, ...] = ()


class ChangedOut(Out):
    """A referral's new version."""

    referral_id: str
    case_id: str
    reference: str
    status: str
    version: int
    #: JSON pointers of what differs from before.
    fields: tuple[str, ...]
    #: The parts of the case's circumstances that differ: they may move it to another cluster.
    circumstances_changed: tuple[str, ...]
    actions: tuple[Action, ...]
    #: Only after a question or an answer.
    request_id: str | None = None
    #: Only when the urgency has become immediate.
    safeguarding: SafeguardingOut | None = None


class InformationRequestOut(Out):
    """What the sender was asked for."""

    request_id: str
    asked_by: str
    asked_at: AwareDatetime
    due_on: str
    fields: tuple[str, ...]
    question: str
    answer: str | None
    answered_at: AwareDatetime | None
    #: When nobody waited for an answer any more.
    ended_at: AwareDatetime | None


class ReferralSummaryOut(Out):
    """A line of a list of referrals."""

    referral_id: str
    case_id: str
    reference: str
    organisation_id: str
    sector: str
    status: str
    version: int
    urgency: str
    sender_reference: str | None
    submitted_at: AwareDatetime


class ReferralOut(Out):
    """A referral as it stands, in the shape in which it is sent, with what the reader may see of it."""

    referral_id: str
    #: referral; or exclusion-notice, which asks for nothing and says what in `exclusion`.
    kind: str
    case_id: str
    reference: str
    organisation_id: str
    sector: str
    status: str
    version: int
    submitted_at: AwareDatetime
    child: dict[str, Any]
    family: dict[str, Any] | None
    needs: tuple[dict[str, Any], ...]
    concern: dict[str, Any]
    requested: tuple[str, ...]
    urgency: str
    basis: dict[str, Any]
    referrer: dict[str, Any]
    exclusion: dict[str, Any] | None = None
    information_requests: tuple[InformationRequestOut, ...]
    actions: tuple[Action, ...]


class AssignmentOut(Out):
    """Where the case is: pending until routing has told."""

    state: str
    cluster_id: str | None
    cluster_name: str | None
    organisation_id: str | None
    reasons: tuple[str, ...]
    decision: int | None
    since: AwareDatetime | None


class ParticipantOut(Out):
    """An organisation that takes part, or did."""

    organisation_id: str
    name: str | None
    sector: str
    role: str
    since: str
    until: str | None


class CaseSummaryOut(Out):
    """A line of a list of cases: it names nobody."""

    case_id: str
    reference: str
    status: str
    opened_at: AwareDatetime
    closed_at: AwareDatetime | None
    urgency: str
    risk_of_exclusion: str
    primary_need: str | None
    year_group: str | None
    #: Its state, cluster, organisation, and since when.
    assignment: dict[str, Any]
    #: When any service last said something new of it.
    last_changed_at: AwareDatetime


class CaseOut(Out):
    """A case, as far as the reader works it or has sent a referral to it."""

    case_id: str
    reference: str
    status: str
    opened_at: AwareDatetime
    closed_at: AwareDatetime | None
    closing_reason: str | None
    assignment: AssignmentOut
    circumstances: dict[str, Any]
    child: dict[str, Any]
    participants: tuple[ParticipantOut, ...]
    referrals: tuple[dict[str, Any], ...]
    actions: tuple[Action, ...]


class TimelineEntryOut(Out):
    """One fact, in plain words."""

    id: str
    #: When it was said.
    at: AwareDatetime
    source: str
    #: Which service said it, as `?service=` takes it.
    service: str
    sequence: int
    type: str
    #: The type in short, such as funding.awarded.
    kind: str
    text: str
    #: Who did it: an organisation, a cluster or a provider, or the service itself.
    by: str
    #: Whether it came to be known long after it was said, or tells of what passed unnoticed.
    late: bool
    #: When it came to be known here.
    heard_at: AwareDatetime | None
    #: Of messages: how many people were told of one fact, and by which of the notifier's rules.
    people: int | None = None
    rule: str | None = None


class NameOut(Out):
    """What the child of a case is called."""

    case_id: str
    reference: str
    given_name: str
    family_name: str


class MatchOut(Out):
    """Two children that may be one, side by side."""

    match_id: str
    status: str
    #: Which rule asks.
    matched_by: str
    weight: int
    #: Field -> how far the two agree on it.
    levels: dict[str, str]
    asked_at: AwareDatetime
    decided_at: AwareDatetime | None
    #: What each sender says, the latest word first; one list for each of the two.
    children: tuple[tuple[dict[str, Any], ...], ...]
    actions: tuple[Action, ...]


def instant(at: datetime | None) -> str | None:
    """UTC with Z."""
    return None if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def action(name: str, method: str, href: str, *, allowed: bool = True, reason: str | None = None) -> dict[str, Any]:
    """Something to do next, or why not."""
    return {"name": name, "method": method, "href": href, "allowed": allowed, "reason": None if allowed else reason}


def actions_of_sender(referral: Referral, *, waiting: str | None = None) -> list[dict[str, Any]]:
    """What the sender of a referral can do with it; `waiting` is a request that it has not answered."""
    here, active = f"/v1/referrals/{referral.referral_id}", referral.active
    ended = f"The referral is {referral.status.value}."
    notice = f"An exclusion is cancelled at /v1/exclusions/{referral.referral_id}."
    return [
        action("amend", "PATCH", here, allowed=active, reason=ended),
        action(
            "withdraw",
            "POST",
            f"{here}/withdraw",
            allowed=active and not referral.is_notice,
            reason=notice if active else ended,
        ),
        action(
            "answer",
            "POST",
            f"{here}/information-requests/{waiting or '{request_id}'}/answer",
            allowed=active and waiting is not None,
            reason="Nothing has been asked." if active else ended,
        ),
        action("read-case", "GET", f"/v1/cases/{referral.case_id}"),
        action("read-timeline", "GET", f"/v1/cases/{referral.case_id}/timeline"),
    ]


def actions_of_worker(referral: Referral) -> list[dict[str, Any]]:
    """What whoever works the case can do with a referral."""
    return [
        action(
            "request-information",
            "POST",
            f"/v1/referrals/{referral.referral_id}/information-requests",
            allowed=referral.active,
            reason=f"The referral is {referral.status.value}.",
        ),
        action("read-case", "GET", f"/v1/cases/{referral.case_id}"),
        action("read-timeline", "GET", f"/v1/cases/{referral.case_id}/timeline"),
    ]


def referral_body(
    file: File, child: Mapping[str, Any], requests: Sequence[Mapping[str, Any]], *, own: bool, works: bool
) -> dict[str, Any]:
    """`ReferralOut`; `child` is what the reader may see of the child."""
    referral = file.referral
    content: Mapping[str, Any] = referral.content
    waiting = next((each["request_id"] for each in requests if not (each["answered_at"] or each["ended_at"])), None)
    by_name = {
        each["name"]: each
        for each in (
            *(actions_of_sender(referral, waiting=waiting) if own else ()),
            *(actions_of_worker(referral) if works else ()),
        )
    }
    return {
        "referral_id": referral.referral_id,
        "kind": referral.kind,
        "case_id": referral.case_id,
        "reference": file.case.reference,
        "organisation_id": referral.organisation_id,
        "sector": referral.sector,
        "status": referral.status.value,
        "version": referral.version,
        "submitted_at": instant(referral.submitted_at),
        "child": dict(child),
        **{
            name: content.get(name)
            for name in ("family", "needs", "concern", "requested", "urgency", "basis", "referrer", "exclusion")
        },
        "information_requests": [request_body(each) for each in requests],
        "actions": list(by_name.values()),
    }


def request_body(row: Mapping[str, Any]) -> dict[str, Any]:
    """`InformationRequestOut`."""
    return {
        "request_id": row["request_id"],
        "asked_by": row["asked_by"],
        "asked_at": instant(row["asked_at"]),
        "due_on": row["due_on"].isoformat(),
        "fields": list(row["fields"]),
        "question": row["question"],
        "answer": row["answer"],
        "answered_at": instant(row["answered_at"]),
        "ended_at": instant(row["ended_at"]),
    }


def case_body(
    case: CaseFile,
    child: Mapping[str, Any],
    referrals: Sequence[Referral],
    names: Mapping[tuple[str, str], str],
    *,
    works: bool,
) -> dict[str, Any]:
    """`CaseOut`; `child` and `referrals` are what the reader may see."""
    held = case.assignment
    return {
        "case_id": case.case_id,
        "reference": case.reference,
        "status": case.status.value,
        "opened_at": instant(case.opened_at),
        "closed_at": instant(case.closed_at),
        "closing_reason": case.closing_reason,
        "assignment": {
            "state": held.state,
            "cluster_id": held.cluster_id,
            "cluster_name": names.get(("cluster", held.cluster_id or "")),
            "organisation_id": held.organisation_id,
            "reasons": list(held.reasons),
            "decision": held.decision,
            "since": instant(held.since),
        },
        "circumstances": case.circumstances.model_dump(mode="json", exclude={"home"}),
        "child": dict(child),
        "participants": [
            {**each.model_dump(mode="json"), "name": names.get(("organisation", each.organisation_id))}
            for each in case.participants
        ],
        "referrals": [
            {
                "referral_id": each.referral_id,
                "kind": each.kind,
                "organisation_id": each.organisation_id,
                "sector": each.sector,
                "status": each.status.value,
                "submitted_at": instant(each.submitted_at),
                "requested": each.content["requested"],
                "urgency": each.content["urgency"],
                "href": f"/v1/referrals/{each.referral_id}",
            }
            for each in referrals
        ],
        "actions": [
            action("read-timeline", "GET", f"/v1/cases/{case.case_id}/timeline"),
            action(
                "close",
                "POST",
                f"/v1/cases/{case.case_id}/close",
                allowed=works and case.status is CaseStatus.OPEN,
                reason="The case is closed." if works else "Whoever works the case ends it.",
            ),
        ],
    }
