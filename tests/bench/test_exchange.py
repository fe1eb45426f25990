"""What the exchange does in a second: to one feed, to a hundred webhooks, from a commit to a receiver, past the idle.

Layout: one process with the exchange's consumer, relay and post office, PostgreSQL 18 in others (fsync on), the
receiver of webhooks in one of its own. The latency is the whole house's: load client, front, worker, PostgreSQL,
receiver.
"""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

from bench.conftest import Table
from bench.house import Agency, ask, fire
from bench.outgoing import deliver, exchange, heard, sink, subscriptions, told
from chassis.clock import new_id
from chassis.relay import Relay
from exchange.workers import PostOffice
from jointly.postgres import EmbeddedPostgres
from support.database import Server
from support.four_ways import Hearer
from support.host import running

REPETITIONS = 5
CASES = 150
HOOKS = 100
IDLE = 1_000
#: Referrals a second, and for how long: each makes five events or more that education hears.
REFERRALS, SECONDS = 20, 10


async def test_to_one_feed_and_past_a_thousand_that_want_nothing(
    postgres_server: Server, table: Callable[[str], Table]
) -> None:
    measured = table("Exchange, from the log to one feed topic, events a second")
    async with exchange(postgres_server) as few, exchange(postgres_server) as many:
        # Half of them webhooks, each for schools that no case is of.
        await subscriptions(many, IDLE // 2, filter={"schools": ["999999"]})
        await subscriptions(many, IDLE // 2, filter={"schools": ["999999"]}, url="http://127.0.0.1:9/nowhere")
        variants = {"one feed": few, f"one feed, {IDLE:,} idle subscriptions": many}
        for served in variants.values():
            await deliver(served, heard(served, CASES // 3))
        for repetition in range(REPETITIONS):
            order = list(variants.items())
            for name, served in order if repetition % 2 else reversed(order):
                batches = heard(served, CASES)
                began = time.perf_counter()
                await deliver(served, batches)
                measured.add(name, sum(map(len, batches)) / (time.perf_counter() - began))
        relays = []
        for name, served in variants.items():
            relay = Relay("exchange", database=served.runtime.database, event_log=served.runtime.event_log,
                          hints=served.runtime.hints)  # fmt: skip
            stop, wanted, began = asyncio.Event(), await told(served), time.perf_counter()
            running_relay = asyncio.create_task(relay.run(stop))
            async with asyncio.timeout(120):
                while await _published(served) < wanted:
                    await asyncio.sleep(0.01)
            relays.append(f"  relay of {name}: {wanted / (time.perf_counter() - began):,.0f} events/s")
            stop.set()
            await running_relay
    measured.show("events/s")
    print("\n".join(relays))
    idle = 1 - measured.median(f"one feed, {IDLE:,} idle subscriptions") / measured.median("one feed")
    print(f"  {IDLE:,} subscriptions that want nothing cost {idle:.1%}")


async def _published(served: object) -> int:
    log = served.runtime.event_log  # type: ignore[attr-defined]
    return sum((await log.end_offsets(["health-feed"])).values())


async def test_to_a_hundred_webhooks(postgres_server: Server, table: Callable[[str], Table]) -> None:
    measured = table(f"Exchange, to {HOOKS} webhook subscriptions")
    with sink() as receiver:
        async with exchange(postgres_server) as served, exchange(postgres_server) as idle:
            await subscriptions(served, HOOKS, url=receiver.url)
            await subscriptions(idle, HOOKS, url=receiver.url)
            await subscriptions(idle, IDLE, url=receiver.url, filter={"schools": ["999999"]})
            for repetition in range(REPETITIONS):
                variants = [("alone", served), (f"beside {IDLE:,} idle", idle)]
                for name, one in variants if repetition % 2 else reversed(variants):
                    office, stop = PostOffice(one.runtime), asyncio.Event()
                    batches = heard(one, 5)
                    count = sum(map(len, batches))
                    began = time.perf_counter()
                    await deliver(one, batches)
                    decided = time.perf_counter()
                    sending = asyncio.create_task(office.run(stop))
                    await receiver.until(count * HOOKS)
                    ended = time.perf_counter()
                    stop.set()
                    await sending
                    await office.close()
                    measured.add(f"{name}: decided, deliveries/s", count * HOOKS / (decided - began))
                    measured.add(f"{name}: sent, deliveries/s", count * HOOKS / (ended - decided))
                    measured.add(f"{name}: events/s through it", count / (ended - began))
    measured.show("")
    alone, beside = (measured.median(f"{name}: sent, deliveries/s") for name in ("alone", f"beside {IDLE:,} idle"))
    print(f"  {IDLE:,} idle receivers cost the post {1 - beside / alone:.1%}")


def test_from_a_commit_to_a_receiver(tmp_path: Path, table: Callable[[str], Table]) -> None:
    measured = table("From an event's commit to its webhook in the whole house, milliseconds")
    with sink() as receiver, running(tmp_path / "state") as host:
        asyncio.run(_subscribe(host.origin, host.credentials(), receiver.url))
        agency, url = Agency(host), f"{host.origin}/v1/referrals"
        admin = EmbeddedPostgres(host.state).admin_url()
        for repetition in range(4):
            count = REFERRALS * SECONDS if repetition else 50
            began = time.perf_counter()
            fire(url, agency.requests(count), rate=REFERRALS, connections=8)
            fired = time.perf_counter() - began
            asyncio.run(_delivered(admin))
            arrived = {"arrived": receiver.ask()["latencies"]}
            stages = asyncio.run(ask(admin, _STAGES, len(arrived["arrived"])))
            if not repetition:
                continue
            measured.add("events a second", len(stages) / fired)
            for name, waits in ({stage: [float(row[stage]) for row in stages] for stage in _NAMED} | arrived).items():
                measured.add(f"{name} p50", sorted(waits)[len(waits) // 2])
                measured.add(f"{name} p99", sorted(waits)[int(len(waits) * 0.99)])
    measured.show("")


#: Since the speaker's commit: until the exchange decided who hears it; then until the receiver had answered.
_NAMED = ("decided", "then sent")
_STAGES = """
SELECT extract(epoch FROM e.at - v.time) * 1000 AS decided, extract(epoch FROM d.tried_at - e.at) * 1000 AS "then sent"
FROM exchange.entry e JOIN exchange.event v ON v.id = e.event_id
JOIN exchange.delivery d ON d.stream_id = e.stream_id AND d.position = e.position
ORDER BY d.position DESC LIMIT $1
"""
_BEHIND = """
SELECT (SELECT count(DISTINCT case_id) FROM referral_api.referral)
  - (SELECT count(DISTINCT subject) FROM exchange.entry WHERE type = 'jointly.case.assigned.v1')
  + (SELECT count(*) FROM exchange.delivery WHERE state = 'waiting') AS behind
"""


async def _delivered(admin_url: str) -> None:
    """Wait until every case's assignment was told of, and nothing waits to be sent."""
    async with asyncio.timeout(300):
        while (await ask(admin_url, _BEHIND))[0]["behind"]:
            await asyncio.sleep(0.2)


async def _subscribe(origin: str, credentials: dict[str, list[dict[str, str]]], url: str) -> None:
    from support.agency import Person

    officer = next(row for row in credentials["people"] if row["name"] == "Data protection officer")
    system = next(row for row in credentials["systems"] if row["organisation"] == "schools-service")
    terms = {
        "id": "bench", "organisation_id": "schools-service", "sector": "education", "county_wide": True,
        "purposes": ["assessment", "early-funding", "placement"], "bases": ["public-task"],
        "since": "2020-01-01", "until": "2099-12-31",
    }  # fmt: skip
    async with Person(origin, officer) as person, Hearer(origin, system) as hearer:
        agreed = await person.post("/v1/subscriptions/agreements", terms, key=new_id())
        assert agreed.status == 201, agreed
        await hearer.subscribe("bench", "webhook", url=url)
