"""What happens when a time comes."""

from typing import Final

from chassis.deadlines import Deadline, when

from exchange.handlers.recalls import RECALL_DUE, recalls_come_due
from exchange.handlers.rights import AGREEMENT_ENDS, SUBSCRIPTION_ENDS, agreements_lapse, subscriptions_lapse

DEADLINES: Final[tuple[Deadline, ...]] = (
    when(AGREEMENT_ENDS, agreements_lapse),
    when(SUBSCRIPTION_ENDS, subscriptions_lapse),
    when(RECALL_DUE, recalls_come_due),
)
