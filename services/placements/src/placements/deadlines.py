"""What happens when a time comes."""

from typing import Final

from chassis.deadlines import Deadline, when

from placements.handlers import duties, offers, providers, recount, running
from placements.handlers.desk import HOLD_EXPIRES, OFFER_LAPSES

DEADLINES: Final[tuple[Deadline, ...]] = (
    when(HOLD_EXPIRES, offers.expire_holds),
    when(OFFER_LAPSES, offers.lapse_offers),
    when(running.SILENCE, running.silence),
    when(running.REINTEGRATION, running.check_reintegrations),
    when(providers.CHECK_LAPSES, providers.check_lapses),
    when(recount.DUTY_SOON, duties.due_soon),
    when(recount.DUTY_PASSED, duties.passed),
    when(recount.YEAR_ENDED, duties.year_ended),
    when(duties.CALENDAR_CHANGED, duties.recount_after_calendar),
)
