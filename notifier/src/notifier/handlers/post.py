"""Letters: of what they are made, which are tried next, and what an attempt's receipt leads to."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Final

from chassis.cause import Cause
from schemas.notification import NotificationDelivered, NotificationFailed, NotificationSent

from notifier.domain.facts import county_day, is_case
from notifier.domain.post import Answer, Attempt, State
from notifier.domain.rules import Channel
from notifier.domain.wishes import Wish, hours_on, quiet_ends
from notifier.policy import HOURS, SCHEDULE
from notifier.store import Tx
from notifier.store.families import FAMILY, Link
from notifier.store.post import Addressee, Letter, LetterItem, Waiting

UNDELIVERED: Final = "undelivered"
FAMILY_UNDELIVERED: Final = "family-undelivered"
#: Items put into letters in one transaction.
_AT_A_TIME: Final = 500
#: How long a letter that may not leave in quiet hours is left alone.
_LOOK_AGAIN: Final = timedelta(seconds=60)
_DELIVERED: Final = "delivered"


@dataclass(frozen=True, slots=True)
class Claimed:
    """A letter to be tried now, and where it goes."""

    letter: Letter
    addressee: Addressee
    #: A family's link, where that is what the letter brings.
    link: Link | None = None
    #: The browsers of a notice.
    browsers: tuple[dict[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Offer:
    """What can leave this house, and when."""

    channels: Collection[str] = (Channel.EMAIL.value,)
    rooms: Collection[str] = ()
    #: Nothing waits for its hour.
    at_once: bool = True


async def form(tx: Tx, offer: Offer, *, now: datetime) -> int:
    """Make letters of what may leave by now: what happened to one person's cases goes together. Returns how many."""
    items = await tx.post.due_items(until=None if offer.at_once else tx.now, channels=offer.channels, limit=_AT_A_TIME)
    bundles = [list(bundle) for bundle in _bundles(items, by_case=offer.at_once)]
    if len(items) == _AT_A_TIME and len(bundles) > 1 and not offer.at_once:
        # The last one may go on beyond what was looked at.
        bundles.pop()
    if bundles:
        await tx.post.form(bundles, now)
    return len(bundles)


def _bundles(items: Sequence[Waiting], *, by_case: bool) -> Iterable[Iterable[Waiting]]:
    def key(item: Waiting) -> tuple[str, ...]:
        own = item.channel == Channel.CHAT or item.person_id.startswith(FAMILY)
        one = item.notification_id if own else item.case_id if by_case else ""
        return item.person_id, item.channel, item.language, one

    return (list(bundle) for _, bundle in groupby(sorted(items, key=key), key=key))


async def claim(
    tx: Tx,
    *,
    now: datetime,
    lease: timedelta,
    domain: str,
    urgent_only: bool,
    channels: Collection[str] = (Channel.EMAIL.value,),
    at_once: bool = True,
) -> tuple[bool, Claimed | None]:
    """Take the next letter that is due. If we die with it, somebody takes it again when the lease is over.

    Returns whether there was one, and the letter if it is still wanted.
    """
    letter = await tx.post.claim(now=now, until=now + lease, domain=domain, urgent_only=urgent_only, channels=channels)
    if letter is None:
        return False, None
    wish = (await tx.wishes.get(letter.person_id)).wish
    if not at_once and not letter.wakes and quiet_ends(tx.now, wish, hours_on(HOURS, county_day(tx.now))) is not None:
        await tx.post.put_off(letter, now + _LOOK_AGAIN)
        return True, None
    claimed = await _addressed(tx, letter, wish) if letter.items else None
    if claimed is None:
        await tx.post.end(letter, State.DROPPED, now, reason="not-wanted")
    return True, claimed


