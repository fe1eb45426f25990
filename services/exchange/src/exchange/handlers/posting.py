"""What comes of webhooks: delivered, tried again later, given up; and what that says of their receiver."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog
from chassis.cause import Cause
from cryptography.exceptions import InvalidTag

from exchange.clients.signing import OpenKey, Safe
from exchange.domain.audience import still_may
from exchange.domain.days import day_of
from exchange.domain.keys import SigningKey
from exchange.domain.retries import Attempt, Outcome
from exchange.handlers.rights import stop_streams
from exchange.policy import Webhooks
from exchange.store import Tx
from exchange.store.deliveries import Done, Failing, Parcel

log = structlog.get_logger()

#: Longer than any attempt takes: who is still alive has recorded the outcome by then.
LEASE_BEYOND: Final = timedelta(seconds=20)


@dataclass(frozen=True, slots=True)
class Load:
    """Parcels to be carried, and what they are signed with."""

    parcels: list[Parcel]
    keys: Mapping[str, list[SigningKey]]


async def take(tx: Tx, *, under_way: Mapping[str, int], numbers: Webhooks, limit: int, now: datetime) -> Load:
    """Undertake what is due. What may not be told any more is taken out on the way."""
    lease = timedelta(seconds=numbers.answer_seconds) + LEASE_BEYOND
    parcels = await tx.deliveries.claim(
        now=now, lease=lease, under_way=under_way, at_once=numbers.at_once,
        careful_after=numbers.patience.failures_until_rest, limit=limit,
    )  # fmt: skip
    gone = await _not_any_more(parcels, tx)
    if gone:
        await tx.deliveries.record(
            [Done(p.stream_id, p.subject, p.position, "withheld", why, tried=False) for p, why in gone], now
        )
        await tx.ledger.withhold([(p.stream_id, p.position) for p, _ in gone], tx.now)
        taken_out = {(p.stream_id, p.position) for p, _ in gone}
        parcels = [parcel for parcel in parcels if (parcel.stream_id, parcel.position) not in taken_out]
    return Load(parcels, await tx.keys.live({p.stream_id for p in parcels}, now) if parcels else {})


async def _not_any_more(parcels: Sequence[Parcel], tx: Tx) -> list[tuple[Parcel, str]]:
    """What may not be told now, though it might have been when it was decided: rights are looked at again."""
    resting = [parcel for parcel in parcels if parcel.basis is not None and parcel.data is not None]
    standings = await tx.cases.standings([p.subject for p in resting], day_of(tx.now)) if resting else {}
    streams = await tx.streams.find({p.stream_id for p in resting}) if resting else {}
    gone = [(parcel, "not-kept") for parcel in parcels if parcel.data is None]
    for parcel in resting:
        standing = standings.get(parcel.subject)
        if standing is None or not still_may(streams[parcel.stream_id].stream, standing, parcel.basis):
            gone.append((parcel, "no-right"))
    return gone


def opened(keys: Sequence[SigningKey], safe: Safe, cache: dict[str, OpenKey]) -> list[OpenKey]:
    """Keys that can sign; opened once for each process. What another secret sealed cannot, and is left out."""
    for key in keys:
        if key.id not in cache:
            try:
                cache[key.id] = safe.open(key)
            except InvalidTag:
                log.error("webhook.key-unreadable", key=key.id, stream=key.stream_id)  # noqa: TRY400
    return [cache[key.id] for key in keys if key.id in cache]


async def record(
    tx: Tx, finished: Sequence[tuple[Parcel, Attempt]], *, numbers: Webhooks, now: datetime, chance: float
) -> None:
    """Note what came of a number of parcels."""
    await tx.deliveries.record([_done(parcel, attempt, numbers, now, chance) for parcel, attempt in finished], now)
    before = await tx.deliveries.receivers({parcel.stream_id for parcel, _ in finished})
    taken = {p.stream_id for p, attempt in finished if attempt.outcome is Outcome.DELIVERED}
    failed: dict[str, list[Attempt]] = {}
    for parcel, attempt in finished:
        if attempt.outcome is not Outcome.DELIVERED:
            failed.setdefault(parcel.stream_id, []).append(attempt)
    careful = numbers.patience.failures_until_rest
    await tx.deliveries.well(taken, now)
    await tx.deliveries.hasten({id for id in taken if before.get(id, 0) >= careful}, now)
    ill = {id: attempts for id, attempts in failed.items() if id not in taken}
    if ill:
        await _note_failures(tx, ill, before, numbers=numbers, now=now)


async def _note_failures(
    tx: Tx, failed: Mapping[str, list[Attempt]], before: Mapping[str, int], *, numbers: Webhooks, now: datetime
) -> None:
    ill = []
    for id, attempts in sorted(failed.items()):
        times = len(attempts)
        rest = max(numbers.patience.rest(before.get(id, 0) + times, attempt) for attempt in attempts)
        ill.append(Failing(id, times, attempts[-1].reason, now + rest if rest else None))
    standing = await tx.deliveries.ill(ill, now)
    gone = [id for id, attempts in failed.items() if any(each.outcome is Outcome.GONE for each in attempts)]
    lost = [
        row["stream_id"]
        for row in standing
        if row["failures"] >= numbers.patience.failures_until_rest
        and now - row["failing_since"] >= numbers.patience.unreachable_after
    ]
    for ids, reason in ((gone, "receiver-gone"), (lost, "receiver-unreachable")):
        kept = await tx.streams.find(ids, lock=True) if ids else {}
        stopping = [one for one in kept.values() if one.state == "active"]
        await stop_streams(stopping, "disabled", reason, Cause.fresh(), tx)


def _done(parcel: Parcel, attempt: Attempt, numbers: Webhooks, now: datetime, chance: float) -> Done:
    place = (parcel.stream_id, parcel.subject, parcel.position)
    if attempt.outcome is Outcome.DELIVERED:
        return Done(*place, "delivered", attempt.reason)
    if attempt.outcome is Outcome.GONE:
        # Kept as it is: its owner may give another address.
        return Done(*place, "waiting", attempt.reason, due_at=now)
    pause = numbers.patience.next_pause(parcel.attempts + 1, attempt.retry_after, chance)
    if pause is None:
        return Done(*place, "failed", attempt.reason)
    return Done(*place, "waiting", attempt.reason, due_at=now + pause)
