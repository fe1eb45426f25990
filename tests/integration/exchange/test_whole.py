"""The service whole: relay, consumer, timers and workers, over a real event log, from a commit to a receiver."""

import asyncio
from collections.abc import Sequence

from chassis import worker
from chassis.event_log.interface import Message
from integration.exchange.house import OFFICER, a_case, act, on_log, subscribe
from integration.exchange.receiver import Receiver
from schemas.event import Event
from schemas.topics import TOPICS
from support.service import Served, keyed


async def speak(exchange: Served, events: Sequence[Event]) -> None:
    """Put events on their topics, as their speakers' relays do."""
    appender = exchange.runtime.event_log.appender("a speaker")
    records = [exchange.record(event) for event in events]
    await appender.append([Message(r.partition.topic, r.key, r.value, r.headers) for r in records])
    await appender.close()


async def test_what_is_on_a_topic_reaches_feeds_and_receivers_and_what_it_says_itself_comes_back(
    exchange: Served, receiver: Receiver
) -> None:
    log = exchange.runtime.event_log
    await log.ensure_topics(list(TOPICS.values()))
    made = await subscribe(exchange, way="webhook", url=receiver.url)
    stop = asyncio.Event()
    running = asyncio.create_task(worker.run([exchange.runtime], stop))
    events = a_case()
    await speak(exchange, events)
    async with asyncio.timeout(60):
        while len(receiver.taken) < 3:
            await asyncio.sleep(0.01)
        assert (await act(exchange, made["id"], "test")).status_code == 202
        body = {"case_id": events[0].subject, "reason": "correction"}
        recalled = await exchange.client.post("/v1/ledger/recalls", json=body, headers=OFFICER | keyed())
        assert recalled.status_code == 201
        while len(receiver.taken) < 5:
            await asyncio.sleep(0.01)
        while len(await on_log(exchange, "health-feed")) < 4:
            await asyncio.sleep(0.01)
        stop.set()
        await running
    assert {got.event["type"] for got in receiver.taken[3:]} == {
        "jointly.subscription.tested.v1", "jointly.recall.issued.v1",
    }  # fmt: skip
    feed = await on_log(exchange, "health-feed")
    assert [event["subjectsequence"] for event in feed] == [1, 2, 3, 4]
    assert {event["source"] for event in feed} == {"/exchange/health-feed"}
    assert len(await on_log(exchange, "exchange-events")) == 2


async def test_a_topic_that_somebody_subscribes_to_is_there_at_once_and_holds_nobody_up(exchange: Served) -> None:
    await exchange.runtime.event_log.ensure_topics(list(TOPICS.values()))
    stop = asyncio.Event()
    running = asyncio.create_task(worker.run([exchange.runtime], stop))
    # It has looked for topics by the time that it has told something.
    await speak(exchange, a_case())
    async with asyncio.timeout(60):
        while len(await on_log(exchange, "health-feed")) < 3:
            await asyncio.sleep(0.01)
        made = await subscribe(exchange, way="kafka")
        await speak(exchange, a_case())
        while len(await on_log(exchange, made["delivery"]["topic"])) < 3:
            await asyncio.sleep(0.01)
        while len(await on_log(exchange, "health-feed")) < 6:
            await asyncio.sleep(0.01)
        stop.set()
        await running
