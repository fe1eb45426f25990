"""What is heard of cases, schools and organisations, and what follows from it here."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

from chassis.subscription import NotYet, Received, Verdict
from schemas.directory import OrganisationChanged, SchoolChanged
from schemas.referral import (
    CaseCircumstancesChanged,
    CaseClosed,
    CaseErased,
    CaseEvent,
    CaseOpened,
    CaseParticipantsChanged,
    Circumstances,
    ReferralSubmitted,
)
from schemas.routing import CaseAccepted, CaseAssigned, CaseReassigned, CaseReturned, HandoverAccepted, RoutingEvent

from placements.domain.cases import Case
from placements.domain.days import day_of
from placements.domain.register import provider_of
from placements.handlers.providers import keep_providers
from placements.handlers.recount import Recount
from placements.handlers.requests import ask_with_referrals
from placements.handlers.running import close_placements
from placements.policy import phase_rules, register_rules
from placements.store import Tx
from placements.store.heard import Organisation, School

#: Of the registry `risk-of-exclusion`.
IMMINENT: Final = "imminent"


async def note_opened(events: Sequence[Received[CaseOpened]], tx: Tx) -> None:
    """Cases were opened."""
    known = await tx.cases.find([received.subject for received in events], lock=True)
    now = []
    for received in events:
        case, circumstances = known.get(received.subject) or Case(received.subject), received.event.circumstances
        imminent = case.imminent or circumstances.risk_of_exclusion == IMMINENT
        now.append(_described(replace(case, reference=received.event.reference, imminent=imminent), circumstances))
    await _settle(tx, now, events)


async def note_circumstances(events: Sequence[Received[CaseCircumstancesChanged]], tx: Tx) -> Sequence[Verdict]:
    """Something about the child has changed; a risk that the referrer calls imminent is one."""
    known = await tx.cases.find([received.subject for received in events], lock=True)
    now = []
    for received in events:
        case, event = known.get(received.subject), received.event
        if case is None or case.erased:
            continue
        if "risk_of_exclusion" in event.changed:
            case = replace(case, imminent=event.circumstances.risk_of_exclusion == IMMINENT)
        now.append(_described(case, event.circumstances))
    await _settle(tx, now, events)
    return [None if received.subject in known else NotYet("case-unknown") for received in events]


def _described(case: Case, circumstances: Circumstances) -> Case:
    return replace(case, circumstances=circumstances.model_dump(mode="json"))


async def _settle(tx: Tx, cases: Sequence[Case], events: Sequence[Received[Any]]) -> None:
    """Keep the cases; where the risk is imminent and nobody has said so, say it."""
    await tx.cases.save(cases)
    imminent = [case.id for case in cases if case.imminent and case.circumstances is not None]
    if not imminent:
        return
    causes = {received.subject: received.cause for received in events}
    recount = await Recount.open(tx, imminent)
    for case_id in recount.cases:
        await recount.settle(case_id, causes[case_id])
    await recount.close()


async def note_referrals(events: Sequence[Received[ReferralSubmitted]], tx: Tx) -> None:
    """Referrals may ask for a place, or call the risk imminent. The first may be heard before its case is opened."""
    known = await tx.cases.find([received.subject for received in events], lock=True)
    now: list[Case] = []
    for received in events:
        case, event = known.get(received.subject) or Case(received.subject), received.event
        if case.erased:
            continue
        if "placement" in event.requested and case.place_asked_by is None:
            case = replace(case, place_asked_by=event.organisation_id)
        now.append(replace(case, imminent=case.imminent or event.risk_of_exclusion == IMMINENT))
    await _settle(tx, now, events)
    asking = [case for case in now if case.accepted and case.place_asked_by and case.circumstances is not None]
    if asking:
        await ask_with_referrals(tx, asking, {received.subject: received.cause for received in events})


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
    await tx.participants.save(rows, [received.subject for received in events])


async def _route(
    events: Sequence[Received[RoutingEvent]], tx: Tx, now: Callable[[Case, RoutingEvent], Case]
) -> tuple[list[Case], list[Verdict]]:
    known = await tx.cases.find([received.subject for received in events], lock=True)
    # A case of which only a referral was heard is not known yet.
    ready = {id: case for id, case in known.items() if case.circumstances is not None or case.erased}
    changed = [now(ready[e.subject], e.event) for e in events if e.subject in ready]
    await tx.cases.save(changed)
    return changed, [None if e.subject in ready else NotYet("case-unknown") for e in events]


async def note_assigned(events: Sequence[Received[CaseAssigned | CaseReassigned]], tx: Tx) -> Sequence[Verdict]:
    """A cluster has the case."""

    def now(case: Case, event: RoutingEvent) -> Case:
        return replace(case, cluster_id=getattr(event, "cluster_id", None), accepted=False)

    return (await _route(events, tx, now))[1]


async def note_taken(events: Sequence[Received[CaseAccepted | HandoverAccepted]], tx: Tx) -> Sequence[Verdict]:
    """A cluster took the case on: where a referral asked for a place, one is looked for."""

    def now(case: Case, event: RoutingEvent) -> Case:
        return replace(case, cluster_id=getattr(event, "cluster_id", None), accepted=True)

    changed, verdicts = await _route(events, tx, now)
    asking = [case for case in changed if case.place_asked_by]
    causes = {received.subject: received.cause for received in events}
    if asking:
        await ask_with_referrals(tx, asking, causes)
    return verdicts


async def note_returned(events: Sequence[Received[CaseReturned]], tx: Tx) -> Sequence[Verdict]:
    """The case is the council's again."""

    def now(case: Case, _event: RoutingEvent) -> Case:
        return replace(case, cluster_id=None, accepted=False)

    return (await _route(events, tx, now))[1]


