"""What happens when a time comes."""

from typing import Final

from chassis.deadlines import Deadline, when

from assessments.handlers.clocks import tick_clocks
from assessments.handlers.desk import CLOCKS

DEADLINES: Final[tuple[Deadline, ...]] = (when(CLOCKS, tick_clocks),)
