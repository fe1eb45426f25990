"""The host's settings: those of every process, and what only the host needs."""

from datetime import datetime
from pathlib import Path
from typing import NamedTuple, Self
from urllib.parse import urlsplit

from chassis.business_time import MOST_RATE
from chassis.settings import Settings as HouseSettings
from pydantic import Field

from jointly.state import CREDENTIALS, StateFolder


class SimulatedTime(NamedTuple):
    """Business time that starts at `base` and passes `rate` times as fast as the wall's."""

    base: datetime
    rate: float

    @classmethod
    def read(cls, text: str) -> "SimulatedTime":
        """`2026-09-01T08:00:00Z`, or with a rate: `2026-09-01T08:00:00Z*600`. Raises `ValueError`."""
        start, _, rate = text.partition("*")
        base = datetime.fromisoformat(start.strip())
        times = float(rate or 1)
        if base.tzinfo is None or not 0 <= times <= MOST_RATE:
            raise ValueError(f"Say a start with its time zone, and a rate from 0 to {MOST_RATE:.0f}.")
        return cls(base, times)


class Settings(HouseSettings):
    """Read from `JOINTLY_…` variables."""

    #: Where HTTP is listened to; 127.0.0.1 keeps a laptop's county to itself, a container says 0.0.0.0.
    host: str = "127.0.0.1"
    #: `2026-09-01T08:00:00Z` or `2026-09-01T08:00:00Z*600`: business time starts there and runs so many times as fast.
    simulated_clock: str | None = None
    #: Seconds between 'not ready' and the end of listening, for load balancers to notice. Absent: 0 on a
    #: laptop, else 5.
    drain_seconds: float | None = Field(default=None, ge=0, le=300)

    @classmethod
    def of_the_running(cls) -> Self:
        """For commands in another terminal: where nothing is set, the origin of the folder's own house."""
        settings = cls()
        if {"port", "origin"} & settings.model_fields_set:
            return settings
        systems = StateFolder(settings.state_folder).read_json(CREDENTIALS).get("systems", ())
        address = next((urlsplit(row["token_url"]) for row in systems), None)
        return settings.model_copy(update={"origin": f"{address.scheme}://{address.netloc}"}) if address else settings

    @property
    def internal_port(self) -> int:
        """Metrics and operations, never for the outside."""
        return self.port + 1

    @property
    def drains_for(self) -> float:
        """Seconds to go on serving after saying 'not ready'."""
        if self.drain_seconds is not None:
            return self.drain_seconds
        return 5.0 if self.env == "production" else 0.0

    @property
    def issues_tokens(self) -> bool:
        """Whether the development issuer is part of this house."""
        return self.env == "development" and self.issuer is None

    @property
    def state_folder(self) -> Path:
        """The state folder, wherever the process goes."""
        return self.state.expanduser().absolute()
