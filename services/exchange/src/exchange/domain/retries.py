"""What an attempt at a webhook came to, and when the next one is."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from http import HTTPStatus
from typing import Final


class Outcome(StrEnum):
    """What became of an attempt."""

    DELIVERED = "delivered"
    #: To be tried again.
    FAILED = "failed"
    #: The receiver wants nothing any more.
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try: what came of it, in a stable word, and what the receiver asked for."""

    outcome: Outcome
    #: `delivered`, `status-503`, `timeout`, `redirect`, `address-refused` ...
    reason: str
    status: int | None = None
    retry_after: timedelta | None = None


#: Statuses that say: too much, or out of order. Everything for that receiver waits, not this event alone.
_THROTTLES: Final = frozenset({429, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a receiver is waited for."""

    pauses: tuple[timedelta, ...]
    jitter: float
    failures_until_rest: int
    first_rest: timedelta
    longest_rest: timedelta
    longest_retry_after: timedelta
    unreachable_after: timedelta

    def next_pause(self, attempts: int, retry_after: timedelta | None, chance: float) -> timedelta | None:
        """How long until the next attempt after so many; None: it was the last. `chance` is from 0 to 1."""
        if attempts >= len(self.pauses):
            return None
        pause = self.pauses[attempts] * (1 + self.jitter * chance)
        return max(pause, min(retry_after or timedelta(0), self.longest_retry_after))

    def rest(self, failures: int, attempt: Attempt) -> timedelta:
        """How long the receiver is left in peace after so many failures in a row."""
        rest = timedelta(0)
        if failures >= self.failures_until_rest:
            # Bounded before it is doubled: a receiver may be away for a very long time.
            doublings = min(failures - self.failures_until_rest, 20)
            rest = min(self.first_rest * 2**doublings, self.longest_rest)
        if attempt.retry_after is not None and attempt.status in _THROTTLES:
            rest = max(rest, min(attempt.retry_after, self.longest_retry_after))
        return rest


def answered(status: int, retry_after: str | None, now: datetime) -> Attempt:
    """What a status means."""
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return Attempt(Outcome.DELIVERED, "delivered", status)
    if status == HTTPStatus.GONE:
        return Attempt(Outcome.GONE, "gone", status)
    reason = "redirect" if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST else f"status-{status}"
    return Attempt(Outcome.FAILED, reason, status, wait_of(retry_after, now))


def wait_of(header: str | None, now: datetime) -> timedelta | None:
    """What a Retry-After says: seconds, or a date. None when it says nothing that can be read."""
    text = (header or "").strip()
    if text.isascii() and text.isdigit() and len(text) <= 9:  # noqa: PLR2004  no more seconds than a century has
        return timedelta(seconds=int(text))
    try:
        instant = parsedate_to_datetime(text)
        instant = instant if instant.tzinfo is not None else instant.replace(tzinfo=UTC)
        return max(timedelta(0), instant - now)
    except (TypeError, ValueError, OverflowError):
        return None
