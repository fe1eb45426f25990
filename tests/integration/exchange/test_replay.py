"""Being told again: by case, time or cursor, marked, at a rate, and within the rights of the moment."""

from datetime import timedelta

from exchange.handlers import replaying
from integration.exchange.house import AGREEMENT, TRUST, a_case, act, agree, assigned, read_all, subscribe
from schemas.referral import CaseBasisWithdrawn, CaseErased
from support.service import Served


async def go_on(exchange: Served, limit: int = 50) -> int:
    """As the worker does, until nothing is on its way; returns in how many steps."""
    steps = 0
    while True:
        async with exchange.runtime.transaction() as tx:
            if await replaying.step(tx, besides=[], limit=limit) is None:
                return steps
        steps += 1


async def test_by_case_each_comes_again_under_its_id_marked_and_counted_on(exchange: Served) -> None:
    made = await subscribe(exchange)
    first, second = a_case(), a_case()
    await exchange.hear(*first, *second)
    answer = await act(exchange, made["id"], "replay", {"case_id": first[0].subject})
    assert answer.status_code == 202
    await go_on(exchange)
    events = await read_all(exchange, made["id"])
    again = events[6:]
    assert [event["id"] for event in again] == [e["id"] for e in events if e["subject"] == first[0].subject][:3]
    assert [event["subjectsequence"] for event in again] == [4, 5, 6], "a gap would still be seen"
    assert all(event["replay"] is True for event in again)
    assert not any("replay" in event for event in events[:6])
    listed = await exchange.client.get(f"/v1/subscriptions/{made['id']}/replays", headers=TRUST)
    assert [(one["told"], one["state"]) for one in listed.json()["items"]] == [(3, "done")]


async def test_a_newcomer_may_hear_what_was_said_before_it_came(exchange: Served) -> None:
    await exchange.hear(*a_case())
    made = await subscribe(exchange)
    since = (exchange.runtime.clock.now() - timedelta(days=1)).isoformat()
    await act(exchange, made["id"], "replay", {"since": since})
    await go_on(exchange)
    assert [event["subjectsequence"] for event in await read_all(exchange, made["id"])] == [1, 2, 3]


async def test_by_cursor_everything_after_it_comes_again(exchange: Served) -> None:
    made = await subscribe(exchange)
    await exchange.hear(*a_case())
    page = await exchange.client.get(f"/v1/events?subscription={made['id']}&limit=2", headers=TRUST)
    cursor = page.headers["Next-Cursor"]
    await act(exchange, made["id"], "replay", {"cursor": cursor})
    await go_on(exchange)
    events = await read_all(exchange, made["id"], cursor=cursor)
    assert [event["type"].split(".")[2] for event in events] == ["participants-changed"] * 2
    other = await subscribe(exchange)
    assert (await act(exchange, other["id"], "replay", {"cursor": cursor})).status_code == 400


async def test_only_what_may_be_heard_now_comes_again(exchange: Served) -> None:
    made = await subscribe(exchange)
    consent, erased, good = a_case(basis="consent"), a_case(), a_case()
    await exchange.hear(*consent, *erased, *good)
    await exchange.hear(
        CaseBasisWithdrawn(case_id=consent[0].subject, organisation_id="school-115482", kind="consent"),
        CaseErased(case_id=erased[0].subject),
    )
    before = len(await read_all(exchange, made["id"]))
    since = (exchange.runtime.clock.now() - timedelta(days=1)).isoformat()
    await act(exchange, made["id"], "replay", {"since": since})
    await go_on(exchange)
    again = (await read_all(exchange, made["id"]))[before:]
    assert {event["subject"] for event in again} == {good[0].subject}


async def test_it_goes_on_at_its_rate_and_one_at_a_time(exchange: Served) -> None:
    made = await subscribe(exchange)
    events = a_case()
    await exchange.hear(*events, *(assigned(events[0].subject, decision=n) for n in range(1, 18)))
    await act(exchange, made["id"], "replay", {"case_id": events[0].subject})
    second = await act(exchange, made["id"], "replay", {"case_id": events[0].subject})
    assert (second.status_code, second.json()["title"]) == (409, "Replay running")
    assert await go_on(exchange, limit=5) == 5
    assert len(await read_all(exchange, made["id"])) == 40


async def test_older_than_what_is_kept_or_of_nothing_is_refused(exchange: Served) -> None:
    made = await subscribe(exchange)
    old = (exchange.runtime.clock.now() - timedelta(days=40)).isoformat()
    assert (await act(exchange, made["id"], "replay", {"since": old})).status_code == 422
    assert (await act(exchange, made["id"], "replay", {})).status_code == 422
    await agree(exchange, **AGREEMENT | {"id": "broker"})
    topic = await subscribe(exchange, way="kafka", agreement="broker")
    assert (await act(exchange, topic["id"], "replay", {"case_id": "x"})).json()["title"] == "Wrong way"


async def test_what_lapses_meanwhile_stops_it(exchange: Served) -> None:
    made = await subscribe(exchange)
    events = a_case()
    await exchange.hear(*events)
    await act(exchange, made["id"], "replay", {"case_id": events[0].subject})
    await act(exchange, made["id"], "DELETE")
    assert await go_on(exchange) == 0
    assert await exchange.rows("SELECT state FROM replay") == [{"state": "stopped"}]
