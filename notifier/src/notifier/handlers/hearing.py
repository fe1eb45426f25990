"""What other services say: keep what is needed of it, and tell the people who must hear of it."""

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from chassis.cause import Cause
from chassis.subscription import TAKEN, NotYet, Received, Verdict
from schemas.directory import PersonChanged, RoleChanged
from schemas.event import Event
from schemas.exchange import RecallOverdue
from schemas.referral import (
    CaseBasisWithdrawn,
    CaseCircumstancesChanged,
    CaseClosed,
    CaseErased,
    CaseLinked,
    CaseOpened,
    CaseParticipantsChanged,
    CaseUnlinked,
    ExclusionNotified,
    ReferralAmended,
    ReferralInformationProvided,
    ReferralInformationRequested,
    ReferralSubmitted,
    ReferralWithdrawn,
)
from schemas.routing import (
    CaseAccepted,
    CaseAssigned,
    CaseReassigned,
    CaseReturned,
    CaseUnrouted,
    ClusterCapacityChanged,
    ClusterChanged,
    HandoverAccepted,
    HandoverDeclined,
    HandoverEscalated,
    HandoverLapsed,
    HandoverOffered,
)

from notifier.domain.facts import county_day, fact_of
from notifier.domain.planning import COUNCIL, COUNCIL_SECTOR, SOCIAL_CARE, Case, Kind, Place
from notifier.handlers.telling import NEWCOMERS, News, announce, follow
from notifier.policy import STAGES
from notifier.store import Tx

E = TypeVar("E", bound=Event)


async def note_people(events: Sequence[Received[PersonChanged]], tx: Tx) -> None:
    """Keep people's work contacts; somebody who is back may have to hear of what happened meanwhile."""
    people = [received.event for received in events]
    roles = await tx.people.roles_of([p.person_id for p in people if p.active])
    places = {place for role in roles for place in _places(*role)}
    back = bool(roles) and await tx.people.are_back([p.person_id for p in people if p.active])
    # Who has left sees to nothing any more.
    await tx.inbox.release([p.person_id for p in people if not p.active])
    await _expect_newcomers(tx, places if back else (), events[0].cause)
    await tx.people.begin_change()
    await tx.people.save_people(people)


async def note_roles(events: Sequence[Received[RoleChanged]], tx: Tx) -> None:
    """Keep roles; whoever has one may have to hear of what happened before we knew."""
    roles = [received.event for received in events]
    places = {place for r in roles for place in _places(r.organisation_id, r.sector, r.cluster_id)}
    organisations = {r.organisation_id for r in roles}
    led = await _led_by(tx, organisations)
    places |= {Place(Kind.PROVIDER, id) for id in await tx.limits.provided_by(organisations)}
    places |= {Place(Kind.SECTOR, r.sector) for r in roles if Place(Kind.SECTOR, r.sector) == SOCIAL_CARE}
    await _expect_newcomers(tx, places | led, events[0].cause)
    await tx.people.begin_change()
    await tx.people.save_roles(roles)
    # A cluster that got its lead school while we waited our turn.
    await _expect_newcomers(tx, await _led_by(tx, organisations) - led, events[0].cause)


async def note_clusters(events: Sequence[Received[ClusterChanged | ClusterCapacityChanged]], tx: Tx) -> None:
    """Keep lead schools and teams; a new member may have to hear of what happened before we knew."""
    await _expect_newcomers(tx, {Place(Kind.CLUSTER, r.event.cluster_id) for r in events}, events[0].cause)
    await tx.people.begin_change()
    await tx.people.save_clusters({r.event.cluster_id: (r.event.cluster, county_day(r.time)) for r in events})


def _places(organisation_id: str, sector: str, cluster_id: str | None) -> Iterable[Place]:
    yield Place(Kind.ORGANISATION, organisation_id)
    if cluster_id is not None:
        yield Place(Kind.CLUSTER, cluster_id)
    if sector == COUNCIL_SECTOR:
        yield COUNCIL


async def _led_by(tx: Tx, organisations: set[str]) -> set[Place]:
    return {Place(Kind.CLUSTER, id) for id in await tx.people.led_by(organisations)}


async def _expect_newcomers(tx: Tx, places: Iterable[Place], cause: Cause) -> None:
    # In one order for everybody, and before the roles' own lock: so that no two wait for each other.
    for place in sorted(places):
        await tx.set_deadline(NEWCOMERS, place.key, tx.now, cause=cause)


async def note_referral(events: Sequence[Received[ReferralSubmitted]], tx: Tx) -> None:
    """Keep who referred. The referral that opens a case is told of by the case's opening."""
    files = await tx.cases.get([r.subject for r in events])
    erased = {case_id for case_id, file in files.items() if file.erased}
    there = [r for r in events if r.event.case_id not in erased]
    if there:
        await tx.cases.refer([(r.event.case_id, r.event.referral_id, r.event.organisation_id) for r in there])
    await announce(
        [
            News(fact_of(r.event, event_id=r.id, at=r.time), file.case, r.cause)
            for r in there
            if (file := files.get(r.event.case_id)) is not None
            and file.case is not None
            and file.opened_by != r.event.referral_id
        ],
        tx,
    )


