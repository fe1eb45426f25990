"""Everything that is held of a child, row by row, and who has looked at a case."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from chassis.transaction import Transaction

Row = dict[str, Any]

_CASES_OF: Final = "SELECT case_id FROM case_file WHERE child_id = $1 AND status <> 'erased'"
_REFERRALS_OF: Final = f"SELECT referral_id FROM referral WHERE case_id IN ({_CASES_OF})"
#: Rows as they are, so that a new column is in it by itself. $1 the child.
_HELD: Final[Mapping[str, str]] = {
    "cases": "SELECT to_jsonb(t) AS row FROM case_file t WHERE child_id = $1 AND status <> 'erased'"
    " ORDER BY opened_at, case_id",
    "referrals": f"SELECT to_jsonb(t) AS row FROM referral t WHERE case_id IN ({_CASES_OF})"
    " ORDER BY submitted_at, referral_id",
    "information_requests": f"SELECT to_jsonb(t) AS row FROM information_request t WHERE referral_id IN"
    f" ({_REFERRALS_OF}) ORDER BY asked_at, request_id",
    "exclusion_notices": "SELECT jsonb_build_object('organisation_id', organisation_id, 'referral_id', referral_id)"
    f" AS row FROM exclusion_notice WHERE referral_id IN ({_REFERRALS_OF}) ORDER BY referral_id",
    # Numbers that JavaScript would round.
    "fingerprints": "SELECT jsonb_build_object('referral_id', referral_id, 'number', number::text) AS row"
    f" FROM fingerprint WHERE referral_id IN ({_REFERRALS_OF}) ORDER BY referral_id, number",
    "possible_matches": "SELECT to_jsonb(t) AS row FROM possible_match t WHERE $1 IN (child_id, other_child_id)"
    " ORDER BY match_id",
    "access_requests": f"SELECT to_jsonb(t) AS row FROM access_request t WHERE case_id IN ({_CASES_OF})"
    " ORDER BY asked_at, request_id",
    "timeline": f"SELECT to_jsonb(t) AS row FROM timeline_entry t WHERE case_id IN ({_CASES_OF})"
    " ORDER BY case_id, at, source, sequence",
}
#: By the index `audit_case_log`, backwards.
LOG: Final = """
SELECT id, at, actor, client_id, organisation, action, what, what_id, reason FROM audit
WHERE case_id = $1 AND ($2::bigint IS NULL OR id < $2) AND ($3::timestamptz IS NULL OR at >= $3)
ORDER BY case_id DESC, id DESC LIMIT $4
"""


async def of_child(tx: Transaction, child_id: str) -> dict[str, list[Any]]:
    """What -> its rows, oldest first."""
    return {what: [row["row"] for row in await tx.rows(sql, child_id)] for what, sql in _HELD.items()}


async def access_log(
    tx: Transaction, case_id: str, *, since: datetime | None, after: int | None, limit: int
) -> list[Row]:
    """Who did what with a case, newest first; `id` is a row's position."""
    return [dict(row) for row in await tx.rows(LOG, case_id, after, since, limit)]
