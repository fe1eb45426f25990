"""Who may read a case outside their team, for a while."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from chassis.transaction import Transaction

from referral_api.tables import access_request


@dataclass(frozen=True, slots=True)
class Grant:
    """One person may read one case until then."""

    request_id: str
    case_id: str
    subject: str
    organisation_id: str
    reason: str
    note: str | None
    asked_at: datetime
    until: datetime


class Grants:
    """Repository of requests to read outside one's team; each is granted at once, and ends by itself."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def add(self, grants: Sequence[Grant]) -> None:
        """Let these people read."""
        await self._tx.insert(
            access_request,
            [{column.name: getattr(each, column.name) for column in access_request.columns} for each in grants],
        )

    async def standing(self, case_ids: Collection[str], *, subject: str, organisation: str) -> dict[str, str]:
        """Those of these cases that this person may read now -> why."""
        rows = await self._tx.rows(
            "SELECT case_id, reason FROM access_request WHERE case_id = ANY($1::text[]) AND subject = $2"
            " AND organisation_id = $3 AND until > $4 ORDER BY asked_at",
            list(case_ids), subject, organisation, self._tx.now,
        )  # fmt: skip
        return {row["case_id"]: row["reason"] for row in rows}
