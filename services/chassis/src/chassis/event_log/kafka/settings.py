"""Where the brokers are, how to sign in there, and how long things may take."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

from aiokafka.helpers import create_ssl_context

from chassis.settings import Settings

#: Partitions and leaders are asked for again this often, even if nothing went wrong.
_METADATA_MILLISECONDS: Final = 60_000


@dataclass(frozen=True, slots=True)
class Brokers:
    """An address and a way to sign in."""

    #: `host:port,host:port`; one that answers is enough to find the others.
    bootstrap: str
    security_protocol: str = "PLAINTEXT"
    sasl_mechanism: str | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    #: Authorities that the brokers' certificates are checked against; the system's when absent.
    cafile: Path | None = None

    def __post_init__(self) -> None:
        if self.security_protocol.startswith("SASL") and not (self.username and self.password):
            raise ValueError(f"Kafka's security protocol {self.security_protocol} needs a user name and a password.")

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The brokers that the settings name. Raises `ValueError` when they name none."""
        if not settings.kafka_bootstrap:
            raise ValueError("No Kafka broker is named: set JOINTLY_KAFKA_BOOTSTRAP=host:port.")
        password = settings.kafka_password
        return cls(
            settings.kafka_bootstrap,
            settings.kafka_security_protocol,
            settings.kafka_sasl_mechanism,
            settings.kafka_username,
            password.get_secret_value() if password else None,
            settings.kafka_cafile,
        )

    def options(self) -> dict[str, Any]:
        """What every client is made with."""
        options: dict[str, Any] = {
            "bootstrap_servers": self.bootstrap,
            "security_protocol": self.security_protocol,
            "metadata_max_age_ms": _METADATA_MILLISECONDS,
        }
        if self.security_protocol.endswith("SSL"):
            options["ssl_context"] = create_ssl_context(cafile=self.cafile)
        if self.security_protocol.startswith("SASL"):
            options |= {
                "sasl_mechanism": self.sasl_mechanism or "SCRAM-SHA-512",
                "sasl_plain_username": self.username,
                "sasl_plain_password": self.password,
            }
        return options


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds that things may take. Tests shorten them."""

    #: An append, from the first message to the last acknowledgement. Then it is in doubt.
    append: float = 20.0
    #: A question about topics or offsets, with all its repeats.
    question: float = 10.0
    #: One call of `deliver`. Then it is cancelled, and its records come again.
    handler: float = 30.0
    #: A member that is silent for so long is taken for dead, and its partitions go to others.
    session: float = 10.0
    #: Records wait in one of our partitions and none is delivered: the client is given up and made anew.
    stuck: float = 60.0
    #: Leaving properly. Then connections are cut.
    goodbye: float = 5.0
    #: Offsets are saved at most this often: readers drop what they have seen, so repeats are cheap.
    save_every: float = 0.5

    @property
    def rebalance(self) -> float:
        """How long the group waits for a member that still works on a batch. Less, and its batch is done twice."""
        return 3 * self.handler

    @property
    def join(self) -> float:
        """Joining a group is answered when all its members have come: a request must outlast that."""
        return self.rebalance + 5
