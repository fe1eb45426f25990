"""Cases with their holder, the queue, and who takes part."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final

import orjson
from chassis.transaction import Transaction
from schemas.referral import Circumstances

from cluster_router.domain.assignment import Assignment, Handover, State
from cluster_router.tables import case_file, participant


class Way(StrEnum):
    """How a case came to be where it is: what explains it."""

    DECIDED = "decided"
    RETURNED = "returned"
    HANDED_OVER = "handed-over"


@dataclass(frozen=True, slots=True)
class CaseFile:
    """A case as the router knows it."""

    assignment: Assignment
    reference: str
    #: None once the case was erased.
    circumstances: Circumstances | None
    opened_at: datetime
    #: The decision that explains where it is, unless it was returned or handed over since.
    decision: int
    reasons: tuple[str, ...]
    #: How urgent it is for those who wait with it.
    weight: int
    #: Counts its changes; the ETag.
    version: int
    way: Way = Way.DECIDED
    #: Why it was returned or handed over.
    why: str | None = None
    #: When it was last saved; None before it ever was.
    changed_at: datetime | None = None
    #: The year in whose September the child begins Year 7.
    begins_year_7: int | None = None
    #: The year for which a secondary cluster took it over.
    transferred: int | None = None

    @property
    def id(self) -> str:
        """The case."""
        return self.assignment.case_id


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the queue: the more urgent first, then who has waited longest."""

    weight: int
    opened_at: datetime
    case_id: str


_FOUND: Final = "SELECT * FROM case_file WHERE case_id = ANY($1::text[])"
_LOCKED: Final = "SELECT * FROM case_file WHERE case_id = ANY($1::text[]) ORDER BY case_id FOR UPDATE"
_WAITING: Final = """
SELECT weight, opened_at, case_id FROM case_file
WHERE state = 'queued' AND NOT closed AND NOT for_a_person
  AND ($1::int IS NULL OR (-weight, opened_at, case_id) > (-$1, $2::timestamptz, $3))
ORDER BY -weight, opened_at, case_id LIMIT $4
"""


class Cases:
    """Cases and who takes part in them."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def find(self, ids: Collection[str], *, lock: bool = False) -> dict[str, CaseFile]:
        """The cases that are known among these; locked in order when they will be changed."""
        sql = _LOCKED if lock else _FOUND
        return {row["case_id"]: case_of(row) for row in await self._tx.rows(sql, sorted(set(ids)))}

    async def waiting(self, *, after: Place | None = None, limit: int) -> list[Place]:
        """Cases in the queue that the rules may place, in the order in which they are looked at."""
        place = (after.weight, after.opened_at, after.case_id) if after else (None, None, None)
        return [Place(**row) for row in await self._tx.rows(_WAITING, *place, limit)]

    async def save(self, cases: Sequence[CaseFile]) -> None:
        """Keep cases as they now are, each at its next version."""
        rows = [
            {
                "case_id": c.id, "reference": c.reference,
                "circumstances": c.circumstances.model_dump(mode="json") if c.circumstances else None,
                "opened_at": c.opened_at, "state": c.assignment.state.value, "cluster": c.assignment.cluster,
                "handover": _handover_to_json(c.assignment.handover), "for_a_person": c.assignment.for_a_person,
                "closed": c.assignment.closed, "decision": c.decision, "reasons": list(c.reasons),
                "weight": c.weight, "way": c.way.value, "why": c.why,
                "begins_year_7": c.begins_year_7, "transferred": c.transferred,
                "changed_at": self._tx.now, "version": c.version + 1,
            }
            for c in cases
        ]  # fmt: skip
        if rows:
            names = [name for name in rows[0] if name != "case_id"]
            await self._tx.insert(case_file, rows, conflict=("case_id",), update=names)

    async def forget(self, ids: Sequence[str]) -> None:
        """Erase whatever came from the child, and who took part."""
        await self._tx.rows(
            "UPDATE case_file SET circumstances = NULL, begins_year_7 = NULL WHERE case_id = ANY($1::text[])", list(ids)
        )
        await self._tx.rows("DELETE FROM participant WHERE case_id = ANY($1::text[])", list(ids))

    async def save_participants(self, rows: Sequence[Mapping[str, Any]], cases: Sequence[str]) -> None:
        """Replace who takes part in these cases."""
        await self._tx.rows("DELETE FROM participant WHERE case_id = ANY($1::text[])", list(cases))
        await self._tx.insert(participant, rows, conflict=("case_id", "organisation_id", "role", "since"))

    async def organisations(self, ids: Collection[str], on: date) -> dict[str, set[str]]:
        """The organisations that take part in these cases on a day."""
        rows = await self._tx.rows(
            "SELECT case_id, organisation_id FROM participant WHERE case_id = ANY($1::text[])"
            " AND since <= $2 AND (until IS NULL OR until >= $2)",
            list(ids),
            on,
        )
        found: dict[str, set[str]] = {}
        for row in rows:
            found.setdefault(row["case_id"], set()).add(row["organisation_id"])
        return found


def case_of(row: Any) -> CaseFile:
    """A row of `case_file` as a value."""
    return CaseFile(
        assignment=Assignment(
            row["case_id"], State(row["state"]), row["cluster"], handover_from_json(row["handover"]),
            for_a_person=row["for_a_person"], closed=row["closed"],
        ),
        reference=row["reference"],
        circumstances=circumstances_of(row["circumstances"]),
        opened_at=row["opened_at"],
        decision=row["decision"],
        reasons=tuple(row["reasons"]),
        weight=row["weight"],
        version=row["version"],
        way=Way(row["way"]),
        why=row["why"],
        changed_at=row["changed_at"],
        begins_year_7=row["begins_year_7"],
        transferred=row["transferred"],
    )  # fmt: skip


def circumstances_of(value: Mapping[str, Any] | None) -> Circumstances | None:
    """Circumstances from their JSON; None where they were erased."""
    return None if value is None else Circumstances.model_validate_json(orjson.dumps(value))


def _handover_to_json(handover: Handover | None) -> dict[str, Any] | None:
    if handover is None:
        return None
    return {
        "id": handover.id, "to_cluster": handover.to_cluster, "reason": handover.reason,
        "answer_by": handover.answer_by.isoformat(), "offered_by": handover.offered_by,
        "transfer": handover.transfer,
    }  # fmt: skip


def handover_from_json(value: Mapping[str, Any] | None) -> Handover | None:
    """An offer from its JSON; None where there is none."""
    if value is None:
        return None
    return Handover(
        value["id"],
        value["to_cluster"],
        value["reason"],
        datetime.fromisoformat(value["answer_by"]),
        value["offered_by"],
        value.get("transfer"),
    )
