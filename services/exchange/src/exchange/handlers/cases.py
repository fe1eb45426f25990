"""What is heard of cases changes what may be told of them: who takes part, on which bases, where they are."""

from collections.abc import Sequence
from typing import Any

import orjson
from chassis.clock import wall_now
from chassis.subscription import NotYet, Received, Verdict
from schemas.referral import (
    CaseBasisWithdrawn,
    CaseCircumstancesChanged,
    CaseDisclosed,
    CaseErased,
    CaseOpened,
    CaseParticipantsChanged,
    CaseUnlinked,
    Circumstances,
    ReferralAmended,
    ReferralSubmitted,
)
from schemas.routing import CaseAssigned, CaseReassigned, ClusterCapacityChanged, ClusterChanged, HandoverAccepted

from exchange.domain.audience import still_may
from exchange.domain.days import day_of
from exchange.handlers.telling import tell_what_was_held
from exchange.store import Tx


async def note_circumstances(
    events: Sequence[Received[CaseOpened]] | Sequence[Received[CaseCircumstancesChanged]], tx: Tx
) -> None:
    """Where a child goes to school, and which needs they have."""

    def facts(subject: str, now: Circumstances) -> tuple[str, str | None, str]:
        return subject, now.school_urn, orjson.dumps([need.type for need in now.needs]).decode()

    await tx.cases.note([facts(received.subject, received.event.circumstances) for received in events])


async def note_submitted(events: Sequence[Received[ReferralSubmitted]], tx: Tx) -> None:
    """A referral brings its basis."""
    await tx.cases.record_bases([_basis(received, received.event.basis.kind) for received in events])


async def note_amended(events: Sequence[Received[ReferralAmended]], tx: Tx) -> None:
    """The sender recorded another basis; that the former one ended comes in an event of its own."""
    rows = [_basis(received, received.event.basis.kind) for received in events if received.event.basis is not None]
    await tx.cases.record_bases(rows)


def _basis(received: Received[Any], kind: str) -> dict[str, Any]:
    event = received.event
    return {
        "referral_id": event.referral_id, "kind": kind, "case_id": event.case_id,
        "organisation_id": event.organisation_id,
    }  # fmt: skip


async def note_unlinked(events: Sequence[Received[CaseUnlinked]], tx: Tx) -> None:
    """A referral belongs to another case now, and what it rests on with it."""
    await tx.cases.move_bases({received.event.referral_id: received.event.new_case_id for received in events})
    await _withhold([received.subject for received in events], tx)


async def note_participants(events: Sequence[Received[CaseParticipantsChanged]], tx: Tx) -> None:
    """Who takes part. What came before anybody knew is told now; what leavers were not told yet is not."""
    subjects = [received.subject for received in events]
    rows = [
        {
            "case_id": received.subject, "organisation_id": one.organisation_id, "role": one.role,
            "since": one.since, "until": one.until, "sector": one.sector,
        }
        for received in events
        for one in received.event.participants
    ]  # fmt: skip
    await tx.cases.save_participants(rows, subjects)
    await tell_what_was_held(subjects, tx)
    await _withhold(subjects, tx)


async def end_bases(events: Sequence[Received[CaseBasisWithdrawn]], tx: Tx) -> None:
    """A basis ended: what rests on it stops at once, also what was on its way."""
    ended = [(received.subject, received.event.organisation_id, received.event.kind) for received in events]
    await tx.cases.end_bases(ended, tx.now)
    await _withhold([received.subject for received in events], tx)


async def _withhold(subjects: Sequence[str], tx: Tx) -> None:
    """What was told and may not be any more is not given to anybody who has not had it."""
    await tx.teller.flush(subjects)
    standings = await tx.cases.standings(subjects, day_of(tx.now))
    told = await tx.ledger.told_of(subjects)
    streams = await tx.streams.find({row["stream_id"] for row in told})
    gone = [
        (row["stream_id"], row["position"])
        for row in told
        if row["subject"] in standings
        and not still_may(streams[row["stream_id"]].stream, standings[row["subject"]], row["basis"])
    ]
    if gone:
        await tx.deliveries.withhold(gone, wall_now())
        await tx.ledger.withhold(gone, tx.now)


async def erase(events: Sequence[Received[CaseErased]], tx: Tx) -> None:
    """Everything personal was erased: nothing that was said of the case stays here, but who was told."""
    subjects = [received.subject for received in events]
    await tx.teller.flush(subjects)
    await tx.cases.erase(subjects)
    await tx.events.erase(subjects)
    gone = [(row["stream_id"], row["position"]) for row in await tx.ledger.told_of(subjects)]
    if gone:
        await tx.deliveries.withhold(gone, wall_now())
        await tx.ledger.withhold(gone, tx.now)


async def note_place(
    events: Sequence[Received[CaseAssigned]]
    | Sequence[Received[CaseReassigned]]
    | Sequence[Received[HandoverAccepted]],
    tx: Tx,
) -> Sequence[Verdict]:
    """Which cluster holds the case."""
    standings = await tx.cases.standings([received.subject for received in events], day_of(tx.now))
    known = {
        r.subject: r.event.cluster_id for r in events if r.subject in standings and not standings[r.subject].erased
    }
    await tx.cases.place(known)
    return [None if received.subject in standings else NotYet("case-unknown") for received in events]


async def note_clusters(
    events: Sequence[Received[ClusterChanged]] | Sequence[Received[ClusterCapacityChanged]], tx: Tx
) -> None:
    """Which phase a cluster is for."""
    await tx.cases.note_phases({received.subject: received.event.cluster.phase for received in events})


async def note_disclosures(events: Sequence[Received[CaseDisclosed]], tx: Tx) -> None:
    """A sector read the case through the API: that counts as having fetched what it was told."""
    await tx.ledger.disclosed(
        [
            {
                "event_id": received.id, "case_id": received.subject, "organisation_id": received.event.organisation_id,
                "sector": received.event.sector, "purpose": received.event.purpose, "basis": received.event.basis,
                "at": received.time,
            }
            for received in events
        ]
    )  # fmt: skip
