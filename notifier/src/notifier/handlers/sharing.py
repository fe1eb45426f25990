"""What exchange says of its subscriptions: whose deliveries stopped is told, for nothing is missed in silence."""

from collections.abc import Sequence

from chassis.subscription import Received
from schemas.exchange import SubscriptionStopped

from notifier.domain.facts import SUBSCRIPTION, fact_of
from notifier.domain.planning import Case
from notifier.handlers.telling import News, announce
from notifier.store import Tx


async def note_stopped(events: Sequence[Received[SubscriptionStopped]], tx: Tx) -> None:
    """A subscription is no case: its messages stand in a file of its own, under its id."""
    await tx.cases.others({f"{SUBSCRIPTION}{r.subject}": r.subject for r in events})
    await announce(
        [
            News(
                fact_of(r.event, event_id=r.id, at=r.time),
                Case(f"{SUBSCRIPTION}{r.subject}", r.subject, "routine"),
                r.cause,
            )
            for r in events
        ],
        tx,
    )
