"""From the post to the assignment and to the inbox, at half of what the whole house keeps up with, on both event logs.

Layout: load client, front, worker (relays, consumers), PostgreSQL 18 with fsync on; on Kafka one broker beside them.
Letters go by digest, as in production: in development each would leave at once, beside what is measured.
Times are the database's own: when the referral's transaction began, when decision and in-app message were written.
"""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from bench.conftest import Table
from bench.house import Agency, ask, drained, fire
from jointly.postgres import EmbeddedPostgres
from support.host import running

REPETITIONS, SECONDS = 3, 6

_LATENCIES = """
SELECT extract(epoch FROM d.decided_at - r.at) * 1000 AS assigned, extract(epoch FROM n.at - r.at) * 1000 AS told
FROM (SELECT case_id, min(at) AS at FROM referral_api.audit WHERE action = 'created' GROUP BY case_id) r
JOIN cluster_router.decision d USING (case_id)
JOIN (SELECT case_id, min(told_at) AS at FROM notifier.notification GROUP BY case_id) n USING (case_id)
ORDER BY d.number DESC LIMIT $1
"""


@pytest.mark.parametrize("log", ["embedded", pytest.param("kafka", marks=pytest.mark.kafka)])
def test_posted_to_assigned_and_to_inbox(tmp_path: Path, log: str, table: Callable[[str], Table]) -> None:
    measured = table(f"Posted to assigned and to the inbox at half load, {log} log, milliseconds")
    with running(
        tmp_path / "state",
        arguments=["--kafka"] if log == "kafka" else [],
        environment={"JOINTLY_POST_AT_ONCE": "false"},
    ) as host:
        agency, url = Agency(host), f"{host.origin}/v1/referrals"
        admin = EmbeddedPostgres(host.state).admin_url()
        fire(url, agency.requests(500))
        asyncio.run(drained(admin))
        began = time.monotonic()
        fire(url, agency.requests(2500))
        asyncio.run(drained(admin))
        most = 2500 / (time.monotonic() - began)
        for _ in range(REPETITIONS):
            count = int(most / 2 * SECONDS)
            fire(url, agency.requests(count), rate=most / 2)
            asyncio.run(drained(admin))
            rows = asyncio.run(ask(admin, _LATENCIES, count))
            for what in ("assigned", "told"):
                values = sorted(float(row[what]) for row in rows)
                measured.add(f"{what} p50", values[len(values) // 2])
                measured.add(f"{what} p99", values[int(len(values) * 0.99)])
    print(f"\nhalf load is {most / 2:,.0f} referrals a second")
    measured.show("ms")
