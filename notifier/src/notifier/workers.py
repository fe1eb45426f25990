"""The post: takes letters that are due out of the house. The only outward effect there is, and in no transaction.

A few slots work side by side, each on a connection of its own: for e-mail several, one of them for urgent letters
alone, and one for each other channel. A letter that hangs holds one slot for half a minute at most; a server that is
down is asked by one letter at a time.
"""

import asyncio
import json
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, cast

import structlog
from chassis.clock import wall_now, wall_seconds
from chassis.service import Runtime

from notifier.clients import PATIENCE_SECONDS, Carrier, Mail, carriers
from notifier.clients.chat import ChatCarrier
from notifier.clients.notify import DELIVERED, FAILED, NotifyCarrier
from notifier.clients.push import PushCarrier
from notifier.clients.seal import Broken, Seal
from notifier.domain.facts import county_day, read_at
from notifier.domain.post import Answer, Attempt, Breaker, Stage
from notifier.domain.rules import Channel
from notifier.domain.texts import Content, Line, compose, plain_date
from notifier.handlers.post import Claimed, Offer, claim, form, receive, record
from notifier.policy import SCHEDULE, STAGES, texts_in
from notifier.settings import Settings
from notifier.store.families import SEALED_FOR

log = structlog.get_logger()

SLOTS: Final = 4
#: Longer than any attempt takes: who is still alive has recorded the outcome by then.
LEASE: Final = timedelta(seconds=PATIENCE_SECONDS + 15)
_LOOK_EACH_SECONDS: Final = 0.5
_ASK_EACH_SECONDS: Final = 600.0
_SHORT: Final = frozenset({Channel.SMS, Channel.CHAT})


async def send_letters(runtime: Runtime, stop: asyncio.Event) -> None:
    """Send what is due until told to stop; what is under way is finished."""
    settings = cast("Settings", runtime.settings)
    url = settings.smtp_url.get_secret_value() if settings.smtp_url is not None else None
    new_carrier = carriers(url, state=settings.state, name=settings.sender_domain)
    async with asyncio.TaskGroup() as slots:
        for channel in settings.offered:
            breaker = Breaker()
            by_mail = channel == Channel.EMAIL and not settings.by_notify(channel)
            for number in range(SLOTS if by_mail else 1):
                carrier = new_carrier() if by_mail else carrier_of(settings, Channel(channel))
                post = PostRound(runtime, carrier, urgent_only=by_mail and number == 0, channel=channel)
                slots.create_task(_work(runtime, stop, post, breaker))


def carrier_of(settings: Settings, channel: Channel) -> Carrier:
    """What carries a channel that is no mail server's."""
    if channel is Channel.CHAT:
        return ChatCarrier()
    if channel is Channel.PUSH:
        key = settings.vapid_key.get_secret_value() if settings.vapid_key is not None else ""
        return PushCarrier(key=key, contact=settings.vapid_contact or f"mailto:{settings.sender}")
    key = settings.notify_key.get_secret_value() if settings.notify_key is not None else ""
    return NotifyCarrier(
        key=key, url=settings.notify_url, channel=channel, template=settings.notify_templates[channel.value]
    )


async def ask_for_receipts(runtime: Runtime, stop: asyncio.Event) -> None:
    """Ask GOV.UK Notify for receipts that never came: its callbacks are tried for minutes, then forgotten."""
    settings = cast("Settings", runtime.settings)
    asked = tuple(channel for channel in settings.offered if settings.by_notify(channel))
    while asked and not stop.is_set():
        try:
            await ask_once(runtime, asked)
        except Exception as error:  # noqa: BLE001  the next round may succeed
            log.warning("post.receipts-failed", service=runtime.service.name, error=type(error).__name__)
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _ASK_EACH_SECONDS)


async def ask_once(runtime: Runtime, channels: Collection[str]) -> int:
    """One round of questions; returns how many were answered."""
    settings, now = cast("Settings", runtime.settings), wall_now()
    async with runtime.transaction() as tx:
        waiting = await tx.post.unanswered(channels, since=now - SCHEDULE.ask_until, until=now - SCHEDULE.ask_after)
    answered = 0
    for letter in waiting:
        carrier = carrier_of(settings, Channel(letter.channel))
        status = await carrier.status(letter.message_id) if isinstance(carrier, NotifyCarrier) else None
        if status in DELIVERED | FAILED:
            async with runtime.transaction() as tx:
                await receive(tx, letter.id, delivered=status in DELIVERED, reason=str(status), now=wall_now())
            answered += 1
    return answered


async def _work(runtime: Runtime, stop: asyncio.Event, post: "PostRound", breaker: Breaker) -> None:
    while not stop.is_set():
        answer = None
        try:
            if breaker.lets_through(wall_seconds()):
                answer = await post.next_letter()
                if answer is None:
                    await post.tidy()
                    await post.carrier.rest()
        except Exception as error:  # noqa: BLE001  the post goes on whatever went wrong
            log.warning("post.round-failed", service=runtime.service.name, error=type(error).__name__)
        if answer is not None:
            breaker.note(answer, wall_seconds())
        if answer in {None, Answer.SERVER_DOWN}:
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), _LOOK_EACH_SECONDS)
    await post.carrier.rest()


