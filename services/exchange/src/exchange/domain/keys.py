"""A key that signs webhooks, as it is kept."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key of one subscription. Without the house's secret nobody can open it."""

    id: str
    stream_id: str
    #: hmac or ed25519.
    algorithm: str
    sealed: bytes
    #: Of ed25519 alone: what receivers verify with.
    public: str | None
    since: datetime
    #: After this it signs no more; None: until it is replaced.
    until: datetime | None = None
