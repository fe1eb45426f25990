"""Four ways out of the house under load, while its processes die: all tell the same, each case in order."""

import asyncio
import os
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from chassis.clock import new_id, wall_now, wall_seconds
from e2e.house import PATIENCE, Callers, NeverHappened, settings_of
from faults.load import say
from faults.test_kills import another_worker, until_another
from jointly import house as parts_of
from schemas.envelope import Envelope
from support.agency import Agency, a_referral
from support.four_ways import WAYS, Event, Hearer, Moody, contents, in_order, same_again
from support.host import Host
from support.term import at_rest

#: How many each way is told, at least.
EVENTS: Final = int(os.environ.get("JOINTLY_FAULT_EVENTS", "1000"))
#: Submitted, opened, who takes part, assigned, who takes part by then.
_EACH: Final = 5
_POSTERS: Final = 8
#: How often which process dies; the second half of the worker's after another worker has come and gone.
KILLS: Final = {"worker": 4, "front": 2}
AGREEMENT: Final = "four-ways"
_LOOK_AGAIN: Final = 0.1
_IMPATIENCE: Final = 0.5
_FIRST_CHILD: Final = 40_000


@dataclass
class Heard:
    """What came by each way."""

    receiver: Moody
    subscriptions: dict[str, Event] = field(default_factory=dict)
    paged: list[Event] = field(default_factory=list)
    streamed: list[Event] = field(default_factory=list)

    def ids(self) -> dict[str, set[str]]:
        """The events of each way that this process hears by."""
        return {
            "webhook": {got.event["id"] for got in self.receiver.taken},
            "http-feed": {event["id"] for event in self.paged},
            "sse": {event["id"] for event in self.streamed},
        }


@asynccontextmanager
async def hearing(known: Callers) -> AsyncIterator[tuple[Hearer, Heard]]:
    """A county-wide system with an agreement, subscribed by each way, reading all the time."""
    officer = await known.person("Data protection officer")
    today = wall_now().date()
    terms = {
        "id": AGREEMENT, "organisation_id": "schools-service", "sector": "education", "county_wide": True,
        "purposes": ["assessment", "early-funding", "placement"],
        "bases": ["consent", "public-task", "legal-obligation", "vital-interests"],
        "since": today.isoformat(), "until": today.replace(year=today.year + 1, day=1).isoformat(),
    }  # fmt: skip
    agreed = await officer.post("/v1/subscriptions/agreements", terms)
    assert agreed.status == 201, agreed
    row = next(row for row in known.host.credentials()["systems"] if row["organisation"] == "schools-service")
    async with Hearer(known.host.origin, row) as hearer, Moody() as receiver:
        heard = Heard(receiver)
        for way in WAYS:
            url = {"url": receiver.url} if way == "webhook" else {}
            heard.subscriptions[way] = await hearer.subscribe(AGREEMENT, way, **url)
        readers = [asyncio.create_task(read(hearer, heard)) for read in (_page, _listen, _insist)]
        try:
            yield hearer, heard
        finally:
            for reader in readers:
                reader.cancel()
            await asyncio.gather(*readers, return_exceptions=True)


async def _page(hearer: Hearer, heard: Heard) -> None:
    async for page in hearer.pages(heard.subscriptions["http-feed"]["id"]):
        heard.paged += page


async def _listen(hearer: Hearer, heard: Heard) -> None:
    async for event in hearer.streamed(heard.subscriptions["sse"]["id"]):
        heard.streamed.append(event)


async def _insist(hearer: Hearer, heard: Heard) -> None:
    """What is put off after a failure, for five seconds and then for minutes, is asked for at once."""
    while True:
        await hearer.insist(heard.subscriptions["webhook"]["id"])
        await asyncio.sleep(_IMPATIENCE)


async def post(school: Agency, count: int) -> list[str]:
    """So many children's referrals, from several sides at once; their cases."""
    waiting, cases = iter(range(_FIRST_CHILD, _FIRST_CHILD + count)), list[str]()

    async def some() -> None:
        for number in waiting:
            answer = await school.refer(a_referral(number, today=wall_now().date()), key=new_id())
            assert answer.status == 201, answer
            cases.append(answer.body["case_id"])

    async with asyncio.TaskGroup() as group:
        for _ in range(_POSTERS):
            group.create_task(some())
    return cases


async def until(what: Callable[[], bool], why: str) -> None:
    """Wait for what has to happen."""
    ends = wall_seconds() + PATIENCE
    while not what():
        if wall_seconds() > ends:
            raise NeverHappened(why)
        await asyncio.sleep(_LOOK_AGAIN)


async def kill(host: Host, name: str, heard: Heard, instants: Iterable[int]) -> None:
    """Kill a process each time that the receiver has been asked so often."""
    for instant in instants:
        await until(lambda instant=instant: len(heard.receiver.got) >= instant, f"{name}: nothing comes any more")  # type: ignore[misc]
        dead = host.kill(name).pid
        await until_another(host, name, dead)
        so_far = {way: len(ids) for way, ids in heard.ids().items()}
        say(f"{name} killed; the receiver was asked {len(heard.receiver.got)} times; {so_far}")


