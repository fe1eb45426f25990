"""What is kept of what others say: the timeline of each case, and what clusters, schools and others are called."""

from collections.abc import Sequence
from typing import Any, Final

from chassis.subscription import Received
from schemas.directory import OrganisationChanged, SchoolChanged
from schemas.notification import NotificationEvent
from schemas.placement import ProviderChanged
from schemas.referral import CaseDisclosed, ReferralSubmitted
from schemas.routing import ClusterCapacityChanged, ClusterChanged

from referral_api.store import Tx
from referral_api.store.names import Known

#: Telling of a case, and reading it, changes nothing of it.
NO_CHANGE: Final = (NotificationEvent, CaseDisclosed)


async def note_on_timeline(events: Sequence[Received[Any]], tx: Tx) -> None:
    """Any event of a case, from any service, our own included: what everybody can read is what was said.

    A notice of an exclusion is told as such, not as a referral that asks for nothing.
    """
    worth = [each for each in events if not (isinstance(each.event, ReferralSubmitted) and not each.event.requested)]
    await tx.timeline.note(worth)
    changes = [each for each in worth if not isinstance(each.event, NO_CHANGE)]
    if changes:
        await tx.timeline.changed(changes)


async def note_clusters(events: Sequence[Received[ClusterChanged]], tx: Tx) -> None:
    """Clusters as they now are."""
    await tx.names.keep([_cluster(received) for received in events])


async def note_capacities(events: Sequence[Received[ClusterCapacityChanged]], tx: Tx) -> None:
    """The same, said for another reason: the newest event of a cluster may be the only one there is."""
    await tx.names.keep([_cluster(received) for received in events])


async def note_organisations(events: Sequence[Received[OrganisationChanged]], tx: Tx) -> None:
    """Organisations as they now are."""
    await tx.names.keep(
        [Known("organisation", received.event.organisation_id, received.event.name) for received in events]
    )


async def note_schools(events: Sequence[Received[SchoolChanged]], tx: Tx) -> None:
    """Schools as they now are."""
    await tx.names.keep([Known("school", each.event.school_urn, each.event.name) for each in events])


async def note_providers(events: Sequence[Received[ProviderChanged]], tx: Tx) -> None:
    """Providers of alternative provision as they now are."""
    await tx.names.keep([Known("provider", each.event.provider_id, each.event.provider.name) for each in events])


def _cluster(received: Received[ClusterChanged] | Received[ClusterCapacityChanged]) -> Known:
    event = received.event
    return Known("cluster", event.cluster_id, event.cluster.name, event.cluster.organisation_id)
