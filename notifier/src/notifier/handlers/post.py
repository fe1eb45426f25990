"""Letters: which are tried next, and what an attempt's receipt leads to."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from chassis.cause import Cause
from schemas.notification import NotificationFailed, NotificationSent

from notifier.domain.post import Answer, Attempt, State
from notifier.domain.rules import Channel
from notifier.policy import SCHEDULE
from notifier.store import Tx
from notifier.store.post import Addressee, Letter

UNDELIVERED: Final = "undelivered"


@dataclass(frozen=True, slots=True)
class Claimed:
    """A letter to be tried now, and where it goes."""

    letter: Letter
    addressee: Addressee


async def claim(
    tx: Tx, *, now: datetime, lease: timedelta, domain: str, urgent_only: bool
) -> tuple[bool, Claimed | None]:
    """Take the next letter that is due. If we die with it, somebody takes it again when the lease is over.

    Returns whether there was one, and the letter if it is still wanted.
    """
    letter = await tx.post.claim(now=now, until=now + lease, domain=domain, urgent_only=urgent_only)
    if letter is None:
        return False, None
    addressee = await tx.post.addressee(letter.person_id)
    if not addressee.wants_it:
        await tx.post.end(letter, State.DROPPED, now, reason="not-wanted")
        return True, None
    return True, Claimed(letter, addressee)


async def record(tx: Tx, letter: Letter, attempt: Attempt, *, now: datetime) -> None:
    """Keep the receipt; then the letter is sent, waits for its next try, or has failed for good."""
    await tx.lock_subjects([letter.case_id])
    await tx.post.receive(letter, attempt, now)
    if attempt.answer is Answer.ACCEPTED:
        if await tx.post.end(letter, State.SENT, now):
            tx.emit(NotificationSent(**_said_of(letter), rule=letter.rule), _cause(letter))
        return
    next_at = SCHEDULE.next_try(
        letter.id, answer=attempt.answer, attempts=letter.attempts, asked_at=letter.asked_at, now=now
    )
    if next_at is not None:
        await tx.post.postpone(letter, next_at)
    elif await tx.post.end(letter, State.FAILED, now, reason=attempt.reason):
        await tx.inbox.open_tasks(UNDELIVERED, [(letter.id, attempt.reason, letter.case_id, letter.person_id)])
        tx.emit(NotificationFailed(**_said_of(letter), reason=attempt.reason), _cause(letter))


def _said_of(letter: Letter) -> dict[str, str]:
    return {
        "case_id": letter.case_id,
        "notification_id": letter.notification_id,
        "channel": Channel.EMAIL.value,
        "person_id": letter.person_id,
    }


def _cause(letter: Letter) -> Cause:
    return Cause(letter.correlation_id)
