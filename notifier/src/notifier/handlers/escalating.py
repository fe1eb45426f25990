"""Time limits and duties escalate as their day comes near: to the worker, the manager, the head of service."""

from collections.abc import Sequence
from typing import Any, Final

from chassis.cause import Cause
from chassis.deadlines import Due
from schemas.assessment import ClockStarted
from schemas.days import Calendar
from schemas.directory import CalendarChanged
from schemas.placement import DutyStarted

from notifier.domain.escalation import step_at, step_fact
from notifier.domain.facts import county_day
from notifier.handlers.telling import News, announce
from notifier.policy import ESCALATION_HOUR, RULES
from notifier.store import Tx
from notifier.store.limits import COUNTY, Limit

#: Fires when a step towards a day has come.
STEP: Final = "escalation"
#: Which field of an event names what runs.
_FIELD: Final = {ClockStarted.type: "clock_id", DutyStarted.type: "duty_id"}


async def start(limits: Sequence[Limit], tx: Tx) -> None:
    """These run from now on."""
    if limits:
        await tx.limits.start(limits)
        await _set_steps(limits, await tx.limits.county(), tx)


async def reschedule(calendars: Sequence[Any], tx: Tx) -> None:
    """The county's school days have changed: so have the steps of all that runs."""
    said: list[CalendarChanged] = [received.event for received in calendars]
    await tx.limits.save_calendars(said)
    if any(c.calendar_id == COUNTY for c in said):
        await _set_steps(await tx.limits.running(), await tx.limits.county(), tx, again=True)


async def move(limits: Sequence[Limit], tx: Tx) -> None:
    """These have another day."""
    if limits:
        await _set_steps(limits, await tx.limits.county(), tx)


async def take_steps(due: Sequence[Due], tx: Tx) -> None:
    """Tell whom a step is for, as long as what it is about still runs and its day is still that day."""
    limits = {str(d.payload["limit"]) for d in due}
    # Read again when nobody else speaks of these cases: what is met right now is met.
    await tx.lock_subjects(one.case_id for one in await tx.limits.running(limits))
    running = {one.id: one for one in await tx.limits.running(limits)}
    steps = [
        (one, int(d.payload["before"]))
        for d in due
        if (one := running.get(str(d.payload["limit"]))) is not None and one.due_on.isoformat() == d.payload["due_on"]
    ]
    files = await tx.cases.get({one.case_id for one, _ in steps})
    await announce(
        [
            News(
                step_fact(
                    id=one.id, event_type=one.event_type, case_id=one.case_id, due_on=one.due_on, holder=one.holder,
                    before=before, # Late after downtime, it is for who is on duty now.
                    at=tx.now, field=_FIELD[one.event_type],
                ),
                case,
                Cause(one.correlation_id),
            )
            for one, before in steps
            if (case := files[one.case_id].case) is not None
        ],
        tx,
    )  # fmt: skip


async def _set_steps(limits: Sequence[Limit], calendar: Calendar, tx: Tx, *, again: bool = False) -> None:
    today = county_day(tx.now)
    rows: list[dict[str, Any]] = []
    for one in limits:
        for before in RULES.steps(one.event_type, today):
            at = step_at(calendar, one.due_on, before, hour=ESCALATION_HOUR)
            rows.append(
                {
                    "kind": STEP,
                    # One for each step, whatever day it moves to.
                    "subject": f"{one.id}/{before}",
                    "due_at": at,
                    "payload": {"limit": one.id, "before": before, "due_on": one.due_on.isoformat()},
                    "correlation_id": one.correlation_id,
                    "attempts": 0,
                    "retry_at": None,
                }
            )
    if again:
        # What is behind us was taken, unless it still waits: a new calendar takes no step twice.
        waiting = await tx.rows(
            "SELECT subject FROM deadline WHERE kind = $1 AND subject = ANY($2::text[])",
            STEP, [row["subject"] for row in rows],
        )  # fmt: skip
        still = {row["subject"] for row in waiting}
        rows = [row for row in rows if row["due_at"] > tx.now or row["subject"] in still]
    await tx.insert(
        tx.tables.deadline,
        rows,
        conflict=("kind", "subject"),
        update=("due_at", "payload", "correlation_id", "attempts", "retry_at"),
    )
