"""What handlers keep and look up, by repositories that hang on the transaction."""

from functools import cached_property

from chassis.transaction import Transaction

from notifier.store.cases import Cases
from notifier.store.inbox import Inbox
from notifier.store.people import People
from notifier.store.post import Post

__all__ = ["Tx"]


class Tx(Transaction):
    """A transaction with the notifier's repositories."""

    @cached_property
    def people(self) -> People:
        """Who is what, where."""
        return People(self)

    @cached_property
    def cases(self) -> Cases:
        """What is known of cases."""
        return Cases(self)

    @cached_property
    def inbox(self) -> Inbox:
        """Whom facts were for, and who was told."""
        return Inbox(self)

    @cached_property
    def post(self) -> Post:
        """Letters, receipts and tasks."""
        return Post(self)
