"""Outbox -> event log: the only writer of topics. One live relay per service, in id order, nothing skipped.

Ids are drawn before their transaction commits, so a higher id can become visible before a lower one. The cursor
therefore remembers every id that it passed without seeing: a *hole* is looked for again until it appears, or until
every transaction that could still fill it has ended. A second relay is kept out by an advisory lock, and one that lost
its lock unknowingly by the cursor's epoch: it can no longer save.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date, timedelta
from typing import Any, Final

import asyncpg
import orjson
import structlog
from schemas.envelope import Envelope

from chassis import telemetry
from chassis.clock import wall_now
from chassis.database import Database
from chassis.event_log.interface import Appender, AppendInDoubt, EventLog, Message
from chassis.hints import Hints
from chassis.pace import Pace

log = structlog.get_logger()

BATCH: Final = 500
#: Looked at even when no hint came.
SLOW_POLL_SECONDS: Final = 0.25
_PAUSE_WHEN_AWAY_SECONDS: Final = 1.0
#: How far back a still uncommitted row may lie: its transaction began at most a day before the newest row's.
_LOOK_BACK: Final = timedelta(days=1)

#: A new cursor begins before the oldest row, by more than anybody could be late.
_CLAIM = """
INSERT INTO relay_cursor (name, epoch, last_id, last_day, holes, saved_at)
VALUES ($1, 1, greatest(0, (SELECT coalesce(min(id), 1) FROM outbox) - 10000),
        least($2, (SELECT coalesce(min(day), $2) FROM outbox)), '{}', $3)
