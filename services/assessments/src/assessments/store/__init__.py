"""What handlers keep and look up, by repositories that hang on the transaction."""

from functools import cached_property

from chassis.transaction import Transaction

from assessments.store.casework import Casework
from assessments.store.county import CaseFile, CountyStore
from assessments.store.texts import Texts

__all__ = ["CaseFile", "Tx"]


class Tx(Transaction):
    """A transaction with this service's repositories."""

    @cached_property
    def county(self) -> CountyStore:
        """Cases, who takes part, organisations, calendars: what others said."""
        return CountyStore(self)

    @cached_property
    def casework(self) -> Casework:
        """Assessments, advice, plans, statutory requests and clocks."""
        return Casework(self)

    @cached_property
    def texts(self) -> Texts:
        """What people wrote, and the links by which some of them answer."""
        return Texts(self)
