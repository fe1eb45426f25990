"""Intake beside its bound and beside the usual way to write it, interleaved in one run.

Layout: load client (its own process, 32 connections, loopback), the front process, PostgreSQL 18 with fsync on; the
house is measured twice, with its worker process stopped (its peers have none) and with it at work. All of them verify a
token, but the echo. The house and the textbook look for the child, keep the idempotency key, write outbox and audit.
"""

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path

import asyncpg
from bench.conftest import Table
from bench.house import Agency, drained, fire, peer, public_key
from jointly.postgres import EmbeddedPostgres
from support.host import running

REPETITIONS = 3


def test_intake_beside_echo_and_textbook(tmp_path: Path, table: Callable[[str], Table]) -> None:
    measured, waits = table("Intake at 32 connections, requests a second"), table("p99 of the same, milliseconds")
    with running(tmp_path / "state") as host:
        agency, url = Agency(host), f"{host.origin}/v1/referrals"
        admin = EmbeddedPostgres(host.state).admin_url()
        asyncio.run(_make_database(admin))
        textbook = {
            "BENCH_DATABASE_URL": admin.replace("/jointly?", "/textbook?"),
            "BENCH_PUBLIC_KEY": public_key(host),
        }
        with peer("echo") as echo, peer("textbook", textbook) as usual:
            # Once before, so that plans, caches and connections are warm everywhere.
            for target, count in ((echo, 300), (url, 300), (usual, 100)):
                fire(target, agency.requests(count))
            for _ in range(REPETITIONS):
                # At rest first: a worker stopped in the middle of a transaction would keep its locks.
                asyncio.run(drained(admin))
                host.kill("worker", signal.SIGSTOP)
                alone = fire(url, agency.requests(1500))
                host.kill("worker", signal.SIGCONT)
                together = fire(url, agency.requests(500))
                for name, result in (
                    ("FastAPI echo of the same body (the bound)", fire(echo, agency.requests(4000))),
                    ("Jointly, front alone", alone),
                    ("Jointly, front and worker at work", together),
                    ("textbook: ORM session per request", fire(usual, agency.requests(300))),
                ):
                    measured.add(name, result["per_second"])
                    waits.add(name, result["p99"])
    measured.show("/s")
    waits.show("ms")
    ours = measured.median("Jointly, front alone")
    print(f"  of the bare echo: {ours / measured.median('FastAPI echo of the same body (the bound)'):.2f}")
    print(f"  of the textbook:  {ours / measured.median('textbook: ORM session per request'):.1f}")


async def _make_database(admin_url: str) -> None:
    connection = await asyncpg.connect(admin_url.replace("+asyncpg", ""))
    await connection.execute("CREATE DATABASE textbook")
    await connection.close()
