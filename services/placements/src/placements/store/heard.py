"""What was heard from others: who takes part in cases, schools, organisations, calendars."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from chassis.transaction import Transaction
from schemas.days import Calendar
from schemas.directory import CalendarChanged

from placements.domain.days import COUNTY, Calendars
from placements.policy import COUNCIL, COUNCIL_KIND
from placements.tables import calendar, participant


@dataclass(frozen=True, slots=True)
class School:
    """A school as far as places need it: whose it is, and where. Its id is its URN."""

    id: str
    organisation_id: str
    easting: int | None
    northing: int | None


@dataclass(frozen=True, slots=True)
class Organisation:
    """An organisation of the directory."""

    id: str
    name: str
    kind: str
    sector: str
    active: bool


class Participants:
    """Who takes part in cases."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def save(self, rows: Sequence[Mapping[str, Any]], cases: Sequence[str]) -> None:
        """Replace who takes part in these cases."""
        await self.forget(cases)
        await self._tx.insert(participant, rows, conflict=("case_id", "organisation_id", "role", "since"))

    async def roles(self, cases: Collection[str], organisation: str, on: date) -> dict[str, set[str]]:
        """What an organisation is to these cases on a day."""
        rows = await self._tx.rows(
            "SELECT case_id, role FROM participant WHERE case_id = ANY($1::text[]) AND organisation_id = $2"
            " AND since <= $3 AND (until IS NULL OR until >= $3)",
            sorted(set(cases)),
            organisation,
            on,
        )
        found: defaultdict[str, set[str]] = defaultdict(set)
        for row in rows:
            found[row["case_id"]].add(row["role"])
        return found

    async def forget(self, cases: Sequence[str]) -> None:
        """Nobody takes part in these any more."""
        await self._tx.rows("DELETE FROM participant WHERE case_id = ANY($1::text[])", list(cases))


class CalendarStore:
    """Calendars as the directory told of them."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def save(self, said: Sequence[CalendarChanged]) -> None:
        """Keep them as they now are."""
        rows = [{"id": one.calendar_id, "said": one.model_dump(mode="json")} for one in said]
        await self._tx.insert(calendar, rows, conflict=("id",), update=("said",))

    async def of(self, schools: Collection[str | None]) -> Calendars:
        """The calendars that these schools go by, the county's among them."""
        wanted = sorted({urn for urn in schools if urn} | {COUNTY})
        rows = await self._tx.rows("SELECT id, said FROM calendar WHERE id = ANY($1::text[])", wanted)
        return Calendars({row["id"]: Calendar.of(CalendarChanged.model_validate(row["said"])) for row in rows})


async def council(tx: Transaction) -> str:
    """The organisation of the county council."""
    rows = await tx.rows("SELECT id FROM organisation WHERE kind = $1 AND active ORDER BY id LIMIT 1", COUNCIL_KIND)
    return str(rows[0]["id"]) if rows else COUNCIL
