"""What referral-api hears, and who takes it. Every event of a case goes on the case's timeline, whoever says it."""

from typing import Final

from chassis.subscription import Subscription, on
from schemas.contracts import every_event
from schemas.directory import OrganisationChanged, SchoolChanged
from schemas.placement import ProviderChanged
from schemas.routing import (
    CaseAccepted,
    CaseAssigned,
    CaseReassigned,
    CaseReturned,
    CaseUnrouted,
    ClusterCapacityChanged,
    ClusterChanged,
    HandoverAccepted,
    HandoverDeclined,
    HandoverLapsed,
    HandoverOffered,
)

from referral_api.handlers import hearing, routing

#: Facts about a case, from every service's contracts.
OF_A_CASE: Final = tuple(event for event in every_event().values() if "case_id" in event.model_fields)

SUBSCRIPTIONS: Final[tuple[Subscription, ...]] = (
    on(ClusterChanged, hearing.note_clusters),
    on(ClusterCapacityChanged, hearing.note_capacities),
    on(OrganisationChanged, hearing.note_organisations),
    on(SchoolChanged, hearing.note_schools),
    on(ProviderChanged, hearing.note_providers),
    on(CaseAssigned, routing.note_assigned),
    on(CaseAccepted, routing.note_accepted),
    on(CaseReturned, routing.note_returned),
    on(CaseReassigned, routing.note_reassigned),
    on(CaseUnrouted, routing.note_unrouted),
    on(HandoverOffered, routing.note_offered),
    on(HandoverAccepted, routing.note_handover_accepted),
    on(HandoverDeclined, routing.note_declined),
    on(HandoverLapsed, routing.note_lapsed),
    *(on(event, hearing.note_on_timeline) for event in OF_A_CASE),
)
