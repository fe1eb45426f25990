"""Term dates and closures put to what is known, and said where something that others count by has changed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import orjson
from chassis.cause import Cause
from schemas.directory import CalendarChanged

from directory.domain.calendars import COUNTY, OwnCalendar, Stated, announce_calendar, applying, restated, years_of
from directory.domain.extract import Rejection
from directory.domain.schools import Outcome
from directory.store import Tx

#: The bank holidays of these years, in order.
BankHolidays = Callable[[range], Sequence[date]]


@dataclass(frozen=True, slots=True)
class Restated:
    """What a file's statement of one calendar did."""

    calendar_id: str
    outcome: Outcome
    changed: tuple[str, ...] = ()


async def tell_calendars(
    given: Mapping[str, Sequence[Stated]], tx: Tx, *, holidays: BankHolidays, cause: Cause
) -> list[Restated | list[Rejection]]:
    """A file says this of these calendars: keep it, and say each calendar that is now another.

    A school that goes by the county's in some years is said anew when the county's changes.
    """
    await tx.lock_subjects([COUNTY, *given])
    known, said = await tx.calendars.known()
    schools = await tx.schools.known(id for id in given if id != COUNTY)
    after = dict(known)
    outcomes: list[Restated | list[Rejection]] = []
    for id in sorted(given, key=lambda id: (id != COUNTY, id)):
        rows = given[id]
        if id != COUNTY and id not in schools:
            outcomes.append([Rejection(rows[0].line, "calendar", "school-unknown")])
            continue
        before = known.get(id)
        now, wrong = restated(before or OwnCalendar(id), rows, after.get(COUNTY, OwnCalendar(COUNTY)))
        if wrong:
            outcomes.append(wrong)
            continue
        after[id] = now
        outcomes.append(_outcome(before, now))
    await tx.calendars.save([one for id, one in after.items() if known.get(id) != one])
    county = after.get(COUNTY, OwnCalendar(COUNTY))
    events = [_announced(after[id], county, holidays) for id in sorted(after)]
    news = [event for event in events if said.get(event.calendar_id) != orjson.loads(event.to_json())]
    for event in news:
        tx.emit(event, cause)
    await tx.calendars.note_said(news)
    return outcomes


def _announced(own: OwnCalendar, county: OwnCalendar, holidays: BankHolidays) -> CalendarChanged:
    terms, closures = applying(own, county)
    return announce_calendar(own.calendar_id, terms, closures, holidays(years_of(terms)))


def _outcome(before: OwnCalendar | None, now: OwnCalendar) -> Restated:
    if before is None:
        return Restated(now.calendar_id, Outcome.NEW)
    pairs = (("terms", before.terms, now.terms), ("closures", before.closures, now.closures))
    changed = tuple(name for name, was, is_now in pairs if was != is_now)
    return Restated(now.calendar_id, Outcome.CHANGED if changed else Outcome.UNCHANGED, changed)
