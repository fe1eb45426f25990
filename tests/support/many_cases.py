"""A county with as many cases as a test wants: real ones, played through the house, and copies of their rows.

A copy has ids and a reference of its own and is otherwise what its model is, in every service that keeps rows of a
case. Nobody is told of copies, and no deadline of theirs fires: they are there to be read.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import asyncpg
from support.agency import Person

#: Every service whose rows the pages read.
_SCHEMAS: Final = ("referral_api", "cluster_router", "assessments", "funding", "placements", "notifier")
#: What every service has, and what a copy does without: its long story, and decisions, which the county numbers.
_LEFT: Final = ("audit", "inbox", "parked", "deadline", "idempotency", "subject_seen", "subject_head", "outbox%",
                "timeline_entry", "decision", "letter%", "fingerprint")  # fmt: skip
#: Rows of a case that name it by another's id: (table, its column, the table that names the case, its column).
_BEHIND: Final = (
    ("funding.part", "request_id", "funding.request"),
    ("funding.instalment", "award_id", "funding.award"),
)
_TABLES: Final = """
SELECT format('%I.%I', n.nspname, c.relname) AS name, a.attname AS key
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
WHERE n.nspname = ANY($1::text[]) AND c.relkind = 'r' AND NOT c.relname LIKE ANY($2::text[])
  AND (a.attname = 'case_id' OR (a.attname = 'id' AND n.nspname = 'placements' AND c.relname = 'case_file'))
"""
#: A row is one JSON text; the database reads it back by the table's own type.
_READ: Final = (
    "SELECT {key} AS case_id, to_jsonb(t)::text AS said FROM {table} t {joined} WHERE {key} = ANY($1::text[])"
)
_WRITE: Final = """
INSERT INTO {table} SELECT made.*
FROM unnest($1::text[]) AS said, jsonb_populate_record(NULL::{table}, said::jsonb) AS made
"""
#: An id, and a reference: what of them is the copy's number.
_NAMES: Final = re.compile(
    r"\b(?P<begins>[0-9a-f]{4})[0-9a-f]{4}(?P<ends>(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\b"
    r"|\b(?P<first>[0-9A-Z]{3})-[0-9A-Z]{3}-(?P<last>[0-9A-Z]{3})\b"
)
_AT_ONCE: Final = 5000
#: Copies of one case.
_MOST: Final = 0x1000

#: Open cases with the clusters that hold them.
Cases = list[tuple[str, str | None]]


async def take_on(origin: str, credentials: Mapping[str, Any], *, leave_each: int = 5) -> int:
    """Every cluster's lead takes on what waits for the cluster, but for one in so many; how many were taken on."""
    taken = 0
    for who in credentials["people"]:
        if "cluster-lead" not in who["roles"]:
            continue
        async with Person(origin, who) as lead:
            waiting = [row async for row in lead.items("/v1/assignments", state="assigned", cluster=who["clusters"][0])]
            for n, row in enumerate(waiting, 1):
                if n % leave_each:
                    case = await lead.get(f"/v1/assignments/{row['case_id']}")
                    done = await lead.post(
                        f"/v1/assignments/{row['case_id']}/accept", {}, if_match=case.headers["etag"]
                    )
                    taken += done.status == 200
    return taken


async def multiply(admin_url: str, *, cluster: str, there: int, in_all: int) -> dict[str, int]:
    """Copy the rows of open cases until a cluster has so many, and the county so many; the rows by table."""
    connection = await asyncpg.connect(admin_url.replace("+asyncpg", ""))
    try:
        async with connection.transaction():
            copies = _shares(await _open(connection), cluster, there=there, in_all=in_all)
            tables = {row["name"]: (f"t.{row['key']}", "") for row in await connection.fetch(_TABLES, _SCHEMAS, _LEFT)}
            tables |= {table: ("o.case_id", f"JOIN {of} o ON o.id = t.{key}") for table, key, of in _BEHIND}
            # All models are read before any copy is there.
            models = {
                table: await connection.fetch(_READ.format(table=table, key=key, joined=joined), list(copies))
                for table, (key, joined) in tables.items()
            }
            written = {}
            for table, rows in models.items():
                texts = [text for row in rows for text in _copies(row["said"], copies[row["case_id"]])]
                for at in range(0, len(texts), _AT_ONCE):
                    await connection.execute(_WRITE.format(table=table), texts[at : at + _AT_ONCE])
                written[table] = len(texts)
            await connection.execute(
                "UPDATE cluster_router.cluster c SET load = (SELECT count(*) FROM cluster_router.case_file f"
                " WHERE f.cluster = c.id AND NOT f.closed)"
            )
        await connection.execute("ANALYZE")
        return written
    finally:
        await connection.close()


async def _open(connection: Any) -> Cases:
    rows = await connection.fetch(
        "SELECT case_id, cluster_id FROM referral_api.case_file WHERE status = 'open' ORDER BY case_id"
    )
    return [(row["case_id"], row["cluster_id"]) for row in rows]


def _shares(there_is: Cases, cluster: str, *, there: int, in_all: int) -> dict[str, range]:
    """Case -> the numbers of its copies: the first of each group have one more where it does not divide."""
    wanted: dict[str, range] = {}
    for is_in, count in ((True, there), (False, in_all - there)):
        group = [(id, held) for id, held in there_is if (held == cluster) == is_in]
        # A copy has its model's id but for its number: one of each such family is copied on.
        families = sorted({id[:4] + id[8:]: id for id, _ in group}.values())
        numbers = [number for id, _ in group if (number := int(id[4:8], 16)) < _MOST]
        most = max(numbers, default=0)
        each, more = divmod(count - len(group), len(families)) if families else (0, 0)
        wanted |= {id: range(most + 1, most + 1 + each + (n < more)) for n, id in enumerate(families)}
    return wanted


def _copies(said: str, numbers: Iterable[int]) -> Iterator[str]:
    """The text of a row once for each number, with ids and references of its own."""
    parts: list[tuple[str, str, str]] = []
    end = 0
    for found in _NAMES.finditer(said):
        is_id = found["begins"] is not None
        before = said[end : found.start()] + (found["begins"] if is_id else f"{found['first']}-")
        parts.append((before, "04x" if is_id else "03X", found["ends"] if is_id else f"-{found['last']}"))
        end = found.end()
    for n in numbers:
        yield "".join(f"{before}{n:{form}}{after}" for before, form, after in parts) + said[end:]
