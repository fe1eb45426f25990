"""Lists as people read them, newest first, a page at a time."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final

from chassis.transaction import Transaction

#: A position in a list: the time of the last line read, and its id.
Position = tuple[datetime, str]

_LINE: Final = """
id, case_id, reference, rule, text, at, read_at, urgent, why, covers, cleared_at, cleared_because, claimed_by,
claimed_at"""
_OWN: Final = f"""
SELECT {_LINE} FROM notification
WHERE person_id = $1 AND (NOT $2 OR (read_at IS NULL AND cleared_at IS NULL)) AND ($6::text IS NULL OR case_id = $6)
AND ($3::timestamptz IS NULL OR (at, id) < ($3, $4::text))
ORDER BY at DESC, id DESC LIMIT $5
"""
#: One line for each fact, whoever was told: the reader's own where there is one.
_SHARED: Final = """
SELECT f.event_id, n.id, n.case_id, n.reference, n.rule, n.text, f.at, f.read_at, n.urgent, n.why, n.covers,
       n.cleared_at, n.cleared_because, n.claimed_by, n.claimed_at FROM (
  SELECT at, event_id, min(read_at) AS read_at FROM notification
  WHERE {column} = $1 AND ($3::timestamptz IS NULL OR (at, event_id) < ($3, $4::text))
  GROUP BY at, event_id HAVING NOT $2 OR count(read_at) = 0
  ORDER BY at DESC, event_id DESC LIMIT $5
) AS f CROSS JOIN LATERAL (
  SELECT * FROM notification n WHERE n.event_id = f.event_id AND n.{column} = $1
  ORDER BY (n.person_id = $6) DESC, n.id LIMIT 1
) AS n ORDER BY f.at DESC, f.event_id DESC
"""


async def own(
    tx: Transaction, person_id: str, *, unread: bool, after: Position | None, limit: int, case_id: str | None = None
) -> Sequence[Any]:
    """Somebody's inbox, or what it says of one case. Rows have what a line shows, and `id` as their position."""
    return await tx.rows(_OWN, person_id, unread, *(after or (None, None)), limit, case_id)


async def of_cluster(
    tx: Transaction, cluster_id: str, reader: str, *, unread: bool, after: Position | None, limit: int
) -> Sequence[Any]:
    """What the people of a cluster were told. `event_id` is a row's position."""
    return await tx.rows(
        _SHARED.format(column="place"), f"cluster:{cluster_id}", unread, *(after or (None, None)), limit, reader
    )


async def of_case(
    tx: Transaction, case_id: str, reader: str, *, unread: bool, after: Position | None, limit: int
) -> Sequence[Any]:
    """What anybody was told about a case. `event_id` is a row's position."""
    return await tx.rows(_SHARED.format(column="case_id"), case_id, unread, *(after or (None, None)), limit, reader)


async def one(tx: Transaction, id: str, person_id: str) -> Any | None:
    """One line of somebody's inbox."""
    rows = await tx.rows(f"SELECT {_LINE} FROM notification WHERE id = $1 AND person_id = $2", id, person_id)
    return rows[0] if rows else None


async def unread(tx: Transaction, person_id: str) -> int:
    """How many lines of somebody's inbox they have not read and should."""
    rows = await tx.rows(
        "SELECT count(*) AS n FROM notification WHERE person_id = $1 AND read_at IS NULL AND cleared_at IS NULL",
        person_id,
    )
    return int(rows[0]["n"])


async def may_finish(tx: Transaction, task_id: str, clusters: Collection[str]) -> bool:
    """Whether a task is about a case that one of these clusters holds."""
    rows = await tx.rows(
        "SELECT 1 FROM task t JOIN case_file f USING (case_id) WHERE t.id = $1 AND f.cluster_id = ANY($2::text[])",
        task_id, list(clusters),
    )  # fmt: skip
    return bool(rows)


async def open_tasks(
    tx: Transaction, *, after: Position | None, limit: int, clusters: Collection[str] | None = None
) -> Sequence[Any]:
    """What has to be put right, oldest first; with `clusters`, about the cases that these hold."""
    return await tx.rows(
        "SELECT t.*, (SELECT count(DISTINCT a.event_id) FROM address a JOIN case_file f USING (case_id)"
        "  WHERE t.kind = 'unclaimed' AND a.place = t.about AND a.rung IS DISTINCT FROM 0"
        "  AND f.closed_at IS NULL) AS facts"
        " FROM task t WHERE done_at IS NULL AND ($4::text[] IS NULL OR t.case_id IN"
        "  (SELECT case_id FROM case_file WHERE cluster_id = ANY($4::text[])))"
        " AND ($1::timestamptz IS NULL OR (opened_at, id) > ($1, $2::text))"
        " ORDER BY opened_at, id LIMIT $3",
        *(after or (None, None)), limit, None if clusters is None else list(clusters),
    )  # fmt: skip
