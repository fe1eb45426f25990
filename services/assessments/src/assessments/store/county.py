"""What others said: cases, who takes part in them, organisations, schools and their calendars."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import orjson
from chassis.transaction import Transaction
from schemas.days import Calendar
from schemas.directory import CalendarChanged

from assessments.domain.asking import Organisation
from assessments.domain.basis import Basis
from assessments.policy import Standing
from assessments.tables import basis, calendar, case_file, organisation, participant, school

#: The calendar of whoever has none of its own.
COUNTY: Final = "county"


_FOUND: Final = "SELECT * FROM case_file WHERE case_id = ANY($1::text[])"
_LOCKED: Final = "SELECT * FROM case_file WHERE case_id = ANY($1::text[]) ORDER BY case_id FOR UPDATE"


@dataclass(frozen=True, slots=True)
class CaseFile:
    """A case as far as this service needs it."""

    id: str
    reference: str
    needs: tuple[str, ...]
    #: Whole years on the 31 August before the school year.
    age: int
    school_urn: str | None
    opened_on: date
    cluster_id: str | None = None
    organisation_id: str | None = None
    closed: bool = False
    erased: bool = False


class CountyStore:
    """What others said."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def cases(self, ids: Collection[str], *, lock: bool = False) -> dict[str, CaseFile]:
        """The cases that are known among these; locked in order when they will be changed."""
        rows = await self._tx.rows(_LOCKED if lock else _FOUND, sorted(set(ids)))
        return {row["case_id"]: case_of(row) for row in rows}

    async def save_cases(self, cases: Sequence[CaseFile]) -> None:
        """Keep cases as they now are."""
        rows = [
            {
                "case_id": c.id, "reference": c.reference, "needs": list(c.needs), "age": c.age,
                "school_urn": c.school_urn, "cluster_id": c.cluster_id, "organisation_id": c.organisation_id,
                "opened_on": c.opened_on, "closed": c.closed, "erased": c.erased,
            }
            for c in cases
        ]  # fmt: skip
        if rows:
            names = [name for name in rows[0] if name != "case_id"]
            await self._tx.insert(case_file, rows, conflict=("case_id",), update=names)

    async def save_participants(self, rows: Sequence[Mapping[str, Any]], cases: Sequence[str]) -> None:
        """Replace who takes part in these cases."""
        await self._tx.rows("DELETE FROM participant WHERE case_id = ANY($1::text[])", list(cases))
        await self._tx.insert(participant, rows, conflict=("case_id", "organisation_id", "role", "since"))

    async def forget_participants(self, cases: Sequence[str]) -> None:
        """Nobody takes part any longer."""
        await self._tx.rows("DELETE FROM participant WHERE case_id = ANY($1::text[])", list(cases))

    async def participants(self, ids: Collection[str], on: date) -> dict[str, set[tuple[str, str]]]:
        """Organisation and role of who takes part in these cases on a day."""
        rows = await self._tx.rows(
            "SELECT case_id, organisation_id, role FROM participant WHERE case_id = ANY($1::text[])"
            " AND since <= $2 AND (until IS NULL OR until >= $2)",
            list(ids),
            on,
        )
        found: dict[str, set[tuple[str, str]]] = {id: set() for id in ids}
        for row in rows:
            found[row["case_id"]].add((row["organisation_id"], row["role"]))
        return found

    async def standing(self, case: CaseFile, on: date) -> Standing:
        """A case as far as access goes."""
        return Standing(case.cluster_id, (await self.participants([case.id], on))[case.id])

    async def record_bases(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Bases that were recorded: referral, kind, case, organisation. One that ended stands again."""
        names = ("case_id", "organisation_id", "ended_on")
        new = [{**row, "ended_on": None} for row in rows]
        await self._tx.insert(basis, new, conflict=("referral_id", "kind"), update=names)

    async def end_bases(self, ended: Sequence[tuple[str, str, str]], on: date) -> None:
        """(case, organisation, kind) that nobody may rely on any more."""
        await self._tx.rows(
            "UPDATE basis b SET ended_on = $4"
            " FROM unnest($1::text[], $2::text[], $3::text[]) AS i(case_id, organisation_id, kind)"
            " WHERE b.case_id = i.case_id AND b.organisation_id = i.organisation_id AND b.kind = i.kind"
            " AND b.ended_on IS NULL",
            *([one[n] for one in ended] for n in range(3)), on,
        )  # fmt: skip

    async def move_bases(self, moves: Mapping[str, str]) -> None:
        """Referrals belong to another case now, with what they rest on."""
        await self._tx.rows(
            "UPDATE basis b SET case_id = i.case_id FROM unnest($1::text[], $2::text[]) AS i(referral_id, case_id)"
            " WHERE b.referral_id = i.referral_id",
            list(moves), list(moves.values()),
        )  # fmt: skip

    async def bases(self, ids: Collection[str]) -> dict[str, list[Basis]]:
        """What these cases rest on, also what has ended."""
        rows = await self._tx.rows(
            "SELECT case_id, kind, ended_on FROM basis WHERE case_id = ANY($1::text[])", list(ids)
        )
        found: dict[str, list[Basis]] = {id: [] for id in ids}
        for row in rows:
            found[row["case_id"]].append(Basis(row["kind"], row["ended_on"]))
        return found

    async def forget_bases(self, cases: Sequence[str]) -> None:
        """Nothing is shared on anything any longer."""
        await self._tx.rows("DELETE FROM basis WHERE case_id = ANY($1::text[])", list(cases))

    async def save_organisations(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Keep organisations as they now are."""
        names = ("name", "sector", "kind", "active")
        await self._tx.insert(organisation, rows, conflict=("organisation_id",), update=names)

    async def organisations(self, kinds: Collection[str]) -> list[Organisation]:
        """The active organisations of these kinds."""
        rows = await self._tx.rows(
            "SELECT * FROM organisation WHERE active AND kind = ANY($1::text[]) ORDER BY organisation_id", list(kinds)
        )
        return [Organisation(row["organisation_id"], row["sector"], row["kind"]) for row in rows]

    async def knows(self, organisation_id: str) -> bool:
        """Whether there is such an organisation, and it works."""
        return bool(
            await self._tx.rows("SELECT 1 FROM organisation WHERE organisation_id = $1 AND active", organisation_id)
        )

    async def save_schools(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Which organisation each school is."""
        await self._tx.insert(school, rows, conflict=("urn",), update=("organisation_id",))

    async def schools(self, urns: Collection[str]) -> dict[str, str]:
        """The organisations of these schools."""
        rows = await self._tx.rows("SELECT urn, organisation_id FROM school WHERE urn = ANY($1::text[])", list(urns))
        return {row["urn"]: row["organisation_id"] for row in rows}

    async def save_calendars(self, said: Sequence[CalendarChanged]) -> None:
        """Keep calendars as they now are."""
        rows = [{"calendar_id": one.calendar_id, "said": one.model_dump(mode="json")} for one in said]
        await self._tx.insert(calendar, rows, conflict=("calendar_id",), update=("said",))

    async def calendars(self, urns: Collection[str]) -> dict[str, Calendar]:
        """The county's calendar, and those that these schools have of their own."""
        rows = await self._tx.rows(
            "SELECT calendar_id, said FROM calendar WHERE calendar_id = ANY($1::text[])", [COUNTY, *urns]
        )
        return {
            row["calendar_id"]: Calendar.of(CalendarChanged.model_validate_json(orjson.dumps(row["said"])))
            for row in rows
        }


def case_of(row: Any) -> CaseFile:
    """A row of `case_file` as a value."""
    return CaseFile(
        id=row["case_id"], reference=row["reference"], needs=tuple(row["needs"]), age=row["age"],
        school_urn=row["school_urn"], opened_on=row["opened_on"], cluster_id=row["cluster_id"],
        organisation_id=row["organisation_id"], closed=row["closed"], erased=row["erased"],
    )  # fmt: skip
