"""Webhooks: signed, in order within a case, tried again, and one bad receiver hurts nobody else."""

import asyncio
import base64
from collections import defaultdict
from datetime import timedelta
from itertools import pairwise

from chassis.clock import wall_now
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from exchange.workers import PostOffice
from integration.exchange.house import (
    TRUST,
    a_case,
    act,
    assigned,
    deliveries,
    health,
    hurry,
    said,
    send_until,
    subscribe,
)
from integration.exchange.receiver import Got, Receiver
from schemas.exchange import SubscriptionStopped
from standardwebhooks.webhooks import Webhook
from support.service import Served, keyed


async def test_a_webhook_is_a_cloud_event_that_the_standards_own_library_verifies(
    exchange: Served, office: PostOffice, receiver: Receiver
) -> None:
    made = await subscribe(exchange, way="webhook", url=receiver.url)
    await exchange.hear(*a_case())
    await send_until(office, lambda: len(receiver.taken) == 3)
    for got in receiver.taken:
        assert Webhook(made["secret"]).verify(got.body, got.headers) == got.event
        assert got.headers["webhook-id"] == got.event["id"]
        assert got.headers["content-type"].startswith("application/cloudevents+json")
        assert got.event["source"] == f"/exchange/subscriptions/{made['id']}" == made["source"]
    assert [got.event["subjectsequence"] for got in receiver.taken] == [1, 2, 3]
    found = await health(exchange, made["id"])
    assert (found["behind"], found["failed"], found["state"]) == (0, 0, "active")
    assert found["last_success_at"] is not None


async def test_an_ed25519_key_verifies_by_what_is_public(
    exchange: Served, office: PostOffice, receiver: Receiver
) -> None:
    made = await subscribe(exchange, way="webhook", url=receiver.url, delivery={"signature": "ed25519"})
    assert made["secret"] is None
    [key] = made["keys"]
    public = Ed25519PublicKey.from_public_bytes(base64.b64decode(key["public"].removeprefix("whpk_")))
    await exchange.hear(*a_case())
    await send_until(office, lambda: len(receiver.taken) == 3)
    for got in receiver.taken:
        version, _, signature = got.headers["webhook-signature"].partition(",")
        assert version == "v1a"
        signed = f"{got.headers['webhook-id']}.{got.headers['webhook-timestamp']}.".encode() + got.body
        public.verify(base64.b64decode(signature), signed)


async def test_an_old_key_signs_beside_the_new_one_until_its_time_is_over(
    exchange: Served, office: PostOffice, receiver: Receiver
) -> None:
    made = await subscribe(exchange, way="webhook", url=receiver.url)
    new = (await act(exchange, made["id"], "keys", {"overlap_hours": 1})).json()
    await exchange.hear(*a_case())
    await send_until(office, lambda: len(receiver.taken) == 3)
    got = receiver.taken[0]
    assert len(got.headers["webhook-signature"].split(" ")) == 2
    for secret in (made["secret"], new["secret"]):
        Webhook(secret).verify(got.body, got.headers)
    await exchange.rows("UPDATE signing_key SET until = $1 WHERE until IS NOT NULL", wall_now() - timedelta(seconds=1))
    await exchange.hear(*a_case())
    await send_until(office, lambda: len(receiver.taken) == 6)
    assert len(receiver.taken[-1].headers["webhook-signature"].split(" ")) == 1
    Webhook(new["secret"]).verify(receiver.taken[-1].body, receiver.taken[-1].headers)


async def test_a_key_that_cannot_be_read_any_more_stops_its_own_webhooks_and_no_others(
    exchange: Served, office: PostOffice, receiver: Receiver
) -> None:
    lost = await subscribe(exchange, way="webhook", url=f"{receiver.url}/lost")
    well = await subscribe(exchange, way="webhook", url=receiver.url)
    await exchange.rows("UPDATE signing_key SET sealed = reverse(sealed) WHERE stream_id = $1", lost["id"])
    await exchange.hear(*a_case())
    await send_until(office, lambda: len(receiver.taken) == 3)
    for got in receiver.taken:
        Webhook(well["secret"]).verify(got.body, got.headers)
    tried = await exchange.rows("SELECT reason FROM delivery WHERE stream_id = $1 AND attempts > 0", lost["id"])
    assert {row["reason"] for row in tried} == {"no-readable-key"}


async def test_a_secret_is_shown_once_and_again_only_to_a_retry_and_is_nowhere_in_the_tables(exchange: Served) -> None:
    body = {"agreement": "trust", "delivery": {"way": "webhook", "url": "http://127.0.0.1:9/x"}}
    key = keyed()
    first = await exchange.client.post("/v1/subscriptions", json=body, headers=TRUST | key)
    again = await exchange.client.post("/v1/subscriptions", json=body, headers=TRUST | key)
    secret = first.json()["secret"]
    assert secret.startswith("whsec_")
    assert again.json() == first.json()
    assert again.headers["Idempotency-Replayed"] == "true"
    seen = await exchange.client.get(f"/v1/subscriptions/{first.json()['id']}", headers=TRUST)
    assert "secret" not in seen.json()
    material = base64.b64decode(secret.removeprefix("whsec_"))
    for table in ("signing_key", "idempotency", "stream", "audit", "outbox"):
        for row in await exchange.rows(f"SELECT * FROM {table}"):
            for value in row.values():
                held = value if isinstance(value, bytes) else str(value).encode()
                assert material not in held, table
                assert secret.encode() not in held, table


