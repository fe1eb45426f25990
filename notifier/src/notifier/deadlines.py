"""What the notifier does when a time comes."""

from typing import Final

from chassis.deadlines import Deadline, when

from notifier.handlers.telling import NEWCOMERS, welcome

DEADLINES: Final[tuple[Deadline, ...]] = (when(NEWCOMERS, welcome),)
