"""What the notifier hears, and who takes it."""

from typing import Final

from chassis.subscription import Subscription, on
from schemas.directory import PersonChanged, RoleChanged
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
    ReferralInformationProvided,
    ReferralInformationRequested,
    ReferralSubmitted,
    ReferralWithdrawn,
)
from schemas.routing import (
    CaseAccepted,
    CaseAssigned,
    CaseReassigned,
    CaseReturned,
    CaseUnrouted,
    ClusterCapacityChanged,
    ClusterChanged,
    HandoverAccepted,
    HandoverLapsed,
    HandoverOffered,
)

from notifier.handlers import hearing

SUBSCRIPTIONS: Final[tuple[Subscription, ...]] = (
    on(PersonChanged, hearing.note_people),
    on(RoleChanged, hearing.note_roles),
    on(ClusterChanged, hearing.note_clusters),
    on(ClusterCapacityChanged, hearing.note_clusters),
    on(ReferralSubmitted, hearing.note_referral),
    on(ReferralAmended, hearing.pass_on),
    on(ReferralInformationRequested, hearing.pass_on),
    on(ReferralInformationProvided, hearing.pass_on),
    on(ReferralWithdrawn, hearing.pass_on),
    on(CaseOpened, hearing.open_case),
    on(CaseLinked, hearing.join_referral),
    on(CaseUnlinked, hearing.part_referral),
    on(CaseCircumstancesChanged, hearing.note_circumstances),
    on(CaseParticipantsChanged, hearing.note_participants),
    on(CaseBasisWithdrawn, hearing.pass_on),
    on(CaseClosed, hearing.close_case),
    on(CaseErased, hearing.erase_case),
    on(CaseAssigned, hearing.note_holder),
    on(CaseAccepted, hearing.note_holder),
    on(CaseReassigned, hearing.note_holder),
    on(CaseReturned, hearing.note_return),
    on(CaseUnrouted, hearing.note_return),
    on(HandoverOffered, hearing.note_handover),
    on(HandoverAccepted, hearing.note_holder),
    on(HandoverLapsed, hearing.note_handover),
)