async def test_a_receiver_that_fails_a_third_of_the_time_gets_everything_in_order_with_the_same_ids(
    exchange: Served, office: PostOffice, receiver: Receiver
) -> None:
    def moody(_: Got) -> tuple[int, dict[str, str], bytes]:
        return (503 if len(receiver.got) % 3 == 0 else 200), {}, b""

    receiver.answer = moody
    made = await subscribe(exchange, way="webhook", url=receiver.url)
    cases = [a_case() for _ in range(5)]
    for events in cases:
        await exchange.hear(*events)
        for number in range(6):
            await exchange.hear(assigned(events[0].subject, decision=number + 1))
    want = {
        row["event_id"] for row in await exchange.rows("SELECT event_id FROM entry WHERE stream_id = $1", made["id"])
    }
    for _ in range(60):
        await hurry(exchange)
        for _ in range(5):
            await office.round()
            await asyncio.sleep(0.002)
        await office.finish()
        if set(receiver.ids()) == want:
            break
    assert set(receiver.ids()) == want
    assert len(receiver.got) > len(want), "some were tried again"
    by_case: defaultdict[str, list[int]] = defaultdict(list)
    for got in receiver.taken:
        by_case[got.event["subject"]].append(got.event["subjectsequence"])
    assert len(by_case) == 5
    for sequences in by_case.values():
        assert all(b == a + 1 for a, b in pairwise(dict.fromkeys(sequences)))


async def test_what_failed_waits_as_the_schedule_says_and_shows_why(
    exchange: Served, office: PostOffice, receiver: Receiver
) -> None:
    receiver.answer = lambda _: (500, {}, b"CNRY-from-a-receiver")
    made = await subscribe(exchange, way="webhook", url=receiver.url)
    await exchange.hear(*a_case())
    await send_until(office, lambda: len(receiver.got) == 1)
    first, *rest = await deliveries(exchange, made["id"], "waiting")
    assert (first["attempts"], first["reason"]) == (1, "status-500")
    [row] = await exchange.rows(
        "SELECT due_at - d.tried_at AS pause FROM lane JOIN delivery d USING (stream_id, position)"
    )
    assert timedelta(seconds=5) <= row["pause"] <= timedelta(seconds=5.6)
    assert [one["attempts"] for one in rest] == [0, 0], "what follows in the case has not overtaken it"
    found = await health(exchange, made["id"])
    assert (found["last_failure"], found["failures_in_a_row"], found["behind"]) == ("status-500", 1, 3)
    assert found["next_attempt_at"] is not None
    for table in ("delivery", "receiver"):
        assert "CNRY" not in str(await exchange.rows(f"SELECT * FROM {table}"))


async def test_after_the_last_attempt_it_is_given_up_the_rest_goes_on_and_it_can_be_sent_again(
    exchange: Served, office: PostOffice, receiver: Receiver
) -> None:
    made = await subscribe(exchange, way="webhook", url=receiver.url)
    await exchange.hear(*a_case())
    poison = (await exchange.rows("SELECT event_id FROM entry WHERE stream_id = $1 AND position = 1", made["id"]))[0]
    receiver.answer = lambda got: (400 if got.event["id"] == poison["event_id"] else 204, {}, b"")
    for _ in range(10):
        await hurry(exchange)
        before = len(receiver.got)
        await send_until(office, lambda before=before: len(receiver.got) > before)  # type: ignore[misc]
    await hurry(exchange)
    await send_until(office, lambda: len(receiver.taken) == 2)
    [failed] = await deliveries(exchange, made["id"], "failed")
    assert (failed["event_id"], failed["attempts"], failed["reason"]) == (poison["event_id"], 10, "status-400")
    receiver.answer = lambda _: (204, {}, b"")
    assert (await act(exchange, made["id"], "redrive", {})).json() == {"redriven": 1}
    await send_until(office, lambda: len(receiver.taken) == 3)
    assert receiver.taken[-1].event["id"] == poison["event_id"]
    assert await deliveries(exchange, made["id"], "failed") == []


async def test_retry_after_is_honoured_for_the_whole_receiver(
    exchange: Served, office: PostOffice, receiver: Receiver
) -> None:
    receiver.answer = lambda _: (429, {"Retry-After": "120"}, b"")
    made = await subscribe(exchange, way="webhook", url=receiver.url)
    await exchange.hear(*a_case())
    await send_until(office, lambda: len(receiver.got) == 1)
    await exchange.hear(*a_case())
    for _ in range(5):
        await office.round()
    await office.finish()
    assert len(receiver.got) == 1, "no other case is sent either"
    [row] = await exchange.rows(
        "SELECT rests_until - last_failure_at AS rest FROM receiver WHERE stream_id = $1", made["id"]
    )
    assert row["rest"] == timedelta(seconds=120)


