"""What the notifier does when a time comes."""

from typing import Final

from chassis.deadlines import Deadline, when

from notifier.handlers.escalating import STEP, take_steps
from notifier.handlers.telling import NEWCOMERS, UNREAD, pass_up, welcome

DEADLINES: Final[tuple[Deadline, ...]] = (when(NEWCOMERS, welcome), when(STEP, take_steps), when(UNREAD, pass_up))