async def _addressed(tx: Tx, letter: Letter, wish: Wish) -> Claimed | None:
    """Where a letter goes; None: nobody wants it any more."""
    if letter.channel == Channel.CHAT:
        return Claimed(letter, Addressee(None, None, wants_it=True))
    if letter.person_id.startswith(FAMILY):
        link = await tx.families.link(letter.person_id.removeprefix(FAMILY))
        still = link is not None and link.sealed is not None and link.revoked_at is None and link.expires_at > tx.now
        return Claimed(letter, Addressee(None, None, wants_it=True), link) if still else None
    addressee = await tx.post.addressee(letter.person_id)
    if letter.channel == Channel.EMAIL:
        return Claimed(letter, addressee) if addressee.wants_it else None
    if not addressee.active:
        return None
    if letter.channel == Channel.SMS:
        return Claimed(letter, addressee) if addressee.mobile and _wanted(wish, letter.channel) else None
    browsers = tuple(
        {name: str(row[name]) for name in ("endpoint", "p256dh", "auth")}
        for row in await tx.wishes.browsers(letter.person_id)
    )
    return Claimed(letter, addressee, browsers=browsers) if browsers and _wanted(wish, letter.channel) else None


def _wanted(wish: Wish, channel: str) -> bool:
    """Whether somebody wants a channel in any of their roles."""
    return channel in wish.channels or any(channel in (own.channels or ()) for own in wish.roles.values())


async def record(tx: Tx, letter: Letter, attempt: Attempt, *, now: datetime) -> None:
    """Keep the receipt; then the letter is sent, waits for its next try, or has failed for good."""
    await tx.lock_subjects(item.case_id for item in letter.items)
    await tx.post.receive(letter, attempt, now)
    if attempt.answer is Answer.ACCEPTED:
        if await tx.post.end(letter, State.SENT, now):
            await _sent(tx, letter)
        return
    next_at = SCHEDULE.next_try(
        letter.id, answer=attempt.answer, attempts=letter.attempts, asked_at=letter.asked_at, now=now
    )
    if next_at is not None:
        await tx.post.postpone(letter, next_at)
    elif await tx.post.end(letter, State.FAILED, now, reason=attempt.reason):
        await _failed(tx, letter, attempt.reason)


async def receive(tx: Tx, letter_id: str, *, delivered: bool, reason: str, now: datetime) -> bool:
    """A channel says what became of a letter. Returns whether it is one of ours. The first final word counts."""
    letter = await tx.post.by_id(letter_id)
    if letter is None:
        return False
    await tx.lock_subjects(item.case_id for item in letter.items)
    was = await tx.post.receipt(letter_id, _DELIVERED if delivered else reason, now)
    if was is None:
        return True
    if was is State.WAITING:
        # The receipt was faster than our own note of the sending.
        await _sent(tx, letter)
    if not delivered:
        await _failed(tx, letter, reason)
        return True
    for said, cause in _said_of(letter):
        tx.emit(NotificationDelivered(**said), cause)
    return True


async def _sent(tx: Tx, letter: Letter) -> None:
    for (said, cause), item in zip(_said_of(letter), _spoken(letter), strict=True):
        tx.emit(NotificationSent(**said, rule=item.rule), cause)
    if letter.person_id.startswith(FAMILY):
        await tx.families.forget_address(letter.person_id.removeprefix(FAMILY))


async def _failed(tx: Tx, letter: Letter, reason: str) -> None:
    cases = {item.case_id for item in letter.items}
    case_id = cases.pop() if len(cases) == 1 else None
    if letter.person_id.startswith(FAMILY):
        link_id = letter.person_id.removeprefix(FAMILY)
        await tx.families.forget_address(link_id)
        await tx.inbox.open_tasks(FAMILY_UNDELIVERED, [(link_id, reason, case_id, None)])
    else:
        await tx.inbox.open_tasks(UNDELIVERED, [(letter.id, reason, case_id, letter.person_id)])
    for said, cause in _said_of(letter):
        tx.emit(NotificationFailed(**said, reason=reason), cause)


def _spoken(letter: Letter) -> list[LetterItem]:
    """The items of which the house is told: those of people of the directory, about cases."""
    if letter.channel == Channel.CHAT or letter.person_id.startswith(FAMILY):
        return []
    return [item for item in letter.items if is_case(item.case_id)]


def _said_of(letter: Letter) -> list[tuple[dict[str, str], Cause]]:
    return [
        (
            {
                "case_id": item.case_id,
                "notification_id": item.notification_id,
                "channel": letter.channel,
                "person_id": letter.person_id,
            },
            Cause(item.correlation_id),
        )
        for item in _spoken(letter)
    ]
