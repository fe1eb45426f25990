"""Which notices of exclusions each school has sent, by its own reference; the reference itself is kept as a digest."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from chassis.transaction import Transaction

from referral_api.tables import exclusion_notice

_KNOWN: Final = """
SELECT n.organisation_id, n.reference_digest, r.referral_id, r.case_id, r.content, c.reference
FROM exclusion_notice n JOIN referral r USING (referral_id) JOIN case_file c ON c.case_id = r.case_id
WHERE (n.organisation_id, n.reference_digest) IN (SELECT * FROM unnest($1::text[], $2::bytea[]))
"""


@dataclass(frozen=True, slots=True)
class OwnReference:
    """A school's own reference of an exclusion."""

    organisation_id: str
    digest: bytes

    @classmethod
    def of(cls, organisation_id: str, reference: str) -> "OwnReference":
        """As it is kept."""
        return cls(organisation_id, hashlib.sha256(reference.encode()).digest())

    @property
    def lock(self) -> int:
        """The number of the lock under which it is looked for and taken."""
        text = b"exclusion\0" + self.organisation_id.encode() + b"\0" + self.digest
        return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big", signed=True)


@dataclass(frozen=True, slots=True)
class KnownNotice:
    """A notice that was taken before."""

    exclusion_id: str
    case_id: str
    #: The case's.
    reference: str
    content: dict[str, Any]


class Notices:
    """Repository of schools' own references."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def known(self, references: Collection[OwnReference]) -> dict[OwnReference, KnownNotice]:
        """Those of these that were taken before."""
        rows = await self._tx.rows(
            _KNOWN, [each.organisation_id for each in references], [each.digest for each in references]
        )
        return {
            OwnReference(row["organisation_id"], row["reference_digest"]): KnownNotice(
                row["referral_id"], row["case_id"], row["reference"], row["content"]
            )
            for row in rows
        }

    async def add(self, notices: Sequence[tuple[OwnReference, str]]) -> None:
        """Reference and the id of the notice that was taken under it."""
        await self._tx.insert(
            exclusion_notice,
            [
                {
                    "organisation_id": own.organisation_id,
                    "reference_digest": own.digest,
                    "referral_id": exclusion_id,
                }
                for own, exclusion_id in notices
            ],
        )
