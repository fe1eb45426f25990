"""What exchange hears: every event that a sharing rule names, and what each changes here before it is told on."""

from typing import Final

from chassis.subscription import Subscription, on
from schemas.directory import OrganisationChanged
from schemas.event import Event
from schemas.referral import (
    CaseBasisWithdrawn,
    CaseCircumstancesChanged,
    CaseDisclosed,
    CaseErased,
    CaseOpened,
    CaseParticipantsChanged,
    CaseUnlinked,
    ReferralAmended,
    ReferralSubmitted,
)
from schemas.routing import CaseAssigned, CaseReassigned, ClusterCapacityChanged, ClusterChanged, HandoverAccepted

from exchange.handlers import cases, rights, telling
from exchange.policy import LET_OUT

_FIRST: Final[tuple[Subscription, ...]] = (
    on(OrganisationChanged, rights.note_organisations),
    on(ReferralSubmitted, cases.note_submitted),
    on(ReferralAmended, cases.note_amended),
    on(CaseOpened, cases.note_circumstances),
    on(CaseCircumstancesChanged, cases.note_circumstances),
    on(CaseParticipantsChanged, cases.note_participants),
    on(CaseDisclosed, cases.note_disclosures),
    on(CaseAssigned, cases.note_place),
    on(CaseReassigned, cases.note_place),
    on(HandoverAccepted, cases.note_place),
    on(ClusterChanged, cases.note_clusters),
    on(ClusterCapacityChanged, cases.note_clusters),
)
#: Who relied on it hears of the end before it ends for them.
_LAST: Final[tuple[Subscription, ...]] = (
    on(CaseUnlinked, cases.note_unlinked),
    on(CaseBasisWithdrawn, cases.end_bases),
    on(CaseErased, cases.erase),
)


def _pass_on(kind: type[Event]) -> Subscription:
    return on(kind, telling.pass_on)


SUBSCRIPTIONS: Final[tuple[Subscription, ...]] = (*_FIRST, *map(_pass_on, LET_OUT), *_LAST)
