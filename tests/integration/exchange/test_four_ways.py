"""The same events by each way, each case in order: broker, webhook, page by page, and as a stream."""

import asyncio
from typing import Any

from chassis.relay import Relay
from exchange.workers import PostOffice
from integration.exchange.house import a_case, act, assigned, hurry, on_log, read_all, subscribe
from integration.exchange.listener import Stream
from integration.exchange.receiver import Got, Receiver
from schemas.referral import CaseClosed
from schemas.topics import agreement_feed
from support.four_ways import contents, in_order
from support.service import Served


async def test_four_ways_tell_the_same_in_order_while_one_receiver_fails_a_third_of_the_time(
    exchange: Served, receiver: Receiver, served: tuple[str, Any]
) -> None:
    def moody(_: Got) -> tuple[int, dict[str, str], bytes]:
        return (500 if len(receiver.got) % 3 == 0 else 204), {}, b""

    receiver.answer = moody
    topic = await subscribe(exchange, way="kafka")
    hook = await subscribe(exchange, way="webhook", url=receiver.url)
    feed = await subscribe(exchange, way="http-feed")
    sse = await subscribe(exchange, way="sse")
    log = exchange.runtime.event_log
    await log.ensure_topics([agreement_feed("trust"), *exchange.runtime.service.topics])
    stop = asyncio.Event()
    relay = Relay("exchange", database=exchange.runtime.database, event_log=log, hints=exchange.runtime.hints)
    office = PostOffice(exchange.runtime)
    beside = [asyncio.create_task(relay.run(stop)), asyncio.create_task(office.run(stop))]
    cases = [a_case() for _ in range(25)]
    for events in cases:
        case = events[0].subject
        await exchange.hear(*events, *(assigned(case, decision=n) for n in range(1, 8)))
        await exchange.hear(CaseClosed(case_id=case, reason="helped"))
    paged = await read_all(exchange, feed["id"], limit=17)
    want = {event["id"] for event in paged}
    assert len(want) == 25 * 11
    async with Stream(served[0], sse["id"]) as stream:
        streamed = [(await stream.next())[1] for _ in want]
    published: list[dict[str, Any]] = []
    async with asyncio.timeout(60):
        while set(receiver.ids()) != want:
            await hurry(exchange)
            await asyncio.sleep(0.05)
        while len(published) < len(want):
            published = await on_log(exchange, topic["delivery"]["topic"])
            await asyncio.sleep(0.02)
    stop.set()
    await asyncio.gather(*beside)
    await office.close()
    hooked = [got.event for got in receiver.taken]
    assert len(receiver.got) > len(want)
    for events_of_way in (paged, streamed, hooked, published):
        assert {event["id"] for event in events_of_way} == want
        in_order(events_of_way)
        assert contents(events_of_way) == contents(paged)
    assert (await act(exchange, hook["id"], "pause")).status_code == 200
