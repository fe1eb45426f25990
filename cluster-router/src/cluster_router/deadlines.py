"""What happens when a time comes."""

from typing import Final

from chassis.deadlines import Deadline, when

from cluster_router.handlers.assignments import lapse_handovers
from cluster_router.handlers.county import TAKES_EFFECT, take_effect
from cluster_router.handlers.desk import HANDOVER_LAPSES, QUEUE_RECONSIDERED
from cluster_router.handlers.routing import reconsider_the_queue

DEADLINES: Final[tuple[Deadline, ...]] = (
    when(HANDOVER_LAPSES, lapse_handovers),
    when(QUEUE_RECONSIDERED, reconsider_the_queue),
    when(TAKES_EFFECT, take_effect),
)
