"""Who held which case, from when until when: one after the other without a gap, one at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from chassis.transaction import Transaction

from cluster_router.tables import tenure


@dataclass(frozen=True, slots=True)
class Tenure:
    """A holder's time with a case. `cluster` None is the intake desk; `until` None lasts."""

    cluster: str | None
    organisation_id: str | None
    since: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Begin:
    """A holder's time that begins."""

    case_id: str
    cluster: str | None
    organisation_id: str | None


_END: Final = """
UPDATE tenure SET until = greatest($2, since) WHERE case_id = ANY($1::text[]) AND until IS NULL
RETURNING case_id, position, until
"""


class Tenures:
    """The holders of cases."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def open(self, cases: Mapping[str, datetime]) -> None:
        """Cases were opened at these times: the intake desk holds them."""
        rows = [
            {"case_id": case_id, "position": 1, "cluster": None, "organisation_id": None, "since": at, "until": None}
            for case_id, at in cases.items()
        ]
        await self._tx.insert(tenure, rows)

    async def pass_on(self, begins: Sequence[Begin]) -> None:
        """The holders of these cases change now."""
        ended = {
            row["case_id"]: (row["position"], row["until"])
            for row in await self._tx.rows(_END, [begin.case_id for begin in begins], self._tx.now)
        }
        rows = [
            {
                "case_id": begin.case_id, "position": ended[begin.case_id][0] + 1, "cluster": begin.cluster,
                "organisation_id": begin.organisation_id, "since": ended[begin.case_id][1], "until": None,
            }
            for begin in begins
        ]  # fmt: skip
        await self._tx.insert(tenure, rows)

    async def end(self, cases: Sequence[str]) -> None:
        """These cases were closed: nobody holds them any more."""
        await self._tx.rows(_END, list(cases), self._tx.now)

    async def of(self, case_id: str) -> list[Tenure]:
        """The holders of a case, in order."""
        rows = await self._tx.rows(
            "SELECT cluster, organisation_id, since, until FROM tenure WHERE case_id = $1 ORDER BY position", case_id
        )
        return [Tenure(**row) for row in rows]
