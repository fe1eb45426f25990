"""What happens when a time comes."""

from typing import Final

from chassis.deadlines import Deadline, when

from cluster_router.handlers.county import TAKES_EFFECT, take_effect
from cluster_router.handlers.desk import HANDOVER_ESCALATES, HANDOVER_LAPSES, QUEUE_RECONSIDERED
from cluster_router.handlers.handovers import escalate_handovers, lapse_handovers
from cluster_router.handlers.routing import reconsider_the_queue
from cluster_router.handlers.transfers import TRANSFERS_DUE, run_transfers

DEADLINES: Final[tuple[Deadline, ...]] = (
    when(HANDOVER_ESCALATES, escalate_handovers),
    when(HANDOVER_LAPSES, lapse_handovers),
    when(TRANSFERS_DUE, run_transfers),
    when(QUEUE_RECONSIDERED, reconsider_the_queue),
    when(TAKES_EFFECT, take_effect),
)
