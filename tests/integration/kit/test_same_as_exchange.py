"""What the kit gives is what the exchange gives: the same bytes, headers, frames and refusals."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

import httpx
import orjson
from exchange.clients import signing as theirs
from exchange.handlers.events import document
from exchange.workers import PostOffice
from integration.exchange.house import TRUST, a_case, send_until, subscribe
from integration.exchange.receiver import Receiver
from jointly_kit.feed import Feed
from jointly_kit.forms import kafka, page, sse, structured, webhook
from jointly_kit.golden import golden, told_outside
from jointly_kit.signing import Key, signed
from schemas.envelope import Envelope
from support.service import Served

TOKEN: Final = {"Authorization": "Bearer anything"}
#: Of the server itself, or of every answer of the house.
NOT_OF_THE_FEED: Final = {"date", "server", "transfer-encoding", "connection", "content-length"}


class Row:
    """What the exchange keeps of an event that it told."""

    def __init__(self, event: dict[str, Any], *, replay: bool) -> None:
        self.event_id, self.type, self.subject = event["id"], event["type"], event["subject"]
        self.sequence, self.replay = event["subjectsequence"], replay
        self.time = datetime.fromisoformat(event["time"]).astimezone(UTC)
        self.correlation_id, self.causation_id = event["correlationid"], event.get("causationid")
        self.traceparent = event.get("traceparent")
        self.data = orjson.dumps(event["data"])


def test_an_event_is_written_by_both_with_the_same_bytes() -> None:
    for one in told_outside():
        for replay in (False, True):
            event = one.told(source="/exchange/health-feed", sequence=7, replay=replay)
            written = document(Row(event, replay=replay), source="/exchange/health-feed")
            assert orjson.dumps(written) == structured(event)


def test_a_webhook_is_signed_by_both_alike() -> None:
    at = datetime(2026, 11, 23, 12, tzinfo=UTC)
    for key in (Key.new(), Key.new(shared=False)):
        other = theirs.read_key(key.secret)
        assert other.shown == key.verifies
        expected = theirs.headers([other, other], id="some-id", at=at, body=b'{"a":1}')
        assert signed([key, key], id="some-id", second=int(at.timestamp()), body=b'{"a":1}') == expected


async def test_a_webhook_of_the_exchange_has_the_kits_headers_and_form(
    exchange: Served,
    receiver: Receiver,
) -> None:
    await subscribe(exchange, way="webhook", url=receiver.url)
    await exchange.hear(*a_case())
    office = PostOffice(exchange.runtime)
    try:
        await send_until(office, lambda: len(receiver.taken) == 3)
    finally:
        await office.close()
    for got in receiver.taken:
        ours = webhook(got.event, [Key.new()])
        assert got.body == ours.body
        assert got.headers["content-type"] == ours.headers["content-type"]
        assert {name for name in got.headers if name.startswith("webhook-")} == ours.headers.keys() - {"content-type"}


@contextmanager
def stub(subscription: str, events: list[dict[str, Any]]) -> Iterator[httpx.Client]:
    """The kit's feed that was told the same."""
    with Feed(subscription=subscription) as feed:
        feed.tell(*events)
        with httpx.Client(base_url=feed.url, headers=TOKEN, timeout=20, trust_env=False) as client:
            yield client


async def test_a_page_has_the_same_body_headers_and_refusals(exchange: Served) -> None:
    made = await subscribe(exchange)
    await exchange.hear(*a_case())
    query = {"subscription": made["id"], "limit": "2"}
    real = await exchange.client.get("/v1/events", params=query, headers=TRUST)
    everything = await exchange.client.get("/v1/events", params={"subscription": made["id"]}, headers=TRUST)
    assert everything.content == page(everything.json())
    with stub(made["id"], everything.json()) as client:
        ours = await asyncio.to_thread(client.get, "/v1/events", params=query)
        assert ours.content == real.content
        named = {"etag", "next-cursor", "link", "cache-control", "content-type"}
        assert named <= set(real.headers) & set(ours.headers)
        assert ours.headers["content-type"] == real.headers["content-type"]
        assert ours.headers["cache-control"] == real.headers["cache-control"]
        for headers, cursor in (
            (real.headers, real.headers["next-cursor"]),
            (ours.headers, ours.headers["next-cursor"]),
        ):
            link = f'</v1/events?subscription={made["id"]}&cursor={cursor}&limit=2>; rel="next"'
            assert headers["link"] == link
        for wrong in ({"cursor": "x"}, {"limit": "0"}, {"limit": "501"}, {"wait": "31"}, {"wait": "x"}):
            refused = await exchange.client.get("/v1/events", params=query | wrong, headers=TRUST)
            too = await asyncio.to_thread(client.get, "/v1/events", params=query | wrong)
            assert too.status_code == refused.status_code, wrong
            assert too.headers["content-type"] == refused.headers["content-type"]
            pointers = [each["pointer"] for each in refused.json()["errors"]]
            assert [each["pointer"] for each in too.json()["errors"]] == pointers


async def test_a_stream_has_the_same_frames_and_headers(
    exchange: Served,
    served: tuple[str, Any],
) -> None:
    made = await subscribe(exchange)
    await exchange.hear(*a_case())
    query = {"subscription": made["id"]}
    events = (await exchange.client.get("/v1/events", params=query, headers=TRUST)).json()
    async with httpx.AsyncClient(base_url=served[0], headers=TRUST, timeout=20, trust_env=False) as reader:
        real, named = await frames(reader, query)
    with stub(made["id"], events) as client:
        async with httpx.AsyncClient(base_url=client.base_url, headers=TOKEN, timeout=20, trust_env=False) as reader:
            ours, too = await frames(reader, query)
    assert real[0] == ours[0] == "retry: 1000"
    for one, other, event in zip(real[1:], ours[1:], events, strict=True):
        cursor, found = (frame.partition("\n")[0].removeprefix("id: ") for frame in (one, other))
        assert one + "\n\n" == sse(event, cursor).decode()
        assert other + "\n\n" == sse(event, found).decode()
    assert {name: too[name] for name in too.keys() - NOT_OF_THE_FEED} == {
        name: named[name] for name in too.keys() - NOT_OF_THE_FEED
    }


async def frames(reader: httpx.AsyncClient, query: dict[str, str]) -> tuple[list[str], httpx.Headers]:
    text = ""
    async with reader.stream("GET", "/v1/events/stream", params=query) as answer:
        async for part in answer.aiter_text():
            text += part
            if text.count("\n\n") == 4:
                break
    return text.split("\n\n")[:4], answer.headers


def test_a_kafka_record_is_what_the_house_writes() -> None:
    for one in golden():
        event = one.told(source="/exchange/health-feed")
        record = kafka(event)
        envelope = Envelope.from_kafka(record.key, record.headers, record.value)
        assert envelope.to_structured() == event
        assert envelope.to_kafka() == (record.key, record.headers, record.value)
