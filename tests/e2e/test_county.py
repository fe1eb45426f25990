"""The real county under load: every referral ends where a slow, independent reading of the register's files puts it."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest
from chassis.clock import new_id, wall_now
from cluster_router.commands import check_decisions
from e2e.house import Callers, arguments, at_rest, callers, routed, settings_of
from jointly import house as parts_of
from support.agency import Agency, Answer, a_referral
from support.host import Host, running
from support.naive_routing import (
    COUNTY_FILE,
    NEWER_FILE,
    child_of,
    is_shut,
    naive_route,
    read_postcodes,
    read_register,
)

REFERRALS: Final = 2_000
POSTERS: Final = 32
#: With capacities that bind.
MORE: Final = 300
_OFFICER: Final = "Intake officer"
_SCHOOLS: Final = 285


@pytest.fixture(scope="module")
def host(event_log: str, reference_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """A house with the real county, and then what an operator reads in later: schools as they are two years on."""
    folder = tmp_path_factory.mktemp("county")
    environment = {"JOINTLY_REFERENCE_DATA": str(reference_data)}
    with running(folder, environment=environment, arguments=arguments(event_log)) as up:
        up.command("import", "schools", str(reference_data / NEWER_FILE), "--as-of", "2024-05-01")
        yield up


@pytest.fixture
async def known(host: Host) -> AsyncIterator[Callers]:
    """Everybody who can call it."""
    async with callers(host) as found:
        yield found


@dataclass(frozen=True)
class Files:
    """The register and the postcodes, read without any of the project's code."""

    schools: dict[str, dict[str, Any]]
    squares: dict[str, tuple[int, int]]
    today: date

    def cluster_of(self, body: dict[str, Any], **otherwise: Any) -> str | None:
        """Where a referral's child belongs, or would; None: a person decides."""
        child = child_of(body, self.squares, self.today)
        return naive_route(self.schools, {**child, **otherwise}, self.today)


@pytest.fixture(scope="module")
def files(reference_data: Path) -> Files:
    """The county's files."""
    return Files(read_register(reference_data, newest_place=True), read_postcodes(reference_data), wall_now().date())


def children(count: int, first: int, files: Files) -> Iterator[dict[str, Any]]:
    """Referrals of all ages and districts: most name an open school, some a closed or unknown one, some none."""
    register, today = files.schools, files.today
    chance = Random(first)  # noqa: S311  repeatable on purpose
    mainstream = [urn for urn, school in sorted(register.items()) if school["mainstream"]]
    open_ones = [urn for urn in mainstream if not is_shut(register[urn], today)]
    shut = [urn for urn in mainstream if is_shut(register[urn], today)]
    others = [urn for urn, school in sorted(register.items()) if not school["mainstream"]]
    postcodes = sorted(files.squares)
    for number in range(first, first + count):
        groups: list[list[str | None]] = [[*open_ones], [*shut], [*others], ["999999"], [None]]
        pool = chance.choices(groups, weights=[66, 12, 4, 3, 15])[0]
        age = chance.choices([chance.randint(2, 18), chance.randint(19, 24)], weights=[95, 5])[0]
        years = [None, "N", "R", *map(str, range(1, 15))]
        usual = years[age - 2] if 3 <= age <= 18 else None
        where = chance.choices(["known", "nowhere", "unheard", "absent"], weights=[88, 4, 4, 4])[0]
        postcode = {
            "known": chance.choice(postcodes), "nowhere": "ZZ99 3VZ", "unheard": "GL99 9ZZ", "absent": None
        }[where]  # fmt: skip
        last_summer = date(today.year if today.month >= 9 else today.year - 1, 8, 31)
        yield a_referral(
            number,
            today=today,
            school_urn=chance.choice(pool),
            year_group=chance.choice([usual, usual, None]),
            postcode=postcode,
            address_restricted=chance.random() < 0.02,
            date_of_birth=(
                last_summer.replace(year=last_summer.year - age) - timedelta(days=chance.randrange(360))
            ).isoformat(),
        )


async def post_all(agency: Agency, bodies: Sequence[dict[str, Any]]) -> list[tuple[dict[str, Any], Answer]]:
    """Have so many posters take the bodies one by one; what each was answered."""
    waiting, answered = iter(bodies), []

    async def post() -> None:
        for body in waiting:
            answer = await agency.refer(body, key=new_id())
            assert answer.status == 201, answer.body
            answered.append((body, answer))

    async with asyncio.TaskGroup() as posters:
        for _ in range(POSTERS):
            posters.create_task(post())
    return answered


