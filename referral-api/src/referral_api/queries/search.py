"""Cases found by who the child is, within what the asker may see; the list of cases uses the same filters."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from chassis.transaction import Transaction

Row = dict[str, Any]

#: $1 organisation, $2 clusters, $3 and $4 position, $5 to $12 filters, $13 limit.
_CASES: Final = """
SELECT c.case_id, c.reference, c.status, c.opened_at, c.closed_at, c.circumstances, c.assignment_state, c.cluster_id,
       c.holder_id, c.assigned_at, greatest(c.last_changed_at, c.opened_at) AS last_changed_at
FROM case_file c
WHERE (c.organisations @> ARRAY[$1::text] OR c.cluster_id = ANY($2::text[]))
  AND ($3::timestamptz IS NULL OR (c.opened_at, c.case_id) < ($3, $4::text))
  AND ($5::text IS NULL OR c.status = $5)
  AND ($6::text IS NULL OR c.assignment_state = $6)
  AND ($7::text IS NULL OR c.reference = $7)
  AND ($8::text IS NULL OR c.cluster_id = $8)
  AND ($9::text IS NULL OR c.circumstances ->> 'school_urn' = $9)
  AND ($10::text IS NULL OR c.circumstances ->> 'urgency' = $10)
  AND ($11::timestamptz IS NULL OR c.opened_at >= $11)
  AND ($12::timestamptz IS NULL OR greatest(c.last_changed_at, c.opened_at) >= $12)
  {of_children}
ORDER BY c.opened_at DESC, c.case_id DESC LIMIT $13
"""
#: One sender's description must fit in everything that is asked, and be one that the asker may read. This names nothing
#: of `c`: it is asked once, not once for each case.
#: $14 the words as a tsquery, $15 day of birth, $16 fingerprint of a number (named so that each statement takes all
#: arguments), $17 UPN, $18 NHS number.
_OF_CHILDREN: Final = """
  AND c.case_id IN (
    SELECT r.case_id FROM referral r
    WHERE {found_by}
      AND ($14::text IS NULL OR array_to_tsvector(r.search_words) @@ $14::tsquery)
      AND ($15::text IS NULL OR r.content -> 'child' ->> 'date_of_birth' = $15)
      AND ($16::bigint IS NULL OR TRUE)
      AND ($17::text IS NULL OR r.content -> 'child' ->> 'upn' = $17)
      AND ($18::text IS NULL OR r.content -> 'child' ->> 'nhs_number' = $18)
      AND (r.organisations @> ARRAY[$1::text]
        OR r.case_id IN (SELECT f.case_id FROM case_file f WHERE f.cluster_id = ANY($2::text[]))))
"""
#: The narrowest index first.
_FOUND_BY: Final = {
    "number": "r.referral_id IN (SELECT f.referral_id FROM fingerprint f WHERE f.number = $16)",
    "day": "r.content -> 'child' ->> 'date_of_birth' = $15",
    "words": "array_to_tsvector(r.search_words) @@ $14::tsquery",
}
_LIST: Final = _CASES.format(of_children="")
_SEARCH: Final = {
    name: _CASES.format(of_children=_OF_CHILDREN.format(found_by=found_by)) for name, found_by in _FOUND_BY.items()
}


@dataclass(frozen=True, slots=True)
class CaseFilter:
    """Which of the cases that somebody may see; None: whatever it is."""

    status: str | None = None
    assignment: str | None = None
    reference: str | None = None
    cluster_id: str | None = None
    school_urn: str | None = None
    urgency: str | None = None
    opened_since: datetime | None = None
    changed_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class ChildFilter:
    """Who the child is; None: whoever it is."""

    #: Beginnings of words of the names, folded.
    words: tuple[str, ...] = ()
    date_of_birth: date | None = None
    upn: str | None = None
    nhs_number: str | None = None
    #: Of the number that is asked for.
    fingerprint: int | None = None

    @property
    def narrowest(self) -> str | None:
        """What to find by; None: nothing is asked of the child."""
        if self.fingerprint is not None:
            return "number"
        if self.date_of_birth is not None:
            return "day"
        return "words" if self.words else None


@dataclass(frozen=True, slots=True)
class Seen:
    """What somebody may see: cases that their organisation takes part in, and those of their teams' clusters."""

    organisation: str
    clusters: Collection[str]


async def cases(
    tx: Transaction,
    seen: Seen,
    wanted: CaseFilter,
    child: ChildFilter | None = None,
    *,
    after: tuple[datetime, str] | None,
    limit: int,
) -> list[Row]:
    """Newest first; (`opened_at`, `case_id`) is a row's position."""
    arguments: list[Any] = [
        seen.organisation, list(seen.clusters), *(after or (None, None)), wanted.status, wanted.assignment,
        wanted.reference, wanted.cluster_id, wanted.school_urn, wanted.urgency, wanted.opened_since,
        wanted.changed_since, limit,
    ]  # fmt: skip
    if child is None or child.narrowest is None:
        return [dict(row) for row in await tx.rows(_LIST, *arguments)]
    born = child.date_of_birth.isoformat() if child.date_of_birth else None
    rows = await tx.rows(
        _SEARCH[child.narrowest], *arguments, beginnings(child.words), born, child.fingerprint, child.upn,
        child.nhs_number,
    )  # fmt: skip
    return [dict(row) for row in rows]


def beginnings(words: Sequence[str]) -> str | None:
    """Words as a tsquery: each the beginning of one of the child's."""
    quoted = (word.replace("\\", "\\\\").replace("'", "''") for word in words)
    return " & ".join(f"'{word}':*" for word in quoted) or None
