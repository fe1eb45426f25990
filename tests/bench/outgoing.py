"""What benches of the exchange share: a service with subscriptions, events that it hears, a sink for webhooks."""

import asyncio
import itertools
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, Final

from bench.house import HERE
from chassis.event_log.interface import Record
from exchange.app import SERVICE
from integration.exchange.house import AGREEMENT, agree, assigned, subscribe
from integration.exchange.house import a_case as said_of_a_case
from schemas.topics import TOPICS
from support.database import Copy, Server
from support.host import free_ports
from support.service import Served, serving, signed_in

#: Of an agreement.
_MOST: Final = 20
_numbers = itertools.count(1)


@dataclass
class Sinkhole:
    """A running sink."""

    process: "subprocess.Popen[str]"
    url: str

    def ask(self) -> dict[str, Any]:
        """What came since it was last asked."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        found: dict[str, Any] = json.loads(self.process.stdout.readline())
        return found

    async def until(self, count: int) -> list[float]:
        """Wait for so many; their latencies."""
        latencies: list[float] = []
        async with asyncio.timeout(600):
            while len(latencies) < count:
                latencies += (await asyncio.to_thread(self.ask))["latencies"]
                await asyncio.sleep(0.01)
        return latencies


@contextmanager
def sink() -> Iterator[Sinkhole]:
    """A sink in a process of its own."""
    port = free_ports()
    with subprocess.Popen(  # noqa: S603  our own program
        [sys.executable, str(HERE / "sink.py"), str(port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield Sinkhole(process, f"http://127.0.0.1:{port}/hook")
        assert process.stdin is not None
        process.stdin.close()


@asynccontextmanager
async def exchange(server: Server) -> AsyncIterator[Served]:
    """The exchange on a database of its own, with the county's health trust agreed."""
    copy: Copy = server.copy()
    try:
        async with serving(SERVICE, copy) as served:
            await served.runtime.event_log.ensure_topics(list(TOPICS.values()))
            days = {"since": "2020-01-01", "until": "2099-12-31"}
            await agree(served, **AGREEMENT | days)
            yield served
    finally:
        server.drop(copy)


async def subscriptions(served: Served, count: int, *, url: str | None = None, **more: Any) -> None:
    """So many subscriptions that hear all of their sector's cases, or what the filter leaves of them."""
    days = {"since": "2020-01-01", "until": "2099-12-31"}
    for first in range(0, count, _MOST):
        name = f"many-{next(_numbers)}"
        await agree(served, **AGREEMENT | days | {"id": name, "organisation_id": name})
        caller = signed_in(organisation=name, sector="health", subject=name)
        for _ in range(min(_MOST, count - first)):
            way = {"way": "webhook", "url": url} if url else {"way": "http-feed"}
            await subscribe(served, agreement=name, caller=caller, **way, **more)


def heard(served: Served, cases: int, *, each: int = 8) -> list[list[Record]]:
    """What these cases' services would say, in batches as the log hands them over: all opened, then all moved."""
    # Health alone takes part: what is told goes to its feed, and to its subscriptions.
    said = [said_of_a_case(("nhs-trust", "health")) for _ in range(cases)]
    opened = [served.record(event) for events in said for event in events]
    moved = [
        served.record(assigned(events[0].subject, decision=number)) for number in range(1, each - 2) for events in said
    ]
    records = [*opened, *moved]
    return [records[n : n + 500] for n in range(0, len(records), 500)]


async def deliver(served: Served, batches: Sequence[Sequence[Record]]) -> None:
    """Let it hear them."""
    consumer = served.runtime.consumer
    assert consumer is not None
    for batch in batches:
        await consumer.deliver(batch)


async def told(served: Served) -> int:
    """How often anybody was told anything."""
    [row] = await served.rows("SELECT count(*) AS n FROM entry")
    return int(row["n"])