async def open_case(events: Sequence[Received[CaseOpened]], tx: Tx) -> None:
    """Keep the case's reference; from now on people can be told of it."""
    files = await tx.cases.get([r.subject for r in events])
    fresh = [r for r in events if (file := files.get(r.event.case_id)) is None or not file.erased]
    if not fresh:
        return
    await tx.cases.open(
        [(r.event.case_id, r.event.reference, r.event.circumstances.urgency, r.event.referral_id) for r in fresh]
    )
    await announce(
        [
            News(
                fact_of(r.event, event_id=r.id, at=r.time),
                Case(r.event.case_id, r.event.reference, r.event.circumstances.urgency),
                r.cause,
            )
            for r in fresh
        ],
        tx,
    )
    await reach(fresh, tx)


async def pass_on(
    events: Sequence[
        Received[
            ReferralAmended
            | ReferralInformationRequested
            | ReferralInformationProvided
            | ReferralWithdrawn
            | CaseBasisWithdrawn
            | ExclusionNotified
            | RecallOverdue
        ]
    ],
    tx: Tx,
) -> Sequence[Verdict]:
    """Something happened that changes nothing of what is kept here."""
    verdicts, _ = await tell_of(events, tx)
    return verdicts


async def join_referral(events: Sequence[Received[CaseLinked]], tx: Tx) -> Sequence[Verdict]:
    """Another referral is in the case: its sender hears of the case from now on."""
    verdicts, taken = await tell_of(events, tx)
    if taken:
        await tx.cases.join([(r.event.case_id, r.event.referral_id) for r in taken])
    return verdicts


async def part_referral(events: Sequence[Received[CaseUnlinked]], tx: Tx) -> Sequence[Verdict]:
    """A referral has left the case for one of its own."""
    verdicts, taken = await tell_of(events, tx)
    if taken:
        await tx.cases.join([(r.event.new_case_id, r.event.referral_id) for r in taken])
    return verdicts


async def note_circumstances(events: Sequence[Received[CaseCircumstancesChanged]], tx: Tx) -> Sequence[Verdict]:
    """The case may be more or less urgent than before."""
    verdicts, taken = await tell_of(events, tx)
    await tx.cases.set_urgency({r.event.case_id: r.event.circumstances.urgency for r in taken})
    return verdicts


async def close_case(events: Sequence[Received[CaseClosed]], tx: Tx) -> Sequence[Verdict]:
    """The case ended: newcomers need not hear of it."""
    verdicts, taken = await tell_of(events, tx)
    await tx.cases.close([r.event.case_id for r in taken], tx.now)
    return verdicts


async def erase_case(events: Sequence[Received[CaseErased]], tx: Tx) -> None:
    """Everything personal was erased: so are the messages about it."""
    await tx.cases.erase([r.event.case_id for r in events], tx.now)
    await tx.forget_answers(r.event.case_id for r in events)


async def note_participants(events: Sequence[Received[CaseParticipantsChanged]], tx: Tx) -> None:
    """Keep who takes part: they alone may look at what was told about the case."""
    files = await tx.cases.get([r.subject for r in events])
    await tx.cases.set_participants(
        {
            r.event.case_id: r.event.participants
            for r in events
            if (file := files.get(r.event.case_id)) is None or not file.erased
        }
    )


async def note_holder(
    events: Sequence[Received[CaseAssigned | CaseAccepted | CaseReassigned | HandoverAccepted]], tx: Tx
) -> Sequence[Verdict]:
    """A cluster holds the case."""
    verdicts, taken = await tell_of(events, tx, routed=True)
    await tx.cases.hold({r.event.case_id: r.event.cluster_id for r in taken})
    await follow({r.event.case_id: (Place(Kind.CLUSTER, r.event.cluster_id), r.time) for r in taken}, tx)
    return verdicts


async def note_return(events: Sequence[Received[CaseReturned | CaseUnrouted]], tx: Tx) -> Sequence[Verdict]:
    """No cluster holds the case: the intake desk does."""
    verdicts, taken = await tell_of(events, tx, routed=True)
    await tx.cases.hold({r.event.case_id: None for r in taken})
    await follow({r.event.case_id: (COUNCIL, r.time) for r in taken}, tx)
    return verdicts


async def note_handover(
    events: Sequence[Received[HandoverOffered | HandoverDeclined | HandoverEscalated | HandoverLapsed]], tx: Tx
) -> Sequence[Verdict]:
    """A hand-over is under way or came to nothing: the holder stays."""
    verdicts, _ = await tell_of(events, tx, routed=True)
    return verdicts


async def tell_of(
    events: Sequence[Received[E]], tx: Tx, *, routed: bool = False
) -> tuple[list[Verdict], list[Received[E]]]:
    """Tell of facts about known cases. Returns the verdicts, and the events that were taken.

    What the router says comes by another topic than the case and its referral, in no order: it waits for both.
    """
    files = await tx.cases.get([r.subject for r in events])
    verdicts: list[Verdict] = []
    news: list[News] = []
    taken: list[Received[E]] = []
    for r in events:
        file = files.get(r.subject)
        if file is not None and file.erased:
            verdicts.append(TAKEN)
        elif file is None or file.case is None:
            verdicts.append(NotYet("case-unknown"))
        elif routed and not file.referred:
            verdicts.append(NotYet("referral-unknown"))
        else:
            verdicts.append(TAKEN)
            taken.append(r)
            news.append(News(fact_of(r.event, event_id=r.id, at=r.time), file.case, r.cause))
    await announce(news, tx)
    await reach(taken, tx)
    return verdicts, taken


async def reach(taken: Sequence[Received[Any]], tx: Tx) -> None:
    """Keep how far cases have come, as their families may read it."""
    stages = [(r.subject, stage, r.time) for r in taken if (stage := STAGES.of(r.type, county_day(r.time))) is not None]
    if stages:
        await tx.cases.reach(stages)
