"""Time limits and duties that run, the county's calendar, and which organisation a provider belongs to."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

import orjson
from chassis.transaction import Transaction
from schemas.days import Calendar
from schemas.directory import CalendarChanged

from notifier.tables import limit

COUNTY: Final = "county"


@dataclass(frozen=True, slots=True)
class Limit:
    """Something that must be done by a day."""

    id: str
    #: The event that began it.
    event_type: str
    case_id: str
    due_on: date
    holder: str | None
    correlation_id: str


class Limits:
    """Repository of what escalates."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def start(self, begun: Sequence[Limit]) -> None:
        """These run from now on; one that is there takes its newest day."""
        await self._tx.insert(
            limit,
            [
                {
                    "id": one.id,
                    "event_type": one.event_type,
                    "case_id": one.case_id,
                    "due_on": one.due_on,
                    "holder": one.holder,
                    "correlation_id": one.correlation_id,
                }
                for one in begun
            ],
            conflict=("id",),
            update=("due_on",),
        )

    async def move(self, days: Mapping[str, date]) -> list[Limit]:
        """These have another day. Returns those that run and had a different one."""
        rows = await self._tx.rows(
            "UPDATE time_limit t SET due_on = i.due_on FROM unnest($1::text[], $2::date[]) AS i(id, due_on)"
            " WHERE t.id = i.id AND t.due_on <> i.due_on AND t.ended_at IS NULL"
            " RETURNING t.id, t.event_type, t.case_id, t.due_on, t.holder, t.correlation_id",
            list(days), list(days.values()),
        )  # fmt: skip
        return [Limit(**dict(row)) for row in rows]

    async def end(self, ids: Collection[str], at: datetime) -> None:
        """These run no longer."""
        await self._tx.rows(
            "UPDATE time_limit SET ended_at = $2 WHERE id = ANY($1::text[]) AND ended_at IS NULL", list(ids), at
        )

    async def running(self, ids: Collection[str] | None = None) -> list[Limit]:
        """Those that run and whose case is open; all, or those named."""
        rows = await self._tx.rows(
            "SELECT t.id, t.event_type, t.case_id, t.due_on, t.holder, t.correlation_id FROM time_limit t"
            " JOIN case_file f USING (case_id) WHERE t.ended_at IS NULL AND f.closed_at IS NULL"
            " AND f.reference IS NOT NULL AND ($1::text[] IS NULL OR t.id = ANY($1::text[])) ORDER BY t.id",
            None if ids is None else list(ids),
        )
        return [Limit(**dict(row)) for row in rows]

    async def save_calendars(self, calendars: Collection[CalendarChanged]) -> None:
        """Keep calendars as they now are."""
        await self._tx.rows(
            "INSERT INTO calendar (calendar_id, said) SELECT id, said::jsonb"
            " FROM unnest($1::text[], $2::text[]) AS i(id, said)"
            " ON CONFLICT (calendar_id) DO UPDATE SET said = excluded.said",
            [c.calendar_id for c in calendars], [c.to_json().decode() for c in calendars],
        )  # fmt: skip

    async def county(self) -> Calendar:
        """The county's calendar; before it was said, the usual week."""
        rows = await self._tx.rows("SELECT said FROM calendar WHERE calendar_id = $1", COUNTY)
        return Calendar.of(CalendarChanged.from_json(orjson.dumps(rows[0]["said"]))) if rows else Calendar()

    async def save_providers(self, organisations: Mapping[str, str | None]) -> None:
        """Keep which organisation a provider belongs to."""
        await self._tx.rows(
            "INSERT INTO provider (provider_id, organisation_id) SELECT * FROM unnest($1::text[], $2::text[])"
            " ON CONFLICT (provider_id) DO UPDATE SET organisation_id = excluded.organisation_id",
            list(organisations), list(organisations.values()),
        )  # fmt: skip

    async def providers(self, ids: Collection[str]) -> dict[str, str]:
        """Provider -> its organisation, where it has one."""
        rows = await self._tx.rows(
            "SELECT provider_id, organisation_id FROM provider"
            " WHERE provider_id = ANY($1::text[]) AND organisation_id IS NOT NULL",
            list(ids),
        )
        return {row["provider_id"]: row["organisation_id"] for row in rows}

    async def provided_by(self, organisations: Collection[str]) -> set[str]:
        """The providers that belong to these organisations."""
        rows = await self._tx.rows(
            "SELECT provider_id FROM provider WHERE organisation_id = ANY($1::text[])", list(organisations)
        )
        return {row["provider_id"] for row in rows}
