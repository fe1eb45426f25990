"""What runs beside the API: webhooks go out, replays go on, topics of agreements are there, what is old is dropped."""

import asyncio
import secrets
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Final

import structlog
from chassis.clock import wall_now, wall_seconds
from chassis.service import Runtime
from schemas.topics import agreement_feed

from exchange.clients import signing
from exchange.clients.outside import guard_of, safe_of
from exchange.clients.sending import Carrier, Resolver, resolve
from exchange.clients.signing import OpenKey
from exchange.domain.days import day_of
from exchange.domain.retries import Attempt, Outcome
from exchange.handlers import posting, replaying
from exchange.handlers.events import structured
from exchange.policy import Webhooks, days_kept, replays_of, webhooks_of
from exchange.store.deliveries import Parcel

log = structlog.get_logger()

_LOOK_EACH_SECONDS: Final = 0.25
_KEEP_HOUSE_EACH_SECONDS: Final = 600.0
_LOOK_FOR_TOPICS_EACH_SECONDS: Final = 1.0
_LONGEST_BREATH_SECONDS: Final = 0.02
_CHANCE: Final = secrets.SystemRandom()


async def send_webhooks(runtime: Runtime, stop: asyncio.Event) -> None:
    """Send what is due until told to stop; what is under way is finished."""
    office = PostOffice(runtime)
    try:
        await office.run(stop)
    finally:
        await office.close()


class PostOffice:
    """Sends webhooks: to every receiver a few at once, to all of them many, in order within each case."""

    def __init__(self, runtime: Runtime, *, resolver: Resolver = resolve) -> None:
        self._runtime = runtime
        self._numbers: Webhooks = webhooks_of(day_of(runtime.clock.now()))
        self._safe = safe_of(runtime)
        self._keys: dict[str, OpenKey] = {}
        self._under_way: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._finished: list[tuple[Parcel, Attempt]] = []
        self._woken = asyncio.Event()
        self.carrier = Carrier(
            guard_of(runtime),
            connect_seconds=self._numbers.connect_seconds,
            answer_seconds=self._numbers.answer_seconds,
            most_answer_bytes=self._numbers.most_answer_bytes,
            at_once=self._numbers.at_once,
            resolver=resolver,
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Go round until told to stop."""
        with self._runtime.hints.expecting(self._runtime.service.name) as hint:
            ringing = asyncio.create_task(self._ring(hint))
            try:
                while not stop.is_set():
                    self._woken.clear()
                    worked, began = False, wall_seconds()
                    try:
                        worked = await self.round()
                    except Exception as error:  # noqa: BLE001  the post goes on whatever went wrong
                        log.warning("webhooks.round-failed", error=type(error).__name__)
                    if not worked:
                        await self._rest(stop)
                    elif self._tasks:
                        # As long as it took: what comes back meanwhile is recorded together (decision 0014).
                        await asyncio.sleep(min(wall_seconds() - began, _LONGEST_BREATH_SECONDS))
            finally:
                ringing.cancel()
                await self.finish()

    async def round(self) -> bool:
        """Record what came back, and send what is due. False when there was nothing to do."""
        finished, room = self._taken_back(), self._numbers.at_once_everywhere - len(self._tasks)
        if not finished and room <= 0:
            return False
        load = await self._settle(finished, room)
        for parcel in load.parcels:
            keys = posting.opened(load.keys.get(parcel.stream_id, ()), self._safe, self._keys)
            self._under_way[parcel.stream_id] += 1
            task = asyncio.create_task(self._carry(parcel, keys))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return bool(finished or load.parcels)

    async def finish(self) -> None:
        """Let what is under way come back, and record it."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)
        if finished := self._taken_back():
            await self._settle(finished, 0)

    async def close(self) -> None:
        """Let go of every connection."""
        await self.carrier.close()

    async def _carry(self, parcel: Parcel, keys: list[OpenKey]) -> None:
        body = structured(parcel, source=f"/exchange/subscriptions/{parcel.stream_id}")
        signed = signing.headers(keys, id=parcel.event_id, at=wall_now(), body=body)
        headers = {"content-type": "application/cloudevents+json; charset=utf-8", **signed}
        if keys:
            attempt = await self.carrier.post(parcel.url, headers, body, receiver=parcel.stream_id)
        else:
            # Nobody could tell it from a forgery: its owner makes a new key.
            attempt = Attempt(Outcome.FAILED, "no-readable-key")
        self._finished.append((parcel, attempt))
        self._woken.set()

    def _taken_back(self) -> list[tuple[Parcel, Attempt]]:
        """What is under way no more. Where it cannot be recorded its lease ends, and it is sent again, the same id."""
        finished, self._finished = self._finished, []
        self._under_way -= Counter(parcel.stream_id for parcel, _ in finished)
        return finished

    async def _settle(self, finished: Sequence[tuple[Parcel, Attempt]], room: int) -> posting.Load:
        """Note what came of these and undertake what is due, with one commit for both."""

        async def write() -> posting.Load:
            now, numbers = wall_now(), self._numbers
            async with self._runtime.transaction() as tx:
                if finished:
                    await posting.record(tx, finished, numbers=numbers, now=now, chance=_CHANCE.random())
                if room <= 0:
                    return posting.Load([], {})
                return await posting.take(tx, under_way=self._under_way, numbers=numbers, limit=room, now=now)

        load: posting.Load = await self._runtime.database.retrying(write)
        return load

    async def _ring(self, hint: asyncio.Event) -> None:
        while True:
            await hint.wait()
            hint.clear()
            self._woken.set()

    async def _rest(self, stop: asyncio.Event) -> None:
        waiting = [asyncio.ensure_future(self._woken.wait()), asyncio.ensure_future(stop.wait())]
        try:
            await asyncio.wait(waiting, timeout=_LOOK_EACH_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waiting:
                each.cancel()


async def tell_again(runtime: Runtime, stop: asyncio.Event) -> None:
    """Replays go on at their rate, each a little at a time, until told to stop."""
    while not stop.is_set():
        began = wall_seconds()
        rate = replays_of(day_of(runtime.clock.now())).events_a_second
        taken: list[str] = []
        while not stop.is_set():
            async with runtime.transaction() as tx:
                id = await replaying.step(tx, besides=taken, limit=rate)
            if id is None:
                break
            taken.append(id)
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), max(0.0, 1.0 - (wall_seconds() - began)))


async def make_topics(runtime: Runtime, stop: asyncio.Event) -> None:
    """The topic of an agreement is there before long: without it the relay could say nothing to anybody."""
    made: set[str] = set()
    while not stop.is_set():
        async with runtime.transaction() as tx:
            missing = sorted(await tx.streams.topics() - made)
        if missing:
            names = [topic.removeprefix("agreement-").removesuffix("-feed") for topic in missing]
            await runtime.event_log.ensure_topics([agreement_feed(name) for name in names])
            made.update(missing)
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _LOOK_FOR_TOPICS_EACH_SECONDS)


async def keep_house(runtime: Runtime, stop: asyncio.Event) -> None:
    """What is past keeping is dropped."""
    while not stop.is_set():
        async with runtime.transaction() as tx:
            before = tx.now - timedelta(days=days_kept(day_of(tx.now)))
            await tx.deliveries.forget(before)
            await tx.events.forget(before)
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _KEEP_HOUSE_EACH_SECONDS)
