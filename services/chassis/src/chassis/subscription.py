"""What a service says about what it hears: which handler takes which event, and what a handler may answer."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Generic, TypeAlias, TypeVar

from schemas.event import Event

from chassis.cause import Cause
from chassis.errors import Refusal
from chassis.transaction import Transaction

E_co = TypeVar("E_co", bound=Event, covariant=True)
E = TypeVar("E", bound=Event)
X = TypeVar("X", bound=Transaction)


@dataclass(frozen=True, slots=True)
class Received(Generic[E_co]):
    """An event as it arrived."""

    event: E_co
    id: str
    type: str
    source: str
    subject: str
    #: Counts the facts of one subject from one source, from 1, without gaps.
    sequence: int
    #: Business time at which the speaker said it.
    time: datetime
    #: Put this into whatever follows from the event.
    cause: Cause


@dataclass(frozen=True, slots=True)
class NotYet:
    """Cannot be taken yet: what it speaks of is not known here. Parked and tried again."""

    reason: str


#: The answer for an event that was taken.
TAKEN: Final = None
#: One answer per event: taken, not yet, or refused for good (a dead letter with the refusal's code).
Verdict: TypeAlias = NotYet | Refusal | None
Handler: TypeAlias = Callable[[Sequence[Received[E]], X], Awaitable[Sequence[Verdict] | None]]


@dataclass(frozen=True, slots=True)
class Subscription:
    """An event class and the handler that takes it."""

    event: type[Event]
    handler: Callable[[Any, Any], Awaitable[Sequence[Verdict] | None]]


def on(event: type[E], handler: Handler[E, X]) -> Subscription:
    """`handler` takes every `event`, in batches of one type in which each subject appears once.

    Several handlers may take the same event; they run in the order of the list, in one transaction. None for an answer
    means that all were taken.
    """
    return Subscription(event, handler)
