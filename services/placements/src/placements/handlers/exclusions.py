"""Suspensions and exclusions as they are told here: notified, reported, corrected, cancelled; parents who ask."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Final

from chassis.auth import Caller
from chassis.cause import Cause
from chassis.clock import new_id
from chassis.errors import Conflict, Forbidden, Invalid, NotFound, PreconditionFailed, Refusal
from chassis.subscription import NotYet, Received, Verdict
from schemas.days import TooFar
from schemas.placement import ExclusionCancelled
from schemas.referral import ExclusionNotified

from placements.domain.cases import Case
from placements.domain.days import day_of
from placements.domain.duties import Duty
from placements.domain.exclusions import Exclusion, days_of, is_permanent, total_around
from placements.handlers.recount import Recount
from placements.policy import at_the_desk, coded, sees_exclusions, tariff, terms, works_on
from placements.store import Tx

#: A suspension is told of before it begins by so many days at most, and so long after it.
_AHEAD: Final = timedelta(days=31)
_BACK: Final = timedelta(days=3 * 366)


class CaseIsClosed(Conflict):
    """Nothing more is reported to a closed case."""

    code = "case-closed"


class AlreadyCancelled(Conflict):
    """The exclusion does not stand any more."""

    code = "already-cancelled"


class NotThisLong(Invalid):
    """Its length and its kind do not go together, or its days do not."""

    code = "length-out-of-range"


class NothingToAskFor(Conflict):
    """The governors meet anyway, or the suspension is too short."""

    code = "nothing-to-ask-for"


@dataclass(frozen=True, slots=True)
class Report:
    """What a school or the council says of an exclusion in a case that is known."""

    #: The case's id, or its reference.
    case: str
    school_urn: str
    kind: str
    reasons: tuple[str, ...]
    first_on: date
    sessions: int
    year_group: str | None
    social_worker: bool
    caller: Caller
    cause: Cause


@dataclass(frozen=True, slots=True)
class Change:
    """What changes of an exclusion: `correct` its fields, `cancel` it with a reason, or the parents `ask`."""

    exclusion_id: str
    version: int
    caller: Caller
    cause: Cause
    fields: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Told:
    """An exclusion as it now is, its duties with the school days left, and its case."""

    exclusion: Exclusion
    duties: tuple[tuple[Duty, int | None], ...]
    case: Case | None


def told_of(recount: Recount, exclusion: Exclusion) -> Told:
    """An exclusion with what belongs to it."""
    calendar, today = recount.calendars.of(exclusion.school_urn), recount.today
    duties = [duty for duty in recount.duties.get(exclusion.case_id, ()) if duty.exclusion_id == exclusion.id]
    return Told(
        exclusion,
        tuple(
            (duty, calendar.school_days_between(today, duty.due_on) if duty.due_on >= today else None)
            for duty in sorted(duties, key=lambda duty: (duty.due_on, duty.id))
        ),
        recount.cases.get(exclusion.case_id),
    )


async def note_exclusions(events: Sequence[Received[ExclusionNotified]], tx: Tx) -> Sequence[Verdict]:
    """A school told of an exclusion and the child was found: keep it, count, and say what it adds up to."""
    recount = await Recount.open(tx, [received.subject for received in events])
    await recount.school_calendars([received.event.school_urn for received in events])
    verdicts: list[Verdict] = []
    for received in events:
        said, case = received.event, recount.cases.get(received.subject)
        verdicts.append(NotYet("case-unknown") if case is None or case.circumstances is None else None)
        if case is None or (case.circumstances is None and not case.erased):
            continue
        if case.erased or recount.exclusion(case.id, said.exclusion_id) is not None:
            verdicts[-1] = None
            continue
        recount.put(
            Exclusion(
                id=said.exclusion_id, case_id=case.id, organisation_id=said.organisation_id,
                school_urn=said.school_urn, kind=said.kind, reasons=said.reasons, first_on=said.first_on,
                sessions=said.sessions, year_group=said.year_group, social_worker=said.social_worker,
                reported_on=day_of(received.time),
            )
        )  # fmt: skip
        await recount.settle(case.id, received.cause)
    await recount.close()
    return verdicts


async def report_exclusions(reports: Sequence[Report], tx: Tx) -> Sequence[Told | Refusal]:
    """A school or the council reports an exclusion in a case that is known."""
    references = await tx.cases.of("reference", [report.case for report in reports])
    by_name = {case.reference: case.id for case in references}
    ids = {report.case: by_name.get(report.case, report.case) for report in reports}
    await tx.lock_subjects(ids.values())
    recount = await Recount.open(tx, ids.values())
    await recount.school_calendars([report.school_urn for report in reports])
    schools = await tx.schools.find([report.school_urn for report in reports])
    outcomes: list[Told | Refusal] = []
    for report in reports:
        case = recount.cases.get(ids[report.case])
        school = schools.get(report.school_urn)
        try:
            if case is None or not _may_report(report, case, school.organisation_id if school else None):
                raise NotFound
            if case.closed:
                raise CaseIsClosed("The case is closed: refer the child again.")
            owner = school.organisation_id if school else report.caller.organisation
            exclusion = _new(report, case, owner, recount)
        except Refusal as refusal:
            outcomes.append(refusal)
            continue
        recount.put(exclusion)
        await recount.settle(case.id, report.cause)
        _note(tx, report.caller, "reported", exclusion, report.cause)
        outcomes.append(told_of(recount, recount.exclusion(case.id, exclusion.id) or exclusion))
    await recount.close()
    return outcomes


def _may_report(report: Report, case: Case, owner: str | None) -> bool:
    if at_the_desk(report.caller):
        return True
    # A school tells of its own pupils alone.
    return owner == report.caller.organisation and case.school_urn == report.school_urn


def _new(report: Report, case: Case, owner: str, recount: Recount) -> Exclusion:
    exclusion = Exclusion(
        id=new_id(), case_id=case.id, organisation_id=owner, school_urn=report.school_urn, kind=report.kind,
        reasons=report.reasons, first_on=report.first_on, sessions=report.sessions,
        year_group=report.year_group or case.year_group, social_worker=report.social_worker,
        reported_on=recount.today,
    )  # fmt: skip
    return _sensible(exclusion, recount)


def _sensible(exclusion: Exclusion, recount: Recount) -> Exclusion:
    """The exclusion, if its codes, days and length go together. Raises the refusal."""
    today, on = recount.today, exclusion.first_on
    if not today - _BACK <= on <= today + _AHEAD:
        raise NotThisLong("Give its first school day: in the last three years or the next month.", pointer="/first_on")
    coded("exclusion-kinds", exclusion.kind, on, "/kind")
    for n, reason in enumerate(exclusion.reasons):
        coded("exclusion-reasons", reason, on, f"/reasons/{n}")
    permanent = is_permanent(exclusion.kind, tariff(on))
    if permanent is not (exclusion.sessions == 0) and (permanent or exclusion.kind != "LNCH"):
        raise NotThisLong(
            "A permanent exclusion has 0 sessions; a suspension at least one, two for each school day.",
            pointer="/sessions",
        )
    try:
        days_of(exclusion, recount.calendars, tariff(on))
    except TooFar as far:
        raise NotThisLong("There are not so many school days.", pointer="/sessions") from far
    return exclusion


async def correct_exclusions(changes: Sequence[Change], tx: Tx) -> Sequence[Told | Refusal]:
    """What was reported was not right: it is said again, and what came after it is counted anew."""

    async def step(recount: Recount, exclusion: Exclusion, change: Change) -> Exclusion:
        return _sensible(replace(exclusion, **change.fields), recount)

    return await _change(changes, tx, step, "corrected")


async def note_asked(changes: Sequence[Change], tx: Tx) -> Sequence[Told | Refusal]:
    """The parents ask for the governors to meet."""

    async def step(recount: Recount, exclusion: Exclusion, change: Change) -> Exclusion:
        asked_on: date = change.fields["asked_on"]
        if not exclusion.first_on <= asked_on <= recount.today:
            raise NotThisLong("Give a day from the first day of the exclusion up to today.", pointer="/asked_on")
        days = next(one.total.in_term for one in recount.counted(exclusion.case_id) if one.exclusion == exclusion) / 2
        rules = recount.law.rules_on(exclusion.first_on)
        if days <= rules.asked_more_than or days > rules.governors_more_than:
            raise NothingToAskFor("The governors meet when asked for more than 5 and up to 15 days in a term only.")
        return replace(exclusion, asked_on=asked_on)

    return await _change(changes, tx, step, "parents-asked")


async def cancel_exclusions(changes: Sequence[Change], tx: Tx) -> Sequence[Told | Refusal]:
    """It does not stand: its duties go, and what came after it is counted anew."""

    async def step(recount: Recount, exclusion: Exclusion, change: Change) -> Exclusion:
        return replace(
            exclusion, cancelled=coded("exclusion-cancellations", change.fields["reason"], recount.today, "/reason")
        )

    return await _change(changes, tx, step, "cancelled")


_Step = Callable[[Recount, Exclusion, Change], Awaitable[Exclusion]]


async def _change(changes: Sequence[Change], tx: Tx, step: _Step, action: str) -> Sequence[Told | Refusal]:
    known = await tx.exclusions.find([change.exclusion_id for change in changes])
    await tx.lock_subjects(one.case_id for one in known.values())
    recount = await Recount.open(tx, {one.case_id for one in known.values()})
    outcomes: list[Told | Refusal] = []
    for change in changes:
        before = known.get(change.exclusion_id)
        exclusion = recount.exclusion(before.case_id, before.id) if before else None
        try:
            if exclusion is None:
                raise NotFound
            await _may_change(tx, recount, exclusion, change)
            if exclusion.version != change.version:
                raise PreconditionFailed
            if exclusion.cancelled is not None:
                raise AlreadyCancelled("The exclusion was cancelled.")
            after = await step(recount, exclusion, change)
        except Refusal as refusal:
            outcomes.append(refusal)
            continue
        if after.cancelled is not None:
            after = replace(after, version=after.version + 1)
        recount.put(after)
        if after.cancelled is not None:
            _say_cancelled(recount, after, change.cause)
        await recount.settle(after.case_id, change.cause)
        _note(tx, change.caller, action, after, change.cause)
        outcomes.append(told_of(recount, recount.exclusion(after.case_id, after.id) or after))
    await recount.close()
    return outcomes


async def _may_change(tx: Tx, recount: Recount, exclusion: Exclusion, change: Change) -> None:
    case, caller = recount.cases.get(exclusion.case_id), change.caller
    roles = await tx.participants.roles([exclusion.case_id], caller.organisation, recount.today)
    ours = caller.organisation == exclusion.organisation_id
    if not ours and not sees_exclusions(caller, case, roles.get(exclusion.case_id, ())):
        raise NotFound
    if not (ours or at_the_desk(caller) or (works_on(caller, case) and "asked_on" in change.fields)):
        raise Forbidden("Only the school that reported it, or the council's desk, changes it.")


def _say_cancelled(recount: Recount, exclusion: Exclusion, cause: Cause) -> None:
    """With what the others add up to in its term and year, without it."""
    calendar = recount.calendars.of(exclusion.school_urn)
    total = total_around(exclusion.first_on, recount.counted(exclusion.case_id), calendar, terms(recount.today))
    event = ExclusionCancelled(
        case_id=exclusion.case_id, exclusion_id=exclusion.id, reason=str(exclusion.cancelled),
        sessions_in_term=total.in_term, sessions_in_year=total.in_year,
    )  # fmt: skip
    recount.tx.emit(event, cause)


def _note(tx: Tx, caller: Caller, action: str, exclusion: Exclusion, cause: Cause) -> None:
    tx.audit(
        action=action, what="exclusion", what_id=exclusion.id, caller=caller, case_id=exclusion.case_id,
        correlation_id=cause.correlation_id,
    )  # fmt: skip
