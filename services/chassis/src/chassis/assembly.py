"""From settings to running parts: roles and their passwords, the event log, the authenticator, a service's runtime."""

import base64
import hmac
from pathlib import Path
from typing import Final

from sqlalchemy.engine import make_url

from chassis.auth import Authenticator, KeyFinder, RemoteKeys
from chassis.clock import BusinessClock
from chassis.database import Database
from chassis.event_log.embedded import EmbeddedEventLog
from chassis.event_log.interface import EventLog
from chassis.event_log.tables import SCHEMA as EVENT_LOG_ROLE
from chassis.hints import Hints
from chassis.http import Cursors
from chassis.service import Runtime, Service
from chassis.settings import Settings

#: Connections of each pool: the API's two flushers and some reads, the worker's relay, consumer, timers and workers.
HTTP_POOL: Final = 5
WORKER_POOL: Final = 6


def derive(secret: str, purpose: str) -> str:
    """A secret for one purpose, from the house's one secret."""
    digest = hmac.digest(secret.encode(), purpose.encode(), "sha256")
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def role_url(url: str, role: str, secret: str) -> str:
    """The same database, as this role."""
    parsed = make_url(url).set(drivername="postgresql+asyncpg", username=role, password=derive(secret, f"role:{role}"))
    return parsed.render_as_string(hide_password=False)


def event_log(settings: Settings, *, database_url: str, secret: str, application: str) -> EventLog:
    """Kafka where a broker is named, otherwise the embedded log."""
    if settings.kafka_bootstrap:
        # Only where it is used: the client is the heaviest import of the house.
        from chassis.event_log.kafka import KafkaEventLog  # noqa: PLC0415

        return KafkaEventLog.of(settings, client_id=application)
    return EmbeddedEventLog(role_url(database_url, EVENT_LOG_ROLE, secret), application=application)


def authenticator(settings: Settings, *, find_key: KeyFinder | None = None) -> Authenticator:
    """Believes the configured issuer; `find_key` where its keys are at hand (the development issuer)."""
    jwks = settings.jwks_url or f"{settings.believed_issuer}/.well-known/jwks.json"
    return Authenticator(
        issuer=settings.believed_issuer, audience=settings.audience, find_key=find_key or RemoteKeys(jwks)
    )


def assemble(
    service: Service,
    *,
    settings: Settings,
    database_url: str,
    secret: str,
    log: EventLog,
    hints: Hints,
    clock: BusinessClock,
    authenticator: Authenticator,
    pool_size: int = HTTP_POOL,
) -> Runtime:
    """One service's parts in this process. `database_url` may name any role: the service connects as its own."""
    database = Database(
        role_url(database_url, service.package, secret),
        schema=service.package,
        tables=service.tables,
        source=service.source,
        clock=clock,
        pool_size=pool_size,
        application=f"jointly {service.name}",
        said=lambda: hints.ring(service.name),
    )
    return Runtime(
        service=service,
        settings=settings,
        clock=clock,
        database=database,
        event_log=log,
        hints=hints,
        authenticator=authenticator,
        cursors=Cursors(derive(secret, "cursors").encode()),
        secret_for=lambda purpose: derive(secret, f"{service.name}:{purpose}"),
    )


def state_file(settings: Settings, name: str) -> Path:
    """A file of the state folder, which only its owner may enter."""
    settings.state.mkdir(parents=True, exist_ok=True, mode=0o700)
    return settings.state / name
