"""One clock of the law: it starts, comes near, is met or breached, once each; exceptions excuse and never pause it.

`Told` is a clock as it now is and the facts that made it so.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from chassis.errors import Conflict, Invalid
from schemas.assessment import (
    ClockBreached,
    ClockCancelled,
    ClockDueSoon,
    ClockEvent,
    ClockExcepted,
    ClockMet,
    ClockStarted,
)

from assessments.domain.days import start_of
from assessments.domain.limits import Limit, Limits

_DAY: Final = timedelta(days=1)


class State(StrEnum):
    """Where a clock is."""

    RUNNING = "running"
    BREACHED = "breached"
    MET = "met"
    CANCELLED = "cancelled"


#: The whole life of a clock. What is late may still be done.
NEXT: Final[Mapping[State, frozenset[State]]] = {
    State.RUNNING: frozenset({State.BREACHED, State.MET, State.CANCELLED}),
    State.BREACHED: frozenset({State.MET, State.CANCELLED}),
    State.MET: frozenset(),
    State.CANCELLED: frozenset(),
}
#: Somebody still has to do what these wait for.
OPEN: Final = frozenset({State.RUNNING, State.BREACHED})


class ClockIsOver(Conflict):
    """What the clock waited for was done, or is no longer needed."""

    code = "clock-over"


class NotAnExceptionOfThisClock(Invalid):
    """The law does not know this exception for this time limit."""

    code = "not-an-exception-of-this-clock"


class ExceptionTooShort(Invalid):
    """The law asks that it lasts longer."""

    code = "exception-too-short"


class ExceptionOutsideClock(Invalid):
    """It did not fall into the time in which the clock ran."""

    code = "exception-outside-clock"


class ExceptionKnown(Conflict):
    """The same exception is recorded already."""

    code = "exception-known"


@dataclass(frozen=True, slots=True)
class Excuse:
    """An exception that was recorded, without its evidence."""

    code: str
    since: date
    until: date | None = None


@dataclass(frozen=True, slots=True)
class Clock:
    """One time limit of one case."""

    id: str
    case_id: str
    assessment_id: str | None
    kind: str
    #: The advice, plan or request that it is about.
    about: str | None
    started_on: date
    due_on: date
    #: The rule that it was started under, by its first day.
    rule_since: date
    #: The cluster that held the case as it started.
    cluster_id: str | None = None
    state: State = State.RUNNING
    excuses: tuple[Excuse, ...] = ()
    #: The smallest mark, in days, that was told of.
    told: int | None = None
    breached_on: date | None = None
    met_on: date | None = None
    #: Counts its changes; the ETag.
    version: int = 0

    @property
    def is_open(self) -> bool:
        """Whether what it waits for is still to be done."""
        return self.state in OPEN

    @property
    def in_time(self) -> bool:
        """Whether what it waited for was done by its day."""
        return self.met_on is not None and self.met_on <= self.due_on

    @property
    def excused(self) -> bool:
        """Whether the law excuses that it is late."""
        return any(covers(excuse, self) for excuse in self.excuses)

    @property
    def in_time_or_excused(self) -> bool:
        """The same as `in_time`, with exceptions counted as excuses."""
        return self.in_time or self.excused


@dataclass(frozen=True, slots=True)
class Told:
    """A clock as it now is, and the facts that made it so."""

    clock: Clock
    events: tuple[ClockEvent, ...] = ()


def covers(excuse: Excuse, clock: Clock) -> bool:
    """Whether an exception falls into the time in which the clock ran."""
    return excuse.since <= clock.due_on and (excuse.until is None or excuse.until >= clock.started_on)


def start(clock: Clock) -> Told:
    """The time begins to run."""
    event = ClockStarted(
        case_id=clock.case_id, clock_id=clock.id, kind=clock.kind, due_on=clock.due_on,
        started_on=clock.started_on, about=clock.about,
    )  # fmt: skip
    return Told(clock, (event,))


def tick(clock: Clock, limit: Limit, today: date) -> Told:
    """What a day makes of a running clock: told of once a mark, breached once; nothing for one that is over."""
    if clock.state is not State.RUNNING:
        return Told(clock)
    left = (clock.due_on - today).days
    if left < 0:
        return end(clock) if limit.ends else _breach(clock, today)
    mark = min((mark for mark in _marks(clock, limit) if left <= mark), default=None)
    if mark is None:
        return Told(clock)
    event = ClockDueSoon(case_id=clock.case_id, clock_id=clock.id, kind=clock.kind, due_on=clock.due_on, days_left=left)
    return Told(replace(clock, told=mark), (event,))


def next_tick(clock: Clock, limit: Limit, *, hour: int) -> datetime | None:
    """The next instant at which a day makes something of it; None for one that does not run."""
    if clock.state is not State.RUNNING:
        return None
    marks = _marks(clock, limit)
    if marks:
        return start_of(clock.due_on - timedelta(days=max(marks)), hour)
    return start_of(clock.due_on + _DAY)


def _marks(clock: Clock, limit: Limit) -> tuple[int, ...]:
    """The marks that are still to be told of: after the day on which it started, smaller than what was told."""
    longest = (clock.due_on - clock.started_on).days
    return tuple(m for m in limit.marks if m < longest and (clock.told is None or m < clock.told))


def meet(clock: Clock, on: date) -> Told:
    """What it waited for was done. Raises `ClockIsOver`."""
    met = replace(_become(clock, State.MET), met_on=max(on, clock.started_on))
    event = ClockMet(
        case_id=clock.case_id, clock_id=clock.id, kind=clock.kind, due_on=clock.due_on, met_on=met.met_on or on,
        in_time=met.in_time, in_time_or_excused=met.in_time_or_excused,
    )  # fmt: skip
    return Told(met, (event,))


def end(clock: Clock) -> Told:
    """Time that was given to somebody is over: it was kept."""
    return meet(clock, clock.due_on)


def cancel(clock: Clock, reason: str) -> Told:
    """Its reason is gone. Raises `ClockIsOver`."""
    event = ClockCancelled(
        case_id=clock.case_id, clock_id=clock.id, kind=clock.kind, due_on=clock.due_on, reason=reason
    )
    return Told(_become(clock, State.CANCELLED), (event,))


def except_(clock: Clock, excuse: Excuse, limits: Limits) -> Told:
    """An exception is recorded; the clock goes on. Raises the refusal that says why it does not count."""
    if not clock.is_open:
        raise ClockIsOver(f"The clock is {clock.state}.")
    limit = limits.limit(clock.kind, clock.started_on)
    if excuse.code not in limit.exceptions:
        known = ", ".join(limit.exceptions) or "none"
        raise NotAnExceptionOfThisClock(f"Exceptions of this time limit: {known}.", pointer="/exception")
    if excuse.until is not None and excuse.until < excuse.since:
        raise ExceptionTooShort("It ends before it begins.", pointer="/until")
    ground = limits.ground(excuse.code, clock.started_on)
    if excuse.until is not None and (excuse.until - excuse.since).days + 1 < ground.least_days:
        raise ExceptionTooShort(f"It must last {ground.least_days} days or more to excuse.", pointer="/until")
    if not covers(excuse, clock):
        raise ExceptionOutsideClock(
            f"It must touch the time from {clock.started_on} to {clock.due_on}.", pointer="/since"
        )
    if excuse in clock.excuses:
        raise ExceptionKnown("This exception is recorded already.")
    event = ClockExcepted(
        case_id=clock.case_id, clock_id=clock.id, kind=clock.kind, due_on=clock.due_on,
        exception=excuse.code, since=excuse.since, until=excuse.until,
    )  # fmt: skip
    return Told(replace(clock, excuses=(*clock.excuses, excuse)), (event,))


def _breach(clock: Clock, today: date) -> Told:
    event = ClockBreached(
        case_id=clock.case_id, clock_id=clock.id, kind=clock.kind, due_on=clock.due_on,
        excused=clock.excused, days_late=(today - clock.due_on).days,
    )  # fmt: skip
    return Told(replace(_become(clock, State.BREACHED), breached_on=today), (event,))


def _become(clock: Clock, state: State) -> Clock:
    if state not in NEXT[clock.state]:
        raise ClockIsOver(f"The clock is {clock.state}.")
    return replace(clock, state=state)
