"""What placements hears, and who takes it."""

from typing import Final

from chassis.subscription import Subscription, on
from schemas.directory import CalendarChanged, OrganisationChanged, SchoolChanged
from schemas.referral import (
    CaseCircumstancesChanged,
    CaseClosed,
    CaseErased,
    CaseOpened,
    CaseParticipantsChanged,
    CaseUnlinked,
    ExclusionNotified,
    ReferralSubmitted,
)
from schemas.routing import CaseAccepted, CaseAssigned, CaseReassigned, CaseReturned, HandoverAccepted

from placements.handlers import cases, duties, exclusions, moving

SUBSCRIPTIONS: Final[tuple[Subscription, ...]] = (
    on(SchoolChanged, cases.note_schools),
    on(OrganisationChanged, cases.note_organisations),
    on(CalendarChanged, duties.note_calendars),
    on(CaseOpened, cases.note_opened),
    on(CaseCircumstancesChanged, cases.note_circumstances),
    on(CaseParticipantsChanged, cases.note_participants),
    on(ReferralSubmitted, cases.note_referrals),
    on(ExclusionNotified, exclusions.note_exclusions),
    on(CaseUnlinked, moving.move_exclusions),
    on(CaseAssigned, cases.note_assigned),
    on(CaseReassigned, cases.note_assigned),
    on(CaseAccepted, cases.note_taken),
    on(HandoverAccepted, cases.note_taken),
    on(CaseReturned, cases.note_returned),
    on(CaseClosed, cases.close_cases),
    on(CaseErased, cases.erase_cases),
)
