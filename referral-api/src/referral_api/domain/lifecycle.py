"""The whole life of a referral and of a case: which state may follow which."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class ReferralStatus(StrEnum):
    """Where a referral stands with the agency that sent it."""

    SUBMITTED = "submitted"
    #: Somebody working the case asked the sender for more and waits.
    INFORMATION_REQUESTED = "information-requested"
    #: The sender no longer asks for help.
    WITHDRAWN = "withdrawn"
    #: The case that it belongs to ended.
    CLOSED = "closed"


class CaseStatus(StrEnum):
    """Whether anybody still works the case."""

    OPEN = "open"
    CLOSED = "closed"
    #: Nothing personal is left of it.
    ERASED = "erased"


_S = ReferralStatus
#: The picture in the README is this table.
NEXT: Final[Mapping[ReferralStatus, frozenset[ReferralStatus]]] = {
    _S.SUBMITTED: frozenset({_S.INFORMATION_REQUESTED, _S.WITHDRAWN, _S.CLOSED}),
    _S.INFORMATION_REQUESTED: frozenset({_S.SUBMITTED, _S.WITHDRAWN, _S.CLOSED}),
    _S.WITHDRAWN: frozenset(),
    _S.CLOSED: frozenset(),
}

#: A case that ended stays ended; a later referral of the child opens the child's next case.
NEXT_OF_CASE: Final[Mapping[CaseStatus, frozenset[CaseStatus]]] = {
    CaseStatus.OPEN: frozenset({CaseStatus.CLOSED}),
    CaseStatus.CLOSED: frozenset({CaseStatus.ERASED}),
    CaseStatus.ERASED: frozenset(),
}

#: A referral in one of these still asks for help.
ACTIVE: Final = frozenset(status for status in ReferralStatus if NEXT[status])


def may_become(was: ReferralStatus, to: ReferralStatus) -> bool:
    """Whether a referral may go from one state to the other; staying is not going."""
    return to in NEXT[was]
