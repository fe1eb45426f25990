"""The HTTP feed and server-sent events: nothing missed, nothing twice, nothing that is no right of the reader's."""

import asyncio
from typing import Any

from integration.exchange.house import TRUST, a_case, act, assigned, read_all, subscribe
from integration.exchange.listener import Stream
from schemas.referral import CaseBasisWithdrawn, CaseErased
from support.service import Served

BATCH = "application/cloudevents-batch+json"


async def get(exchange: Served, id: str, **query: Any) -> Any:
    extra = query.pop("headers", {})
    return await exchange.client.get("/v1/events", params={"subscription": id, **query}, headers=TRUST | extra)


async def test_a_page_is_a_batch_of_cloud_events_and_its_cursor_leads_on(exchange: Served) -> None:
    made = await subscribe(exchange)
    await exchange.hear(*a_case())
    first = await get(exchange, made["id"], limit=2)
    assert first.headers["Content-Type"] == BATCH
    assert [event["subjectsequence"] for event in first.json()] == [1, 2]
    assert {event["source"] for event in first.json()} == {f"/exchange/subscriptions/{made['id']}"}
    cursor = first.headers["Next-Cursor"]
    assert f"cursor={cursor}" in first.headers["Link"]
    second = await get(exchange, made["id"], limit=2, cursor=cursor)
    assert [event["subjectsequence"] for event in second.json()] == [3]
    again = await get(exchange, made["id"], limit=2, cursor=cursor)
    assert again.headers["ETag"] == second.headers["ETag"]
    assert again.headers["Next-Cursor"] == second.headers["Next-Cursor"], "a cursor always means the same place"


async def test_without_a_name_the_only_subscription_is_read(exchange: Served) -> None:
    await subscribe(exchange)
    await exchange.hear(*a_case())
    assert len((await exchange.client.get("/v1/events", headers=TRUST)).json()) == 3
    await subscribe(exchange)
    which = await exchange.client.get("/v1/events", headers=TRUST)
    assert (which.status_code, which.json()["errors"][0]["pointer"]) == (422, "/query/subscription")


async def test_nothing_new_is_304_and_something_new_is_not(exchange: Served) -> None:
    made = await subscribe(exchange)
    await exchange.hear(*a_case())
    first = await get(exchange, made["id"])
    tag, cursor = first.headers["ETag"], first.headers["Next-Cursor"]
    same = await get(exchange, made["id"], headers={"If-None-Match": tag})
    assert (same.status_code, same.content) == (304, b"")
    empty = await get(exchange, made["id"], cursor=cursor)
    assert empty.json() == []
    await exchange.hear(*a_case())
    more = await get(exchange, made["id"], cursor=cursor, headers={"If-None-Match": empty.headers["ETag"]})
    assert (more.status_code, len(more.json())) == (200, 3)


async def test_a_cursor_of_somebody_else_or_of_another_subscription_is_refused(exchange: Served) -> None:
    one, other = await subscribe(exchange), await subscribe(exchange)
    cursor = (await get(exchange, one["id"])).headers["Next-Cursor"]
    for wrong in (cursor[:-4] + "AAAA", "x", ""):
        answer = await get(exchange, one["id"], cursor=wrong)
        assert answer.status_code == 400, wrong
    assert (await get(exchange, other["id"], cursor=cursor)).status_code == 400


async def test_a_reader_that_waits_is_answered_when_something_comes(exchange: Served) -> None:
    made = await subscribe(exchange)
    cursor = (await get(exchange, made["id"])).headers["Next-Cursor"]
    waiting = asyncio.create_task(get(exchange, made["id"], cursor=cursor, wait=30))
    await asyncio.sleep(0)
    await exchange.hear(*a_case())
    answer = await asyncio.wait_for(waiting, 20)
    assert len(answer.json()) == 3


async def test_a_reader_that_waits_for_nothing_is_answered_too(exchange: Served) -> None:
    made = await subscribe(exchange)
    answer = await get(exchange, made["id"], wait=1)
    assert (answer.status_code, answer.json()) == (200, [])


