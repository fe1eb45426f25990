"""What is kept of what others say: the timeline of each case, and the names of clusters and organisations."""

from collections.abc import Sequence
from typing import Any

from chassis.subscription import Received
from schemas.directory import OrganisationChanged
from schemas.routing import ClusterCapacityChanged, ClusterChanged

from referral_api.store import Tx
from referral_api.store.names import Known


async def note_on_timeline(events: Sequence[Received[Any]], tx: Tx) -> None:
    """Any event of a case, from any service, our own included: what everybody can read is what was said."""
    await tx.timeline.note(events)


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


def _cluster(received: Received[ClusterChanged] | Received[ClusterCapacityChanged]) -> Known:
    event = received.event
    return Known("cluster", event.cluster_id, event.cluster.name, event.cluster.organisation_id)
