"""What is heard, and who takes it."""

from typing import Final

from chassis.subscription import Subscription, on
from schemas.directory import CalendarChanged, OrganisationChanged, SchoolChanged
from schemas.referral import (
    CaseBasisWithdrawn,
    CaseCircumstancesChanged,
    CaseClosed,
    CaseErased,
    CaseLinked,
    CaseOpened,
    CaseParticipantsChanged,
    CaseUnlinked,
    ReferralAmended,
    ReferralSubmitted,
)
from schemas.routing import CaseAccepted, CaseAssigned, CaseReassigned, CaseReturned, CaseUnrouted, HandoverAccepted

from assessments.handlers import bases, hearing

SUBSCRIPTIONS: Final[tuple[Subscription, ...]] = (
    on(OrganisationChanged, hearing.note_organisations),
    on(SchoolChanged, hearing.note_schools),
    on(CalendarChanged, hearing.note_calendars),
    on(CaseOpened, hearing.open_cases),
    on(CaseCircumstancesChanged, hearing.change_cases),
    on(CaseParticipantsChanged, hearing.note_participants),
    on(ReferralSubmitted, bases.note_referrals),
    on(ReferralAmended, bases.note_amended),
    on(CaseLinked, bases.note_linked),
    on(CaseUnlinked, bases.note_unlinked),
    on(CaseBasisWithdrawn, bases.end_bases),
    on(CaseAssigned, hearing.note_holders),
    on(CaseReassigned, hearing.note_holders),
    on(CaseReturned, hearing.note_returns),
    on(CaseUnrouted, hearing.note_returns),
    on(CaseAccepted, hearing.accept_cases),
    on(HandoverAccepted, hearing.take_over),
    on(CaseClosed, hearing.close_cases),
    on(CaseErased, hearing.erase_cases),
)
