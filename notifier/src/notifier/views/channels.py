"""Browsers that want notices, and receipts of channels, as they travel over HTTP."""

from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import urlsplit

from chassis.wire import In, Out
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints


def _https(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"https", "http"} or not parts.hostname or parts.username is not None:
        raise ValueError("must be the address of a push service")
    return url


Endpoint = Annotated[str, StringConstraints(max_length=1000, pattern=r"^https?://[!-~]+$"), AfterValidator(_https)]
Key = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{20,200}={0,2}$")]


class PushKeysIn(In):
    """A browser's own keys, as it gives them."""

    p256dh: Key
    auth: Key


class PushSubscriptionIn(In):
    """A browser's subscription, as `PushSubscription.toJSON()` gives it."""

    endpoint: Endpoint
    keys: PushKeysIn
    #: Browsers say it, and mostly that it is null.
    expirationTime: Annotated[float, Field(ge=0, le=10**11 * 50)] | None = None  # noqa: N815  the browser's own name


class PushSubscriptionOut(Out):
    """One of your browsers."""

    id: str
    #: The push service, such as fcm.googleapis.com.
    service: str
    created_at: AwareDatetime

    @staticmethod
    def of(row: Mapping[str, Any]) -> "PushSubscriptionOut":
        """From a row of the list."""
        return PushSubscriptionOut(
            id=row["id"], service=urlsplit(row["endpoint"]).hostname or "", created_at=row["created_at"]
        )


class PushSubscribedOut(Out):
    """Your browser is known."""

    id: str


class PushKeyOut(Out):
    """What a browser subscribes with."""

    application_server_key: str


class NotifyReceipt(BaseModel):
    """What GOV.UK Notify says of a message; it says more than we need, which is ignored and not kept."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str = Field(max_length=100)
    #: Our reference, as we gave it.
    reference: str | None = Field(default=None, max_length=300)
    status: str = Field(max_length=60)
