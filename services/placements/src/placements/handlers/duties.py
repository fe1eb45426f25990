"""What happens to duties by themselves and by people: due soon, passed, met; a school year that ends; calendars."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final

from chassis.auth import Caller
from chassis.cause import Cause
from chassis.clock import new_id
from chassis.deadlines import Due
from chassis.errors import Conflict, Forbidden, Invalid, NotFound, Refusal
from chassis.subscription import Received
from schemas.days import school_year
from schemas.directory import CalendarChanged
from schemas.placement import DutyDueSoon, DutyMet

from placements.domain.days import COUNTY, day_of
from placements.domain.duties import LIMIT, PENDING, Duty, DutyState
from placements.handlers.recount import Recount, said_of
from placements.policy import at_the_desk, sees_exclusions, works_on
from placements.store import Tx

#: Cases whose duties are counted anew in one transaction after a calendar changed.
AT_ONCE: Final = 200
CALENDAR_CHANGED: Final = "calendar-changed"


class DutyDone(Conflict):
    """The duty was met, or its reason is gone."""

    code = "duty-done"


class NotYetBegun(Invalid):
    """A day that is before the duty began, or still to come."""

    code = "day-out-of-range"


@dataclass(frozen=True, slots=True)
class Meet:
    """Somebody says that a duty is done."""

    exclusion_id: str
    duty_id: str
    met_on: date
    caller: Caller
    cause: Cause


async def due_soon(due: Sequence[Due], tx: Tx) -> None:
    """The day comes near. Said late it would only be noise beside the breach: then it is not said."""
    recount = await _recount(due, tx)
    for one in due:
        duty = _duty(recount, one.payload)
        if duty is not None and duty.state == DutyState.OPEN and recount.today <= duty.due_on:
            exclusion = recount.exclusion(duty.case_id, duty.exclusion_id)
            calendar = recount.calendars.of(exclusion.school_urn if exclusion else None)
            left = calendar.school_days_between(recount.today, duty.due_on)
            tx.emit(DutyDueSoon.model_validate({**said_of(duty), "days_left": left}), one.cause)
    await recount.close()


async def passed(due: Sequence[Due], tx: Tx) -> None:
    """The day has passed and nobody has said that it is done."""
    recount = await _recount(due, tx)
    for one in due:
        duty = _duty(recount, one.payload)
        if duty is not None and duty.state == DutyState.OPEN and recount.today > duty.due_on:
            duty = replace(duty, state=DutyState.BREACHED)
            recount.keep(duty)
            recount.say_breached(duty, one.cause)
    await recount.close()


async def year_ended(due: Sequence[Due], tx: Tx) -> None:
    """A school year ended: a limit that was not passed was kept."""
    recount = await _recount(due, tx)
    for one in due:
        duty = _duty(recount, one.payload)
        if duty is not None and duty.state == DutyState.OPEN and duty.kind == LIMIT:
            _meet(recount, duty, duty.due_on, one.cause)
    await recount.close()


async def meet_duties(commands: Sequence[Meet], tx: Tx) -> Sequence[Duty | Refusal]:
    """Somebody says that a duty is done: its holder, the cluster, or the desk."""
    known = await tx.exclusions.find([command.exclusion_id for command in commands])
    await tx.lock_subjects(one.case_id for one in known.values())
    recount = await Recount.open(tx, {one.case_id for one in known.values()})
    outcomes: list[Duty | Refusal] = []
    for command in commands:
        try:
            outcomes.append(await _meet_one(recount, command, tx))
        except Refusal as refusal:
            outcomes.append(refusal)
    await recount.close()
    return outcomes


async def _meet_one(recount: Recount, command: Meet, tx: Tx) -> Duty:
    every = (duty for duties in recount.duties.values() for duty in duties)
    duty = next((d for d in every if (d.id, d.exclusion_id) == (command.duty_id, command.exclusion_id)), None)
    if duty is None:
        raise NotFound
    case, caller = recount.cases.get(duty.case_id), command.caller
    roles = (await tx.participants.roles([duty.case_id], caller.organisation, recount.today)).get(duty.case_id, set())
    holds = caller.organisation == duty.holder
    if not holds and not sees_exclusions(caller, case, roles):
        raise NotFound
    if not (holds or at_the_desk(caller) or works_on(caller, case)):
        raise Forbidden("Only who has the duty, the cluster or the council's desk says that it is done.")
    if duty.state not in PENDING:
        raise DutyDone("The duty was met already, or its reason is gone.")
    exclusion = recount.exclusion(duty.case_id, duty.exclusion_id)
    earliest = exclusion.first_on if exclusion else duty.started_on
    if not earliest <= command.met_on <= recount.today:
        raise NotYetBegun("Give a day from the first day of the exclusion up to today.", pointer="/met_on")
    met = _meet(recount, duty, command.met_on, command.cause)
    await recount.stop_clocks(met)
    tx.audit(
        action="met", what="duty", what_id=duty.id, caller=caller, case_id=duty.case_id,
        correlation_id=command.cause.correlation_id,
    )  # fmt: skip
    return met


def _meet(recount: Recount, duty: Duty, met_on: date, cause: Cause) -> Duty:
    # A limit that was passed stays passed, whenever somebody looks at it.
    in_time = met_on <= duty.due_on and not (duty.kind == LIMIT and duty.state == DutyState.BREACHED)
    met = replace(duty, state=DutyState.MET, met_on=met_on)
    recount.keep(met)
    recount.tx.emit(DutyMet.model_validate({**said_of(met), "met_on": met_on, "in_time": in_time}), cause)
    return met


async def note_calendars(events: Sequence[Received[CalendarChanged]], tx: Tx) -> None:
    """School days changed: what is counted in them is counted anew, in transactions of their own."""
    await tx.calendars.save([received.event for received in events])
    for received in events:
        payload = {"calendar": received.event.calendar_id, "after": ""}
        await tx.set_deadline(CALENDAR_CHANGED, new_id(), tx.now, cause=received.cause, payload=payload)


_CONCERNED: Final = """
SELECT DISTINCT case_id FROM exclusion e
WHERE first_on >= $1 AND cancelled IS NULL AND case_id > $2
  AND (school_urn = $3 OR ($3 = $4 AND NOT EXISTS (SELECT 1 FROM calendar c WHERE c.id = e.school_urn)))
ORDER BY case_id LIMIT $5
"""


async def recount_after_calendar(due: Sequence[Due], tx: Tx) -> None:
    """Count anew the exclusions of this school year that go by a calendar that changed."""
    since = school_year(day_of(tx.now))[0]
    for one in due:
        calendar = one.payload["calendar"]
        rows = await tx.rows(_CONCERNED, since, one.payload["after"], calendar, COUNTY, AT_ONCE)
        ids = [row["case_id"] for row in rows]
        await tx.lock_subjects(ids)
        recount = await Recount.open(tx, ids)
        for id in recount.cases:
            await recount.settle(id, one.cause)
        await recount.close()
        if len(ids) == AT_ONCE:
            payload = {"calendar": calendar, "after": ids[-1]}
            await tx.set_deadline(CALENDAR_CHANGED, new_id(), tx.now, cause=one.cause, payload=payload)


async def _recount(due: Sequence[Due], tx: Tx) -> Recount:
    cases = {one.payload["case"] for one in due}
    await tx.lock_subjects(cases)
    return await Recount.open(tx, cases)


def _duty(recount: Recount, payload: Any) -> Duty | None:
    return next((duty for duty in recount.duties.get(payload["case"], ()) if duty.id == payload["duty"]), None)
