"""Which days are school days, as they travel over HTTP."""

from datetime import date

from chassis.wire import Out
from schemas.directory import CalendarChanged

from directory.domain.calendars import COUNTY


class SpanOut(Out):
    """Days from the first to the last, both included."""

    first: date
    last: date


class CalendarOut(Out):
    """Which days are school days at a school."""

    school_urn: str
    #: `county`, or the school's URN when it has dates of its own.
    calendar_id: str
    terms: tuple[SpanOut, ...]
    closures: tuple[date, ...]
    bank_holidays: tuple[date, ...]
    #: True: nobody has imported term dates, and weekdays but for August are taken for school days.
    assumed: bool

    @classmethod
    def of(cls, urn: str, said: CalendarChanged | None) -> "CalendarOut":
        """The calendar that a school goes by."""
        return cls(
            school_urn=urn,
            calendar_id=said.calendar_id if said else COUNTY,
            terms=tuple(SpanOut(first=term.first, last=term.last) for term in said.terms) if said else (),
            closures=said.closures if said else (),
            bank_holidays=said.bank_holidays if said else (),
            assumed=said is None or not said.terms,
        )
