"""Lists and extracts put to what is known: only what changed is stored and said."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import date
from itertools import pairwise

import pytest
from directory.app import SERVICE
from directory.commands import import_organisations, import_people, import_school_links, import_schools
from directory.domain.extract import Rejection
from directory.domain.schools import Outcome
from schemas.directory import OrganisationChanged, PersonChanged, RoleChanged, SchoolChanged
from support.database import Copy
from support.service import Served, serving

ORGANISATIONS = (
    b"id,name,sector,kind,active\nnhs-trust,The trust,health,nhs-trust,\ncouncil,The council,council,council,\n"
)
PEOPLE = b"""person,organisation,name,title,email,active,role,cluster,since,until
lead,council,Cluster lead,,lead@council.example,,cluster-lead,north,2026-01-01,
lead,council,Cluster lead,,lead@council.example,,adviser,,2026-01-01,
,nhs-trust,Nurse,,nurse@nhs.example,,caseworker,north,2026-01-01,
"""
SCHOOLS = "urn,school_name,school_status,phase_type,number_of_pupils\n"
LINKS = "URN,LinkURN,LinkType,LinkEstablishedDate\n"
OLD, NEW = date(2026, 1, 1), date(2026, 6, 1)


@pytest.fixture
async def directory(database: Copy) -> AsyncIterator[Served]:
    """The directory of two organisations."""
    async with serving(SERVICE, database) as served:
        await import_organisations(served.runtime, ORGANISATIONS)
        yield served


async def test_organisations_of_a_list_are_as_it_says_and_said_once(directory: Served) -> None:
    assert len(await directory.said(OrganisationChanged)) == 2
    again = await import_organisations(directory.runtime, ORGANISATIONS)
    assert again.counts == {Outcome.UNCHANGED: 2}
    changed = ORGANISATIONS.replace(b"The trust", b"The new trust").replace(
        b",council,council,\n", b",council,council,no\n"
    )
    report = await import_organisations(directory.runtime, changed)
    assert report.counts == {Outcome.CHANGED: 1, Outcome.CLOSED: 1}
    said = await directory.said(OrganisationChanged)
    assert [(e.subject, e.model_dump()["active"]) for e in said[2:]] == [("nhs-trust", True), ("council", False)]


async def test_people_and_roles_of_a_list_are_kept_and_said_once(directory: Served) -> None:
    report = await import_people(directory.runtime, PEOPLE)
    assert report.counts == {Outcome.NEW: 2, Outcome.CHANGED: 1}
    assert report.rejections == []
    assert len(await directory.said(PersonChanged)) == 2
    assert len(await directory.said(RoleChanged)) == 3
    again = await import_people(directory.runtime, PEOPLE)
    assert again.counts == {Outcome.UNCHANGED: 3}
    assert len(await directory.said(PersonChanged, RoleChanged)) == 5


async def test_a_person_without_an_id_is_known_by_their_address(directory: Served) -> None:
    await import_people(directory.runtime, PEOPLE)
    moved = PEOPLE.replace(
        b"nurse@nhs.example,,caseworker,north,2026-01-01,", b"NURSE@nhs.example,,caseworker,north,2026-01-01,2026-12-31"
    )
    report = await import_people(directory.runtime, moved)
    [change] = report.changes
    assert (change.outcome, change.fields) == (Outcome.CHANGED, ("person", "role"))
    [role] = await directory.rows("SELECT * FROM role WHERE organisation_id = 'nhs-trust'")
    assert (role["until"], role["version"]) == (date(2026, 12, 31), 2)
    assert len(await directory.rows("SELECT * FROM person WHERE organisation_id = 'nhs-trust'")) == 1


@pytest.mark.parametrize(
    ("row", "field", "reason"),
    [
        ("lead,nhs-trust,Lead,,,,,,,", "organisation", "person-of-another-organisation"),
        ("other,council,Other,,LEAD@council.example,,,,,", "email", "email-in-use"),
        ("lead,council,Lead,,,,adviser,,2026-03-01,", "since", "role-held-already"),
    ],
)
async def test_a_row_that_does_not_fit_what_is_known_is_rejected(
    directory: Served, row: str, field: str, reason: str
) -> None:
    await import_people(directory.runtime, PEOPLE)
    header = PEOPLE.splitlines()[0].decode()
    report = await import_people(directory.runtime, f"{header}\n{row}\n".encode())
    assert report.rejections == [Rejection(2, field, reason)]
    assert report.nothing_read


async def test_news_is_said_of_the_school_and_its_organisation_as_far_as_each_changed(directory: Served) -> None:
    runtime = directory.runtime
    await import_schools(runtime, f"{SCHOOLS}100001,North,Open,Primary,1\n".encode(), as_of=OLD)
    await import_schools(runtime, f"{SCHOOLS}100001,North,Open,Primary,2\n".encode(), as_of=NEW)
    await import_schools(runtime, f"{SCHOOLS}100001,North,Closed,Primary,2\n".encode(), as_of=NEW)
    schools = await directory.said(SchoolChanged)
    organisations = [e for e in await directory.said(OrganisationChanged) if e.subject == "school-100001"]
    assert [e.model_dump(include={"pupils", "status"}) for e in schools] == [
        {"pupils": 1, "status": 1},
        {"pupils": 2, "status": 1},
        {"pupils": 2, "status": 2},
    ]
    assert [e.model_dump()["active"] for e in organisations] == [True, False]
    rows = await directory.rows("SELECT subject, sequence FROM outbox WHERE subject = '100001' ORDER BY id")
    assert [row["sequence"] for row in rows] == [1, 2, 3]


async def test_what_only_we_know_is_stored_and_no_news(directory: Served) -> None:
    header = "urn,school_name,school_status,phase_type,street\n"
    await import_schools(directory.runtime, f"{header}100001,North,Open,Primary,High Street\n".encode(), as_of=OLD)
    report = await import_schools(
        directory.runtime, f"{header}100001,North,Open,Primary,Low Street\n".encode(), as_of=NEW
    )
    assert report.changes[0].fields == ("street",)
    assert len(await directory.said(SchoolChanged)) == 1


async def test_a_school_that_is_linked_before_it_is_described_is_said_with_its_successors(directory: Served) -> None:
    await import_school_links(directory.runtime, f"{LINKS}100001,100002,Successor,\n".encode(), as_of=OLD)
    assert await directory.said(SchoolChanged) == []
    await import_schools(directory.runtime, f"{SCHOOLS}100001,North,Closed,Primary,\n".encode(), as_of=OLD)
    [said] = await directory.said(SchoolChanged)
    assert isinstance(said, SchoolChanged)
    assert [successor.school_urn for successor in said.successors] == ["100002"]


async def test_newer_links_replace_older_ones_and_older_ones_nothing(directory: Served) -> None:
    runtime = directory.runtime
    await import_schools(runtime, f"{SCHOOLS}100001,North,Closed,Primary,\n".encode(), as_of=OLD)
    new, old = f"{LINKS}100001,100003,Successor,\n".encode(), f"{LINKS}100001,100002,Successor,\n".encode()
    await import_school_links(runtime, new, as_of=NEW)
    report = await import_school_links(runtime, old, as_of=OLD)
    assert (report.counts, report.older) == ({Outcome.UNCHANGED: 1}, 1)
    report = await import_school_links(runtime, old, as_of=NEW)
    assert report.counts == {Outcome.CHANGED: 1}
    # A file that describes the school and names no successor takes the link back.
    none = f"{LINKS}100001,100009,Predecessor,\n".encode()
    await import_school_links(runtime, none, as_of=NEW)
    said = [e for e in await directory.said(SchoolChanged) if isinstance(e, SchoolChanged)]
    assert [[s.school_urn for s in e.successors] for e in said] == [[], ["100003"], ["100002"], []]


@pytest.mark.parametrize("line", [("100001", "100002", "100003", "100004"), ("100004", "100003", "100002", "100001")])
async def test_a_place_is_handed_down_a_whole_line_of_schools(directory: Served, line: tuple[str, ...]) -> None:
    first, *later = line
    placed = f"urn,school_name,school_status,phase_type,easting,northing\n{first},North,Closed,Primary,385000,205000\n"
    await import_schools(directory.runtime, placed.encode(), as_of=OLD)
    links = "".join(f"{left},{next_one},Successor,\n" for left, next_one in pairwise(line))
    await import_school_links(directory.runtime, f"{LINKS}{links}".encode(), as_of=OLD)
    rows = "".join(f"{urn},North,Open,Primary,\n" for urn in later)
    await import_schools(directory.runtime, f"{SCHOOLS}{rows}".encode(), as_of=OLD)
    places = await directory.rows("SELECT DISTINCT easting, northing FROM school")
    assert [(row["easting"], row["northing"]) for row in places] == [(385000, 205000)]
    # The first is said again when it is linked; the others are said once, with the place that they were handed.
    said = Counter(event.subject for event in await directory.said(SchoolChanged))
    assert said == {first: 2} | dict.fromkeys(later, 1)


async def test_two_imports_at_once_lose_nothing(directory: Served) -> None:
    def extract(column: str, value: str) -> bytes:
        rows = "".join(f"{100000 + n},School {n},Open,Primary,{value}\n" for n in range(50))
        return f"urn,school_name,school_status,phase_type,{column}\n{rows}".encode()

    await asyncio.gather(
        import_schools(directory.runtime, extract("number_of_pupils", "210"), as_of=OLD),
        import_schools(directory.runtime, extract("administrative_district", "Stroud"), as_of=OLD),
    )
    rows = await directory.rows("SELECT DISTINCT pupils, district FROM school")
    assert [(row["pupils"], row["district"]) for row in rows] == [(210, "Stroud")]
