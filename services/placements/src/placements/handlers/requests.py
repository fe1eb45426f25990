"""Asking for a place: by a person, or with a referral once a cluster has taken the case on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from chassis.auth import Caller
from chassis.cause import Cause
from chassis.clock import new_id
from chassis.errors import Conflict, Forbidden, Invalid, NotFound, Refusal
from schemas.placement import PlacementRequested

from placements.domain.cases import Case
from placements.domain.days import day_of
from placements.domain.placements import (
    Placement,
)
from placements.policy import (
    at_the_desk,
    coded,
    match_rules,
    phase_rules,
    placement_rules,
    sees_exclusions,
    sees_request,
    works_on,
)
from placements.store import Tx


class CaseIsClosed(Conflict):
    """No place is looked for in a closed case."""

    code = "case-closed"


class LookedForAlready(Conflict):
    """A place is looked for already, or the child has one."""

    code = "looked-for-already"


class OutOfRange(Invalid):
    """A day or a time that is too early or too far."""

    code = "time-out-of-range"


@dataclass(frozen=True, slots=True)
class Ask:
    """Somebody asks for a place. What is None is taken from the case."""

    case_id: str
    sessions_a_week: int
    wanted_from: date
    session: str | None
    needs: tuple[str, ...] | None
    notes: str | None
    caller: Caller
    cause: Cause


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that was made."""

    placement: Placement
    case: Case


async def request_places(asks: Sequence[Ask], tx: Tx) -> Sequence[Asked | Refusal]:
    """A place in alternative provision is looked for."""
    today = day_of(tx.now)
    ids = {ask.case_id for ask in asks}
    await tx.lock_subjects(ids)
    cases = await tx.cases.find(ids, lock=True)
    live = await _looked_for(tx, ids)
    outcomes: list[Asked | Refusal] = []
    made: list[Placement] = []
    for ask in asks:
        case = cases.get(ask.case_id)
        roles = (await tx.participants.roles([ask.case_id], ask.caller.organisation, today)).get(ask.case_id, set())
        try:
            if case is None or not sees_request(ask.caller, case, roles):
                raise NotFound
            if not (at_the_desk(ask.caller) or works_on(ask.caller, case) or sees_exclusions(ask.caller, case, roles)):
                raise Forbidden("Only the cluster, the child's school or the council's desk asks for a place.")
            placement = _asked(ask, case, tx, live)
        except Refusal as refusal:
            outcomes.append(refusal)
            continue
        live.add(case.id)
        made.append(placement)
        say_requested(tx, placement, ask.cause)
        tx.audit(
            action="requested", what="placement", what_id=placement.id, caller=ask.caller, case_id=case.id,
            correlation_id=ask.cause.correlation_id,
        )  # fmt: skip
        outcomes.append(Asked(placement, case))
    await tx.placements.save(made)
    return outcomes


async def _looked_for(tx: Tx, cases: set[str]) -> set[str]:
    found = await tx.placements.where(
        "case_id = ANY($1::text[]) AND state IN ('requested', 'accepted', 'started')", sorted(cases)
    )
    return {one.case_id for one in found}


def _asked(ask: Ask, case: Case, tx: Tx, live: set[str]) -> Placement:
    today = day_of(tx.now)
    if case.closed:
        raise CaseIsClosed("The case is closed: refer the child again.")
    if case.id in live:
        raise LookedForAlready("A place is looked for already, or the child has one. End it before you ask anew.")
    if not today - timedelta(days=31) <= ask.wanted_from <= today + timedelta(days=366):
        raise OutOfRange("Give a day in the next year.", pointer="/wanted_from")
    if ask.session is not None:
        coded("place-sessions", ask.session, today, "/session")
        if match_rules(today).sessions.get(ask.session, 0) < ask.sessions_a_week:
            raise OutOfRange("A place of this kind has fewer sessions a week.", pointer="/sessions_a_week")
    for n, need in enumerate(ask.needs or ()):
        coded("need-types", need, today, f"/needs/{n}")
    return placement_of(
        case,
        organisation_id=ask.caller.organisation,
        needs=case.needs if ask.needs is None else ask.needs,
        sessions_a_week=ask.sessions_a_week,
        wanted_from=ask.wanted_from,
        session=ask.session,
        notes=ask.notes,
        now=tx.now,
    )


def placement_of(
    case: Case, *, organisation_id: str, needs: tuple[str, ...], sessions_a_week: int, wanted_from: date,
    session: str | None, notes: str | None, now: datetime,
) -> Placement:  # fmt: skip
    """A request for a child as the case describes it."""
    phase = phase_rules(day_of(now)).of_child(case.year_group, case.age)
    return Placement(
        id=new_id(), case_id=case.id, organisation_id=organisation_id, needs=needs, year_group=case.year_group,
        phase=phase, session=session, sessions_a_week=sessions_a_week, wanted_from=wanted_from, notes=notes,
        requested_at=now, version=1,
    )  # fmt: skip


def say_requested(tx: Tx, placement: Placement, cause: Cause) -> None:
    """A place is looked for."""
    event = PlacementRequested(
        case_id=placement.case_id, request_id=placement.id, organisation_id=placement.organisation_id,
        needs=placement.needs, year_group=placement.year_group, sessions_a_week=placement.sessions_a_week,
        wanted_from=placement.wanted_from,
    )  # fmt: skip
    tx.emit(event, cause)


async def ask_with_referrals(tx: Tx, cases: Sequence[Case], causes: Mapping[str, Cause]) -> None:
    """Referrals asked for a place and a cluster has taken the cases on: look for one."""
    today = day_of(tx.now)
    rules, county = placement_rules(today), (await tx.calendars.of(())).of(None)
    live = await _looked_for(tx, {case.id for case in cases})
    had = {one.case_id for one in await tx.placements.of("case_id", [case.id for case in cases])}
    made = [
        placement_of(
            case, organisation_id=case.place_asked_by or "", needs=case.needs, sessions_a_week=rules.asked_sessions,
            wanted_from=county.school_days_after(today, rules.asked_after_school_days), session=None, notes=None,
            now=tx.now,
        )
        for case in cases
        if case.accepted and case.place_asked_by and not case.closed and case.id not in live | had
    ]  # fmt: skip
    await tx.placements.save(made)
    for placement in made:
        say_requested(tx, placement, causes[placement.case_id])
