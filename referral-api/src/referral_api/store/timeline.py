"""What every service has said of a case."""

from collections.abc import Sequence
from typing import Any

from chassis.subscription import Received
from chassis.transaction import Transaction

from referral_api.tables import timeline_entry


class Timeline:
    """Repository of timelines."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def note(self, events: Sequence[Received[Any]]) -> None:
        """Add these; one that is there stays as it is."""
        await self._tx.insert(
            timeline_entry,
            [
                {
                    "event_id": received.id,
                    "case_id": received.event.case_id,
                    "at": received.time,
                    "source": received.source,
                    "sequence": received.sequence,
                    "type": received.type,
                    "data": received.event.model_dump(mode="json", exclude_none=True),
                }
                for received in events
            ],
            conflict=("event_id",),
        )
