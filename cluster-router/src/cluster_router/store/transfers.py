"""Children who begin Year 7 with a primary cluster, and who of them has been offered to a secondary one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from chassis.transaction import Transaction

from cluster_router.domain.rules import Phase
from cluster_router.tables import transfer


@dataclass(frozen=True, slots=True)
class Offered:
    """A case that was offered for a year."""

    case_id: str
    handover_id: str
    to_cluster: str


_WANTED: Final = """
SELECT f.case_id FROM case_file f JOIN cluster c ON c.id = f.cluster
WHERE NOT f.closed AND f.begins_year_7 <= $1 AND c.phase = $2 AND f.case_id > $3
  AND NOT EXISTS (SELECT 1 FROM transfer t WHERE t.year = $1 AND t.case_id = f.case_id)
ORDER BY f.case_id LIMIT $4
"""


class Transfers:
    """Offers from primary to secondary clusters."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def wanted(self, year: int, *, after: str, limit: int) -> list[str]:
        """Open cases with primary clusters whose children begin Year 7 by then, not offered for it, in order."""
        rows = await self._tx.rows(_WANTED, year, Phase.PRIMARY.value, after, limit)
        return [row["case_id"] for row in rows]

    async def note(self, year: int, offered: Sequence[Offered]) -> None:
        """These were offered for that year."""
        rows = [
            {
                "year": year, "case_id": one.case_id, "handover_id": one.handover_id, "to_cluster": one.to_cluster,
                "offered_at": self._tx.now,
            }
            for one in offered
        ]  # fmt: skip
        await self._tx.insert(transfer, rows)
