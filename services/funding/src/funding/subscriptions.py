"""What funding hears, and who takes it."""

from typing import Final

from chassis.subscription import Subscription, on
from schemas.directory import CalendarChanged, SchoolChanged
from schemas.referral import (
    CaseCircumstancesChanged,
    CaseClosed,
    CaseErased,
    CaseOpened,
    CaseParticipantsChanged,
    CaseUnlinked,
    ReferralSubmitted,
    ReferralWithdrawn,
)
from schemas.routing import CaseAssigned, CaseReassigned, ClusterCapacityChanged, ClusterChanged, HandoverAccepted

from funding.handlers import cases

SUBSCRIPTIONS: Final[tuple[Subscription, ...]] = (
    on(ReferralSubmitted, cases.note_referrals),
    on(ReferralWithdrawn, cases.withdraw_referrals),
    on(CaseOpened, cases.note_opened),
    on(CaseCircumstancesChanged, cases.note_circumstances),
    on(CaseParticipantsChanged, cases.note_participants),
    on(CaseUnlinked, cases.unlink_referrals),
    on(CaseClosed, cases.close_cases),
    on(CaseErased, cases.erase_cases),
    on(CaseAssigned, cases.place_cases),
    on(CaseReassigned, cases.place_cases),
    on(HandoverAccepted, cases.place_cases),
    on(ClusterChanged, cases.note_clusters),
    on(ClusterCapacityChanged, cases.note_clusters),
    on(SchoolChanged, cases.note_schools),
    on(CalendarChanged, cases.note_calendars),
)
