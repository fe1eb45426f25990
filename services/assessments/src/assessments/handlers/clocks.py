"""What a day makes of clocks: told of when near, breached when past; once each, and late rather than never."""

from collections.abc import Sequence

from chassis.deadlines import Due

from assessments.domain.clocks import tick
from assessments.handlers.desk import Desk
from assessments.store import Tx


async def tick_clocks(due: Sequence[Due], tx: Tx) -> None:
    """The next day of some clocks of these cases has come, or came while nobody could look."""
    desk = await Desk.open(tx, [one.subject for one in due])
    for one in due:
        for clock in desk.open_clocks(one.subject):
            desk.keep_clock(tick(clock, desk.limit_of(clock), desk.today), one.cause)
    await desk.close()
