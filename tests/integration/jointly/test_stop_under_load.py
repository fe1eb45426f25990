"""Stopping while forty systems post: what was acknowledged is there afterwards, what was not can be sent again."""

import asyncio
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest
from chassis.clock import new_id
from jointly.demo.referrals import DemoSchool, referrals
from support.host import Host, running, start

SCHOOLS = [DemoSchool("115482", 2, "GL1 4AW")]
CLIENTS = 40


@dataclass
class Load:
    """What forty clients sent and heard, until the host went away."""

    acknowledged: dict[str, dict[str, Any]] = field(default_factory=dict)
    #: Sent, and nobody answered: it may or may not have happened.
    unknown: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    refused: int = 0
    going: asyncio.Event = field(default_factory=asyncio.Event)

    async def post(self, host: Host, token: str, bodies: list[Mapping[str, Any]]) -> None:
        async with httpx.AsyncClient(base_url=host.origin, trust_env=False, timeout=60) as client:
            while bodies:
                key, body = new_id(), bodies.pop()
                try:
                    answer = await sent(client, token, key, body)
                except httpx.ConnectError:
                    self.refused += 1
                    return
                except httpx.TransportError:
                    self.unknown[key] = body
                    return
                if answer.status_code == httpx.codes.CREATED:
                    self.acknowledged[key] = answer.json()
                else:
                    # Too busy, or on the way out: nothing was done.
                    assert answer.status_code == httpx.codes.SERVICE_UNAVAILABLE, host.log("front")[-2_000:]
                if len(self.acknowledged) > CLIENTS:
                    self.going.set()


async def sent(client: httpx.AsyncClient, token: str, key: str, body: Mapping[str, Any]) -> httpx.Response:
    return await client.post(
        "/v1/referrals", json=body, headers={"Authorization": f"Bearer {token}", "Idempotency-Key": key}
    )


async def loaded_and_stopped(host: Host, signals: list[signal.Signals]) -> Load:
    load, token = Load(), host.token(system="school-115482")
    bodies: list[Mapping[str, Any]] = [
        each.body for each in referrals(4_000, SCHOOLS, today=date(2026, 11, 23), seed=3)
    ]
    async with asyncio.TaskGroup() as clients:
        for _ in range(CLIENTS):
            clients.create_task(load.post(host, token, bodies))
        await load.going.wait()
        for each in signals:
            host.process.send_signal(each)
    assert bodies, "the load ended before the host did"
    assert await asyncio.to_thread(host.process.wait, 60) == 0
    return load


async def all_is_there(host: Host, load: Load) -> None:
    token = host.token(system="school-115482")
    async with httpx.AsyncClient(base_url=host.origin, trust_env=False, timeout=60) as client:
        for first in load.acknowledged.values():
            answer = await client.get(
                f"/v1/referrals/{first['referral_id']}", headers={"Authorization": f"Bearer {token}"}
            )
            assert answer.status_code == httpx.codes.OK, answer.text
        for key, body in load.unknown.items():
            assert (await sent(client, token, key, body)).status_code == httpx.codes.CREATED


@pytest.mark.parametrize("signals", [[signal.SIGTERM], [signal.SIGTERM, signal.SIGTERM]], ids=["once", "twice"])
async def test_nothing_acknowledged_is_lost(tmp_path: Path, signals: list[signal.Signals]) -> None:
    host = await asyncio.to_thread(start, tmp_path)
    try:
        load = await loaded_and_stopped(host, signals)
    finally:
        host.process.kill()
        host.process.wait()
    with running(tmp_path, port=host.port) as again:
        await all_is_there(again, load)
    if len(signals) == 1:
        # Asked once, every open connection got its answer: nobody is left in doubt.
        assert not load.unknown
