"""The post: takes letters that are due to the mail server. The only outward effect there is, and in no transaction.

A few slots work side by side, each on a connection of its own, one of them for urgent letters alone. A letter that
hangs holds one slot for half a minute at most; a server that is down is asked by one letter at a time.
"""

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import Final, cast

import structlog
from chassis.clock import wall_now, wall_seconds
from chassis.service import Runtime

from notifier.clients import PATIENCE_SECONDS, Carrier, Mail, carriers
from notifier.domain.post import Answer, Attempt, Breaker, Stage
from notifier.handlers.post import Claimed, claim, record
from notifier.policy import TEXTS
from notifier.settings import Settings

log = structlog.get_logger()

SLOTS: Final = 4
#: Longer than any attempt takes: who is still alive has recorded the outcome by then.
LEASE: Final = timedelta(seconds=PATIENCE_SECONDS + 15)
_LOOK_EACH_SECONDS: Final = 0.5


async def send_letters(runtime: Runtime, stop: asyncio.Event) -> None:
    """Send what is due until told to stop; what is under way is finished."""
    settings = cast("Settings", runtime.settings)
    url = settings.smtp_url.get_secret_value() if settings.smtp_url is not None else None
    new_carrier = carriers(url, state=settings.state, name=settings.sender_domain)
    breaker = Breaker()
    async with asyncio.TaskGroup() as slots:
        for number in range(SLOTS):
            slots.create_task(_work(runtime, stop, PostRound(runtime, new_carrier(), urgent_only=number == 0), breaker))


async def _work(runtime: Runtime, stop: asyncio.Event, post: "PostRound", breaker: Breaker) -> None:
    while not stop.is_set():
        answer = None
        try:
            if breaker.lets_through(wall_seconds()):
                answer = await post.next_letter()
                if answer is None:
                    await post.carrier.rest()
        except Exception as error:  # noqa: BLE001  the post goes on whatever went wrong
            log.warning("post.round-failed", service=runtime.service.name, error=type(error).__name__)
        if answer is not None:
            breaker.note(answer, wall_seconds())
        if answer in {None, Answer.SERVER_DOWN}:
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), _LOOK_EACH_SECONDS)
    await post.carrier.rest()


class PostRound:
    """One slot: claim a letter, carry it, record what became of it. Three steps, two transactions."""

    def __init__(self, runtime: Runtime, carrier: Carrier, *, urgent_only: bool = False) -> None:
        self.carrier = carrier
        self._runtime = runtime
        self._settings = cast("Settings", runtime.settings)
        self._urgent_only = urgent_only

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
                found, claimed = await claim(
                    tx,
                    now=wall_now(),
                    lease=LEASE,
                    domain=self._settings.sender_domain,
                    urgent_only=self._urgent_only,
                )
            if claimed is not None or not found:
                return claimed

    async def carry(self, claimed: Claimed) -> Attempt:
        """Hand it to the mail server."""
        letter, email = claimed.letter, claimed.addressee.email
        if email is None:
            # The directory may tell of them any moment.
            return Attempt(Answer.LATER, Stage.RECIPIENT, None, "Nobody knows their address yet.")
        link = f"{self._settings.audience}/cases/{letter.case_id}"
        attempt = await self.carrier.carry(
            Mail(
                sender=self._settings.sender,
                recipient=email,
                subject=letter.subject,
                body=TEXTS.letter.text(line=letter.text, link=link),
                message_id=letter.message_id,
                dated=letter.asked_at,
            )
        )
        if attempt.answer is not Answer.ACCEPTED:
            log.warning(
                "post.not-sent",
                letter=letter.id,
                answer=attempt.answer.value,
                stage=attempt.stage.value,
                code=attempt.code,
                attempts=letter.attempts,
            )
        return attempt

    async def note(self, claimed: Claimed, attempt: Attempt) -> None:
        """Record what became of it."""

        async def write() -> None:
            async with self._runtime.transaction() as tx:
                await record(tx, claimed.letter, attempt, now=wall_now())

        await self._runtime.database.retrying(write)
