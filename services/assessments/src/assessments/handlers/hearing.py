"""What is done about what others say: cases open and end, clusters take them on, organisations and calendars change."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from chassis.subscription import NotYet, Received, Verdict
from schemas.directory import CalendarChanged, OrganisationChanged, SchoolChanged
from schemas.referral import (
    CaseCircumstancesChanged,
    CaseClosed,
    CaseErased,
    CaseOpened,
    CaseParticipantsChanged,
    Circumstances,
)
from schemas.routing import CaseAccepted, CaseAssigned, CaseReassigned, CaseReturned, CaseUnrouted, HandoverAccepted

from assessments.domain.days import day_of
from assessments.handlers import casework
from assessments.handlers.desk import Desk
from assessments.policy import clock_ending
from assessments.store import CaseFile, Tx

E = TypeVar("E", bound=Any)

UNKNOWN = NotYet("case-unknown")


async def open_cases(events: Sequence[Received[CaseOpened]], tx: Tx) -> None:
    """Cases as far as they matter here."""
    known = await tx.county.cases([received.subject for received in events])
    await tx.county.save_cases(
        [
            _as_circumstances_say(
                CaseFile(received.subject, received.event.reference, (), 0, None, day_of(received.time)),
                received.event.circumstances,
            )
            for received in events
            if received.subject not in known
        ]
    )


async def change_cases(events: Sequence[Received[CaseCircumstancesChanged]], tx: Tx) -> Sequence[Verdict]:
    """Needs, age and school as they now are. An assessment that began with others goes on; its team asks for more."""
    return await _changed(events, tx, lambda case, received: _as_circumstances_say(case, received.event.circumstances))


async def note_holders(
    events: Sequence[Received[CaseAssigned]] | Sequence[Received[CaseReassigned]], tx: Tx
) -> Sequence[Verdict]:
    """Which cluster holds the case now."""
    return await _changed(events, tx, _held)


async def note_returns(
    events: Sequence[Received[CaseReturned]] | Sequence[Received[CaseUnrouted]], tx: Tx
) -> Sequence[Verdict]:
    """The intake desk holds the case."""
    return await _changed(events, tx, lambda case, _: replace(case, cluster_id=None, organisation_id=None))


async def accept_cases(events: Sequence[Received[CaseAccepted]], tx: Tx) -> Sequence[Verdict]:
    """A cluster took its case on: an assessment opens, or the open one goes on with the new cluster."""
    desk = await Desk.open(tx, [received.subject for received in events], asking=True, files=True)
    changed: list[CaseFile] = []
    for received in events:
        case = desk.cases.get(received.subject)
        if case is None or case.closed or case.erased:
            continue
        case = desk.cases[case.id] = _held(case, received)
        changed.append(case)
        if _pass_on(desk, case) is None:
            casework.open_assessment(desk, case, received.cause)
    await tx.county.save_cases(changed)
    await desk.close()
    return [None if received.subject in desk.cases else UNKNOWN for received in events]


async def take_over(events: Sequence[Received[HandoverAccepted]], tx: Tx) -> Sequence[Verdict]:
    """Another cluster took the case over; the assessment that is open goes with it."""
    desk = await Desk.open(tx, [received.subject for received in events], files=True)
    changed: list[CaseFile] = []
    for received in events:
        case = desk.cases.get(received.subject)
        if case is not None:
            changed.append(_held(case, received))
            _pass_on(desk, changed[-1])
    await tx.county.save_cases(changed)
    await desk.close()
    return [None if received.subject in desk.cases else UNKNOWN for received in events]


async def note_participants(events: Sequence[Received[CaseParticipantsChanged]], tx: Tx) -> None:
    """Who takes part, and so who may ask."""
    rows = [
        {
            "case_id": received.subject,
            "organisation_id": one.organisation_id,
            "role": one.role,
            "since": one.since,
            "until": one.until,
        }
        for received in events
        for one in received.event.participants
    ]
    await tx.county.save_participants(rows, [received.subject for received in events])


async def close_cases(events: Sequence[Received[CaseClosed]], tx: Tx) -> Sequence[Verdict]:
    """Cases ended: open advice and clocks end with them."""
    desk = await Desk.open(tx, [received.subject for received in events], files=True)
    changed: list[CaseFile] = []
    for received in events:
        case = desk.cases.get(received.subject)
        if case is not None and not case.closed:
            changed.append(replace(case, closed=True))
            reason = clock_ending(received.event.reason, desk.today)
            casework.end_case(desk, case.id, reason, received.cause)
    await tx.county.save_cases(changed)
    await desk.close()
    return [None if received.subject in desk.cases else UNKNOWN for received in events]


async def erase_cases(events: Sequence[Received[CaseErased]], tx: Tx) -> None:
    """Everything personal was erased: nothing that anybody wrote stays here, and nobody is waited for."""
    ids = [received.subject for received in events]
    desk = await Desk.open(tx, ids, files=True)
    for received in events:
        case = desk.cases.get(received.subject)
        if case is not None:
            casework.end_case(desk, case.id, "case-closed", received.cause)
    await desk.close()
    await tx.county.save_cases(
        [replace(case, closed=True, erased=True, needs=(), age=0, school_urn=None) for case in desk.cases.values()]
    )
    await tx.texts.erase(ids)
    await tx.county.forget_participants(ids)
    await tx.county.forget_bases(ids)
    await tx.forget_answers(ids)


async def note_organisations(events: Sequence[Received[OrganisationChanged]], tx: Tx) -> None:
    """Who could be asked."""
    await tx.county.save_organisations(
        [
            {
                "organisation_id": received.subject,
                "name": received.event.name,
                "sector": received.event.sector,
                "kind": received.event.kind,
                "active": received.event.active,
            }
            for received in events
        ]
    )


async def note_schools(events: Sequence[Received[SchoolChanged]], tx: Tx) -> None:
    """Which organisation a school is."""
    await tx.county.save_schools(
        [{"urn": received.subject, "organisation_id": received.event.organisation_id} for received in events]
    )


async def note_calendars(events: Sequence[Received[CalendarChanged]], tx: Tx) -> None:
    """Which days are school days and working days. Clocks that run keep the day they were given."""
    await tx.county.save_calendars([received.event for received in events])


async def _changed(
    events: Sequence[Received[Any]], tx: Tx, change: Callable[[CaseFile, Received[Any]], CaseFile]
) -> Sequence[Verdict]:
    # Locked: what another topic says of the same case is written by another at the same time.
    known = await tx.county.cases([received.subject for received in events], lock=True)
    await tx.county.save_cases(
        [
            change(known[received.subject], received)
            for received in events
            if received.subject in known and not known[received.subject].erased
        ]
    )
    return [None if received.subject in known else UNKNOWN for received in events]


def _held(case: CaseFile, received: Received[Any]) -> CaseFile:
    return replace(case, cluster_id=received.event.cluster_id, organisation_id=received.event.organisation_id)


def _pass_on(desk: Desk, case: CaseFile) -> Any:
    """The open assessment of a case, now its present cluster's."""
    assessment = desk.open_assessment(case.id)
    if assessment is not None and assessment.cluster_id != case.cluster_id:
        assessment = replace(assessment, cluster_id=case.cluster_id or "", organisation_id=case.organisation_id or "")
        desk.keep_assessment(assessment)
    return assessment


def _as_circumstances_say(case: CaseFile, circumstances: Circumstances) -> CaseFile:
    needs = sorted(circumstances.needs, key=lambda need: (need.rank, need.type))
    return replace(
        case,
        needs=tuple(dict.fromkeys(need.type for need in needs)),
        age=circumstances.age,
        school_urn=circumstances.school_urn,
    )
