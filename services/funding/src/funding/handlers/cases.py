"""What is heard of cases: referrals that ask for money, where a case is, who takes part, that it ended."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Final

from chassis.cause import Cause
from chassis.clock import new_id
from chassis.subscription import NotYet, Received, Verdict
from schemas.directory import CalendarChanged, SchoolChanged
from schemas.referral import (
    CaseCircumstancesChanged,
    CaseClosed,
    CaseErased,
    CaseOpened,
    CaseParticipantsChanged,
    CaseUnlinked,
    Need,
    ReferralSubmitted,
    ReferralWithdrawn,
)
from schemas.routing import CaseAssigned, CaseReassigned, ClusterCapacityChanged, ClusterChanged, HandoverAccepted

from funding.domain.requests import CaseFile, Origin, Request, State
from funding.domain.spans import by_year
from funding.handlers.desk import Desk
from funding.store import Tx
from funding.store.cases import Referral

#: What a referral says that wants money; a code of `requested-help`.
EARLY_FUNDING: Final = "early-funding"
_UNKNOWN: Final = NotYet("case-unknown")


async def note_referrals(events: Sequence[Received[ReferralSubmitted]], tx: Tx) -> None:
    """Referrals arrived; those that ask for money open a request once the case has a cluster."""
    ids = [received.subject for received in events]
    await tx.cases.make(ids)
    await tx.cases.submitted(
        [
            {
                "referral_id": received.event.referral_id, "case_id": received.subject,
                "organisation_id": received.event.organisation_id, "need": first_need(received.event.needs) or "",
                "submitted_at": received.time, "asks": EARLY_FUNDING in received.event.requested, "withdrawn": False,
                "settled": False,
            }
            for received in events
        ]
    )  # fmt: skip
    await _open_requests(tx, events)


async def note_opened(events: Sequence[Received[CaseOpened]], tx: Tx) -> None:
    """Cases with the child's school and needs."""
    await tx.cases.make([received.subject for received in events])
    await tx.cases.describe(
        [
            (received.subject, received.event.circumstances.school_urn, first_need(received.event.circumstances.needs))
            for received in events
        ]
    )
    await _open_requests(tx, events)


async def note_circumstances(events: Sequence[Received[CaseCircumstancesChanged]], tx: Tx) -> Sequence[Verdict]:
    """The child's school or needs changed: what is asked for from now on goes by that."""
    known = await tx.cases.lock([received.subject for received in events])
    rows = [
        (received.subject, received.event.circumstances.school_urn, first_need(received.event.circumstances.needs))
        for received in events
        if received.subject in known
    ]
    if rows:
        await tx.cases.describe(rows)
    return [None if received.subject in known else _UNKNOWN for received in events]


async def place_cases(
    events: Sequence[Received[CaseAssigned | CaseReassigned | HandoverAccepted]], tx: Tx
) -> Sequence[Verdict]:
    """Cases are with a cluster: what a referral asks for is opened, what waits is that cluster's."""
    known = await tx.cases.lock([received.subject for received in events])
    placed = [received for received in events if received.subject in known]
    if placed:
        await tx.cases.place({received.subject: received.event.cluster_id for received in placed})
        await _open_requests(tx, placed)
    return [None if received.subject in known else _UNKNOWN for received in events]


async def _open_requests(
    tx: Tx,
    events: Sequence[Received[ReferralSubmitted | CaseOpened | CaseAssigned | CaseReassigned | HandoverAccepted]],
) -> None:
    """For each case with a cluster: the one request that its referrals make; and what waits follows the case."""
    causes = {received.subject: received.cause for received in events}
    desk = await Desk.open(tx, causes)
    asking, payees = await tx.cases.asking(causes), await tx.cases.payees(causes)
    settled: list[str] = []
    for case in desk.cases.values():
        if case.closed or case.cluster_id is None:
            continue
        _follow(desk, case, causes[case.id])
        referral, payee = asking.get(case.id), payees.get(case.id)
        if referral is not None and payee is not None:
            settled.append(case.id)
            if not _has_one(desk, case.id):
                desk.ask(from_referral(desk, case, referral, payee), causes[case.id])
    await tx.cases.settle(settled)
    await desk.close()


def _follow(desk: Desk, case: CaseFile, cause: Cause) -> None:
    for request in desk.of_case(case.id):
        if request.state is State.WAITING and case.cluster_id and request.cluster_id != case.cluster_id:
            desk.move(request, case.cluster_id, cause)


def _has_one(desk: Desk, case_id: str) -> bool:
    """Whether a referral of the case has made a request that stands: another one does not double it."""
    stands = {State.WAITING, State.AWARDED}
    return any(one.origin is Origin.REFERRAL and one.state in stands for one in desk.of_case(case_id))