async def test_nothing_is_skipped_while_many_write_at_once(exchange: Served) -> None:
    made = await subscribe(exchange)
    cases = [a_case() for _ in range(8)]
    for events in cases:
        await exchange.hear(*events)
    consumer = exchange.runtime.consumer
    assert consumer is not None
    records = [[exchange.record(assigned(events[0].subject, decision=n)) for n in range(1, 26)] for events in cases]

    async def write(mine: list[Any]) -> None:
        for start in range(0, len(mine), 5):
            await consumer.deliver(mine[start : start + 5])

    writing = asyncio.gather(*(write(mine) for mine in records))
    seen: list[str] = []
    cursor: str | None = None
    while True:
        over = writing.done()
        answer = await get(exchange, made["id"], limit=7, **({"cursor": cursor} if cursor else {}))
        seen += [event["id"] for event in answer.json()]
        cursor = answer.headers["Next-Cursor"]
        if over and not answer.json():
            break
    await writing
    want = await exchange.rows("SELECT event_id FROM entry WHERE stream_id = $1 ORDER BY position", made["id"])
    assert seen == [row["event_id"] for row in want]
    assert len(seen) == 8 * (3 + 25)


async def test_what_lost_its_right_since_is_passed_over_and_the_end_is_told(exchange: Served) -> None:
    made = await subscribe(exchange)
    consent, other = a_case(basis="consent"), a_case()
    await exchange.hear(*consent, *other)
    await exchange.hear(
        CaseBasisWithdrawn(case_id=consent[0].subject, organisation_id="school-115482", kind="consent"),
        CaseErased(case_id=other[0].subject),
    )
    assert sorted(event["type"] for event in await read_all(exchange, made["id"])) == [
        "jointly.case.basis-withdrawn.v1", "jointly.case.erased.v1",
    ]  # fmt: skip


async def test_told_and_acknowledged_are_noted_as_the_reader_comes_back(exchange: Served) -> None:
    made = await subscribe(exchange)
    await exchange.hear(*a_case())
    first = await get(exchange, made["id"], limit=2)

    async def noted() -> list[tuple[bool, bool]]:
        rows = await exchange.rows("SELECT * FROM entry WHERE stream_id = $1 ORDER BY position", made["id"])
        return [(row["told_at"] is not None, row["acknowledged_at"] is not None) for row in rows]

    assert await noted() == [(True, False), (True, False), (False, False)]
    await get(exchange, made["id"], cursor=first.headers["Next-Cursor"])
    assert await noted() == [(True, True), (True, True), (True, False)]
    found = (await exchange.client.get(f"/v1/subscriptions/{made['id']}/health", headers=TRUST)).json()
    assert found["behind"] == 1


async def test_a_stream_goes_on_where_it_was_left(exchange: Served, served: tuple[str, Any]) -> None:
    origin, _ = served
    made = await subscribe(exchange, way="sse")
    await exchange.hear(*a_case())
    async with Stream(origin, made["id"]) as stream:
        assert "text/event-stream" in stream.head
        got = [await stream.next() for _ in range(2)]
    async with Stream(origin, made["id"], last=got[-1][0]) as stream:
        got.append(await stream.next())
        await exchange.hear(*a_case())
        got += [await stream.next() for _ in range(3)]
    assert [event["subjectsequence"] for _, event in got] == [1, 2, 3, 1, 2, 3]
    assert [event for _, event in got] == await read_all(exchange, made["id"])


async def test_a_stream_ends_cleanly_when_the_process_stops(exchange: Served, served: tuple[str, Any]) -> None:
    origin, app = served
    made = await subscribe(exchange, way="sse")
    async with Stream(origin, made["id"]) as stream:
        app.state.stopping = True
        assert (await stream.rest()).endswith(b"0\r\n\r\n"), "the last chunk: a proper end"


async def test_an_organisation_has_only_so_many_streams(exchange: Served, served: tuple[str, Any]) -> None:
    origin, _ = served
    made = await subscribe(exchange, way="sse")
    streams = [Stream(origin, made["id"]) for _ in range(5)]
    for stream in streams:
        await stream.__aenter__()
    assert [stream.head.split(" ")[1] for stream in streams] == ["200"] * 4 + ["503"]
    for stream in streams:
        await stream.__aexit__()


async def test_a_stream_of_a_subscription_that_ends_ends(exchange: Served, served: tuple[str, Any]) -> None:
    origin, _ = served
    made = await subscribe(exchange, way="sse")
    await exchange.hear(*a_case())
    async with Stream(origin, made["id"]) as stream:
        for _ in range(3):
            await stream.next()
        assert (await act(exchange, made["id"], "DELETE")).status_code == 200
        await exchange.hear(*a_case())
        assert b"data:" not in await stream.rest()