ON CONFLICT (name) DO UPDATE SET epoch = relay_cursor.epoch + 1, saved_at = excluded.saved_at
RETURNING epoch, last_id, last_day, holes
"""
_SAVE = """
UPDATE relay_cursor SET last_id = $3, last_day = $4, holes = $5::jsonb, saved_at = $6 WHERE name = $1 AND epoch = $2
RETURNING 1
"""
_COLUMNS = (
    "day, id, event_id, topic, source, subject, sequence, type, time, dataschema, correlation_id, causation_id,"
    " traceparent, data"
)
_NEXT = f"""
SELECT {_COLUMNS} FROM outbox WHERE day >= $1 AND id > $2 ORDER BY id LIMIT $3
"""
_HOLES = f"""
SELECT {_COLUMNS} FROM outbox WHERE day >= $1 AND id = ANY($2::bigint[]) ORDER BY id
"""
#: Every transaction with a lower number has ended, and what it wrote is seen by whatever looks from now on.
_ENDED = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
#: A number above that of every transaction which has one by now. A snapshot's xmax is no such number: it is one above
#: the highest that has *ended*, and whoever still writes may well be above it. An id is drawn only after the subject's
#: head was won, so who has drawn one has a number.
_ABOVE_ALL = "SELECT pg_current_xact_id()::text::bigint"


class Fenced(Exception):
    """Another relay has taken over."""


class Cursor:
    """How far the relay is: everything up to `last_id` was published, but for the holes."""

    def __init__(self, last_id: int, last_day: date, holes: dict[int, int]) -> None:
        self.last_id = last_id
        self.last_day = last_day
        #: Missing id -> a number above that of every transaction that could have drawn it.
        self.holes = holes

    def missing(self, ids: Sequence[int]) -> list[int]:
        """The ids that lie between the last one and these, ascending, and were not read."""
        return sorted(set(range(self.last_id + 1, ids[-1])).difference(ids)) if ids else []

    def advance(self, ids: Sequence[int], day: date, holes: Mapping[int, int]) -> None:
        """These ids, ascending and above `last_id`, were read, and these holes seen between them."""
        self.holes |= holes
        if ids:
            self.last_id = ids[-1]
            self.last_day = max(self.last_day, day)

    def settle(self, found: Sequence[int], ended: int) -> None:
        """Forget holes that were filled, and those that nobody can fill any more: looked for after all had ended."""
        for id in found:
            self.holes.pop(id, None)
        self.holes = {id: above for id, above in self.holes.items() if ended < above}


class Relay:
    """One service's relay."""

    def __init__(self, name: str, *, database: Database, event_log: EventLog, hints: Hints) -> None:
        self.name = name
        self._database = database
        self._log = event_log
        self._hints = hints

    async def run(self, stop: asyncio.Event) -> None:
        """Publish until told to stop; wait for the lock while another relay lives."""
        while not stop.is_set():
            appender = self._log.appender(f"{self.name}-relay")
            try:
                await self._lead(appender, stop)
            except (Fenced, AppendInDoubt) as error:
                log.warning("relay.starts-over", service=self.name, why=type(error).__name__)
            except Exception as error:  # noqa: BLE001  the relay goes on whatever went wrong
                log.warning("relay.failed", service=self.name, error=type(error).__name__)
            finally:
                await appender.close()
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), _PAUSE_WHEN_AWAY_SECONDS)

    async def _lead(self, appender: Appender, stop: asyncio.Event) -> None:
        async with self._database.session() as connection:
            if not await connection.fetchval("SELECT pg_try_advisory_lock(hashtext($1))", f"relay:{self.name}"):
                return
            try:
                [claimed] = await connection.fetch(_CLAIM, self.name, wall_now().date(), wall_now())
                holes = {int(id): int(xmax) for id, xmax in claimed["holes"].items()}
                cursor = Cursor(claimed["last_id"], claimed["last_day"], holes)
                pace = Pace()
                with self._hints.expecting(self.name) as hint:
                    while not stop.is_set():
                        hint.clear()
                        with pace:
                            found = await self._round(connection, appender, cursor, claimed["epoch"])
                        if found:
                            await pace.rest()
                        else:
                            with suppress(TimeoutError):
                                await asyncio.wait_for(hint.wait(), SLOW_POLL_SECONDS)
            finally:
                with suppress(Exception):
                    await connection.fetchval("SELECT pg_advisory_unlock(hashtext($1))", f"relay:{self.name}")

    async def _round(
        self, connection: "asyncpg.Connection[Any]", appender: Appender, cursor: Cursor, epoch: int
    ) -> bool:
        """Publish what there is; False when there was nothing to do."""
        day = cursor.last_day - _LOOK_BACK
        # Asked before the look: a transaction that counts as ended is visible to what follows.
        ended = await connection.fetchval(_ENDED) if cursor.holes else 0
        rows = await connection.fetch(_NEXT, day, cursor.last_id, BATCH)
        # After them: what a row among them follows upon is there by now, and goes out before it.
        late = await connection.fetch(_HOLES, day, list(cursor.holes)) if cursor.holes else []
        ids = [row["id"] for row in rows]
        # Asked after the look: whoever drew an id below one of these has a number by now.
        missing = cursor.missing(ids)
        above = await connection.fetchval(_ABOVE_ALL) if missing else 0
        published = sorted([*late, *rows], key=lambda row: int(row["id"]))
        if published:
            await appender.append([_message(row) for row in published])
            telemetry.PUBLISHED.labels(self.name).inc(len(published))
        waited_for = len(cursor.holes)
        cursor.settle([row["id"] for row in late], ended)
        cursor.advance(ids, max((row["day"] for row in rows), default=day), dict.fromkeys(missing, above))
        if published or len(cursor.holes) != waited_for:
            saved = await connection.fetchval(
                _SAVE, self.name, epoch, cursor.last_id, cursor.last_day,
                orjson.dumps({str(id): xmax for id, xmax in cursor.holes.items()}).decode(), wall_now(),
            )  # fmt: skip
            if saved is None:
                raise Fenced
        return bool(published)


async def republish(database: Database, event_log: EventLog, name: str, since: date) -> int:
    """Write again everything said since a day, in order: rebuilds lost topics. Readers drop what they have."""
    appender = event_log.appender(f"{name}-republish")
    last, count = 0, 0
    try:
        async with database.session() as connection:
            while rows := await connection.fetch(_NEXT, since, last, BATCH):
                await appender.append([_message(row) for row in rows])
                last, count = rows[-1]["id"], count + len(rows)
    finally:
        await appender.close()
    return count


def _message(row: Any) -> Message:
    key, headers, value = Envelope(
        id=row["event_id"],
        source=row["source"],
        type=row["type"],
        subject=row["subject"],
        time=row["time"],
        dataschema=row["dataschema"],
        subjectsequence=row["sequence"],
        correlationid=row["correlation_id"],
        causationid=row["causation_id"],
        traceparent=row["traceparent"],
        data=row["data"],
    ).to_kafka()
    return Message(row["topic"], key, value, tuple(headers))
