"""Referrals a page at a time, newest first; names and questions of many at once."""

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
WHERE r.organisation_id = $1 AND r.kind = 'referral'
  AND ($2::text IS NULL OR r.referral_id < $2)
  AND ($3::text IS NULL OR r.status = $3)
  AND ($4::text IS NULL OR r.urgency = $4)
  AND ($5::text IS NULL OR r.case_id = $5)
  AND ($6::text IS NULL OR r.sender_reference = $6)
  AND ($7::timestamptz IS NULL OR r.submitted_at >= $7)
  AND ($8::timestamptz IS NULL OR r.submitted_at < $8)
ORDER BY r.referral_id DESC LIMIT $9
"""
_NAMES: Final = """
SELECT c.case_id, c.reference, c.participants, c.cluster_id, c.organisations, r.organisation_id,
       r.content -> 'child' ->> 'given_name' AS given_name, r.content -> 'child' ->> 'family_name' AS family_name
FROM case_file c JOIN referral r ON r.case_id = c.case_id
WHERE c.case_id = ANY($1::text[])
ORDER BY c.case_id, r.said_at DESC, r.referral_id DESC
"""
_REQUESTS: Final = """
SELECT request_id, referral_id, asked_by, asked_at, due_on, fields, question, answer, answered_at, ended_at
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


async def referrals(
    tx: Transaction, organisation: str, wanted: ReferralFilter, *, after: str | None, limit: int
) -> list[Row]:
    """An organisation's own referrals; `referral_id` is a row's position."""
    rows = await tx.rows(
        _REFERRALS, organisation, after, wanted.status, wanted.urgency, wanted.case_id, wanted.reference,
        wanted.submitted_from, wanted.submitted_before, limit,
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
