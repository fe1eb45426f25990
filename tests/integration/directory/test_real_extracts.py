"""The register's real extracts: all schools arrive, in any order, and a closed one leads to whoever carries on."""

from collections.abc import AsyncIterator, Mapping
from datetime import date
from pathlib import Path

import pytest
from directory.app import SERVICE
from directory.commands import import_school_links, import_schools
from directory.domain.report import Report
from directory.domain.schools import Outcome
from directory.queries import carried_on
from schemas.directory import OrganisationChanged, SchoolChanged
from support.database import Copy
from support.service import Served, serving

#: The days on which the extracts were taken, as far as their contents tell.
SPRING_2022, SPRING_2024, LATER = date(2022, 4, 1), date(2024, 5, 1), date(2025, 4, 1)
COUNTY = ("gloucestershire_916.csv", SPRING_2022)
EVER = ("gloucestershire_all_establishments_join.csv", SPRING_2024)
NEIGHBOURS = ("gloucestershire_and_neighbours.csv", SPRING_2022)


@pytest.fixture
def register(reference_data: Path) -> Path:
    """The folder of the register's extracts."""
    return reference_data / "gias"


@pytest.fixture
async def directory(database: Copy) -> AsyncIterator[Served]:
    """The directory, knowing nothing."""
    async with serving(SERVICE, database) as served:
        yield served


async def read(directory: Served, register: Path, extract: tuple[str, date], *, dry_run: bool = False) -> Report:
    name, as_of = extract
    return await import_schools(directory.runtime, (register / name).read_bytes(), as_of=as_of, dry_run=dry_run)


async def link(directory: Served, register: Path, as_of: date = LATER) -> Report:
    data = (register / "urn_links_gloucestershire.csv").read_bytes()
    return await import_school_links(directory.runtime, data, as_of=as_of)


async def stored(directory: Served) -> Mapping[str, object]:
    """Everything that is known, without how often it changed."""
    rows = await directory.rows("SELECT * FROM school ORDER BY urn")
    return {str(row["urn"]): {name: value for name, value in row.items() if name != "version"} for row in rows}


async def test_all_mainstream_schools_of_the_county_arrive(directory: Served, register: Path) -> None:
    report = await read(directory, register, COUNTY)
    assert report.counts == {Outcome.NEW: 285}
    assert report.rejections == []
    announced = await directory.said(SchoolChanged)
    assert len(announced) == 285
    assert len(await directory.said(OrganisationChanged)) == 285
    # Six districts and two phases are the demo's twelve clusters: none may be without schools.
    grouped = {(event.district, event.phase) for event in announced if isinstance(event, SchoolChanged)}
    assert len(grouped) == 12


async def test_every_establishment_there_ever_was_arrives(directory: Served, register: Path) -> None:
    report = await read(directory, register, EVER)
    assert report.counts == {Outcome.NEW: 593}
    assert [r for r in report.rejections if r.whole_row] == []
    statuses = await directory.rows("SELECT status, count(*) AS n FROM school GROUP BY status ORDER BY status")
    assert {row["status"]: row["n"] for row in statuses} == {1: 339, 2: 252, 3: 1, 4: 1}


async def test_schools_of_ten_councils_arrive(directory: Served, register: Path) -> None:
    report = await read(directory, register, NEIGHBOURS)
    assert report.counts == {Outcome.NEW: 1743}
    assert report.rejections == []
    assert len(await directory.said(SchoolChanged)) == 1743


async def test_reading_an_extract_again_says_nothing(directory: Served, register: Path) -> None:
    for extract in (COUNTY, EVER):
        await read(directory, register, extract)
    await link(directory, register)
    said, known = len(await directory.said()), await stored(directory)
    for extract in (COUNTY, EVER, COUNTY):
        report = await read(directory, register, extract)
        assert set(report.counts) == {Outcome.UNCHANGED}
    assert set((await link(directory, register)).counts) == {Outcome.UNCHANGED}
    assert len(await directory.said()) == said
    assert await stored(directory) == known


async def test_a_dry_run_tells_the_same_and_leaves_nothing(directory: Served, register: Path) -> None:
    report = await read(directory, register, COUNTY, dry_run=True)
    assert report.counts == {Outcome.NEW: 285}
    assert await stored(directory) == {}
    assert await directory.said() == []


async def test_the_order_of_the_extracts_makes_no_difference(
    directory: Served, databases: "type[object]", register: Path
) -> None:
    await read(directory, register, COUNTY)
    report = await read(directory, register, EVER)
    assert report.counts[Outcome.CLOSED] == 22
    await link(directory, register)
    async with serving(SERVICE, databases()) as other:  # type: ignore[arg-type]
        await link(other, register)
        await read(other, register, EVER)
        await read(other, register, COUNTY)
        assert await stored(other) == await stored(directory)


async def test_an_older_extract_changes_nothing_newer(directory: Served, register: Path) -> None:
    await read(directory, register, EVER)
    before = await stored(directory)
    report = await read(directory, register, COUNTY)
    assert report.older == 285
    after = await stored(directory)
    for urn, school in before.items():
        for field, day in school["said"].items():  # type: ignore[index]
            assert after[urn][field] == school[field], (urn, field)  # type: ignore[index]
            assert after[urn]["said"][field] == day  # type: ignore[index]


async def test_every_closed_school_of_the_county_leads_to_one_that_teaches(directory: Served, register: Path) -> None:
    for extract in (COUNTY, EVER):
        await read(directory, register, extract)
    await link(directory, register)
    county = [line.split(b",")[0].decode() for line in (register / COUNTY[0]).read_bytes().splitlines()[1:]]
    closed = {row["urn"] for row in await directory.rows("SELECT urn FROM school WHERE status = 2")} & set(county)
    linked = {row["urn"] for row in await directory.rows("SELECT urn FROM school_successor")} & set(county)
    assert (len(closed), len(linked)) == (22, 32)
    assert closed < linked
    async with directory.runtime.transaction() as tx:
        found = {urn: (await carried_on(tx, urn, SPRING_2024))[0] for urn in sorted(linked)}
        earlier = {urn: (await carried_on(tx, urn, SPRING_2022))[0] for urn in sorted(linked)}
    for urn in closed:
        [successor] = found[urn].open
        assert successor != urn
        assert found[urn].steps == ((urn, successor),)
    # Ten have a successor that no extract has described, or that has not opened: they teach themselves.
    assert all(found[urn].open == (urn,) for urn in linked - closed)
    # On the day of the older extract all of them taught, also those without a closing date.
    assert all(earlier[urn].open == (urn,) for urn in linked)


async def test_a_successor_without_a_place_stands_where_the_old_school_stood(directory: Served, register: Path) -> None:
    for extract in (COUNTY, EVER):
        await read(directory, register, extract)
    unplaced = "SELECT count(*) AS n FROM school WHERE status IN (1, 3) AND phase IN (2, 4) AND (easting IS NULL OR"
    [before] = await directory.rows(f"{unplaced} district IS NULL)")
    await link(directory, register)
    [after] = await directory.rows(f"{unplaced} district IS NULL)")
    assert before["n"] - after["n"] >= 22
    [school] = await directory.rows("SELECT * FROM school WHERE urn = '149619'")
    [old] = await directory.rows("SELECT * FROM school WHERE urn = '115501'")
    assert (school["easting"], school["northing"], school["district"]) == (
        old["easting"],
        old["northing"],
        old["district"],
    )
    assert "easting" not in school["said"]
    said = [event for event in await directory.said(SchoolChanged) if event.subject == "149619"]
    assert isinstance(said[-1], SchoolChanged)
    assert said[-1].easting == old["easting"]
