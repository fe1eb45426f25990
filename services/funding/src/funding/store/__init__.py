"""What handlers keep and look up, by repositories that hang on the transaction."""

from functools import cached_property

from chassis.transaction import Transaction

from funding.store.budgets import Budgets
from funding.store.cases import Cases
from funding.store.requests import Requests

__all__ = ["Tx"]


class Tx(Transaction):
    """A transaction with this service's repositories."""

    @cached_property
    def cases(self) -> Cases:
        """Cases, their referrals, who takes part, schools, clusters, the calendar."""
        return Cases(self)

    @cached_property
    def requests(self) -> Requests:
        """Requests with their parts, awards with their instalments."""
        return Requests(self)

    @cached_property
    def budgets(self) -> Budgets:
        """Budgets and the ledger."""
        return Budgets(self)
