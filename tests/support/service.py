"""A service in this process, on a database of its own, reached over HTTP with real tokens and fed real events."""

import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import httpx
import jwt
from chassis.assembly import assemble
from chassis.auth import Authenticator
from chassis.clock import BusinessClock, new_id, wall_now
from chassis.event_log.embedded import EmbeddedEventLog
from chassis.event_log.interface import Partition, Record
from chassis.hints import Hints
from chassis.service import Runtime, Service, create_app
from chassis.settings import Settings
from chassis.worker import prepare
from cryptography.hazmat.primitives.asymmetric import ec
from schemas.envelope import Envelope
from schemas.event import Event
from support.database import SECRET, Copy

ISSUER: Final = "https://issuer.test"
AUDIENCE: Final = "http://127.0.0.1:8000"
KEY: Final = ec.generate_private_key(ec.SECP256R1())
_sequences = itertools.count(1)


async def find_key(_kid: str) -> Any:
    """The tests' issuer has one key."""
    return KEY.public_key()


def token(
    *, organisation: str = "school-115482", sector: str = "education", roles: Sequence[str] = ("agency-system",),
    clusters: Sequence[str] = (), subject: str | None = None, **claims: Any,
) -> str:  # fmt: skip
    """An access token as the issuer would make it; extra claims replace what is usual."""
    now = int(wall_now().timestamp())
    usual = {
        "iss": ISSUER, "aud": AUDIENCE, "sub": subject or organisation, "client_id": organisation,
        "organisation": organisation, "sector": sector, "roles": list(roles), "clusters": list(clusters),
        "scope": "", "iat": now, "nbf": now, "exp": now + 7200, "jti": new_id(),
    }  # fmt: skip
    return jwt.encode(usual | claims, KEY, algorithm="ES256", headers={"typ": "at+jwt", "kid": "1"})


def signed_in(**claims: Any) -> dict[str, str]:
    """The Authorization header of a caller with these claims."""
    return {"Authorization": f"Bearer {token(**claims)}"}


def keyed(key: str | None = None) -> dict[str, str]:
    """An Idempotency-Key header, fresh unless given."""
    return {"Idempotency-Key": key or new_id()}


@dataclass
class Served:
    """A running service."""

    client: httpx.AsyncClient
    runtime: Runtime

    async def hear(self, *events: Event, subject_sequence: int | None = None) -> None:
        """Deliver events to the service's consumer, in one batch, as the log would."""
        consumer = self.runtime.consumer
        assert consumer is not None, "this service hears nothing"
        await consumer.deliver([self.record(event, sequence=subject_sequence) for event in events])

    def record(self, event: Event, *, sequence: int | None = None, id: str | None = None) -> Record:
        """An event as a record of its topic. Sequences start at 1 for each subject that this service hears of."""
        known = self.__dict__.setdefault("_heard", {})
        head = (event.on_topic().source, event.subject)
        known[head] = sequence or known.get(head, 0) + 1
        envelope = Envelope.of(
            event,
            id=id or new_id(),
            time=self.runtime.clock.now(),
            sequence=known[head],
            correlation_id=new_id(),
        )
        key, headers, value = envelope.to_kafka()
        place = Partition(event.on_topic().name, 0)
        return Record(place, next(_sequences), key, value, tuple(headers), wall_now())

    async def said(self, *types: type[Event]) -> list[Event]:
        """What the service has committed to its outbox, in order; only these types when any are named."""
        async with self.runtime.transaction() as tx:
            rows = await tx.rows("SELECT * FROM outbox ORDER BY id")
        from schemas.event import event_types

        events = [event_types()[row["type"]].from_json(row["data"]) for row in rows]
        return [event for event in events if not types or isinstance(event, types)]

    async def rows(self, sql: str, *arguments: object) -> list[dict[str, Any]]:
        """Ask the service's tables."""
        async with self.runtime.transaction() as tx:
            return [dict(row) for row in await tx.rows(sql, *arguments)]


@asynccontextmanager
async def serving(
    service: Service, database: Copy, *, clock: BusinessClock | None = None, settings: Settings | None = None
) -> AsyncIterator[Served]:
    """The service, ready. No relay or consumer runs beside it: tests deliver what it hears."""
    log = EmbeddedEventLog(database.url("event_log"))
    runtime = assemble(
        service,
        settings=settings or service.settings(),
        database_url=database.admin_url,
        secret=SECRET,
        log=log,
        hints=Hints(database.url(service.package)),
        clock=clock or BusinessClock(),
        authenticator=Authenticator(issuer=ISSUER, audience=AUDIENCE, find_key=find_key),
    )
    await prepare(runtime)
    app = create_app(runtime)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    try:
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url=AUDIENCE) as client,
        ):
            yield Served(client, runtime)
    finally:
        await log.close()
        await runtime.database.close()
