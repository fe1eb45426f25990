"""Where a case belongs, worked out again without any of the project's code: slow, plain, from the register's own files.

Reads three extracts of the register of schools: the county's mainstream schools of one spring, a newer list of every
establishment with its status, and the links between schools that closed and those that carry on. Capacities are taken
to be unlimited. What a cluster is called is `<district>-<phase>`.
"""

import csv
from datetime import date, datetime
from pathlib import Path
from typing import Any

COUNTY_FILE = "gias/gloucestershire_916.csv"
NEWER_FILE = "gias/gloucestershire_all_establishments_join.csv"
LINKS_FILE = "gias/urn_links_gloucestershire.csv"
POSTCODES_FILE = "postcodes/codepoint_gl.csv"

PHASE_NAMES = {
    "Not applicable": 0,
    "Nursery": 1,
    "Primary": 2,
    "Middle deemed primary": 3,
    "Secondary": 4,
    "Middle deemed secondary": 5,
    "16 plus": 6,
    "All-through": 7,
}


def read_register(folder: Path, *, newest_place: bool = False) -> dict[str, dict[str, Any]]:
    """URN -> what the extracts together say of the school: the newer one for its status, both for the rest.

    `newest_place`: where both say where a school is, and differ by some hundred metres, the newer one is believed.
    """
    schools: dict[str, dict[str, Any]] = {}
    with (folder / COUNTY_FILE).open(encoding="utf-8-sig", newline="") as lines:
        for row in csv.DictReader(lines):
            schools[row["urn"]] = {
                "phase": PHASE_NAMES[row["phase_type"]],
                "status": row["school_status"],
                "last_day": date.fromisoformat(row["close_date"]) if row["close_date"] else None,
                "district": row["administrative_district"],
                "pupils": int(row["number_of_pupils"] or 0),
                "place": (int(row["easting"]), int(row["northing"])),
                "mainstream": True,
                "next": [],
            }
    with (folder / NEWER_FILE).open(encoding="utf-8-sig", newline="") as lines:
        for row in csv.DictReader(lines):
            school = schools.setdefault(
                row["urn"],
                {
                    "phase": PHASE_NAMES[row["phase_of_education"]],
                    "last_day": None,
                    "district": None,
                    "pupils": 0,
                    "place": (int(row["easting"]), int(row["northing"])) if row["easting"] else None,
                    "mainstream": row["Type"] not in ("Special School", "College", "Independent School")
                    and row["SCHOOLTYPE"] != "Pupil referral unit",
                    "next": [],
                },
            )
            school["status"] = row["status"]
            if newest_place and row["easting"]:
                school["place"] = (int(row["easting"]), int(row["northing"]))
    days: dict[tuple[str, str], date | None] = {}
    with (folder / LINKS_FILE).open(encoding="utf-8-sig", newline="") as lines:
        for row in csv.DictReader(lines):
            # Most pairs are there twice, from either side: the later of the two days counts.
            backwards = row["LinkType"].startswith("Predecessor")
            pair = (row["LinkURN"], row["URN"]) if backwards else (row["URN"], row["LinkURN"])
            text = row["LinkEstablishedDate"]
            day = datetime.strptime(text, "%d-%m-%Y").date() if text else None  # noqa: DTZ007  a day has no zone
            known = days.get(pair)
            days[pair] = max(known, day) if known and day else known or day
    for (before, heir), day in days.items():
        if before in schools:
            schools[before]["next"].append((day, heir))
    hand_down(schools)
    return schools


def hand_down(schools: dict[str, dict[str, Any]]) -> None:
    """What no extract says of a school's place and district is taken to be that of the school before it."""
    changed = True
    while changed:
        changed = False
        for urn, school in schools.items():
            before = [other for other in schools if any(heir == urn for _, heir in schools[other]["next"])]
            before.sort(key=lambda other: (schools[other]["last_day"] or date.max, other), reverse=True)
            before.sort(key=lambda other: schools[other]["place"] is None)
            for what in ("place", "district"):
                if before and not school[what] and schools[before[0]][what]:
                    school[what] = schools[before[0]][what]
                    changed = True


def naive_route(schools: dict[str, dict[str, Any]], child: dict[str, Any], today: date) -> str | None:
    """The cluster of a child, or None where a person must decide.

    `child`: `school` (URN or None), `year` (N, R, 1-14 or None), `age` (on 31 August), and `home`: the south-west
    corner of its kilometre square, or the word `unknown`, `none` or `restricted`.
    """
    if child["home"] == "restricted":
        return None
    urn = child["school"]
    if urn is not None and urn not in schools:
        return None
    attended = None if urn is None else still_open(schools, urn, today, ())
    phase = which_phase(schools, attended, child["year"], child["age"])
    if phase is None:
        return None
    if attended is not None:
        cluster = cluster_by_line(schools, [attended], phase, today, {attended})
        if cluster is not None:
            return cluster
    if isinstance(child["home"], str):
        return None
    return cluster_by_home(schools, child["home"], phase, today)


