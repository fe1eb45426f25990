"""What webhooks may carry: rights that end on the way, duties that go on, pauses, trials, and what is past keeping."""

import asyncio
from datetime import UTC, datetime, timedelta

from chassis.clock import BusinessClock, wall_now
from exchange.workers import PostOffice, keep_house
from integration.exchange.house import (
    OFFICER,
    a_case,
    act,
    assigned,
    deliveries,
    health,
    loop_back,
    send_until,
    subscribe,
)
from integration.exchange.receiver import Receiver
from schemas.referral import CaseBasisWithdrawn, CaseErased
from support.service import Served


async def test_what_lost_its_basis_or_was_erased_on_its_way_is_not_sent(
    exchange: Served, office: PostOffice, receiver: Receiver
) -> None:
    made = await subscribe(exchange, way="webhook", url=receiver.url)
    first, second = a_case(basis="consent"), a_case()
    await exchange.hear(*first, *second)
    await exchange.hear(
        CaseBasisWithdrawn(case_id=first[0].subject, organisation_id="school-115482", kind="consent"),
        CaseErased(case_id=second[0].subject),
    )
    await send_until(office, lambda: len(receiver.taken) == 2)
    assert {got.event["type"] for got in receiver.taken} == {
        "jointly.case.basis-withdrawn.v1", "jointly.case.erased.v1",
    }  # fmt: skip
    assert len(await deliveries(exchange, made["id"], "withheld")) == 6


async def test_paused_keeps_what_comes_and_resumed_sends_it_in_order(
    exchange: Served, office: PostOffice, receiver: Receiver
) -> None:
    made = await subscribe(exchange, way="webhook", url=receiver.url)
    assert (await act(exchange, made["id"], "pause")).json()["state"] == "paused"
    await exchange.hear(*a_case())
    await office.round()
    await office.finish()
    assert receiver.got == []
    assert (await act(exchange, made["id"], "resume")).json()["state"] == "active"
    await send_until(office, lambda: len(receiver.taken) == 3)
    assert [got.event["subjectsequence"] for got in receiver.taken] == [1, 2, 3]


async def test_a_trial_arrives_and_says_nothing(exchange: Served, office: PostOffice, receiver: Receiver) -> None:
    made = await subscribe(exchange, way="webhook", url=receiver.url)
    other = await subscribe(exchange, way="webhook", url=receiver.url)
    assert (await act(exchange, made["id"], "test")).status_code == 202
    assert await loop_back(exchange) == 1
    await send_until(office, lambda: len(receiver.taken) == 1)
    [got] = receiver.taken
    assert got.event["type"] == "jointly.subscription.tested.v1"
    assert got.event["data"] == {"subscription_id": made["id"]} != {"subscription_id": other["id"]}


async def test_unreachable_for_days_it_is_not_asked_any_more(
    exchange: Served, office: PostOffice, receiver: Receiver
) -> None:
    receiver.answer = lambda _: (500, {}, b"")
    made = await subscribe(exchange, way="webhook", url=receiver.url)
    await exchange.hear(*a_case())
    await exchange.rows(
        "UPDATE receiver SET failures = 9, failing_since = $1 WHERE stream_id = $2",
        wall_now() - timedelta(hours=121), made["id"],
    )  # fmt: skip
    await send_until(office, lambda: len(receiver.got) == 1)
    found = await health(exchange, made["id"])
    assert (found["state"], found["reason"], found["behind"]) == ("disabled", "receiver-unreachable", 3)


async def test_duties_reach_a_subscription_whose_right_is_gone_and_nothing_else_does(
    exchange: Served, office: PostOffice, receiver: Receiver
) -> None:
    await subscribe(exchange, way="webhook", url=receiver.url)
    first, second = a_case(), a_case()
    await exchange.hear(*first)
    await send_until(office, lambda: len(receiver.taken) == 3)
    await exchange.hear(*second)
    await exchange.client.patch(
        "/v1/subscriptions/agreements/trust", json={"until": "2026-11-22"}, headers=OFFICER | {"If-Match": '"1"'}
    )
    await exchange.hear(assigned(first[0].subject), CaseErased(case_id=first[0].subject))
    await send_until(office, lambda: len(receiver.taken) == 4)
    assert receiver.taken[-1].event["type"] == "jointly.case.erased.v1"
    assert receiver.taken[-1].event["subject"] == first[0].subject
    assert await exchange.rows("SELECT 1 FROM lane") == []


async def test_what_is_past_keeping_is_dropped_and_the_ledger_stays(
    exchange: Served, office: PostOffice, receiver: Receiver, clock: BusinessClock
) -> None:
    made = await subscribe(exchange, way="webhook", url=receiver.url)
    await exchange.hear(*a_case())
    await send_until(office, lambda: len(receiver.taken) == 3)
    clock.simulate(datetime(2026, 12, 25, tzinfo=UTC), anchor=wall_now(), rate=1.0)
    stop = asyncio.Event()
    keeping = asyncio.create_task(keep_house(exchange.runtime, stop))
    async with asyncio.timeout(20):
        while await exchange.rows("SELECT 1 FROM body"):
            await asyncio.sleep(0.01)
    stop.set()
    await keeping
    assert await exchange.rows("SELECT 1 FROM delivery") == await exchange.rows("SELECT 1 FROM event") == []
    assert len(await exchange.rows("SELECT 1 FROM entry WHERE stream_id = $1", made["id"])) == 3
