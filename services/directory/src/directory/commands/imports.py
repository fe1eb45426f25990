"""Imports with a runtime at hand, as the commands and the demo county call them."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import date
from typing import Final, TypeVar

from chassis.cause import Cause
from chassis.clock import new_id
from chassis.service import Runtime

from directory import clients
from directory.domain import lists
from directory.domain.calendars import CALENDAR_COLUMNS, Stated, calendar_document, calendar_row
from directory.domain.extract import Rejection, Table, table
from directory.domain.people import Organisation
from directory.domain.register import statement, whole_number_text
from directory.domain.report import Report
from directory.domain.schools import Outcome, Statement
from directory.domain.successors import Link, link, successions
from directory.handlers.calendars import Restated, tell_calendars
from directory.handlers.lists import list_people
from directory.handlers.organisations import list_organisations
from directory.handlers.schools import link_schools, tell_schools
from directory.store import Tx

T = TypeVar("T")

#: Rows of one transaction.
BATCH: Final = 500
Note = Callable[[int], None]


def _silent(_rows: int) -> None:
    """Nobody watches."""


class _OnlyAsked(Exception):
    """A dry run ends: nothing of it stays."""


async def import_schools(
    runtime: Runtime, data: bytes, *, as_of: date, dry_run: bool = False, note: Note = _silent
) -> Report:
    """Read an extract of the register, as it was on a day. Raises `Unreadable` when it is none."""
    columns, codes = clients.columns(), clients.codes()
    report = Report()
    statements: dict[str, Statement] = {}
    for record in _read(report, data, [columns.schools["urn"]]).records:
        said, rejections = statement(record, columns, codes)
        report.reject(rejections)
        if said is not None and said.urn in statements:
            report.reject([Rejection(record.line, "urn", "named-twice")])
        elif said is not None:
            statements[said.urn] = said

    async def take(batch: Sequence[Statement], tx: Tx) -> None:
        for said, told in zip(batch, await tell_schools(batch, tx, as_of=as_of, cause=cause), strict=True):
            if isinstance(told, str):
                report.reject([Rejection(said.line, told, "missing-for-a-new-school")])
                continue
            report.older += told.older
            report.add(said.urn, told.outcome, told.changed)

    cause = Cause.fresh()
    await _in_batches(runtime, list(statements.values()), take, dry_run=dry_run, note=note)
    return report


async def import_school_links(
    runtime: Runtime, data: bytes, *, as_of: date, dry_run: bool = False, note: Note = _silent
) -> Report:
    """Read the register's links between schools, as they were on a day. Raises `Unreadable` when it is no such file."""
    columns = clients.columns()
    report = Report()
    links: list[Link] = []
    described: list[str] = []
    needs = [columns.links[name] for name in ("urn", "linked", "type")]
    for record in _read(report, data, needs).records:
        found = link(record, columns)
        if isinstance(found, Rejection):
            report.reject([found])
        elif found is None:
            report.passed_over += 1
        else:
            links.append(found)
            described.append(whole_number_text(record.first(columns.links["urn"]) or ""))
    # The file says of each school it describes all links there are: also that none leads on.
    stated: dict[str, tuple[Link, ...]] = dict.fromkeys(described, ()) | successions(links)

    async def take(batch: Sequence[str], tx: Tx) -> None:
        for linked in await link_schools({urn: stated[urn] for urn in batch}, tx, as_of=as_of, cause=cause):
            if not stated[linked.urn] and not linked.changed:
                continue
            report.older += linked.older
            outcome = Outcome.NEW if linked.new else Outcome.CHANGED if linked.changed else Outcome.UNCHANGED
            report.add(linked.urn, outcome, ("successors",))

    cause = Cause.fresh()
    await _in_batches(runtime, sorted(stated), take, dry_run=dry_run, note=note)
    return report


async def import_organisations(runtime: Runtime, data: bytes, *, dry_run: bool = False, note: Note = _silent) -> Report:
    """Read a list of organisations: id, name, sector, kind, active. Raises `Unreadable` when it is none."""
    report = Report()
    found: dict[str, Organisation] = {}
    needs = [lists.ORGANISATION_COLUMNS[name] for name in ("id", "name", "sector", "kind")]
    for record in _read(report, data, needs).records:
        row = lists.organisation(record, clients.words())
        if isinstance(row, Rejection):
            report.reject([row])
        elif row.id in found:
            report.reject([Rejection(record.line, "id", "named-twice")])
        else:
            found[row.id] = row

    async def take(batch: Sequence[Organisation], tx: Tx) -> None:
        for row, outcome in zip(batch, await list_organisations(batch, tx, cause=cause), strict=True):
            report.add(row.id, outcome)

    cause = Cause.fresh()
    await _in_batches(runtime, list(found.values()), take, dry_run=dry_run, note=note)
    return report


