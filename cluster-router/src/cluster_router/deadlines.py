"""What happens when a time comes."""

from typing import Final

from chassis.deadlines import Deadline, when

from cluster_router.handlers.assignments import lapse_handovers
from cluster_router.handlers.routing import HANDOVER_LAPSES

DEADLINES: Final[tuple[Deadline, ...]] = (when(HANDOVER_LAPSES, lapse_handovers),)