async def test_every_school_of_the_county_is_there(known: Callers, host: Host, reference_data: Path) -> None:
    agency = await known.agency("school-115482")
    there = {row["urn"] async for row in agency.items("/v1/schools")}
    listed = (reference_data / COUNTY_FILE).read_text(encoding="utf-8-sig").splitlines()[1:]
    urns = {line.partition(",")[0] for line in listed if line[:6].isdigit()}
    assert len(urns) == _SCHOOLS
    assert urns <= there


async def test_every_referral_ends_where_the_register_says_or_waits_for_a_person(
    known: Callers,
    host: Host,
    event_log: str,
    files: Files,
) -> None:
    agency, officer = await known.agency("county-council", connections=POSTERS), await known.person(_OFFICER)
    bodies = list(children(REFERRALS, 1, files))
    answered = await post_all(agency, bodies)
    await at_rest(host, event_log)
    placed = await routed(officer)
    assert len(answered) == len({answer.body["case_id"] for _, answer in answered}) == REFERRALS
    assert placed.keys() == {answer.body["case_id"] for _, answer in answered}
    wrong = []
    for body, answer in answered:
        row = placed[answer.body["case_id"]]
        wanted = files.cluster_of(body)
        assert row["state"] == ("queued" if row["cluster_id"] is None else "assigned")
        assert row["reasons"]
        if row["cluster_id"] != wanted:
            wrong.append((body["child"], wanted, row["cluster_id"], row["reasons"]))
    assert wrong == [], f"{len(wrong)}: {wrong[:12]}"
    found = Counter(row["cluster_id"] for row in placed.values())
    assert len(found) == 13, "twelve clusters and the queue"
    sent = Counter([row["sender_reference"] async for row in agency.items("/v1/referrals")])
    assert set(sent.values()) == {1}
    assert await replayed(host, event_log) >= REFERRALS


async def replayed(host: Host, event_log: str) -> int:
    """How many decisions there are; raises where one does not follow from its own trace."""
    async with parts_of.opened(settings_of(host, event_log), ["cluster-router"]) as parts:
        return await check_decisions(parts.runtime("cluster-router"))


async def test_a_hard_capacity_is_never_exceeded(
    known: Callers,
    host: Host,
    event_log: str,
    tmp_path: Path,
    files: Files,
) -> None:
    agency, officer = await known.agency("county-council", connections=POSTERS), await known.person(_OFFICER)
    before = await routed(officer)
    chance = Random(7)  # noqa: S311  repeatable on purpose
    room = {row["id"]: row["load"] + chance.randrange(3, 25) async for row in officer.items("/v1/clusters")}
    file = tmp_path / "capacity.csv"
    rows = [f"{id},{files.today.isoformat()},{limit},hard" for id, limit in sorted(room.items())]
    file.write_text("\n".join(["cluster_id,since,capacity,kind", *rows, ""]), encoding="utf-8")
    host.command("import", "capacity", str(file))
    done = asyncio.Event()
    reads = 0

    async def watch() -> None:
        nonlocal reads
        while not done.is_set():
            seen = [row async for row in officer.items("/v1/clusters")]
            assert {row["id"]: row["capacity"] for row in seen} == room
            assert [row for row in seen if row["load"] > row["capacity"]] == []
            reads += 1

    async with asyncio.TaskGroup() as group:
        group.create_task(watch())
        answered = await post_all(agency, list(children(MORE, REFERRALS + 1, files)))
        await at_rest(host, event_log)
        done.set()
    assert reads > 1
    placed = await routed(officer)
    assert {case: row for case, row in before.items() if placed[case]["cluster_id"] != row["cluster_id"]} == {}
    loads = Counter(row["cluster_id"] for row in placed.values())
    full = {id for id, limit in room.items() if loads[id] == limit}
    assert full, "no capacity was small enough to bind"
    states: defaultdict[str, int] = defaultdict(int)
    for body, answer in answered:
        row, wanted = placed[answer.body["case_id"]], files.cluster_of(body)
        by_school = None if wanted is None else files.cluster_of(body, home="unknown")
        states[row["state"]] += 1
        if row["cluster_id"] is None:
            # Who waits does so because nothing fits, or because there is no room.
            assert wanted is None or wanted in full, (body["child"], wanted, row)
        elif by_school is not None:
            # Nobody is sent past their own school's cluster.
            assert row["cluster_id"] == by_school, (body["child"], row)
        else:
            assert wanted is not None, (body["child"], row)
    assert states["assigned"] + states["queued"] == MORE
    assert states["queued"] > 0
    assert all(loads[id] <= limit for id, limit in room.items())
    assert await replayed(host, event_log) >= len(placed)