async def test_gone_disables_it_what_comes_is_kept_and_its_owner_can_go_on(
    exchange: Served, office: PostOffice, receiver: Receiver
) -> None:
    receiver.answer = lambda _: (410, {}, b"")
    made = await subscribe(exchange, way="webhook", url=receiver.url)
    await exchange.hear(*a_case())
    await send_until(office, lambda: len(receiver.got) == 1)
    found = await health(exchange, made["id"])
    assert (found["state"], found["reason"]) == ("disabled", "receiver-gone")
    [stopped] = await said(exchange, SubscriptionStopped)
    assert stopped == SubscriptionStopped(
        subscription_id=made["id"], organisation_id="nhs-trust", reason="receiver-gone"
    )
    await exchange.hear(*a_case())
    await office.round()
    assert len(receiver.got) == 1
    receiver.answer = lambda _: (204, {}, b"")
    assert (await act(exchange, made["id"], "resume")).status_code == 200
    await send_until(office, lambda: len(receiver.taken) == 6)


async def test_a_redirect_is_a_failure_and_is_not_followed(
    exchange: Served, office: PostOffice, receiver: Receiver
) -> None:
    async with Receiver() as other:
        receiver.answer = lambda _: (307, {"Location": other.url}, b"")
        made = await subscribe(exchange, way="webhook", url=receiver.url)
        await exchange.hear(*a_case())
        await send_until(office, lambda: len(receiver.got) == 1)
        assert other.got == []
    [first, *_] = await deliveries(exchange, made["id"])
    assert first["reason"] == "redirect"


async def test_a_receiver_that_hangs_hurts_nobody_else_and_holds_few_slots(
    exchange: Served, office: PostOffice, receiver: Receiver
) -> None:
    async with Receiver() as slow:
        slow.gate.clear()
        await subscribe(exchange, way="webhook", url=slow.url)
        await subscribe(exchange, way="webhook", url=receiver.url)
        cases = [a_case() for _ in range(30)]
        for events in cases:
            await exchange.hear(*events)
        for _ in range(4_000):
            await office.round()
            if len(receiver.taken) == 90:
                break
            await asyncio.sleep(0.002)
        assert len(receiver.taken) == 90, "everything arrived beside the one that hangs"
        assert slow.most == len(slow.got) == 8
        slow.gate.set()
        await send_until(office, lambda: len(slow.taken) == 90)


async def test_who_fails_again_and_again_is_asked_by_one_event_at_a_time_and_rests(
    exchange: Served, office: PostOffice, receiver: Receiver
) -> None:
    receiver.answer = lambda _: (500, {}, b"")
    made = await subscribe(exchange, way="webhook", url=receiver.url)
    for _ in range(20):
        await exchange.hear(*a_case())
    await send_until(office, lambda: len(receiver.got) >= 5)
    found = await health(exchange, made["id"])
    assert found["rests_until"] is not None
    asked = len(receiver.got)
    receiver.gate.clear()
    await hurry(exchange)
    for _ in range(20):
        await office.round()
        await asyncio.sleep(0.002)
    assert len(receiver.got) == asked + 1
    receiver.gate.set()
    await office.finish()
    receiver.answer = lambda _: (204, {}, b"")
    await exchange.rows("UPDATE receiver SET rests_until = NULL")
    await exchange.rows(
        "UPDATE lane SET due_at = CASE WHEN subject = (SELECT min(subject) FROM lane) THEN $1::timestamptz ELSE $2 END",
        wall_now(), wall_now() + timedelta(hours=5),
    )  # fmt: skip
    await send_until(office, lambda: len(receiver.taken) == 60)


async def test_killed_between_answer_and_record_it_is_sent_again_under_the_same_id(
    exchange: Served, receiver: Receiver
) -> None:
    await subscribe(exchange, way="webhook", url=receiver.url)
    [submitted, *rest] = a_case()
    await exchange.hear(submitted, *rest)
    dying = PostOffice(exchange.runtime)
    await dying.round()
    while not receiver.taken:
        await asyncio.sleep(0.002)
    await dying.close()
    await exchange.rows("UPDATE lane SET leased_until = $1", wall_now() - timedelta(seconds=1))
    office = PostOffice(exchange.runtime)
    await send_until(office, lambda: len(receiver.taken) == 4)
    await office.close()
    assert len(receiver.ids()) == 3
    assert receiver.taken[0].event == receiver.taken[1].event


async def test_two_offices_send_each_event_once(exchange: Served, receiver: Receiver) -> None:
    await subscribe(exchange, way="webhook", url=receiver.url)
    for _ in range(20):
        await exchange.hear(*a_case())
    offices = [PostOffice(exchange.runtime) for _ in range(2)]
    await asyncio.gather(*(send_until(office, lambda: len(receiver.taken) >= 60) for office in offices))
    for office in offices:
        await office.close()
    assert len(receiver.taken) == len(receiver.ids()) == 60
