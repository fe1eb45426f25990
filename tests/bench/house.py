"""The parts that benches share: the running house, its peers as processes, believable bodies, the load client."""

import asyncio
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import jwt
from chassis.clock import new_id
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from support.host import Host, free_ports

HERE = Path(__file__).parent
_GIVEN = ("Zoë", "Noor", "Ada", "Kofi", "Mei", "Tomasz", "Aoife", "Ravi", "Lowri", "Sami")
_SYLLABLES = ("ba", "ke", "li", "mo", "nu", "ra", "se", "ti", "vo", "wa", "zu", "dre", "phi", "gla")


def bodies(count: int, seed: int) -> list[dict[str, Any]]:
    """Referrals of children who differ from each other, as large as real ones."""
    chance = random.Random(seed)  # noqa: S311  repeatable, nothing secret
    found = []
    for n in range(count):
        born = f"{chance.randint(2011, 2019)}-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}"
        family = "".join(chance.choice(_SYLLABLES) for _ in range(4)).capitalize()
        found.append(
            {
                "child": {
                    "given_name": chance.choice(_GIVEN),
                    "family_name": f"{family}-Test",
                    "date_of_birth": born,
                    "sex": chance.choice(("female", "male")),
                    "postcode": "GL1 4AW",
                    "school_urn": "115482",
                    "year_group": "5",
                },
                "family": {"informed": True, "views": "We would like help before September."},
                "needs": [{"type": "SEMH", "rank": 1}, {"type": "SLCN", "rank": 2}],
                "concern": {
                    "summary": "Leaves lessons daily and has begun to stay at home. " * 4,
                    "risk_of_exclusion": "emerging",
                    "attendance": 0.78,
                },
                "requested": ["assessment", "early-funding"],
                "urgency": "soon",
                "basis": {
                    "kind": "public-task",
                    "special_category": "substantial-public-interest",
                    "recorded_on": "2026-11-20",
                },
                "referrer": {"name": "SENCO", "role": "SENCO", "email": "senco@school.example", "reference": f"B-{n}"},
            }
        )
    return found


@dataclass
class Agency:
    """The school's system: a token, and requests ready to send."""

    host: Host
    _token: str = ""
    _until: float = 0.0
    _seed: int = 0

    @property
    def token(self) -> str:
        """A token that still lives for a while."""
        if time.monotonic() > self._until:
            self._token = self.host.token(system="school-115482")
            self._until = time.monotonic() + 120
        return self._token

    def requests(self, count: int) -> list[dict[str, Any]]:
        """Requests that no server has seen."""
        self._seed += 1
        token = self.token
        return [
            {
                "headers": {"Authorization": f"Bearer {token}", "Idempotency-Key": new_id()},
                "body": json.dumps(body, ensure_ascii=False),
            }
            for body in bodies(count, self._seed)
        ]


def fire(
    url: str, requests: list[dict[str, Any]], *, connections: int = 32, rate: float | None = None
) -> dict[str, Any]:
    """Send them from a process of its own. Raises unless every answer is 201."""
    words = [sys.executable, str(HERE / "load.py"), url, str(connections)]
    done = subprocess.run(  # noqa: S603  our own program
        [*words, *([str(rate)] if rate else [])],
        input="\n".join(json.dumps(request) for request in requests),
        capture_output=True,
        text=True,
        check=True,
    )
    result: dict[str, Any] = json.loads(done.stdout)
    assert set(result["statuses"]) == {"201"}, result["statuses"]
    return result


@contextmanager
def peer(name: str, environment: Mapping[str, str] | None = None) -> Iterator[str]:
    """One of the peers under uvicorn, in one process; its address."""
    port = free_ports()
    process = subprocess.Popen(  # noqa: S603  our own program
        [sys.executable, "-m", "uvicorn", f"bench.peers.{name}:app", "--port", str(port), "--log-level", "warning",
         "--no-access-log"],
        env={**os.environ, **(environment or {}), "PYTHONPATH": str(HERE.parent)},
    )  # fmt: skip
    try:
        for _ in range(600):
            assert process.poll() is None, f"the peer {name} did not start"
            try:
                httpx.get(f"http://127.0.0.1:{port}/openapi.json", trust_env=False)
                break
            except httpx.TransportError:
                time.sleep(0.05)
        yield f"http://127.0.0.1:{port}/v1/referrals"
    finally:
        process.terminate()
        process.wait(30)


def public_key(host: Host) -> str:
    """The issuer's public key, for the peer that verifies tokens too."""
    keys = httpx.get(f"{host.origin}/.well-known/jwks.json", trust_env=False).json()["keys"]
    return jwt.PyJWK(keys[0]).key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()  # type: ignore[no-any-return]


async def ask(admin_url: str, sql: str, *arguments: object) -> list[Any]:
    """Ask the house's database, as its administrator."""
    connection = await asyncpg.connect(admin_url.replace("+asyncpg", ""))
    try:
        return list(await connection.fetch(sql, *arguments))
    finally:
        await connection.close()


async def drained(admin_url: str) -> None:
    """Wait until every referral's case has been told to somebody."""
    async with asyncio.timeout(300):
        while True:
            [row] = await ask(
                admin_url,
                "SELECT count(*) AS behind FROM referral_api.referral r"
                " WHERE NOT EXISTS (SELECT FROM notifier.notification n WHERE n.case_id = r.case_id)",
            )
            if row["behind"] == 0:
                return
            await asyncio.sleep(0.2)