async def close_cases(events: Sequence[Received[CaseClosed]], tx: Tx) -> Sequence[Verdict]:
    """Cases ended: what is looked for, kept, running or due in them ends too."""
    known = await tx.cases.find([received.subject for received in events], lock=True)
    await _close(tx, [case for case in known.values() if not case.closed], events)
    return [None if received.subject in known else NotYet("case-unknown") for received in events]


async def _close(tx: Tx, cases: Sequence[Case], events: Sequence[Received[CaseEvent]]) -> None:
    ids = [case.id for case in cases]
    causes = {received.subject: received.cause for received in events}
    await tx.cases.save(replace(case, closed=True) for case in cases)
    await close_placements(tx, ids, causes)
    recount = await Recount.open(tx, ids)
    for case_id in recount.cases:
        await recount.settle(case_id, causes[case_id])
    await recount.close()


async def erase_cases(events: Sequence[Received[CaseErased]], tx: Tx) -> None:
    """Everything personal was erased: nothing that came from the child stays here, but that a place was taken."""
    ids = [received.subject for received in events]
    known = await tx.cases.find(ids, lock=True)
    await _close(tx, [case for case in known.values() if not case.closed], events)
    placements = await tx.placements.of("case_id", ids)
    await tx.placements.save(
        replace(
            one, needs=(), year_group=None, notes=None, metres_from_home=None, school_urn=None, reintegrated_on=None
        )
        for one in placements
    )
    of_placements = [one.id for one in placements]
    await tx.reviews.forget("placement_id", of_placements)
    await tx.attendances.forget("placement_id", of_placements)
    for rows in (tx.duties, tx.risks, tx.exclusions):
        await rows.forget("case_id", ids)
    await tx.participants.forget(ids)
    await tx.forget_answers(ids)
    await tx.cases.save(Case(id, closed=True, erased=True) for id in ids)


async def note_schools(events: Sequence[Received[SchoolChanged]], tx: Tx) -> None:
    """Schools as they now are; those for alternative provision are providers."""
    today = day_of(tx.now)
    await tx.schools.save(
        School(e.event.school_urn, e.event.organisation_id, e.event.easting, e.event.northing) for e in events
    )
    found = [provider_of(e.event, register_rules(today), phase_rules(today)) for e in events]
    await keep_providers(tx, [provider for provider in found if provider is not None], events[0].cause)


async def note_organisations(events: Sequence[Received[OrganisationChanged]], tx: Tx) -> None:
    """Organisations as they now are: who the council is, and whose a provider is."""
    said = [received.event for received in events]
    await tx.organisations.save(Organisation(e.organisation_id, e.name, e.kind, e.sector, e.active) for e in said)
