"""Public lists that are the same for every viewer, asked for once in a while: clusters, schools, school days."""

from datetime import timedelta
from typing import Any, Final

from chassis.clock import wall_now
from schemas.days import Calendar

from portal.api.frame import Viewer
from portal.api.parts import parts_of
from portal.views.calendar import read_calendar

_KEEP: Final = timedelta(minutes=10)
_SCHOOL_PAGES: Final = 5
_PEOPLE_PAGES: Final = 3
#: What has not answered is asked again soon.
_AGAIN: Final = timedelta(seconds=20)


async def clusters(viewer: Viewer) -> list[dict[str, Any]]:
    """Every cluster; for its names, not for its load."""
    found: list[dict[str, Any]] | None = _kept(viewer, "clusters")
    if found is None:
        found = (await viewer.api.get("/v1/clusters")).items
        _keep(viewer, "clusters", found, whole=bool(found))
    return found


async def schools(viewer: Viewer) -> list[dict[str, Any]]:
    """The county's open schools."""
    rows: list[dict[str, Any]] | None = _kept(viewer, "schools")
    if rows is not None:
        return rows
    rows = []
    cursor: str | None = None
    for _ in range(_SCHOOL_PAGES):
        found = await viewer.api.get("/v1/schools", limit=200, status=1, cursor=cursor)
        rows += found.items
        cursor = found.more
        if cursor is None:
            break
    _keep(viewer, "schools", rows, whole=bool(rows))
    return rows


async def people(viewer: Viewer) -> dict[str, str]:
    """What people are called, by id, as far as the viewer may know."""
    rows = []
    cursor: str | None = None
    for _ in range(_PEOPLE_PAGES):
        found = await viewer.api.get("/v1/people", limit=200, cursor=cursor)
        rows += found.items
        cursor = found.more
        if cursor is None:
            break
    return {row["id"]: row.get("name") or row["id"] for row in rows}


async def calendar(viewer: Viewer) -> Calendar:
    """The county's school days, by a school that goes by them; the usual weekdays where nobody has said."""
    found: Calendar | None = _kept(viewer, "calendar")
    if found is not None:
        return found
    urn = next((one["lead_school_urn"] for one in await clusters(viewer)), None)
    said = await viewer.api.get(f"/v1/schools/{urn}/calendar") if urn else None
    found = read_calendar(said.data) if said is not None and said.ok else Calendar()
    _keep(viewer, "calendar", found, whole=said is not None and said.ok)
    return found


def _kept(viewer: Viewer, name: str) -> Any:
    kept = parts_of(viewer.request).kept.get(name)
    return kept[1] if kept is not None and kept[0] > wall_now() else None


def _keep(viewer: Viewer, name: str, value: Any, *, whole: bool) -> None:
    parts_of(viewer.request).kept[name] = (wall_now() + (_KEEP if whole else _AGAIN), value)
