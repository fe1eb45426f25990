"""The timeline of a case, and who may be whom."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from chassis.transaction import Transaction

Row = dict[str, Any]
#: A place in a timeline: when, who said it, and its number among what they said of this case.
Position = tuple[datetime, str, int]

#: What is told to whoever works the case alone is told to who is named in it, too.
_TIMELINE: Final = """
SELECT event_id, at, source, sequence, type, data, heard_at, delay_seconds, line FROM timeline_entry
WHERE case_id = $1 AND leads AND ($2::timestamptz IS NULL OR (at, source, sequence) > ($2, $3::text, $4::bigint))
  AND ($6::text IS NULL OR source = '/' || $6)
  AND ($7::timestamptz IS NULL OR at >= $7)
  AND ($8::timestamptz IS NULL OR at < $8)
  AND ($9 OR type <> ALL($10::text[]) OR $11 IN (
    data ->> 'organisation_id', data ->> 'asked_by', data ->> 'asked_of', data ->> 'holder'))
ORDER BY at, source, sequence LIMIT $5
"""
_MESSAGES: Final = """
SELECT line, count(DISTINCT data ->> 'person_id') AS people,
       array_agg(DISTINCT data ->> 'channel') AS channels,
       count(DISTINCT data ->> 'notification_id') FILTER (WHERE type = 'jointly.notification.failed.v1') AS failed
FROM timeline_entry WHERE case_id = $1 AND line = ANY($2::text[]) GROUP BY line
"""
_OWN_REQUESTS: Final = """
SELECT DISTINCT data ->> 'request_id' AS request_id FROM timeline_entry
WHERE case_id = $1 AND data ->> 'organisation_id' = $2 AND type = 'jointly.funding.requested.v1'
"""
_BEGUN: Final = """
SELECT DISTINCT case_id FROM timeline_entry WHERE case_id = ANY($1::text[]) AND type = ANY($2::text[])
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


@dataclass(frozen=True, slots=True)
class TimelineFilter:
    """Which facts of a case; None: whatever it is."""

    service: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Reader:
    """For whom a timeline is."""

    organisation: str
    #: Whether they work the case.
    works: bool
    #: Types of events that are for those alone.
    for_workers: Sequence[str]


async def timeline(
    tx: Transaction, case_id: str, reader: Reader, wanted: TimelineFilter, *, after: Position | None, limit: int
) -> list[Row]:
    """What every service has said of a case, in order; messages of one fact are one row with `people` in its data."""
    found = await tx.rows(
        _TIMELINE, case_id, *(after or (None, None, None)), limit, wanted.service, wanted.since, wanted.until,
        reader.works, list(reader.for_workers), reader.organisation,
    )  # fmt: skip
    rows = [dict(row) for row in found]
    lines = {row["line"] for row in rows if row["line"] is not None}
    if lines:
        told = {row["line"]: dict(row) for row in await tx.rows(_MESSAGES, case_id, sorted(lines))}
        for row in rows:
            row["data"] |= told.get(row["line"], {})
    return rows


async def own_requests(tx: Transaction, case_id: str, organisation: str) -> frozenset[str]:
    """The requests for money in this case that are an organisation's own."""
    rows = await tx.rows(_OWN_REQUESTS, case_id, organisation)
    return frozenset(row["request_id"] for row in rows)


async def begun(tx: Transaction, case_ids: Collection[str], types: Sequence[str]) -> frozenset[str]:
    """Those of the cases of which one of these facts is known."""
    rows = await tx.rows(_BEGUN, list(case_ids), list(types))
    return frozenset(row["case_id"] for row in rows)


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
