"""What the directory answers: pages of organisations, schools and people, and who is on duty."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from directory.domain.duty import Absence, OnDuty, Role, Shift, on_duty
from directory.domain.people import Organisation, Person
from directory.domain.schools import STATABLE, School
from directory.domain.successors import CarriedOn, carried_on_by
from directory.store import Tx, school_of

#: Longest search text; a name is no longer.
SEARCH_AT_MOST: Final = 200

_SCHOOL_SELECT: Final = ", ".join(("urn", *STATABLE, "said", "version"))


@dataclass(frozen=True, slots=True)
class OrganisationFilter:
    """Which organisations; None means any."""

    sector: str | None = None
    kind: str | None = None
    active: bool | None = None
    q: str | None = None


async def organisations(
    tx: Tx, wanted: OrganisationFilter, *, after: tuple[str, str] | None, limit: int
) -> list[Organisation]:
    """One more than a page of organisations, by name."""
    rows = await tx.rows(
        """
        SELECT * FROM organisation
        WHERE ($1::text IS NULL OR sector = $1) AND ($2::text IS NULL OR kind = $2)
          AND ($3::boolean IS NULL OR active = $3)
          AND ($4::text IS NULL OR strpos(lower(name), lower($4)) > 0 OR id = $4)
          AND ($5::text IS NULL OR (name, id) > ($5, $6))
        ORDER BY name, id LIMIT $7
        """,
        wanted.sector,
        wanted.kind,
        wanted.active,
        wanted.q,
        *(after or (None, None)),
        limit + 1,
    )
    return [Organisation(**row) for row in rows]


@dataclass(frozen=True, slots=True)
class SchoolFilter:
    """Which schools; None and () mean any."""

    district: str | None = None
    phases: Sequence[int] = ()
    statuses: Sequence[int] = ()
    local_authority: str | None = None
    q: str | None = None


@dataclass(frozen=True, slots=True)
class Near:
    """Around a place: metres on the British National Grid."""

    easting: int
    northing: int
    within: int | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A school, and how far it is from the place that was asked about, in metres squared."""

    school: School
    squared: int | None = None


_MATCHES: Final = """
    ($1::text IS NULL OR lower(district) = lower($1)) AND ($2::int[] = '{}' OR phase = ANY($2))
    AND ($3::int[] = '{}' OR status = ANY($3)) AND ($4::text IS NULL OR local_authority = $4)
    AND ($5::text IS NULL OR strpos(lower(name), lower($5)) > 0 OR urn = $5
         OR replace(lower(postcode), ' ', '') = replace(lower($5), ' ', ''))
"""


async def schools(
    tx: Tx, wanted: SchoolFilter, *, near: Near | None, after: Sequence[Any] | None, limit: int
) -> list[Found]:
    """One more than a page of schools: the nearest first when a place is given, else by name."""
    matching = (
        wanted.district, list(wanted.phases), list(wanted.statuses), wanted.local_authority, wanted.q
    )  # fmt: skip
    if near is None:
        rows = await tx.rows(
            f"SELECT {_SCHOOL_SELECT} FROM school WHERE {_MATCHES}"
            " AND ($6::text IS NULL OR (name, urn) > ($6, $7)) ORDER BY name, urn LIMIT $8",
            *matching,
            *(after or (None, None)),
            limit + 1,
        )
        return [Found(school_of(dict(row))) for row in rows]
    rows = await tx.rows(
        f"""
        SELECT * FROM (
          SELECT {_SCHOOL_SELECT}, (easting - $6)::bigint ^ 2 + (northing - $7)::bigint ^ 2 AS squared
          FROM school WHERE {_MATCHES} AND easting IS NOT NULL AND northing IS NOT NULL
        ) AS placed
        WHERE ($8::bigint IS NULL OR squared <= $8) AND ($9::bigint IS NULL OR (squared, urn) > ($9, $10))
        ORDER BY squared, urn LIMIT $11
        """,
        *matching,
        near.easting,
        near.northing,
        None if near.within is None else near.within**2,
        *(after or (None, None)),
        limit + 1,
    )
    return [Found(school_of(dict(row)), int(row["squared"])) for row in rows]


