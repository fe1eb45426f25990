"""A sender of webhooks as the exchange is one, that can also do all the things which must not pass."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from types import TracebackType
from typing import Final, Self

import httpx

from jointly_kit.forms import Delivery, webhook
from jointly_kit.golden import Event, interleaved
from jointly_kit.signing import Key, this_second

#: The exchange waits no longer for an answer.
ANSWER_SECONDS: Final = 20.0
#: Standard Webhooks: older or newer than this is refused.
TOLERANCE_SECONDS: Final = 300


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: a status, or why there was none."""

    status: int | None
    trouble: str = ""

    @property
    def took(self) -> bool:
        """2xx: the exchange counts the event as delivered."""
        return self.status is not None and HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES

    @property
    def refused(self) -> bool:
        """4xx: what a forgery must get. 410 is none: it ends the subscription."""
        client_errors = range(HTTPStatus.BAD_REQUEST, HTTPStatus.INTERNAL_SERVER_ERROR)
        return self.status in client_errors and self.status != HTTPStatus.GONE

    def __str__(self) -> str:
        """In words."""
        return f"answered {self.status}" if self.status is not None else self.trouble


class Sender:
    """Posts events to one receiver. Blocking; safe to use from several threads."""

    def __init__(self, url: str, secret: str | Key, *, answer_seconds: float = ANSWER_SECONDS) -> None:
        self.url = url
        self.key = secret if isinstance(secret, Key) else Key.read(secret)
        self._seconds = answer_seconds
        # No proxy and no redirects, as the exchange posts.
        self._client = httpx.Client(timeout=answer_seconds, follow_redirects=False, trust_env=False)

    def __enter__(self) -> Self:
        """Use it as a context: it keeps connections open."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Close them."""
        self.close()

    def close(self) -> None:
        """Let go of every connection."""
        self._client.close()

    def post(self, delivery: Delivery) -> Answer:
        """Post it as it is. Never raises for what the receiver does."""
        try:
            answer = self._client.post(self.url, headers=dict(delivery.headers), content=delivery.body)
        except httpx.TimeoutException:
            return Answer(None, f"did not answer within {self._seconds:g} seconds")
        except httpx.HTTPError as error:
            return Answer(None, f"could not be reached or broke off ({type(error).__name__})")
        return Answer(answer.status_code)

    def valid(self, event: Event, *, body: bytes | None = None) -> Answer:
        """As it should be. Sent again, it is a retry: the same id and body, signed anew."""
        return self.post(webhook(event, [self.key], body=body))

    def replayed(self, event: Event) -> tuple[Answer, Answer]:
        """The very same request twice: id, timestamp and signature too."""
        delivery = webhook(event, [self.key])
        return self.post(delivery), self.post(delivery)

    def tampered(self, event: Event) -> Answer:
        """The body was changed after it was signed."""
        delivery = webhook(event, [self.key])
        return self.post(replace(delivery, body=webhook({**event, "subject": "another-case"}, [self.key]).body))

    def under_another_id(self, event: Event, id: str) -> Answer:
        """The id was changed after it was signed."""
        delivery = webhook(event, [self.key])
        return self.post(replace(delivery, headers={**delivery.headers, "webhook-id": id}))

    def wrongly_signed(self, event: Event) -> Answer:
        """Signed by a key that the receiver does not know."""
        return self.post(webhook(event, [Key.new(shared=self.key.shared)]))

    def without(self, event: Event, *headers: str) -> Answer:
        """Some of the three headers are missing."""
        delivery = webhook(event, [self.key])
        kept = {name: value for name, value in delivery.headers.items() if name not in headers}
        return self.post(replace(delivery, headers=kept))

    def at(self, event: Event, *, seconds_from_now: int) -> Answer:
        """Rightly signed, long ago or in the future."""
        return self.post(webhook(event, [self.key], second=this_second() + seconds_from_now))

    def rotated(self, event: Event, *, other: Key | None = None) -> Answer:
        """While a key is replaced, two sign: the receiver knows the second."""
        return self.post(webhook(event, [other or Key.new(shared=self.key.shared), self.key]))

    def in_turn(self, events: Sequence[Event]) -> list[Answer]:
        """One after the other, as they are given."""
        return [self.valid(event) for event in events]

    def interleaved(self, journeys: Sequence[Sequence[Event]], *, seed: int = 0) -> list[tuple[Event, Answer]]:
        """Several cases mixed, each in its order."""
        return [(event, self.valid(event)) for event in interleaved(journeys, seed=seed)]
