"""Rows as values of the domain, many at a time."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from functools import cached_property
from typing import Any, Final

import sqlalchemy as sa
from chassis.actions import lock_number
from chassis.transaction import Transaction
from schemas.directory import CalendarChanged

from directory import tables
from directory.domain.calendars import COUNTY, OwnCalendar
from directory.domain.duty import Absence, Role, Shift
from directory.domain.people import Organisation, Person
from directory.domain.schools import STATABLE, School, Status
from directory.domain.successors import Link

_SCHOOL_COLUMNS: Final = ("urn", *STATABLE, "said", "version")
_SCHOOL_SELECT: Final = ", ".join(_SCHOOL_COLUMNS)
_REGISTER_LOCK: Final = lock_number("directory\0register")


def school_of(row: Mapping[str, Any]) -> School:
    """A school from a row that has all of its columns."""
    values = {name: row[name] for name in ("urn", *STATABLE, "version")}
    values["status"] = Status(values["status"])
    values["need_types"] = tuple(values["need_types"])
    said = {name: date.fromisoformat(day) for name, day in row["said"].items()}
    return School(**values, said=said)


class Schools:
    """Schools, as the register described them."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def keep_out_others(self) -> None:
        """One reader of the register at a time: two that both find a school new would each write only their half."""
        await self._tx.rows("SELECT pg_advisory_xact_lock($1)", _REGISTER_LOCK)

    async def known(self, urns: Iterable[str]) -> dict[str, School]:
        """Those of these schools that are known, by URN."""
        wanted = sorted(set(urns))
        rows = await self._tx.rows(f"SELECT {_SCHOOL_SELECT} FROM school WHERE urn = ANY($1::text[])", wanted)
        return {row["urn"]: school_of(dict(row)) for row in rows}

    async def save(self, schools: Sequence[School]) -> None:
        """Write schools, new or not."""
        rows = [{name: getattr(school, name) for name in _SCHOOL_COLUMNS} for school in schools]
        await self._tx.insert(tables.school, rows, conflict=("urn",), update=_SCHOOL_COLUMNS[1:])


@dataclass(frozen=True, slots=True)
class DatedLink:
    """A link, and the day of the extract that said it."""

    link: Link
    as_of: date


class Successors:
    """The register's links between schools."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def onward(self, urns: Iterable[str]) -> dict[str, tuple[DatedLink, ...]]:
        """The links that lead on from these schools, by the school that is left."""
        rows = await self._tx.rows(
            "SELECT * FROM school_successor WHERE urn = ANY($1::text[]) ORDER BY since NULLS FIRST, successor_urn",
            sorted(set(urns)),
        )
        return _grouped([dict(row) for row in rows], "urn")

    async def leading_to(self, urns: Iterable[str]) -> dict[str, tuple[DatedLink, ...]]:
        """The links that lead to these schools, by the school that carries on."""
        rows = await self._tx.rows(
            "SELECT * FROM school_successor WHERE successor_urn = ANY($1::text[]) ORDER BY since NULLS FIRST, urn",
            sorted(set(urns)),
        )
        return _grouped([dict(row) for row in rows], "successor_urn")

    async def reachable(self, urn: str) -> dict[str, tuple[DatedLink, ...]]:
        """All links that can be followed from a school, however far, by the school that is left."""
        found = await self._tx.rows(
            """
            WITH RECURSIVE chain AS (
              SELECT s.* FROM school_successor s WHERE s.urn = $1
              UNION
              SELECT s.* FROM school_successor s JOIN chain c ON s.urn = c.successor_urn
            )
            SELECT * FROM chain ORDER BY since NULLS FIRST, successor_urn
            """,
            urn,
        )
        return _grouped([dict(row) for row in found], "urn")

    async def replace(self, urns: Collection[str], links: Sequence[DatedLink]) -> None:
        """From now on exactly these links lead on from these schools."""
        await self._tx.rows("DELETE FROM school_successor WHERE urn = ANY($1::text[])", sorted(urns))
        await self._tx.insert(tables.school_successor, [asdict(dated.link) | {"as_of": dated.as_of} for dated in links])


def _grouped(rows: Sequence[Mapping[str, Any]], key: str) -> dict[str, tuple[DatedLink, ...]]:
    found: dict[str, list[DatedLink]] = {}
    for row in rows:
        link = Link(row["urn"], row["successor_urn"], row["kind"], row["since"])
        found.setdefault(row[key], []).append(DatedLink(link, row["as_of"]))
    return {urn: tuple(links) for urn, links in found.items()}


class Organisations:
    """Organisations, schools among them."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def known(self, ids: Iterable[str]) -> dict[str, Organisation]:
        """Those of these organisations that are known, by id."""
        rows = await self._tx.rows("SELECT * FROM organisation WHERE id = ANY($1::text[])", sorted(set(ids)))
        return {row["id"]: Organisation(**row) for row in rows}

    async def held(self, ids: Iterable[str]) -> dict[str, Organisation]:
        """The same, kept from changing until this ends: whoever changes their people waits for each other here."""
        rows = await self._tx.rows(
            "SELECT * FROM organisation WHERE id = ANY($1::text[]) ORDER BY id FOR NO KEY UPDATE", sorted(set(ids))
        )
        return {row["id"]: Organisation(**row) for row in rows}

    async def save(self, organisations: Sequence[Organisation]) -> None:
        """Write organisations, new or not."""
        await self._tx.insert(
            tables.organisation,
            [asdict(organisation) for organisation in organisations],
            conflict=("id",),
            update=("name", "sector", "kind", "active", "version"),
        )