async def import_people(runtime: Runtime, data: bytes, *, dry_run: bool = False, note: Note = _silent) -> Report:
    """Read a list of people and roles: person, organisation, name, title, email, active, role, cluster, since, until.

    Raises `Unreadable` when it is none.
    """
    report = Report()
    found: list[lists.Listed] = []
    needs = [lists.PEOPLE_COLUMNS[name] for name in ("organisation", "name")]
    for record in _read(report, data, needs).records:
        row = lists.listed(record, clients.words())
        if isinstance(row, Rejection):
            report.reject([row])
        else:
            found.append(row)

    async def take(batch: Sequence[lists.Listed], tx: Tx) -> None:
        for taken in await list_people(batch, tx, cause=cause, new_id=new_id):
            if isinstance(taken, Rejection):
                report.reject([taken])
                continue
            both = (("person", taken.person), ("role", taken.role))
            changed = tuple(name for name, outcome in both if outcome not in {None, Outcome.UNCHANGED})
            report.add(taken.person_id, _summed(taken.person, taken.role), changed)

    cause = Cause.fresh()
    await _in_batches(runtime, found, take, dry_run=dry_run, note=note)
    return report


async def import_calendar(runtime: Runtime, data: bytes, *, dry_run: bool = False, note: Note = _silent) -> Report:
    """Read term dates and closures, of the county or of schools: comma-separated (calendar, kind, first, last) or JSON.

    A calendar with a wrong row stays as it was. Raises `Unreadable` when the file is neither.
    """
    report = Report()
    bounds = clients.calendar_bounds()
    if data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in {b"{", b"["}:
        rows = list(calendar_document(data, bounds))
        report.rows = len(rows)
    else:
        needs = [CALENDAR_COLUMNS[name] for name in ("kind", "first", "last")]
        rows = [calendar_row(record, bounds) for record in _read(report, data, needs).records]
    report.reject(row for row in rows if isinstance(row, Rejection))
    given: dict[str, list[Stated]] = {}
    for row in rows:
        if isinstance(row, Stated):
            given.setdefault(row.calendar_id, []).append(row)

    async def take(_batch: Sequence[str], tx: Tx) -> None:
        for told in await tell_calendars(given, tx, holidays=clients.bank_holidays, cause=cause):
            if isinstance(told, Restated):
                report.add(told.calendar_id, told.outcome, told.changed)
            else:
                report.reject(told)

    cause = Cause.fresh()
    # Which calendar a wrong row was meant for is not known: nothing of the file is taken.
    if not report.rejections:
        await _in_batches(runtime, sorted(given)[:1], take, dry_run=dry_run, note=note)
    return report


def _summed(person: Outcome, role: Outcome | None) -> Outcome:
    if person is Outcome.UNCHANGED and role not in {None, Outcome.UNCHANGED}:
        return Outcome.CHANGED
    return person


def _read(report: Report, data: bytes, needs: Sequence[Sequence[str]]) -> Table:
    found = table(data, needs=needs)
    report.rows = len(found.records) + len(found.rejections)
    report.reject(found.rejections)
    return found


async def _in_batches(
    runtime: Runtime,
    rows: Sequence[T],
    take: Callable[[Sequence[T], Tx], Awaitable[None]],
    *,
    dry_run: bool,
    note: Note,
) -> None:
    """A transaction for each batch: an import that is stopped has done a part, and done again does the rest.

    A dry run is one transaction that is never committed, so that each batch sees those before it.
    """
    batches = [rows[n : n + BATCH] for n in range(0, len(rows), BATCH)]
    if dry_run:
        with suppress(_OnlyAsked):
            async with runtime.transaction() as tx:
                for batch in batches:
                    await take(batch, tx)
                    note(len(batch))
                raise _OnlyAsked
        return
    for batch in batches:
        async with runtime.transaction() as tx:
            await take(batch, tx)
        note(len(batch))