def is_shut(school: dict[str, Any], today: date) -> bool:
    """Closed: the register says so, and its last day (or the day before another carried on) is past."""
    if school["status"] != "Closed":
        return False
    if school["last_day"] is not None:
        return bool(today > school["last_day"])
    begun = [since for since, _ in school["next"] if since is not None]
    return not begun or today >= min(begun)


def still_open(schools: dict[str, dict[str, Any]], urn: str, today: date, been: tuple[str, ...]) -> str | None:
    """The school itself while it is open, else the first open one found along its successors, oldest link first."""
    if urn not in schools or urn in been:
        return None
    if not is_shut(schools[urn], today):
        return urn
    links = [(since or date(1, 1, 1), heir) for since, heir in schools[urn]["next"] if since is None or since <= today]
    for _, heir in sorted(links):
        found = still_open(schools, heir, today, (*been, urn))
        if found is not None:
            return found
    return None


def which_phase(schools: dict[str, dict[str, Any]], urn: str | None, year: str | None, age: int) -> str | None:
    """Primary or secondary: the school's phase, else the year group, else the age; beyond 25 nobody knows."""
    code = 0 if urn is None else schools[urn]["phase"]
    if code in (1, 2, 3):
        return "primary"
    if code in (4, 5, 6):
        return "secondary"
    if code == 7 and year in ("N", "R", "1", "2", "3", "4", "5", "6"):
        return "primary"
    if code == 7 and year in ("7", "8", "9", "10", "11", "12", "13", "14"):
        return "secondary"
    if age > 25:
        return None
    return "primary" if age <= 10 else "secondary"


def teaches(school: dict[str, Any], phase: str) -> bool:
    """Whether it is a school of the phase."""
    return school["phase"] == 7 or school["phase"] in ((1, 2, 3) if phase == "primary" else (4, 5, 6))


def cluster_by_school(schools: dict[str, dict[str, Any]], urn: str, phase: str, today: date) -> str | None:
    """The cluster that the school is a member of: every mainstream school of a district and phase that teaches is."""
    school = schools[urn]
    if (
        school["status"] == "Proposed to open"
        or not school["mainstream"]
        or not teaches(school, phase)
        or is_shut(school, today)
    ):
        return None
    return f"{school['district'].lower().replace(' ', '-')}-{phase}" if school["district"] else None


def cluster_by_line(
    schools: dict[str, dict[str, Any]], line: list[str], phase: str, today: date, been: set[str]
) -> str | None:
    """The cluster of the first of these that is a member; else of those that they took over from, and so on back."""
    for urn in line:
        cluster = cluster_by_school(schools, urn, phase, today)
        if cluster is not None:
            return cluster
    before = [
        urn
        for urn in sorted(schools)
        if urn not in been
        and any(heir in line and (since is None or since <= today) for since, heir in schools[urn]["next"])
    ]
    return cluster_by_line(schools, before, phase, today, been | set(before)) if before else None


def cluster_by_home(schools: dict[str, dict[str, Any]], square: tuple[int, int], phase: str, today: date) -> str | None:
    """The cluster of the school of the phase that is nearest to the middle of the home's square."""
    east, north = square[0] + 500, square[1] + 500
    best: tuple[int, str] | None = None
    for urn, school in schools.items():
        if school["place"] is None or is_shut(school, today):
            continue
        cluster = cluster_by_school(schools, urn, phase, today)
        if cluster is not None:
            way = (school["place"][0] - east) ** 2 + (school["place"][1] - north) ** 2
            if best is None or (way, cluster) < best:
                best = (way, cluster)
    # Whoever lives thirty kilometres from every such school lives outside the county.
    return None if best is None or best[0] > 30_000 * 30_000 else best[1]


def read_postcodes(folder: Path) -> dict[str, tuple[int, int]]:
    """Postcode, without spaces -> the south-west corner of its kilometre square."""
    squares = {}
    with (folder / POSTCODES_FILE).open(encoding="utf-8", newline="") as lines:
        for postcode, quality, east, north in csv.reader(lines):
            if quality != "90":
                squares[postcode.replace(" ", "")] = (int(east) // 1000 * 1000, int(north) // 1000 * 1000)
    return squares


def child_of(body: dict[str, Any], squares: dict[str, tuple[int, int]], today: date) -> dict[str, Any]:
    """What `naive_route` needs to know of the child of a referral."""
    child = body["child"]
    summer = date(today.year if today.month >= 9 else today.year - 1, 8, 31)
    born = date.fromisoformat(child["date_of_birth"])
    age = summer.year - born.year - (1 if (born.month, born.day) > (8, 31) else 0)
    postcode = (child["postcode"] or "").replace(" ", "")
    home: str | tuple[int, int] = "unknown"
    if child.get("address_restricted"):
        home = "restricted"
    elif postcode == "ZZ993VZ":
        home = "none"
    elif postcode in squares:
        home = squares[postcode]
    return {"school": child["school_urn"], "year": child["year_group"], "age": age, "home": home}
