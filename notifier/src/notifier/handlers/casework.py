"""What happens in casework: assessment, money, exclusion and placement. People are told; limits run, move and end."""

from collections.abc import Sequence
from typing import Any

from chassis.subscription import Received, Verdict
from schemas.assessment import ClockBreached, ClockCancelled, ClockDueSoon, ClockExcepted, ClockMet, ClockStarted
from schemas.funding import BudgetChanged, BudgetLow
from schemas.placement import DutyBreached, DutyCancelled, DutyDueSoon, DutyMet, DutyStarted, ProviderChanged

from notifier.domain.facts import BUDGET, fact_of
from notifier.domain.planning import Case, Kind, Place
from notifier.handlers import escalating
from notifier.handlers.hearing import tell_of
from notifier.handlers.telling import NEWCOMERS, News, announce
from notifier.store import Tx
from notifier.store.limits import Limit


async def pass_on(events: Sequence[Received[Any]], tx: Tx) -> Sequence[Verdict]:
    """Something happened that changes nothing of what is kept here but how far the case is."""
    verdicts, _ = await tell_of(events, tx, routed=True)
    return verdicts


async def begin_clock(events: Sequence[Received[ClockStarted]], tx: Tx) -> Sequence[Verdict]:
    """A time limit runs."""
    verdicts, taken = await tell_of(events, tx, routed=True)
    await escalating.start(
        [Limit(r.event.clock_id, r.type, r.event.case_id, r.event.due_on, None, r.cause.correlation_id) for r in taken],
        tx,
    )
    return verdicts


async def begin_duty(events: Sequence[Received[DutyStarted]], tx: Tx) -> Sequence[Verdict]:
    """A duty runs."""
    verdicts, taken = await tell_of(events, tx, routed=True)
    await escalating.start(
        [
            Limit(r.event.duty_id, r.type, r.event.case_id, r.event.due_on, r.event.holder, r.cause.correlation_id)
            for r in taken
        ],
        tx,
    )
    return verdicts


async def note_day(
    events: Sequence[Received[ClockDueSoon | ClockExcepted | ClockBreached | DutyDueSoon | DutyBreached]], tx: Tx
) -> Sequence[Verdict]:
    """A limit is spoken of again: its day may be another now."""
    verdicts, taken = await tell_of(events, tx, routed=True)
    days = {_id(r.event): r.event.due_on for r in taken}
    await escalating.move(await tx.limits.move(days) if days else (), tx)
    return verdicts


async def end_clock(events: Sequence[Received[ClockMet | ClockCancelled]], tx: Tx) -> Sequence[Verdict]:
    """A time limit runs no longer; the messages about it are cleared."""
    verdicts, taken = await tell_of(events, tx, routed=True)
    await tx.limits.end([r.event.clock_id for r in taken], tx.now)
    return verdicts


async def end_duty(events: Sequence[Received[DutyMet | DutyCancelled]], tx: Tx) -> Sequence[Verdict]:
    """A duty runs no longer; the messages about it are cleared."""
    verdicts, taken = await tell_of(events, tx, routed=True)
    await tx.limits.end([r.event.duty_id for r in taken], tx.now)
    return verdicts


def _id(event: ClockDueSoon | ClockExcepted | ClockBreached | DutyDueSoon | DutyBreached) -> str:
    return event.duty_id if isinstance(event, (DutyDueSoon, DutyBreached)) else event.clock_id


async def note_budget(events: Sequence[Received[BudgetChanged | BudgetLow]], tx: Tx) -> None:
    """A budget is no case: its messages stand in a file of its own, under its year."""
    files = {f"{BUDGET}{r.event.budget_id}": r.event.financial_year for r in events}
    await tx.cases.others(files)
    await announce(
        [
            News(
                fact_of(r.event, event_id=r.id, at=r.time),
                Case(f"{BUDGET}{r.event.budget_id}", r.event.financial_year, "routine", r.event.cluster_id),
                r.cause,
            )
            for r in events
        ],
        tx,
    )


async def note_providers(events: Sequence[Received[ProviderChanged]], tx: Tx) -> None:
    """Keep where a provider's people are; they may have to hear of what happened before we knew."""
    for id in sorted(r.event.provider_id for r in events):
        await tx.set_deadline(NEWCOMERS, Place(Kind.PROVIDER, id).key, tx.now, cause=events[0].cause)
    await tx.people.begin_change()
    await tx.limits.save_providers({r.event.provider_id: r.event.provider.organisation_id for r in events})
