"""The timeline of a case, and who may be whom."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Final

from chassis.transaction import Transaction

Row = dict[str, Any]
#: A place in a timeline: when, who said it, and its number among what they said of this case.
Position = tuple[datetime, str, int]

_TIMELINE: Final = """
SELECT event_id, at, source, sequence, type, data FROM timeline_entry
WHERE case_id = $1 AND ($2::timestamptz IS NULL OR (at, source, sequence) > ($2, $3::text, $4::bigint))
ORDER BY at, source, sequence LIMIT $5
"""
_NAMES: Final = """
SELECT kind, id, name FROM known_name WHERE id = ANY($1::text[])
"""
_MATCHES: Final = """
SELECT match_id, child_id, other_child_id, status, matched_by, weight, levels, asked_at, decided_at
FROM possible_match WHERE status = $1 AND ($2::text IS NULL OR match_id > $2) ORDER BY match_id LIMIT $3
"""
_MATCH: Final = """
SELECT match_id, child_id, other_child_id, status, matched_by, weight, levels, asked_at, decided_at
FROM possible_match WHERE match_id = $1
"""
#: What was said of each child, and the case that it is in now.
_CHILDREN: Final = """
SELECT r.child_id, r.referral_id, r.case_id, c.reference, r.organisation_id, r.submitted_at,
       r.content -> 'child' AS child
FROM referral r JOIN case_file c ON c.case_id = r.case_id
WHERE r.child_id = ANY($1::text[]) ORDER BY r.child_id, r.said_at DESC, r.referral_id DESC
"""


async def timeline(tx: Transaction, case_id: str, *, after: Position | None, limit: int) -> list[Row]:
    """What every service has said of a case, in order."""
    rows = await tx.rows(_TIMELINE, case_id, *(after or (None, None, None)), limit)
    return [dict(row) for row in rows]


async def known_names(tx: Transaction, ids: Collection[str]) -> Mapping[tuple[str, str], str]:
    """(kind, id) -> name of the clusters and organisations among these."""
    return {(row["kind"], row["id"]): row["name"] for row in await tx.rows(_NAMES, list(ids))}


async def matches(tx: Transaction, status: str, *, after: str | None, limit: int) -> list[Row]:
    """Questions who may be whom, oldest first; `match_id` is a row's position."""
    rows = await tx.rows(_MATCHES, status, after, limit)
    return [dict(row) for row in rows]


async def match(tx: Transaction, match_id: str) -> Row | None:
    """One question."""
    rows = await tx.rows(_MATCH, match_id)
    return dict(rows[0]) if rows else None


async def children(tx: Transaction, child_ids: Collection[str]) -> Mapping[str, list[Row]]:
    """Child -> what every sender says of it, the latest word first."""
    found: dict[str, list[Row]] = {}
    for row in await tx.rows(_CHILDREN, list(child_ids)):
        found.setdefault(row["child_id"], []).append(dict(row))
    return found
