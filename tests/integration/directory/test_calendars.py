"""Term dates arrive, are said whole and only when they change, and are shown for each school."""

from collections.abc import AsyncIterator
from datetime import date

import pytest
from directory.app import SERVICE
from directory.commands import import_calendar, import_schools
from directory.domain.extract import Rejection
from directory.domain.schools import Outcome
from schemas.days import Calendar
from schemas.directory import CalendarChanged, Span
from support.database import Copy
from support.service import Served, serving, signed_in

SCHOOLS = b"urn,school_name,school_status,phase_type\n100001,North School,Open,Primary\n100002,South,Open,Primary\n"
COUNTY = b"""calendar,kind,first,last
county,term,2026-09-01,2026-10-23
county,term,2027-09-01,2027-10-22
county,closure,2026-09-01,
"""
OWN = b'{"calendar": "100001", "closures": [{"first": "2026-09-02", "last": "2026-09-03"}]}'


@pytest.fixture
async def directory(database: Copy) -> AsyncIterator[Served]:
    """The directory of two schools."""
    async with serving(SERVICE, database) as served:
        await import_schools(served.runtime, SCHOOLS, as_of=date(2026, 1, 1))
        yield served


async def calendars(directory: Served) -> list[CalendarChanged]:
    """What was said of term dates, in order."""
    return [event for event in await directory.said(CalendarChanged) if isinstance(event, CalendarChanged)]


async def test_the_countys_calendar_is_said_whole_with_the_bank_holidays(directory: Served) -> None:
    report = await import_calendar(directory.runtime, COUNTY)
    assert (report.counts, report.rejections, report.rows) == ({Outcome.NEW: 1}, [], 3)
    [said] = await calendars(directory)
    assert (said.subject, said.closures) == ("calendar-county", (date(2026, 9, 1),))
    assert said.terms == (
        Span(first=date(2026, 9, 1), last=date(2026, 10, 23)),
        Span(first=date(2027, 9, 1), last=date(2027, 10, 22)),
    )
    assert {date(2026, 12, 25), date(2026, 12, 28), date(2028, 5, 1)} <= set(said.bank_holidays)
    assert (min(said.bank_holidays).year, max(said.bank_holidays).year) == (2026, 2028)
    assert not Calendar.of(said).is_school_day(date(2026, 9, 1))


async def test_the_same_file_again_says_nothing_and_a_dry_run_changes_nothing(directory: Served) -> None:
    dry = await import_calendar(directory.runtime, COUNTY, dry_run=True)
    assert dry.counts == {Outcome.NEW: 1}
    assert await calendars(directory) == []
    await import_calendar(directory.runtime, COUNTY)
    again = await import_calendar(directory.runtime, COUNTY)
    assert again.counts == {Outcome.UNCHANGED: 1}
    assert len(await calendars(directory)) == 1


async def test_a_school_of_its_own_is_said_again_when_the_countys_dates_change(directory: Served) -> None:
    await import_calendar(directory.runtime, COUNTY)
    await import_calendar(directory.runtime, OWN)
    later = COUNTY.replace(b"2027-10-22", b"2027-10-21")
    report = await import_calendar(directory.runtime, later)
    assert [(change.id, change.fields) for change in report.changes] == [("county", ("terms",))]
    said = await calendars(directory)
    assert [one.calendar_id for one in said] == ["county", "100001", "100001", "county"]
    assert said[1].closures == said[2].closures == (date(2026, 9, 2), date(2026, 9, 3))
    assert said[2].terms == said[3].terms


async def test_a_file_with_a_wrong_row_changes_nothing(directory: Served) -> None:
    report = await import_calendar(directory.runtime, COUNTY + b"county,term,2028-09-01,2028-08-01\n")
    assert report.rejections == [Rejection(5, "last", "ends-before-it-begins")]
    assert report.nothing_read
    unknown = await import_calendar(directory.runtime, OWN.replace(b"100001", b"999999"))
    assert unknown.rejections == [Rejection(1, "calendar", "school-unknown")]
    assert await calendars(directory) == []


async def test_each_school_shows_the_dates_it_goes_by(directory: Served) -> None:
    async def shown(urn: str) -> dict[str, object]:
        answer = await directory.client.get(f"/v1/schools/{urn}/calendar", headers=signed_in())
        assert answer.status_code == 200
        return dict(answer.json())

    before = await shown("100001")
    assert (before["calendar_id"], before["terms"], before["assumed"]) == ("county", [], True)
    await import_calendar(directory.runtime, COUNTY)
    await import_calendar(directory.runtime, OWN)
    mine, other = await shown("100001"), await shown("100002")
    assert (mine["calendar_id"], mine["closures"]) == ("100001", ["2026-09-02", "2026-09-03"])
    assert (other["calendar_id"], other["closures"], other["assumed"]) == ("county", ["2026-09-01"], False)
    assert mine["terms"] == other["terms"] != []
    assert (await directory.client.get("/v1/schools/100003/calendar", headers=signed_in())).status_code == 404
    assert (await directory.client.get("/v1/schools/100001/calendar")).status_code == 401
