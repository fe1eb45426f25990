"""Which days are school days: what files state of terms and closures, and what then applies at a school."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import pairwise
from typing import Any, Final

from schemas.days import school_year
from schemas.directory import CalendarChanged, Span

from directory.domain.extract import Record, Rejection, Unreadable, decoded
from directory.domain.register import BadCellError, day

#: The calendar of every school that has none of its own.
COUNTY: Final = "county"
TERM, CLOSURE = "term", "closure"
CALENDAR_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "calendar": ("calendar", "school", "urn"),
    "kind": ("kind", "what"),
    "first": ("first", "first_day", "from"),
    "last": ("last", "last_day", "until"),
}
_ID: Final = re.compile(rf"{COUNTY}|[0-9]{{6}}")
_LISTS: Final = {"terms": TERM, "closures": CLOSURE}

Term = tuple[date, date]
#: A school year by its first day.
Year = date


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a file of term dates may say."""

    longest_term_days: int
    earliest_year: int
    latest_year: int


@dataclass(frozen=True, slots=True)
class Stated:
    """A row of a file: a term, or days inside terms on which no pupil comes."""

    line: int
    calendar_id: str
    kind: str
    first: date
    last: date


@dataclass(frozen=True, slots=True)
class OwnCalendar:
    """What was stated of the county, or of one school where it differs; in order."""

    calendar_id: str
    terms: tuple[Term, ...] = ()
    closures: tuple[date, ...] = ()


def calendar_row(record: Record, bounds: Bounds) -> Stated | Rejection:
    """A row of a comma-separated file."""
    cells = {name: record.first(columns) or "" for name, columns in CALENDAR_COLUMNS.items()}
    return _stated(record.line, cells, bounds)


def calendar_document(data: bytes, bounds: Bounds) -> Iterator[Stated | Rejection]:
    """What a JSON file states: `{"calendar", "terms": [{"first", "last"}], "closures": [...]}`, or a list of such.

    Its entries are counted as lines. Raises `Unreadable` when it is nothing of the kind.
    """
    try:
        document = json.loads(decoded(data))
    except ValueError as error:
        raise Unreadable("The file is not JSON.") from error
    line = 0
    for one in document if isinstance(document, list) else [document]:
        if not isinstance(one, dict) or one.keys() - {"calendar", *_LISTS}:
            raise Unreadable("A calendar is an object of calendar, terms and closures.")
        for name, kind in _LISTS.items():
            entries = one.get(name, [])
            if not isinstance(entries, list):
                raise Unreadable(f"{name} must be a list.")
            for entry in entries:
                line += 1
                yield _entry(line, one.get("calendar", COUNTY), kind, entry, bounds)


def _entry(line: int, calendar_id: Any, kind: str, entry: Any, bounds: Bounds) -> Stated | Rejection:
    cells = {"first": entry} if isinstance(entry, str) else entry
    if not isinstance(cells, dict) or not all(isinstance(cell, str) for cell in (calendar_id, *cells.values())):
        return Rejection(line, None, "not-a-span-of-days")
    return _stated(line, {"last": "", "first": "", **cells, "calendar": calendar_id, "kind": kind}, bounds)


def _stated(line: int, cells: Mapping[str, str], bounds: Bounds) -> Stated | Rejection:
    calendar_id, kind = cells["calendar"].casefold() or COUNTY, cells["kind"].casefold()
    if not _ID.fullmatch(calendar_id):
        return Rejection(line, "calendar", "neither-county-nor-urn")
    if kind not in {TERM, CLOSURE}:
        return Rejection(line, "kind", "neither-term-nor-closure")
    field = "first"
    try:
        first = day(cells["first"])
        field = "last"
        # A closure is often one day; a term never is.
        last = first if kind == CLOSURE and not cells["last"] else day(cells["last"])
    except BadCellError as bad:
        return Rejection(line, field, str(bad))
    why_not = _why_not(first, last, bounds)
    return Rejection(line, "last", why_not) if why_not else Stated(line, calendar_id, kind, first, last)


def _why_not(first: date, last: date, bounds: Bounds) -> str | None:
    if last < first:
        return "ends-before-it-begins"
    if not bounds.earliest_year <= first.year <= last.year <= bounds.latest_year:
        return "year-out-of-range"
    return "too-long" if (last - first).days >= bounds.longest_term_days else None


def restated(known: OwnCalendar, said: Sequence[Stated], county: OwnCalendar) -> tuple[OwnCalendar, list[Rejection]]:
    """What is known, put together with what a file says: a school year that it speaks of is as it says.

    With a wrong row nothing is taken: half a year would count days wrongly. `county` is what a school without terms
    of its own goes by.
    """
    fresh = [one for one in said if one.kind == TERM]
    spoken = {_year(one.last) for one in fresh}
    lines = {(one.first, one.last): one.line for one in fresh}
    kept = [term for term in known.terms if _year(term[1]) not in spoken]
    terms = tuple(sorted({*kept, *lines}))
    rejections = [
        Rejection(lines.get(later) or lines[earlier], "first", "overlaps-another-term")
        for earlier, later in pairwise(terms)
        if later[0] <= earlier[1]
    ]
    around, _ = applying(replace(known, terms=terms), county)
    days: set[date] = set()
    for one in said:
        if one.kind == CLOSURE:
            if not all(_term_of(each, around) for each in (one.first, one.last)):
                rejections.append(Rejection(one.line, "first", "outside-the-terms"))
            days.update(one.first + timedelta(days=n) for n in range((one.last - one.first).days + 1))
    spoken |= {_year_of(each, around) for each in days}
    days.update(each for each in known.closures if _year_of(each, around) not in spoken)
    closures = tuple(sorted(each for each in days if _term_of(each, around)))
    return replace(known, terms=terms, closures=closures), rejections


def applying(own: OwnCalendar, county: OwnCalendar) -> tuple[tuple[Term, ...], tuple[date, ...]]:
    """The terms and closures that apply: a school's own in the school years it names, the county's in all others."""
    if own.calendar_id == COUNTY:
        return own.terms, own.closures
    own_years = {_year(last) for _, last in own.terms}
    terms = tuple(sorted({*own.terms, *(term for term in county.terms if _year(term[1]) not in own_years)}))
    own_closed = own_years | {_year_of(each, terms) for each in own.closures}
    others = (each for each in county.closures if _year_of(each, county.terms) not in own_closed)
    return terms, tuple(sorted({*own.closures, *others}))


def years_of(terms: Iterable[Term]) -> range:
    """The calendar years that the school years of these terms touch."""
    days = [day for term in terms for day in term]
    if not days:
        return range(0)
    return range(school_year(min(days))[0].year, school_year(max(days))[1].year + 1)


def announce_calendar(
    calendar_id: str, terms: Sequence[Term], closures: Sequence[date], bank_holidays: Sequence[date]
) -> CalendarChanged:
    """The calendar as others hear of it."""
    return CalendarChanged(
        calendar_id=calendar_id,
        terms=tuple(Span(first=first, last=last) for first, last in terms),
        closures=tuple(closures),
        bank_holidays=tuple(bank_holidays),
    )


def _year(last: date) -> Year:
    """The school year of a term, by its last day: some begin in the last days of August."""
    return school_year(last)[0]


def _year_of(day: date, terms: Sequence[Term]) -> Year:
    term = _term_of(day, terms)
    return _year(term[1] if term else day)


def _term_of(day: date, terms: Sequence[Term]) -> Term | None:
    return next((term for term in terms if term[0] <= day <= term[1]), None)
