"""What handlers keep and look up, by repositories that hang on the transaction."""

from functools import cached_property

from chassis.transaction import Transaction

from exchange.store.agreements import Agreements
from exchange.store.cases import Cases
from exchange.store.deliveries import Deliveries
from exchange.store.events import Events
from exchange.store.keys import Keys
from exchange.store.ledger import Ledger
from exchange.store.replays import Replays
from exchange.store.streams import Streams
from exchange.store.telling import Teller

__all__ = ["Tx"]


class Tx(Transaction):
    """A transaction that also tells: what `teller` was given is written as it closes."""

    @cached_property
    def cases(self) -> Cases:
        """Cases: who takes part, on which bases, and what subscriptions filter by."""
        return Cases(self)

    @cached_property
    def events(self) -> Events:
        """What was said, for as long as it can be told."""
        return Events(self)

    @cached_property
    def agreements(self) -> Agreements:
        """What was agreed with whom."""
        return Agreements(self)

    @cached_property
    def streams(self) -> Streams:
        """Feeds and subscriptions."""
        return Streams(self)

    @cached_property
    def deliveries(self) -> Deliveries:
        """Webhooks to be sent, and how their receivers are doing."""
        return Deliveries(self)

    @cached_property
    def keys(self) -> Keys:
        """What webhooks are signed with."""
        return Keys(self)

    @cached_property
    def ledger(self) -> Ledger:
        """Who was told what, read what, and acknowledged what."""
        return Ledger(self)

    @cached_property
    def replays(self) -> Replays:
        """What is told again."""
        return Replays(self)

    @cached_property
    def teller(self) -> Teller:
        """Collects what is to be told."""
        return Teller(self)

    async def close(self) -> None:
        """Tell what was collected, then whatever every transaction does last."""
        await self.teller.close()
        await super().close()
