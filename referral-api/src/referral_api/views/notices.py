"""Notices of suspensions and exclusions: the body, and what is answered."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal

from chassis.actions import Answer
from chassis.errors import OutcomeUnknown, Refusal, TooBusy
from chassis.wire import Action, Day, In, Line, Out, listed
from pydantic import Field

from referral_api.domain.school_export import Row
from referral_api.handlers.exclusions import Notified
from referral_api.views.incoming import ChildIn, Code, NeedIn
from referral_api.views.outgoing import action


class ExcludedChildIn(ChildIn):
    """Who the child is, as far as the school knows; the school is needed here."""

    sex: Literal["female", "male", "other", "unknown"] = "unknown"
    school_urn: Annotated[str, Field(pattern=r"^[0-9]{6}$")]


class ExclusionNoticeIn(In):
    """A school suspended or permanently excluded a child."""

    child: ExcludedChildIn
    kind: Annotated[Code, listed("exclusion-kinds")]
    reasons: Annotated[tuple[Annotated[Code, listed("exclusion-reasons")], ...], Field(min_length=1, max_length=3)]
    first_on: Day
    #: Half school days; 0 for a permanent exclusion.
    sessions: Annotated[int, Field(ge=0, le=500)]
    #: What the school knows of the child's needs; absent: what is usual, until somebody says more.
    needs: Annotated[tuple[NeedIn, ...], Field(max_length=13)] = ()
    #: The school's own id of this exclusion: the same again never counts twice.
    reference: Annotated[Line, Field(max_length=100)]


class NotifiedOut(Out):
    """A notice that was taken."""

    exclusion_id: str
    case_id: str
    #: What people quote to each other.
    reference: str
    status: str
    actions: tuple[Action, ...]


class RehearsedNoticeOut(Out):
    """What would happen; nothing was kept."""

    dry_run: bool
    status: str


class FieldErrorOut(Out):
    """What is wrong with one column of a row."""

    #: The column's heading, as in the file; empty: the row as a whole.
    field: str
    code: str
    detail: str


class ImportedRowOut(Out):
    """What became of one row of a file."""

    #: The line on which the row begins; the headings are line 1.
    line: int
    #: notified, already-notified, refused or unknown (send the file again).
    outcome: str
    exclusion_id: str | None = None
    case_id: str | None = None
    reference: str | None = None
    errors: tuple[FieldErrorOut, ...] = ()


class ImportedOut(Out):
    """What became of a file."""

    rows: int
    notified: int
    already_notified: int
    refused: int
    unknown: int
    items: tuple[ImportedRowOut, ...]


def notified(result: Notified) -> Answer:
    """201: the same whether the child was known or not, and when it is sent again."""
    headers = {"Location": f"/v1/exclusions/{result.exclusion_id}"}
    if result.again:
        headers["Idempotency-Replayed"] = "true"
    return Answer(
        201,
        {
            "exclusion_id": result.exclusion_id,
            "case_id": result.case_id,
            "reference": result.reference,
            "status": "notified",
            "actions": [
                action("read-exclusion", "GET", f"/v1/exclusions/{result.exclusion_id}"),
                action("read-case", "GET", f"/v1/cases/{result.case_id}"),
                action("read-timeline", "GET", f"/v1/cases/{result.case_id}/timeline"),
            ],
        },
        headers,
    )


def taken_row(row: Row, answer: Mapping[str, Any], *, again: bool) -> dict[str, Any]:
    """`ImportedRowOut` of a row that was taken, now or before."""
    outcome = "already-notified" if again else "notified"
    return _row(row, outcome, **{name: answer[name] for name in ("exclusion_id", "case_id", "reference")})


def refused_row(row: Row, refusal: Refusal) -> dict[str, Any]:
    """`ImportedRowOut` of a row that was not taken; of a moment's trouble it is not known."""
    if isinstance(refusal, TooBusy | OutcomeUnknown):
        return unknown_row(row)
    errors = [{"field": row.column(e.pointer), "code": e.code, "detail": e.detail} for e in refusal.errors]
    return _row(row, "refused", errors=errors or [{"field": "", "code": refusal.code, "detail": refusal.detail}])


def unknown_row(row: Row) -> dict[str, Any]:
    """`ImportedRowOut` of a row of which nobody knows whether it was taken."""
    detail = "Something this needs was away for a moment. Send the file again: what was taken counts once."
    return _row(row, "unknown", errors=[{"field": "", "code": "try-again", "detail": detail}])


def imported(items: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """`ImportedOut`."""
    outcomes = Counter(item["outcome"] for item in items)
    return {
        "rows": len(items),
        "notified": outcomes["notified"],
        "already_notified": outcomes["already-notified"],
        "refused": outcomes["refused"],
        "unknown": outcomes["unknown"],
        "items": list(items),
    }


def _row(row: Row, outcome: str, **more: Any) -> dict[str, Any]:
    nothing: dict[str, Any] = {"exclusion_id": None, "case_id": None, "reference": None, "errors": []}
    return {"line": row.line, "outcome": outcome, **nothing, **more}


#: A synthetic child.
NOTICE: Final[dict[str, Any]] = {
    "child": {
        "given_name": "Zoë",
        "family_name": "O'Brien-Test",
        "date_of_birth": "2016-03-09",
        "sex": "female",
        "postcode": "GL1 4AW",
        "nhs_number": None,
        "upn": None,
        "school_urn": "115482",
        "year_group": "5",
        "address_restricted": False,
        "has_social_worker": False,
    },
    "kind": "SUSP",
    "reasons": ["DB"],
    "first_on": "2026-11-23",
    "sessions": 4,
    "reference": "EXC-2026-0117",
}

CSV: Final = (
    "Reference,UPN,Surname,Forename,DOB,Gender,Year group,URN,Category,Reason,Start date,Sessions\r\n"
    "EXC-2026-0117,,O'Brien-Test,Zoë,09/03/2016,F,5,115482,SUSP,DB,23/11/2026,4\r\n"
)
