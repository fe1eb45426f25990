"""Taking everything personal of a case out of the tables, and what is kept to show that it was done."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from chassis.transaction import Transaction

from referral_api.tables import erasure

_REFERRALS_OF: Final = "SELECT referral_id FROM referral WHERE case_id = $1"
#: What a fact of a timeline says without what describes the child.
_REDUCE: Final = """
UPDATE timeline_entry SET data = (
  SELECT coalesce(jsonb_object_agg(key, value), '{}') FROM jsonb_each(data)
  WHERE key = ANY($2::text[]) AND jsonb_typeof(value) = 'string'
) WHERE case_id = $1
"""
#: What -> (how it is counted, how it goes). $1 the case, $2 its child when no other case of the child is left, $3 what
#: stays of a timeline's facts. Referrals go last: the others are found by them.
_STATEMENTS: Final[Mapping[str, tuple[str, str]]] = {
    "fingerprints": (
        f"SELECT count(*) FROM fingerprint WHERE referral_id IN ({_REFERRALS_OF})",
        f"DELETE FROM fingerprint WHERE referral_id IN ({_REFERRALS_OF})",
    ),
    "information_requests": (
        f"SELECT count(*) FROM information_request WHERE referral_id IN ({_REFERRALS_OF})",
        f"DELETE FROM information_request WHERE referral_id IN ({_REFERRALS_OF})",
    ),
    "exclusion_notices": (
        f"SELECT count(*) FROM exclusion_notice WHERE referral_id IN ({_REFERRALS_OF})",
        f"DELETE FROM exclusion_notice WHERE referral_id IN ({_REFERRALS_OF})",
    ),
    "access_requests": (
        "SELECT count(*) FROM access_request WHERE case_id = $1",
        "DELETE FROM access_request WHERE case_id = $1",
    ),
    "timeline_facts": (
        "SELECT count(*) FROM timeline_entry WHERE case_id = $1",
        _REDUCE,
    ),
    "possible_matches": (
        "SELECT count(*) FROM possible_match WHERE $1 IN (child_id, other_child_id)",
        "DELETE FROM possible_match WHERE $1 IN (child_id, other_child_id)",
    ),
    "referrals": (
        "SELECT count(*) FROM referral WHERE case_id = $1",
        "DELETE FROM referral WHERE case_id = $1",
    ),
}


@dataclass(frozen=True, slots=True)
class Erasure:
    """That a case was erased, by whom and why."""

    case_id: str
    erased_at: datetime
    erased_by: str
    organisation_id: str
    reason: str
    #: Whether the reason stood above the retention rule.
    overridden: bool
    kept_until: date
    #: The day from which the rule holds.
    rule_since: date
    #: How many rows went, by what they were.
    erased: Mapping[str, int]
    #: Ids, codes and dates of the referrals that there were.
    referrals: Sequence[Mapping[str, Any]]


class Erasures:
    """Repository of erasures."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def others_of(self, child_id: str, *, but: str) -> int:
        """How many other cases of a child are not erased; its fingerprints are locked."""
        rows = await self._tx.rows(
            "SELECT count(*) AS n FROM case_file WHERE child_id = $1 AND case_id <> $2 AND status <> 'erased'",
            child_id, but,
        )  # fmt: skip
        return int(rows[0]["n"])

    async def sizes(self, case_id: str, *, child_id: str | None) -> dict[str, int]:
        """How many rows would go, by what they are; `child_id` when the child goes, too."""
        found = {}
        for what, (count, _) in _STATEMENTS.items():
            subject = child_id if what == "possible_matches" else case_id
            found[what] = 0 if subject is None else int((await self._tx.rows(count, subject))[0]["count"])
        return found

    async def erase(self, case_id: str, *, child_id: str | None, keeps: Collection[str]) -> None:
        """Let everything go. The case itself is saved by who asks."""
        for what, (_, go) in _STATEMENTS.items():
            if what == "timeline_facts":
                await self._tx.rows(go, case_id, list(keeps))
            elif what != "possible_matches":
                await self._tx.rows(go, case_id)
            elif child_id is not None:
                await self._tx.rows(go, child_id)

    async def add(self, done: Erasure) -> None:
        """Keep that it was done."""
        await self._tx.insert(
            erasure, [{column.name: getattr(done, column.name) for column in erasure.columns}], conflict=("case_id",)
        )

    async def of(self, case_id: str) -> Erasure | None:
        """That this case was erased."""
        rows = await self._tx.rows("SELECT * FROM erasure WHERE case_id = $1", case_id)
        return Erasure(**rows[0]) if rows else None
