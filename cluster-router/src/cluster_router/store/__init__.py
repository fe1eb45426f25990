"""What handlers keep and look up, by repositories that hang on the transaction."""

from functools import cached_property

from chassis.transaction import Transaction

from cluster_router.store.cases import CaseFile, Cases
from cluster_router.store.county import CountyStore
from cluster_router.store.decisions import Decisions
from cluster_router.store.tenures import Tenures
from cluster_router.store.transfers import Transfers

__all__ = ["CaseFile", "Tx"]


class Tx(Transaction):
    """A transaction with the router's repositories."""

    @cached_property
    def county(self) -> CountyStore:
        """Schools, clusters, teams, and the lock that decisions are made under."""
        return CountyStore(self)

    @cached_property
    def cases(self) -> Cases:
        """Cases and who takes part in them."""
        return Cases(self)

    @cached_property
    def decisions(self) -> Decisions:
        """Every decision with its trace."""
        return Decisions(self)

    @cached_property
    def tenures(self) -> Tenures:
        """Who held which case, from when until when."""
        return Tenures(self)

    @cached_property
    def transfers(self) -> Transfers:
        """Who was offered to a secondary cluster for Year 7."""
        return Transfers(self)