@dataclass(frozen=True, slots=True)
class _Addressed:
    recipient: str
    content: Content


class PostRound:
    """One slot: claim a letter, carry it, record what became of it. Three steps, two transactions."""

    def __init__(
        self, runtime: Runtime, carrier: Carrier, *, urgent_only: bool = False, channel: str = Channel.EMAIL.value
    ) -> None:
        self.carrier = carrier
        self._runtime = runtime
        self._settings = cast("Settings", runtime.settings)
        self._urgent_only = urgent_only
        self._channel = channel
        self._offer = Offer(self._settings.offered, frozenset(self._settings.chat_rooms), self._settings.at_once)

    async def next_letter(self) -> Answer | None:
        """Send the next letter that is due. Returns what came of it; None: nothing is due."""
        claimed = await self.take()
        if claimed is None:
            return None
        attempt = await self.carry(claimed)
        await self.note(claimed, attempt)
        return attempt.answer

    async def take(self) -> Claimed | None:
        """Claim one letter; those that nobody wants any more are dropped on the way."""
        while True:
            async with self._runtime.transaction() as tx:
                # First what may leave by now, so that the urgent goes before what has waited longer.
                await form(tx, self._offer, now=wall_now())
                found, claimed = await claim(
                    tx,
                    now=wall_now(),
                    lease=LEASE,
                    domain=self._settings.sender_domain,
                    urgent_only=self._urgent_only,
                    channels=(self._channel,),
                    at_once=self._offer.at_once,
                )
            if claimed is not None or not found:
                return claimed

    async def make(self) -> int:
        """Make letters of what may leave by now."""
        async with self._runtime.transaction() as tx:
            return await form(tx, self._offer, now=wall_now())

    async def tidy(self) -> None:
        """Forget what would go by a channel that we have not got."""
        async with self._runtime.transaction() as tx:
            await tx.post.drop_unoffered(self._offer.channels, self._offer.rooms)

    async def carry(self, claimed: Claimed) -> Attempt:
        """Hand it to whoever carries the channel."""
        letter = claimed.letter
        to = self._addressed(claimed)
        if to is None:
            # The directory may tell of them any moment.
            return Attempt(Answer.LATER, Stage.RECIPIENT, None, "Nobody knows their address yet.")
        attempt = await self.carrier.carry(
            Mail(
                sender=self._settings.sender,
                recipient=to.recipient,
                subject=to.content.subject,
                body=to.content.body,
                message_id=letter.message_id,
                dated=letter.asked_at,
                link=to.content.link,
                again=letter.attempts > 1,
            )
        )
        if attempt.answer is not Answer.ACCEPTED:
            log.warning(
                "post.not-sent",
                letter=letter.id,
                channel=letter.channel,
                answer=attempt.answer.value,
                stage=attempt.stage.value,
                code=attempt.code,
                attempts=letter.attempts,
            )
        return attempt

    def _addressed(self, claimed: Claimed) -> _Addressed | None:
        """Where it goes and what it says, in the reader's language; None: nobody knows where yet."""
        if claimed.link is not None:
            return self._to_family(claimed)
        letter, origin = claimed.letter, self._settings.audience
        content = compose(
            texts_in(letter.language),
            [Line(item.subject, item.text, _link(origin, item.case_id)) for item in letter.items],
            work=f"{origin}/work",
            short=letter.channel in _SHORT,
        )
        recipient = claimed.addressee.email
        if letter.channel == Channel.SMS:
            recipient = claimed.addressee.mobile
        elif letter.channel == Channel.PUSH:
            recipient = json.dumps(claimed.browsers)
            content = Content(content.subject, letter.items[0].text if len(letter.items) == 1 else "", content.link)
        elif letter.channel == Channel.CHAT:
            room = self._settings.chat_rooms.get(letter.person_id)
            recipient = room.get_secret_value() if room is not None else None
        return _Addressed(recipient, content) if recipient is not None else None

    def _to_family(self, claimed: Claimed) -> _Addressed | None:
        link, letter = claimed.link, claimed.letter
        if link is None or link.sealed is None:
            return None
        try:
            opened = json.loads(Seal(self._runtime.secret_for(SEALED_FOR)).open(link.sealed, of=link.id))
        except Broken:
            # The house's secret was changed meanwhile: nobody can read it any more.
            return None
        url = f"{self._settings.audience}/family/{opened['token']}"
        frame = STAGES.letter.get(letter.language, STAGES.letter["en"])
        until = plain_date(county_day(link.expires_at), letter.language)
        [item] = letter.items
        body = f"{item.text} {url}" if letter.channel in _SHORT else frame.format(line=item.text, link=url, until=until)
        return _Addressed(opened["address"], Content(item.subject, body, url))

    async def note(self, claimed: Claimed, attempt: Attempt) -> None:
        """Record what became of it."""
        gone = getattr(self.carrier, "gone", ())

        async def write() -> None:
            async with self._runtime.transaction() as tx:
                if gone:
                    await tx.wishes.forget(gone)
                await record(tx, claimed.letter, attempt, now=wall_now())

        await self._runtime.database.retrying(write)


def _link(origin: str, case_id: str) -> str:
    """Where a line is read on, behind sign-in."""
    return f"{origin}{read_at(case_id)}"
