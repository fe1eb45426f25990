"""What handlers keep and look up, by repositories that hang on the transaction."""

from functools import cached_property

from chassis.transaction import Transaction

from portal.store.batches import Batches
from portal.store.marks import Marks
from portal.store.sessions import Sessions

__all__ = ["Tx"]


class Tx(Transaction):
    """A transaction with the portal's repositories."""

    @cached_property
    def sessions(self) -> Sessions:
        """Who is signed in, and who is about to be."""
        return Sessions(self)

    @cached_property
    def marks(self) -> Marks:
        """What was seen up to when, and why somebody looked."""
        return Marks(self)

    @cached_property
    def batches(self) -> Batches:
        """What waits until nobody changes their mind any more."""
        return Batches(self)