class People:
    """Members of staff and the roles they hold."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def known(self, ids: Iterable[str]) -> dict[str, Person]:
        """Those of these people who are known, by id."""
        rows = await self._tx.rows("SELECT * FROM person WHERE id = ANY($1::text[])", sorted(set(ids)))
        return {row["id"]: Person(**row) for row in rows}

    async def by_email(self, pairs: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Person]:
        """People by (organisation, e-mail in lower case)."""
        wanted = sorted({(organisation, email.lower()) for organisation, email in pairs})
        rows = await self._tx.rows(
            "SELECT p.* FROM person p JOIN unnest($1::text[], $2::text[]) AS i(organisation_id, email)"
            " ON p.organisation_id = i.organisation_id AND lower(p.email) = i.email",
            [organisation for organisation, _ in wanted],
            [email for _, email in wanted],
        )
        return {(row["organisation_id"], row["email"].lower()): Person(**row) for row in rows}

    async def save(self, people: Sequence[Person]) -> None:
        """Write people, new or not."""
        await self._tx.insert(
            tables.person,
            [asdict(person) for person in people],
            conflict=("id",),
            update=("organisation_id", "name", "title", "email", "active", "version"),
        )

    async def roles_of(self, ids: Iterable[str]) -> dict[str, list[Role]]:
        """All roles of these people, past ones too, by person."""
        rows = await self._tx.rows(
            "SELECT * FROM role WHERE person_id = ANY($1::text[]) ORDER BY since, id", sorted(set(ids))
        )
        found: dict[str, list[Role]] = {}
        for row in rows:
            found.setdefault(row["person_id"], []).append(Role(**row))
        return found

    async def save_roles(self, roles: Sequence[Role]) -> None:
        """Write roles, new or not."""
        await self._tx.insert(
            tables.role, [asdict(role) for role in roles], conflict=("id",), update=("since", "until", "version")
        )


class Rota:
    """Shifts and absences."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def add_shift(self, shift: Shift) -> None:
        """Write a new shift."""
        await self._tx.insert(tables.duty, [asdict(shift)])

    async def shift(self, id: str) -> Shift | None:
        """A shift by its id."""
        rows = await self._tx.rows("SELECT * FROM duty WHERE id = $1", id)
        return Shift(**rows[0]) if rows else None

    async def drop_shift(self, id: str) -> None:
        """Forget a shift."""
        await self._tx.execute(sa.delete(tables.duty).where(tables.duty.c.id == id))

    async def absence(self, id: str) -> Absence | None:
        """An absence by its id."""
        rows = await self._tx.rows("SELECT * FROM absence WHERE id = $1", id)
        return Absence(**rows[0]) if rows else None

    async def save_absence(self, absence: Absence) -> None:
        """Write an absence, new or not."""
        await self._tx.insert(
            tables.absence,
            [asdict(absence)],
            conflict=("id",),
            update=("starts_at", "ends_at", "cover_id", "version"),
        )


class Calendars:
    """Term dates and closures."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def known(self) -> tuple[dict[str, OwnCalendar], dict[str, Any]]:
        """What was stated of each calendar, and what was last said of it."""
        rows = await self._tx.rows("SELECT id, terms, closures, said FROM calendar ORDER BY id")
        return {row["id"]: _calendar(dict(row)) for row in rows}, {row["id"]: row["said"] for row in rows}

    async def said_of(self, urn: str) -> CalendarChanged | None:
        """The calendar that a school goes by: its own, or the county's."""
        rows = await self._tx.rows(
            "SELECT said FROM calendar WHERE id IN ($1, $2) AND said IS NOT NULL ORDER BY id = $1 DESC", urn, COUNTY
        )
        return CalendarChanged.model_validate(rows[0]["said"]) if rows else None

    async def save(self, calendars: Sequence[OwnCalendar]) -> None:
        """Write calendars, new or not."""
        rows = [
            {
                "id": one.calendar_id,
                "terms": [[day.isoformat() for day in term] for term in one.terms],
                "closures": [day.isoformat() for day in one.closures],
                "version": 1,
            }
            for one in calendars
        ]
        await self._tx.insert(tables.calendar, rows, conflict=("id",), update=("terms", "closures"))

    async def note_said(self, events: Sequence[CalendarChanged]) -> None:
        """Others have been told this."""
        await self._tx.rows(
            "UPDATE calendar c SET said = n.said::jsonb, version = c.version + 1"
            " FROM unnest($1::text[], $2::text[]) AS n(id, said) WHERE c.id = n.id",
            [event.calendar_id for event in events],
            [event.to_json().decode() for event in events],
        )


def _calendar(row: Mapping[str, Any]) -> OwnCalendar:
    terms = tuple((date.fromisoformat(first), date.fromisoformat(last)) for first, last in row["terms"])
    return OwnCalendar(row["id"], terms, tuple(date.fromisoformat(day) for day in row["closures"]))


class Tx(Transaction):
    """A transaction of the directory."""

    @cached_property
    def schools(self) -> Schools:
        """Schools."""
        return Schools(self)

    @cached_property
    def successors(self) -> Successors:
        """Links between schools."""
        return Successors(self)

    @cached_property
    def organisations(self) -> Organisations:
        """Organisations."""
        return Organisations(self)

    @cached_property
    def people(self) -> People:
        """People and their roles."""
        return People(self)

    @cached_property
    def rota(self) -> Rota:
        """Shifts and absences."""
        return Rota(self)

    @cached_property
    def calendars(self) -> Calendars:
        """Term dates and closures."""
        return Calendars(self)
