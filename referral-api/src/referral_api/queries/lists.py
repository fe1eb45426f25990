"""Referrals and cases a page at a time, newest first."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from chassis.transaction import Transaction

Row = dict[str, Any]

#: Ids of referrals are in the order of their making; a page goes on below the last one.
_REFERRALS: Final = """
SELECT r.referral_id, r.case_id, c.reference, r.organisation_id, r.sector, r.status, r.version, r.urgency,
       r.sender_reference, r.submitted_at
FROM referral r JOIN case_file c ON c.case_id = r.case_id
WHERE r.organisation_id = $1
  AND ($2::text IS NULL OR r.referral_id < $2)
  AND ($3::text IS NULL OR r.status = $3)
  AND ($4::text IS NULL OR r.urgency = $4)
  AND ($5::text IS NULL OR r.case_id = $5)
  AND ($6::text IS NULL OR r.sender_reference = $6)
  AND ($7::timestamptz IS NULL OR r.submitted_at >= $7)
  AND ($8::timestamptz IS NULL OR r.submitted_at < $8)
ORDER BY r.referral_id DESC LIMIT $9
"""
_CASES: Final = """
SELECT case_id, reference, status, opened_at, closed_at, circumstances, assignment_state, cluster_id, holder_id
FROM case_file
WHERE (organisations @> ARRAY[$1::text] OR cluster_id = ANY($2::text[]))
  AND ($3::timestamptz IS NULL OR (opened_at, case_id) < ($3, $4::text))
  AND ($5::text IS NULL OR status = $5)
  AND ($6::text IS NULL OR assignment_state = $6)
  AND ($7::text IS NULL OR reference = $7)
  AND ($8::text IS NULL OR cluster_id = $8)
ORDER BY opened_at DESC, case_id DESC LIMIT $9
"""
_NAMES: Final = """
SELECT c.case_id, c.reference, c.participants, c.cluster_id, c.organisations, r.organisation_id,
       r.content -> 'child' ->> 'given_name' AS given_name, r.content -> 'child' ->> 'family_name' AS family_name
FROM case_file c JOIN referral r ON r.case_id = c.case_id
WHERE c.case_id = ANY($1::text[])
ORDER BY c.case_id, r.said_at DESC, r.referral_id DESC
"""
_REQUESTS: Final = """
SELECT request_id, referral_id, asked_by, asked_at, due_on, fields, question, answer, answered_at
FROM information_request WHERE referral_id = ANY($1::text[]) ORDER BY asked_at, request_id
"""


@dataclass(frozen=True, slots=True)
class ReferralFilter:
    """Which of an organisation's referrals; None: whatever it is."""

    status: str | None = None
    urgency: str | None = None
    case_id: str | None = None
    #: The sender's own id.
    reference: str | None = None
    submitted_from: datetime | None = None
    submitted_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class CaseFilter:
    """Which of the cases that somebody may see; None: whatever it is."""

    status: str | None = None
    assignment: str | None = None
    reference: str | None = None
    cluster_id: str | None = None


async def referrals(
    tx: Transaction, organisation: str, wanted: ReferralFilter, *, after: str | None, limit: int
) -> list[Row]:
    """An organisation's own referrals; `referral_id` is a row's position."""
    rows = await tx.rows(
        _REFERRALS, organisation, after, wanted.status, wanted.urgency, wanted.case_id, wanted.reference,
        wanted.submitted_from, wanted.submitted_before, limit,
    )  # fmt: skip
    return [dict(row) for row in rows]


async def cases(
    tx: Transaction,
    organisation: str,
    clusters: Collection[str],
    wanted: CaseFilter,
    *,
    after: tuple[datetime, str] | None,
    limit: int,
) -> list[Row]:
    """The cases that an organisation takes part in or a team holds; (`opened_at`, `case_id`) is a row's position."""
    rows = await tx.rows(
        _CASES, organisation, list(clusters), *(after or (None, None)), wanted.status, wanted.assignment,
        wanted.reference, wanted.cluster_id, limit,
    )  # fmt: skip
    return [dict(row) for row in rows]


async def names(tx: Transaction, case_ids: Collection[str]) -> list[Row]:
    """What each sender of these cases calls the child, the latest word first."""
    rows = await tx.rows(_NAMES, list(case_ids))
    return [dict(row) for row in rows]


async def requests(tx: Transaction, referral_ids: Collection[str]) -> Mapping[str, list[Row]]:
    """Referral -> what its sender was asked for, oldest first."""
    found: dict[str, list[Row]] = {}
    for row in await tx.rows(_REQUESTS, list(referral_ids)):
        found.setdefault(row["referral_id"], []).append(dict(row))
    return found
