"""What handlers keep and look up, by repositories that hang on the transaction."""

from functools import cached_property

from chassis.transaction import Transaction

from notifier.store.cases import Cases
from notifier.store.families import Families
from notifier.store.inbox import Inbox
from notifier.store.limits import Limits
from notifier.store.people import People
from notifier.store.post import Post
from notifier.store.wishes import Wishes

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

    @cached_property
    def wishes(self) -> Wishes:
        """How people want to be told, and when they are away."""
        return Wishes(self)

    @cached_property
    def limits(self) -> Limits:
        """Time limits, calendars and providers."""
        return Limits(self)

    @cached_property
    def families(self) -> Families:
        """Links to families, and what they answered."""
        return Families(self)
