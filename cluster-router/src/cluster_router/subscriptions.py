"""What the router hears, and who takes it."""

from typing import Final

from chassis.subscription import Subscription, on
from schemas.directory import CalendarChanged, RoleChanged, SchoolChanged
from schemas.referral import CaseCircumstancesChanged, CaseClosed, CaseErased, CaseOpened, CaseParticipantsChanged

from cluster_router.handlers import county, routing

SUBSCRIPTIONS: Final[tuple[Subscription, ...]] = (
    on(SchoolChanged, county.note_schools),
    on(RoleChanged, county.note_roles),
    on(CalendarChanged, county.note_calendar),
    on(CaseOpened, routing.route_cases),
    on(CaseCircumstancesChanged, routing.reroute_cases),
    on(CaseParticipantsChanged, routing.note_participants),
    on(CaseClosed, routing.close_cases),
    on(CaseErased, routing.erase_cases),
)
