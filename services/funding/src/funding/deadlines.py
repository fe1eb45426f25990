"""What happens when a time comes."""

from typing import Final

from chassis.deadlines import Deadline, when

from funding.handlers.budgets import look_at_waiting
from funding.handlers.desk import MONEY_RELEASED

DEADLINES: Final[tuple[Deadline, ...]] = (when(MONEY_RELEASED, look_at_waiting),)