def from_referral(desk: Desk, case: CaseFile, referral: Referral, payee: str) -> Request:
    """The request that a referral makes: sum and purpose by the day's tariff for the child's first need."""
    tariff = desk.rules.tariff(case.need or referral.need)
    until = desk.today + timedelta(days=desk.rules.referral_days - 1)
    return Request(
        id=new_id(), case_id=case.id, cluster_id=case.cluster_id or "", organisation_id=payee, origin=Origin.REFERRAL,
        referral_id=referral.id, purpose=tariff.purpose, amount_pence=tariff.amount_pence, since=desk.today,
        until=until, asked_by=None, asked_by_organisation=referral.organisation_id, asked_at=desk.tx.now, reason=None,
        parts=by_year(tariff.amount_pence, desk.today, until),
    )  # fmt: skip


def first_need(needs: Iterable[Need]) -> str | None:
    """The primary need."""
    return min(needs, key=lambda need: need.rank).type if (needs := list(needs)) else None


async def withdraw_referrals(events: Sequence[Received[ReferralWithdrawn]], tx: Tx) -> Sequence[Verdict]:
    """A referral no longer asks: what nobody has granted is declined, unless another one of the case asks for it."""
    known = await tx.cases.known_referrals([received.event.referral_id for received in events])
    gone = {received.event.referral_id: received for received in events if received.event.referral_id in known}
    await tx.cases.withdraw(list(gone))
    await _ask_no_more(tx, {received.subject: received.cause for received in gone.values()})
    return [None if received.event.referral_id in known else _UNKNOWN for received in events]


async def unlink_referrals(events: Sequence[Received[CaseUnlinked]], tx: Tx) -> Sequence[Verdict]:
    """A referral concerns another child: what it asked for here and nobody has granted is asked for there."""
    known = await tx.cases.known_referrals([received.event.referral_id for received in events])
    moved = {received.event.referral_id: received for received in events if received.event.referral_id in known}
    await tx.cases.make([received.event.new_case_id for received in moved.values()])
    await tx.cases.move_referrals({id: received.event.new_case_id for id, received in moved.items()})
    await _ask_no_more(tx, {received.subject: received.cause for received in moved.values()})
    return [None if received.event.referral_id in known else _UNKNOWN for received in events]


async def _ask_no_more(tx: Tx, causes: Mapping[str, Cause]) -> None:
    """Decline what referrals asked for in these cases and nobody has granted, where none of them asks any more."""
    desk = await Desk.open(tx, causes)
    still = await tx.cases.still_asking(causes)
    for request in list(desk.requests.values()):
        if request.state is State.WAITING and request.origin is Origin.REFERRAL and request.case_id not in still:
            desk.decline(request, "withdrawn", causes[request.case_id])
    await desk.close()


async def close_cases(events: Sequence[Received[CaseClosed]], tx: Tx) -> Sequence[Verdict]:
    """A case ended: what waits is declined, what runs ends, and what was set aside is free again."""
    known = await _wind_up(events, tx)
    return [None if received.subject in known else _UNKNOWN for received in events]


async def erase_cases(events: Sequence[Received[CaseErased]], tx: Tx) -> None:
    """Everything personal was erased: no word that was written about the child stays. Money is accounted for."""
    known = await _wind_up(events, tx)
    await tx.cases.forget(list(known))
    await tx.requests.forget(list(known))
    await tx.forget_answers(known)


async def _wind_up(events: Sequence[Received[CaseClosed]] | Sequence[Received[CaseErased]], tx: Tx) -> set[str]:
    causes = {received.subject: received.cause for received in events}
    desk = await Desk.open(tx, causes)
    await tx.cases.close(list(desk.cases))
    for award in list(desk.awards.values()):
        if award.ended_on is None:
            desk.end(award, "case-closed", causes[award.case_id])
    for request in list(desk.requests.values()):
        if request.state is State.WAITING:
            desk.decline(request, "case-closed", causes[request.case_id])
    await desk.close()
    return set(desk.cases)


async def note_participants(events: Sequence[Received[CaseParticipantsChanged]], tx: Tx) -> None:
    """Who takes part, and so who may ask."""
    rows = [
        {
            "case_id": received.subject, "organisation_id": one.organisation_id, "role": one.role,
            "since": one.since, "until": one.until,
        }
        for received in events
        for one in received.event.participants
    ]  # fmt: skip
    await tx.cases.save_participants(rows, [received.subject for received in events])


async def note_schools(events: Sequence[Received[SchoolChanged]], tx: Tx) -> None:
    """Which organisation each school is: that is who is paid."""
    await tx.cases.save_schools({received.event.school_urn: received.event.organisation_id for received in events})


async def note_clusters(events: Sequence[Received[ClusterChanged | ClusterCapacityChanged]], tx: Tx) -> None:
    """Which organisation leads each cluster: that is who is paid where a child has no school."""
    await tx.cases.save_clusters({received.subject: received.event.cluster.organisation_id for received in events})


async def note_calendars(events: Sequence[Received[CalendarChanged]], tx: Tx) -> None:
    """Which days are working days."""
    await tx.cases.save_calendars([received.event for received in events])
