"""What taking events in batches is worth: the same consumer, the same handler, in batches and one transaction each.

Layout: one process with the consumer, PostgreSQL in another, on durable storage (fsync on). Includes inbox, sequence
check and the handler's effect.
"""

import time
from collections.abc import Callable

from bench.conftest import Table
from chassis.event_log.interface import Record
from support.database import Copy, Server
from support.probe import Probe, a_case, closed, create_schema

BATCH, BATCHES, REPETITIONS = 500, 10, 5
ALONE = 300


async def test_batches_beside_a_transaction_per_message(postgres_server: Server, table: Callable[[str], Table]) -> None:
    copy: Copy = postgres_server.copy()
    await create_schema(copy.admin_url)
    probe = Probe(copy.admin_url)
    await probe.log.ensure_topics(probe.service.topics)
    measured = table("Consumer, messages a second")
    try:
        needed = REPETITIONS * (BATCH * BATCHES + ALONE)
        for _ in range(0, needed, 500):
            await probe.say(*(closed(a_case()) for _ in range(500)))
        records = await probe.relay_until(needed)
        for _ in range(REPETITIONS):
            together, records = records[: BATCH * BATCHES], records[BATCH * BATCHES :]
            alone, records = records[:ALONE], records[ALONE:]
            measured.add(
                "batches of 500", await _rate(probe, [together[n : n + BATCH] for n in range(0, len(together), BATCH)])
            )
            measured.add("a transaction per message", await _rate(probe, [[record] for record in alone]))
        measured.show("messages/s")
        ratio = measured.median("batches of 500") / measured.median("a transaction per message")
        print(f"  batches are {ratio:.1f} times as fast")
        assert len(await probe.taken()) == needed
    finally:
        await probe.close()
        postgres_server.drop(copy)


async def _rate(probe: Probe, batches: list[list[Record]]) -> float:
    consumer = probe.consumer()
    began = time.perf_counter()
    for batch in batches:
        await consumer.deliver(batch)
    return sum(map(len, batches)) / (time.perf_counter() - began)
