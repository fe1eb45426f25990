"""Data protection: what is asked and answered when a case is erased, exported, looked into, or read from outside."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

from chassis.wire import Action, In, Out, Prose
from pydantic import AwareDatetime, Field

from referral_api.domain.case_file import CaseFile
from referral_api.domain.lifecycle import CaseStatus
from referral_api.handlers.erasing import Erased
from referral_api.store.dated import access_reasons, erasure_reasons, what_was_done
from referral_api.store.erasures import Erasure
from referral_api.store.grants import Grant
from referral_api.views.incoming import Code, Typed
from referral_api.views.outgoing import action, instant

#: The export's own shape; it changes when a reader of exports would have to.
EXPORT_VERSION: Final = 1
ERASURE: Final = {"reason": "right-to-erasure", "reference": "PVJ-MD4-WCY"}
ACCESS: Final = {"reason": "safeguarding", "reference": "PVJ-MD4-WCY", "note": "The duty desk has a call about them."}


class ErasureIn(In):
    """Why a case is erased, and which: nobody erases by a slip."""

    reason: Annotated[Code, Field(json_schema_extra={"enum": list(erasure_reasons())})]
    #: The case's reference, typed.
    reference: Typed


class AccessRequestIn(In):
    """Why somebody outside the team has to read a case."""

    reason: Annotated[Code, Field(json_schema_extra={"enum": list(access_reasons())})]
    #: The case's reference, as they were given it.
    reference: Typed
    note: Annotated[Prose, Field(min_length=1, max_length=1000)] | None = None


class ErasedOut(Out):
    """A case of which nothing personal is left: that it was erased, by whom and why."""

    case_id: str
    reference: str
    status: str
    opened_at: AwareDatetime
    closed_at: AwareDatetime | None
    closing_reason: str | None
    erased_at: AwareDatetime
    erased_by: str
    organisation_id: str
    reason: str
    #: Whether the reason stood above the retention rule.
    overridden: bool
    #: Until when the rule would have kept it, and from which day that rule holds.
    kept_until: str
    rule_since: str
    #: How many rows went, by what they were.
    erased: dict[str, int]
    #: Who had referred when, by ids and codes.
    referrals: tuple[dict[str, Any], ...]
    participants: tuple[dict[str, Any], ...]
    actions: tuple[Action, ...]


class ErasureRehearsedOut(Out):
    """What would go; nothing was changed."""

    dry_run: bool
    case_id: str
    reference: str
    reason: str
    overridden: bool
    kept_until: str
    rule_since: str
    would_erase: dict[str, int]
    #: How many other cases of the child stay, and with them what is known of who it may be.
    other_cases: int


class AccessRequestOut(Out):
    """Somebody may read a case until then."""

    request_id: str
    case_id: str
    reason: str
    until: AwareDatetime
    actions: tuple[Action, ...]


class AccessOut(Out):
    """Who did what with a case, when and why."""

    id: str
    at: AwareDatetime
    #: The person or the system; a service by its path.
    subject: str
    client_id: str | None
    organisation_id: str | None
    organisation_name: str | None
    #: In short: read, searched, created, changed, exported, asked-to-see or erased.
    did: str
    #: As it was noted.
    action: str
    what: str
    what_id: str
    reason: str | None


class ExportOut(Out):
    """Everything that this service holds of a child, row by row. What other services hold is theirs to give."""

    format: str
    version: int
    made_at: AwareDatetime
    child_id: str
    #: The case that it was asked for; `cases` has every case of the child.
    case_id: str
    cases: tuple[dict[str, Any], ...]
    referrals: tuple[dict[str, Any], ...]
    information_requests: tuple[dict[str, Any], ...]
    exclusion_notices: tuple[dict[str, Any], ...]
    fingerprints: tuple[dict[str, Any], ...]
    possible_matches: tuple[dict[str, Any], ...]
    access_requests: tuple[dict[str, Any], ...]
    timeline: tuple[dict[str, Any], ...]


def erased_body(case: CaseFile, done: Erasure) -> dict[str, Any]:
    """`ErasedOut`."""
    return {
        "case_id": case.case_id,
        "reference": case.reference,
        "status": case.status.value,
        "opened_at": instant(case.opened_at),
        "closed_at": instant(case.closed_at),
        "closing_reason": case.closing_reason,
        "erased_at": instant(done.erased_at),
        "erased_by": done.erased_by,
        "organisation_id": done.organisation_id,
        "reason": done.reason,
        "overridden": done.overridden,
        "kept_until": done.kept_until.isoformat(),
        "rule_since": done.rule_since.isoformat(),
        "erased": dict(done.erased),
        "referrals": [dict(each) for each in done.referrals],
        "participants": [each.model_dump(mode="json") for each in case.participants],
        "actions": [action("read-access-log", "GET", f"/v1/cases/{case.case_id}/access-log")],
    }


def rehearsed_body(would: Erased) -> dict[str, Any]:
    """`ErasureRehearsedOut`."""
    done = would.erasure
    return {
        "dry_run": True,
        "case_id": done.case_id,
        "reference": would.case.reference,
        "reason": done.reason,
        "overridden": done.overridden,
        "kept_until": done.kept_until.isoformat(),
        "rule_since": done.rule_since.isoformat(),
        "would_erase": dict(done.erased),
        "other_cases": would.other_cases,
    }


def granted_body(grant: Grant) -> dict[str, Any]:
    """`AccessRequestOut`; the note is not repeated: this answer is kept."""
    here = f"/v1/cases/{grant.case_id}"
    return {
        "request_id": grant.request_id,
        "case_id": grant.case_id,
        "reason": grant.reason,
        "until": instant(grant.until),
        "actions": [action("read-case", "GET", here), action("read-timeline", "GET", f"{here}/timeline")],
    }


def access_body(row: Mapping[str, Any], names: Mapping[tuple[str, str], str]) -> dict[str, Any]:
    """`AccessOut`."""
    return {
        "id": str(row["id"]),
        "at": instant(row["at"]),
        "subject": row["actor"],
        "client_id": row["client_id"],
        "organisation_id": row["organisation"],
        "organisation_name": names.get(("organisation", row["organisation"] or "")),
        "did": what_was_done().get(row["action"], "changed"),
        "action": row["action"],
        "what": row["what"],
        "what_id": row["what_id"],
        "reason": row["reason"],
    }


def export_body(case: CaseFile, held: Mapping[str, Sequence[Any]], *, made_at: str | None) -> dict[str, Any]:
    """`ExportOut`."""
    return {
        "format": "jointly-subject-access",
        "version": EXPORT_VERSION,
        "made_at": made_at,
        "child_id": case.child_id,
        "case_id": case.case_id,
        **held,
    }


def officers_actions(case: CaseFile) -> list[dict[str, Any]]:
    """What the data protection officer can do with a case."""
    here = f"/v1/cases/{case.case_id}"
    return [
        action("read-access-log", "GET", f"{here}/access-log"),
        action("export", "GET", f"{here}/export"),
        action(
            "erase",
            "POST",
            f"{here}/erase",
            allowed=case.status is CaseStatus.CLOSED,
            reason="The case is open. It is closed first.",
        ),
    ]
