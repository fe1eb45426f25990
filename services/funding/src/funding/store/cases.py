"""Cases as far as money needs them: referrals, who takes part, schools, clusters, the calendar."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

import orjson
from chassis.transaction import Transaction
from schemas.days import Calendar
from schemas.directory import CalendarChanged

from funding.domain.requests import CaseFile
from funding.tables import calendar, case_file, cluster, participant, referral, school

#: The calendar of the whole county.
_COUNTY: Final = "county"

_FOUND: Final = "SELECT * FROM case_file WHERE case_id = ANY($1::text[])"
_LOCKED: Final = "SELECT * FROM case_file WHERE case_id = ANY($1::text[]) ORDER BY case_id FOR UPDATE"
_SUBMITTED: Final = """
UPDATE case_file f SET referred_at = least(coalesce(f.referred_at, i.at), i.at), need = coalesce(f.need, i.need)
FROM unnest($1::text[], $2::timestamptz[], $3::text[]) AS i(id, at, need) WHERE f.case_id = i.id
"""
_CIRCUMSTANCES: Final = """
UPDATE case_file f SET school_urn = i.urn, need = coalesce(i.need, f.need)
FROM unnest($1::text[], $2::text[], $3::text[]) AS i(id, urn, need) WHERE f.case_id = i.id
"""
_PLACED: Final = """
UPDATE case_file f SET cluster_id = i.cluster
FROM unnest($1::text[], $2::text[]) AS i(id, cluster) WHERE f.case_id = i.id RETURNING f.case_id
"""
_PAID: Final = """
UPDATE case_file f SET first_paid_on = i.paid_on, days_to_money = i.days, working_days_to_money = i.working
FROM unnest($1::text[], $2::date[], $3::int[], $4::int[]) AS i(id, paid_on, days, working)
WHERE f.case_id = i.id AND f.first_paid_on IS NULL
"""
#: The oldest referral of each case that asks for money, stands, and has not been looked at.
_ASKING: Final = """
SELECT DISTINCT ON (case_id) * FROM referral
WHERE case_id = ANY($1::text[]) AND asks AND NOT withdrawn AND NOT settled ORDER BY case_id, submitted_at, referral_id
"""
_PAYEES: Final = """
SELECT f.case_id, coalesce(s.organisation_id, c.organisation_id) AS organisation_id
FROM case_file f LEFT JOIN school s ON s.urn = f.school_urn LEFT JOIN cluster c ON c.id = f.cluster_id
WHERE f.case_id = ANY($1::text[])
"""


@dataclass(frozen=True, slots=True)
class Referral:
    """A referral that asks for money."""

    id: str
    case_id: str
    organisation_id: str
    need: str


class Cases:
    """Cases as far as money needs them."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def make(self, ids: Collection[str]) -> None:
        """Have a row of each case, and have it alone. In order, so that no two wait for each other."""
        await self._tx.insert(case_file, [{"case_id": id} for id in sorted(set(ids))], conflict=("case_id",))
        await self._tx.rows(_LOCKED, sorted(set(ids)))

    async def lock(self, ids: Collection[str]) -> dict[str, CaseFile]:
        """The cases that are known among these; whoever decides about one has it alone."""
        return {row["case_id"]: case_of(row) for row in await self._tx.rows(_LOCKED, sorted(set(ids)))}

    async def find(self, ids: Collection[str]) -> dict[str, CaseFile]:
        """The cases that are known among these, to look at."""
        return {row["case_id"]: case_of(row) for row in await self._tx.rows(_FOUND, list(ids))}

    async def submitted(self, referrals: Sequence[Mapping[str, Any]]) -> None:
        """Keep referrals, and when each case's first one arrived."""
        await self._tx.insert(referral, referrals, conflict=("referral_id",))
        columns = [[row[name] for row in referrals] for name in ("case_id", "submitted_at", "need")]
        await self._tx.rows(_SUBMITTED, *columns)

    async def withdraw(self, referrals: Sequence[str]) -> None:
        """Referrals that no longer ask for anything."""
        await self._tx.rows("UPDATE referral SET withdrawn = true WHERE referral_id = ANY($1::text[])", list(referrals))

    async def settle(self, cases: Collection[str]) -> None:
        """What these cases' referrals have asked for so far is being seen to."""
        await self._tx.rows(
            "UPDATE referral SET settled = true WHERE case_id = ANY($1::text[]) AND NOT settled", list(cases)
        )

    async def still_asking(self, ids: Collection[str]) -> set[str]:
        """Those of these cases that any referral which stands asks money for."""
        rows = await self._tx.rows(
            "SELECT DISTINCT case_id FROM referral WHERE case_id = ANY($1::text[]) AND asks AND NOT withdrawn",
            list(ids),
        )
        return {row["case_id"] for row in rows}

    async def known_referrals(self, ids: Sequence[str]) -> set[str]:
        """Those of these referrals that have arrived."""
        rows = await self._tx.rows("SELECT referral_id FROM referral WHERE referral_id = ANY($1::text[])", list(ids))
        return {row["referral_id"] for row in rows}

    async def move_referrals(self, moves: Mapping[str, str]) -> None:
        """Referrals that belong to another case than was thought."""
        await self._tx.rows(
            "UPDATE referral r SET case_id = i.id, settled = false"
            " FROM unnest($1::text[], $2::text[]) AS i(referral, id) WHERE r.referral_id = i.referral",
            list(moves),
            list(moves.values()),
        )

    async def describe(self, rows: Sequence[tuple[str, str | None, str | None]]) -> None:
        """School and first need of cases."""
        await self._tx.rows(_CIRCUMSTANCES, *(list(column) for column in zip(*rows, strict=True)))

    async def place(self, clusters: Mapping[str, str]) -> set[str]:
        """Which cluster each case is with. Returns the cases that are known."""
        rows = await self._tx.rows(_PLACED, list(clusters), list(clusters.values()))
        return {row["case_id"] for row in rows}

    async def close(self, ids: Sequence[str]) -> None:
        """Cases that ended."""
        await self._tx.rows("UPDATE case_file SET closed = true WHERE case_id = ANY($1::text[])", list(ids))

    async def paid(self, rows: Sequence[tuple[str, date, int, int]]) -> None:
        """Case, day, days and working days since its first referral: for those that had no money yet."""
        if rows:
            await self._tx.rows(_PAID, *(list(column) for column in zip(*rows, strict=True)))

    async def forget(self, ids: Sequence[str]) -> None:
        """Erase whatever came from the child, and who took part."""
        erased = list(ids)
        await self._tx.rows(
            "UPDATE case_file SET school_urn = NULL, need = NULL WHERE case_id = ANY($1::text[])", erased
        )
        await self._tx.rows("DELETE FROM participant WHERE case_id = ANY($1::text[])", erased)
        await self._tx.rows("DELETE FROM referral WHERE case_id = ANY($1::text[])", erased)

    async def asking(self, ids: Collection[str]) -> dict[str, Referral]:
        """For each case the referral that asks for money and has not been seen to, where there is one."""
        rows = await self._tx.rows(_ASKING, list(ids))
        return {
            row["case_id"]: Referral(row["referral_id"], row["case_id"], row["organisation_id"], row["need"])
            for row in rows
        }

    async def payees(self, ids: Collection[str]) -> dict[str, str]:
        """Who money for a case goes to: the child's school, or else the lead of its cluster."""
        rows = await self._tx.rows(_PAYEES, list(ids))
        return {row["case_id"]: row["organisation_id"] for row in rows if row["organisation_id"] is not None}

    async def save_participants(self, rows: Sequence[Mapping[str, Any]], cases: Sequence[str]) -> None:
        """Replace who takes part in these cases."""
        await self._tx.rows("DELETE FROM participant WHERE case_id = ANY($1::text[])", list(cases))
        await self._tx.insert(participant, rows, conflict=("case_id", "organisation_id", "role", "since"))

    async def organisations(self, ids: Collection[str], on: date) -> dict[str, set[str]]:
        """For each case: who referred it or is the child's school, on a day."""
        rows = await self._tx.rows(
            "SELECT case_id, organisation_id FROM participant WHERE case_id = ANY($1::text[])"
            " AND role IN ('referrer', 'school') AND since <= $2 AND (until IS NULL OR until >= $2)"
            " UNION SELECT f.case_id, s.organisation_id FROM case_file f JOIN school s ON s.urn = f.school_urn"
            " WHERE f.case_id = ANY($1::text[])",
            list(ids),
            on,
        )
        found: dict[str, set[str]] = {}
        for row in rows:
            found.setdefault(row["case_id"], set()).add(row["organisation_id"])
        return found

    async def save_schools(self, organisations: Mapping[str, str]) -> None:
        """Schools, by URN, with the organisation that each is."""
        rows = [{"urn": urn, "organisation_id": organisations[urn]} for urn in sorted(organisations)]
        await self._tx.insert(school, rows, conflict=("urn",), update=("organisation_id",))

    async def save_clusters(self, leads: Mapping[str, str]) -> None:
        """Clusters, with the organisation of each one's lead school."""
        rows = [{"id": id, "organisation_id": leads[id]} for id in sorted(leads)]
        await self._tx.insert(cluster, rows, conflict=("id",), update=("organisation_id",))

    async def clusters(self) -> set[str]:
        """Every cluster that is known."""
        return {row["id"] for row in await self._tx.rows("SELECT id FROM cluster")}

    async def save_calendars(self, said: Sequence[CalendarChanged]) -> None:
        """Calendars as they now are."""
        rows = [{"id": one.calendar_id, "days": orjson.loads(one.to_json())} for one in said]
        await self._tx.insert(calendar, rows, conflict=("id",), update=("days",))

    async def calendar(self) -> Calendar:
        """The county's calendar; plain weekdays until the directory has told of one."""
        rows = await self._tx.rows("SELECT days FROM calendar WHERE id = $1", _COUNTY)
        return Calendar.of(CalendarChanged.from_json(orjson.dumps(rows[0]["days"]))) if rows else Calendar()


def case_of(row: Any) -> CaseFile:
    """A row of `case_file` as a value."""
    referred_at: datetime | None = row["referred_at"]
    return CaseFile(
        id=row["case_id"], referred_at=referred_at, school_urn=row["school_urn"], need=row["need"],
        cluster_id=row["cluster_id"], closed=row["closed"], first_paid_on=row["first_paid_on"],
    )  # fmt: skip
