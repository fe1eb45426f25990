"""A secured broker as integrators meet it: SASL, and the rights of deploy/kafka/access.toml."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from socket import socket
from typing import Any

from chassis.event_log.interface import Message
from chassis.event_log.kafka import Brokers, KafkaEventLog
from jointly.broker import KafkaBroker
from jointly.kafka_access import Access, AccessControl
from jointly_kit.forms import kafka
from schemas.topics import TOPICS
from support.kafka import SECURED, password

__all__ = ["Secured", "password", "secured_broker"]


@dataclass(frozen=True)
class Secured:
    """A running broker, and where principals sign in."""

    broker: KafkaBroker
    port: int

    def settings(self, principal: str, *, topic: str, group: str) -> dict[str, str]:
        """What an example consumer is told."""
        return {
            "JOINTLY_BOOTSTRAP": f"127.0.0.1:{self.port}",
            "JOINTLY_SECURITY": "SASL_PLAINTEXT",
            "JOINTLY_USERNAME": principal,
            "JOINTLY_PASSWORD": password(principal),
            "JOINTLY_TOPIC": topic,
            "JOINTLY_GROUP": group,
        }

    async def tell(self, feed: str, events: Sequence[dict[str, Any]]) -> None:
        """Write to a feed as the exchange does: as its principal, in binary mode."""
        brokers = Brokers(f"127.0.0.1:{self.port}", "SASL_PLAINTEXT", "SCRAM-SHA-512", "exchange", password("exchange"))
        log = KafkaEventLog(brokers)
        try:
            records = [kafka(event) for event in events]
            await log.appender("exchange-relay").append(
                [Message(feed, record.key, record.value, tuple(record.headers)) for record in records]
            )
        finally:
            await log.close()


async def secured_broker(folder: Path) -> Secured:
    """Start one. Raises `KafkaUnavailable`."""
    with closing(socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    access = Access.read()
    broker = KafkaBroker(
        folder, settings=SECURED.format(port=port), scram={name: password(name) for name in access.principals}
    )
    await broker.start()
    administrator = Brokers(broker.bootstrap)
    log = KafkaEventLog(administrator)
    await log.ensure_topics(tuple(TOPICS.values()))
    await log.close()
    await AccessControl(administrator).apply(access)
    return Secured(broker, port)
