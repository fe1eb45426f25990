"""The router's answers against an independent, slow re-computation from the register's own files."""

import csv
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cluster_router.domain.clusters import Derivation, derive_clusters
from cluster_router.domain.county import County, School, Successor
from cluster_router.domain.decision import decide
from schemas.referral import Circumstances
from support.naive_routing import naive_route, read_register
from unit.cluster_router.builders import TODAY, circumstances, the_rules

CHILDREN = 2_000
CLOSED_TYPES = {"Special School": "07", "College": "18", "Independent School": "11"}
CODES = {"Not applicable": 0, "Nursery": 1, "Primary": 2, "Secondary": 4, "16 plus": 6, "All-through": 7}
STATUSES = {"Open": 1, "Closed": 2, "Open, but proposed to close": 3, "Proposed to open": 4}


def rows(path: Path) -> Iterator[dict[str, str]]:
    """The rows of a file of the register."""
    with path.open(encoding="utf-8-sig", newline="") as lines:
        yield from csv.DictReader(lines)


@cache
def schools(folder: Path) -> dict[str, School]:
    """The register's extracts as the router would know them, read apart from the naive reader."""
    said: dict[tuple[str, str], list[date | None]] = {}
    for row in rows(folder / "gias/urn_links_gloucestershire.csv"):
        day = row["LinkEstablishedDate"]
        since = datetime.strptime(day, "%d-%m-%Y").date() if day else None  # noqa: DTZ007  a day has no zone
        pair = (row["URN"], row["LinkURN"])
        said.setdefault(pair if row["LinkType"].startswith("Successor") else (pair[1], pair[0]), []).append(since)
    links: dict[str, list[Successor]] = {}
    for (urn, heir), since_days in said.items():
        links.setdefault(urn, []).append(Successor(heir, max((day for day in since_days if day), default=None)))
    newer = {row["urn"]: row for row in rows(folder / "gias/gloucestershire_all_establishments_join.csv")}
    found = {}
    for row in rows(folder / "gias/gloucestershire_916.csv"):
        found[row["urn"]] = School(
            row["urn"],
            f"school-{row['urn']}",
            row["school_name"],
            CODES[row["phase_type"]],
            status=STATUSES[newer[row["urn"]]["status"]],
            local_authority=row["la_code"],
            district=row["administrative_district"],
            closed_on=date.fromisoformat(row["close_date"]) if row["close_date"] else None,
            pupils=int(row["number_of_pupils"] or 0),
            easting=int(row["easting"]),
            northing=int(row["northing"]),
            successors=tuple(links.get(row["urn"], ())),
        )
    for urn, row in newer.items():
        if urn not in found:
            unit = "14" if row["SCHOOLTYPE"] == "Pupil referral unit" else "34"
            found[urn] = School(
                urn,
                f"school-{urn}",
                row["name"],
                CODES[row["phase_of_education"]],
                CLOSED_TYPES.get(row["Type"], unit),
                STATUSES[row["status"]],
                local_authority="916",
                easting=int(row["easting"]) if row["easting"] else None,
                northing=int(row["northing"]) if row["northing"] else None,
                successors=tuple(links.get(urn, ())),
            )
    return handed_down(found)


def handed_down(found: dict[str, School]) -> dict[str, School]:
    """The directory's supposition: a school of which no place is said stands where the one before it stood."""
    for _ in range(5):
        for before in sorted(found.values(), key=lambda s: (s.easting is not None, s.closed_on or date.max, s.urn)):
            for link in before.successors:
                heir = found.get(link.urn)
                if heir is not None and (heir.easting is None or heir.district is None):
                    place = (heir.easting, heir.northing) if heir.easting else (before.easting, before.northing)
                    district = heir.district or before.district
                    found[link.urn] = replace(heir, district=district, easting=place[0], northing=place[1])
    return found


def county_of(folder: Path, on: date) -> County:
    """The county with its default clusters."""
    how = Derivation("916", frozenset({"01", "34"}), on=on, since=on)
    clusters = derive_clusters(schools(folder), the_rules(), how)
    return County(schools(folder), {cluster.id: cluster for cluster in clusters}, the_rules(), on)


def squares(folder: Path) -> list[tuple[int, int]]:
    """The squares of homes: every postcode of the county, and some far away."""
    found = {
        (int(line[2]) // 1000 * 1000, int(line[3]) // 1000 * 1000)
        for name in ("gl", "bs", "hr")
        for line in csv.reader((folder / f"postcodes/codepoint_{name}.csv").read_text("utf-8").splitlines())
        if line[1] != "90"
    }
    return sorted(found)


def children(folder: Path, seed: int) -> Iterator[tuple[dict[str, Any], Circumstances]]:
    """So many made-up children: as the naive re-computation takes them, and as the router does."""
    chance = random.Random(seed)  # noqa: S311  repeatable on purpose
    known, homes = sorted(schools(folder)), squares(folder)
    closed = [urn for urn in known if schools(folder)[urn].status == 2]
    succeeded = [urn for urn in closed if schools(folder)[urn].successors]
    for _ in range(CHILDREN):
        school = chance.choice(
            [
                None,
                chance.choice(known),
                chance.choice(known),
                chance.choice(closed),
                chance.choice(succeeded),
                "999999",
            ]
        )
        state = chance.choice(["known"] * 7 + ["unknown", "none", "restricted"])
        home = chance.choice(homes) if state == "known" else state
        age = chance.randint(0, 27)
        year = chance.choice([None, "N", "R", *(str(year) for year in range(1, 15))])
        if state == "restricted":
            school = None
        yield (
            {"school": school, "year": year, "age": age, "home": home},
            circumstances(school, home=home, age=age, year_group=year),
        )


@pytest.mark.parametrize("on", [TODAY, date(2023, 10, 1)])
def test_two_thousand_children_go_where_the_naive_rules_say(reference_data: Path, on: date) -> None:
    county, register = county_of(reference_data, on), read_register(reference_data)
    answers: Counter[str] = Counter()
    for number, (plain, case) in enumerate(children(reference_data, seed=on.toordinal()), 1):
        decision = decide(number, case, county, {}, {})
        assert decision.cluster == naive_route(register, plain, on), (plain, decision.trace.steps)
        answers.update(decision.trace.steps)
    # What was compared covers every rule that the county's schools can show.
    assert set(answers) >= {
        "no-school", "school-unknown", "school-closed", "successor-school", "phase-of-school", "phase-by-age",
        "age-outside-rules", "early-years-team", "post-16-team", "school-cluster", "school-outside-clusters",
        "nearest-school", "home-unknown", "home-none", "home-outside-county", "address-restricted",
    }  # fmt: skip
    assert ("inherited-cluster" in answers) == (on == TODAY), "one school has begun to take over and is no member yet"


def test_the_real_county_has_a_cluster_for_each_district_and_phase(reference_data: Path) -> None:
    clusters = county_of(reference_data, TODAY).clusters
    districts = ("cheltenham", "cotswold", "forest-of-dean", "gloucester", "stroud", "tewkesbury")
    assert sorted(clusters) == [f"{district}-{phase}" for district in districts for phase in ("primary", "secondary")]
