"""What handlers keep and look up, by repositories that hang on the transaction."""

from functools import cached_property

from chassis.transaction import Transaction

from referral_api.store.case_files import CaseFiles
from referral_api.store.erasures import Erasures
from referral_api.store.grants import Grants
from referral_api.store.identities import Identities
from referral_api.store.names import KnownNames
from referral_api.store.notices import Notices
from referral_api.store.places import Places
from referral_api.store.requests import InformationRequests
from referral_api.store.timeline import Timeline

__all__ = ["Tx"]


class Tx(Transaction):
    """A transaction with the repositories of referral-api."""

    @cached_property
    def cases(self) -> CaseFiles:
        """Cases with their referrals."""
        return CaseFiles(self)

    @cached_property
    def identities(self) -> Identities:
        """Who may be whom."""
        return Identities(self)

    @cached_property
    def notices(self) -> Notices:
        """Which notices of exclusions were taken before."""
        return Notices(self)

    @cached_property
    def requests(self) -> InformationRequests:
        """What senders were asked for, and their answers."""
        return InformationRequests(self)

    @cached_property
    def places(self) -> Places:
        """Where postcodes are."""
        return Places(self)

    @cached_property
    def names(self) -> KnownNames:
        """What clusters and organisations are called."""
        return KnownNames(self)

    @cached_property
    def timeline(self) -> Timeline:
        """What every service has said of a case."""
        return Timeline(self)

    @cached_property
    def erasures(self) -> Erasures:
        """Letting everything personal of a case go."""
        return Erasures(self)

    @cached_property
    def grants(self) -> Grants:
        """Who may read outside their team."""
        return Grants(self)