async def hurt(host: Host, event_log: str, heard: Heard, seed: int) -> None:
    """Kills at random instants of the way; a second worker joins, works alone for a while, and leaves."""
    chance = Random(seed)  # noqa: S311  repeatable on purpose
    worker = sorted(chance.sample(range(1, EVENTS // 2), KILLS["worker"]))
    front = sorted(chance.sample(range(1, EVENTS // 2), KILLS["front"]))
    async with asyncio.TaskGroup() as group:
        group.create_task(kill(host, "front", heard, front))
        with another_worker(host, event_log) as second:
            await kill(host, "worker", heard, worker[: len(worker) // 2])
            assert second.poll() is None
        say("the second worker has left")
        await kill(host, "worker", heard, worker[len(worker) // 2 :])


async def told(host: Host, event_log: str, topics: Iterable[str]) -> list[Envelope]:
    """Everything on some topics, partition by partition."""
    found = list[Envelope]()
    async with parts_of.opened(settings_of(host, event_log), ["exchange"]) as parts:
        for partition, end in sorted((await parts.event_log.end_offsets(list(topics))).items()):
            at = 0
            while at < end:
                records = await parts.event_log.read(partition, at)
                found += [Envelope.from_kafka(one.key, one.headers, one.value) for one in records]
                at = records[-1].offset + 1
    return found


async def test_four_ways_tell_the_same_in_order_while_processes_die_and_workers_come_and_go(
    host: Host, known: Callers, event_log: str
) -> None:
    school, began = await known.agency("school-115482", connections=_POSTERS), wall_seconds()
    async with hearing(known) as (hearer, heard):
        posting = asyncio.create_task(post(school, EVENTS // _EACH))
        await hurt(host, event_log, heard, seed=4)
        cases = set(await posting)
        say(f"everything posted and killed after {wall_seconds() - began:.1f} s")
        await at_rest(host, event_log)
        say(f"at rest after {wall_seconds() - began:.1f} s")
        want = await shareable(host, hearer, event_log, cases)
        assert len(want) >= EVENTS - EVENTS % _EACH
        say(f"{len(want)} events to be heard of {len(cases)} cases; {heard.receiver.failed}")
        await all_of_it(hearer, heard, want)
        say(f"all heard after {wall_seconds() - began:.1f} s")
        assert sum(heard.receiver.failed.values()) > len(want) // 4, heard.receiver.failed
        assert min(heard.receiver.failed.values()) > 0
        topic = heard.subscriptions["kafka"]["delivery"]["topic"]
        published = [envelope.to_structured() for envelope in await told(host, event_log, [topic])]
    hooked = [got.event for got in heard.receiver.taken]
    by_way = {"kafka": published, "webhook": hooked, "http-feed": heard.paged, "sse": heard.streamed}
    for way, events in by_way.items():
        assert {event["id"] for event in events} == want, way
        in_order(events)
        assert contents(events) == contents(published), way
        say(f"{way}: {len(want)} events, {same_again(events)} came again")
    await ledger_agrees(known, heard, want, cases)
    assert "Nothing waits." in host.command("dead-letters", "list")


async def all_of_it(hearer: Hearer, heard: Heard, want: set[str]) -> None:
    """Wait until everything came by the ways that this process hears by."""
    ends = wall_seconds() + PATIENCE
    while missing := {way: len(want - ids) for way, ids in heard.ids().items() if want - ids}:
        if wall_seconds() > ends:
            health = await hearer.get(f"/v1/subscriptions/{heard.subscriptions['webhook']['id']}/health")
            raise NeverHappened(f"Not heard: {missing}; {health.body}")
        await asyncio.sleep(_LOOK_AGAIN)


async def shareable(host: Host, hearer: Hearer, event_log: str, cases: set[str]) -> set[str]:
    """What the published rules let education hear of these cases, read from the topics on which it was said."""
    rules = (await hearer.get("/v1/subscriptions/rules")).body
    types = {rule["type"] for rule in rules["items"] if "education" in rule["sectors"]}
    said = await told(host, event_log, ["referral-events", "routing-events"])
    return {envelope.id for envelope in said if envelope.subject in cases and envelope.type in types}


async def ledger_agrees(known: Callers, heard: Heard, want: set[str], cases: set[str]) -> None:
    """The ledger of every case says of each way what came by it, and that it came."""
    officer = await known.person("Data protection officer")
    ways = {one["id"]: way for way, one in heard.subscriptions.items()}
    entries: defaultdict[str, list[str]] = defaultdict(list)
    waiting = iter(sorted(cases))

    async def read() -> None:
        for case in waiting:
            rows: list[dict[str, Any]] = [row async for row in officer.items("/v1/ledger", case=case)]
            for row in rows:
                if row["subscription"] in ways:
                    assert row["told_at"] is not None, row
                    assert row["withheld_at"] is None, row
                    entries[ways[row["subscription"]]].append(row["event_id"])

    async with asyncio.TaskGroup() as group:
        for _ in range(4):
            group.create_task(read())
    for way in WAYS:
        assert sorted(entries[way]) == sorted(want), way
