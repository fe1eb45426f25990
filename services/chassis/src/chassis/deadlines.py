"""Durable timers on the business clock: they fire once, late after downtime rather than never, and say how late.

A timer is a row that is deleted in the transaction of its effects: a crash before the commit leaves it to fire again,
after the commit it is gone.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import structlog

from chassis import telemetry
from chassis.cause import Cause
from chassis.clock import BusinessClock, wall_now
from chassis.database import Database, is_transient
from chassis.transaction import Transaction

log = structlog.get_logger()

BATCH: Final = 100
_LOOK_EACH_SECONDS: Final = 0.5
_FIRST_RETRY: Final = timedelta(seconds=2)
_LAST_RETRY: Final = timedelta(minutes=5)

_DUE = """
SELECT kind, subject, due_at, payload, correlation_id, attempts FROM deadline
WHERE due_at <= $1 AND kind = ANY($2::text[]) AND (retry_at IS NULL OR retry_at <= $3)
ORDER BY due_at, kind, subject LIMIT $4 FOR UPDATE SKIP LOCKED
"""


@dataclass(frozen=True, slots=True)
class Due:
    """A deadline that has come."""

    kind: str
    subject: str
    due_at: datetime
    payload: Mapping[str, Any]
    #: How much business time has passed since: more than a moment after downtime.
    late: timedelta
    cause: Cause


@dataclass(frozen=True, slots=True)
class Deadline:
    """A kind of deadline and what happens when it comes."""

    kind: str
    handler: Callable[[Sequence[Due], Any], Awaitable[None]]


def when(kind: str, handler: Callable[[Sequence[Due], Any], Awaitable[None]]) -> Deadline:
    """`handler` is called, in batches, when deadlines of this kind come."""
    return Deadline(kind, handler)


class Deadlines:
    """One service's timers."""

    def __init__(
        self,
        service: str,
        deadlines: Sequence[Deadline],
        *,
        database: Database,
        tx_type: type[Transaction],
        clock: BusinessClock,
    ) -> None:
        self._service = service
        self._handlers = {deadline.kind: deadline.handler for deadline in deadlines}
        self._database = database
        self._tx_type = tx_type
        self._clock = clock

    async def run(self, stop: asyncio.Event) -> None:
        """Fire what is due until told to stop."""
        while not stop.is_set() and self._handlers:
            fired = 0
            try:
                fired = await self.fire()
            except Exception as error:  # noqa: BLE001  timers go on whatever went wrong
                log.warning("deadlines.failed", service=self._service, error=type(error).__name__)
            if not fired:
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), _LOOK_EACH_SECONDS)

    async def fire(self) -> int:
        """Fire a batch of what is due; returns how many."""
        try:
            return await self._fire(BATCH)
        except Exception as error:
            if is_transient(error):
                raise
            # One of them breaks its handler: each alone, so that the others fire.
            fired = 0
            for _ in range(BATCH):
                try:
                    taken = await self._fire(1)
                except Exception as alone:
                    if is_transient(alone):
                        raise
                    log.error("deadline.failed", service=self._service, error=type(alone).__name__)  # noqa: TRY400
                    await self._postpone()
                    continue
                if not taken:
                    break
                fired += taken
            return fired

    async def _fire(self, limit: int) -> int:
        async with self._database.transaction(self._tx_type) as tx:
            rows = await tx.rows(_DUE, tx.now, list(self._handlers), wall_now(), limit)
            if not rows:
                return 0
            # One kind a transaction: each handler takes its locks in its own order.
            kind = rows[0]["kind"]
            rows = [row for row in rows if row["kind"] == kind]
            due = [
                Due(
                    kind, row["subject"], row["due_at"], row["payload"],
                    tx.now - row["due_at"], Cause(row["correlation_id"]),
                )
                for row in rows
            ]  # fmt: skip
            # Gone first, so that a handler may set the same deadline anew.
            await tx.rows(
                "DELETE FROM deadline WHERE (kind, subject) IN (SELECT * FROM unnest($1::text[], $2::text[]))",
                [row["kind"] for row in rows],
                [row["subject"] for row in rows],
            )
            await tx.lock_subjects(row["subject"] for row in rows)
            await self._handlers[kind](due, tx)
        telemetry.DEADLINES.labels(self._service, kind).inc(len(due))
        return len(rows)

    async def _postpone(self) -> None:
        """The first one due has failed: look at it again later."""
        async with self._database.transaction(self._tx_type) as tx:
            rows = await tx.rows(_DUE, tx.now, list(self._handlers), wall_now(), 1)
            for row in rows:
                pause = min(_FIRST_RETRY * 2 ** min(row["attempts"], 10), _LAST_RETRY)
                await tx.rows(
                    "UPDATE deadline SET attempts = attempts + 1, retry_at = $3 WHERE kind = $1 AND subject = $2",
                    row["kind"], row["subject"], wall_now() + pause,
                )  # fmt: skip
