"""What senders of referrals were asked for, and their answers."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from chassis.transaction import Transaction

from referral_api.tables import information_request


@dataclass(frozen=True, slots=True)
class NewRequest:
    """A question to the sender of a referral."""

    request_id: str
    referral_id: str
    asked_by: str
    asked_by_person: str
    due_on: date
    fields: tuple[str, ...]
    question: str
    organisations: tuple[str, ...]


class InformationRequests:
    """Repository of information requests."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def add(self, requests: Sequence[NewRequest], *, at: datetime) -> None:
        """Ask these."""
        await self._tx.insert(
            information_request,
            [
                {
                    "request_id": each.request_id,
                    "referral_id": each.referral_id,
                    "asked_by": each.asked_by,
                    "asked_by_person": each.asked_by_person,
                    "asked_at": at,
                    "due_on": each.due_on,
                    "fields": each.fields,
                    "question": each.question,
                    "organisations": each.organisations,
                }
                for each in requests
            ],
        )

    async def waiting(self, referral_ids: Collection[str]) -> dict[str, dict[str, bool]]:
        """Referral -> its requests -> whether they still wait for an answer."""
        rows = await self._tx.rows(
            "SELECT referral_id, request_id, answered_at IS NULL AS waiting FROM information_request"
            " WHERE referral_id = ANY($1::text[])",
            list(referral_ids),
        )
        found: dict[str, dict[str, bool]] = {}
        for row in rows:
            found.setdefault(row["referral_id"], {})[row["request_id"]] = row["waiting"]
        return found

    async def answer(self, request_id: str, answer: str, *, by: str, at: datetime) -> None:
        """The sender answered this one."""
        await self._tx.rows(
            "UPDATE information_request SET answer = $2, answered_by_person = $3, answered_at = $4"
            " WHERE request_id = $1",
            request_id, answer, by, at,
        )  # fmt: skip
