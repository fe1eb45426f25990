"""Why something happens: the thread that ties a request to every event that follows from it."""

from dataclasses import dataclass

from chassis.clock import new_id


@dataclass(frozen=True, slots=True)
class Cause:
    """Carried from a request or an event into what it leads to."""

    #: One per journey, from the first request to the last event.
    correlation_id: str
    #: The id of the event that led directly here; None when a request did.
    causation_id: str | None = None
    #: W3C Trace Context, when the caller sent one.
    traceparent: str | None = None

    @staticmethod
    def fresh() -> "Cause":
        """A journey that begins here: a command at a terminal, a deadline without a past."""
        return Cause(new_id())