async def carried_on(tx: Tx, urn: str, at: date) -> tuple[CarriedOn, dict[str, School]]:
    """Where the children of a school are on a day, and the schools on the way."""
    links = await tx.successors.reachable(urn)
    urns = {urn} | {dated.link.successor_urn for found in links.values() for dated in found}
    known = await tx.schools.known(urns)
    plain = {left: tuple(dated.link for dated in found) for left, found in links.items()}
    return carried_on_by(urn, at, schools=known, links=plain), known


@dataclass(frozen=True, slots=True)
class PersonFilter:
    """Which people; None means any."""

    organisation: str | None = None
    role: str | None = None
    cluster: str | None = None
    active: bool | None = True
    q: str | None = None


async def people(
    tx: Tx, wanted: PersonFilter, *, today: date, after: tuple[str, str] | None, limit: int
) -> list[Person]:
    """One more than a page of people, by name; role and cluster are those held today."""
    rows = await tx.rows(
        """
        SELECT p.* FROM person p
        WHERE ($1::text IS NULL OR p.organisation_id = $1) AND ($2::boolean IS NULL OR p.active = $2)
          AND ($3::text IS NULL OR strpos(lower(p.name), lower($3)) > 0)
          AND (($4::text IS NULL AND $5::text IS NULL) OR EXISTS (
            SELECT 1 FROM role r WHERE r.person_id = p.id AND ($4::text IS NULL OR r.role = $4)
              AND ($5::text IS NULL OR r.cluster_id = $5) AND r.since <= $6 AND (r.until IS NULL OR r.until >= $6)
          ))
          AND ($7::text IS NULL OR (p.name, p.id) > ($7, $8))
        ORDER BY p.name, p.id LIMIT $9
        """,
        wanted.organisation,
        wanted.active,
        wanted.q,
        wanted.role,
        wanted.cluster,
        today,
        *(after or (None, None)),
        limit + 1,
    )
    return [Person(**row) for row in rows]


async def absences(tx: Tx, people: Sequence[str], *, since: datetime) -> list[Absence]:
    """The absences of these people that are not over."""
    rows = await tx.rows(
        "SELECT * FROM absence WHERE person_id = ANY($1::text[]) AND (ends_at IS NULL OR ends_at > $2)"
        " ORDER BY starts_at, id",
        sorted(set(people)),
        since,
    )
    return [Absence(**row) for row in rows]


async def shifts(tx: Tx, organisation: str, *, since: datetime) -> list[Shift]:
    """The shifts of an organisation that are not over, the next first."""
    rows = await tx.rows(
        "SELECT * FROM duty WHERE organisation_id = $1 AND ends_at > $2 ORDER BY starts_at, id LIMIT 500",
        organisation,
        since,
    )
    return [Shift(**row) for row in rows]


async def who_is_on_duty(
    tx: Tx, organisation: str, role: str, cluster: str | None, at: datetime
) -> tuple[tuple[OnDuty, ...], Mapping[str, Person]]:
    """Who answers for a role at an instant, and the people by id."""
    held = await tx.rows(
        "SELECT * FROM role WHERE organisation_id = $1 AND role = $2 AND (cluster_id IS NULL OR cluster_id = $3)",
        organisation,
        role,
        cluster,
    )
    rota = await tx.rows(
        "SELECT * FROM duty WHERE organisation_id = $1 AND role = $2 AND starts_at <= $3 AND ends_at > $3",
        organisation,
        role,
        at,
    )
    # A cover may be covered too: whoever of the organisation is away may matter.
    away = await tx.rows(
        "SELECT a.* FROM absence a JOIN person p ON p.id = a.person_id"
        " WHERE p.organisation_id = $1 AND a.starts_at <= $2 AND (a.ends_at IS NULL OR a.ends_at > $2)",
        organisation,
        at,
    )
    named = {row["person_id"] for row in (*held, *rota, *away)} | {row["cover_id"] for row in away if row["cover_id"]}
    known = await tx.people.known(named)
    found = on_duty(
        role,
        organisation,
        cluster,
        at,
        roles=[Role(**row) for row in held],
        shifts=[Shift(**row) for row in rota],
        absences=[Absence(**row) for row in away],
        gone=frozenset(id for id, person in known.items() if not person.active),
    )
    return found, known
