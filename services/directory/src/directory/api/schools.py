"""Schools: found by place, phase and name, each with whoever carries on for it."""

import re
from typing import Annotated, Final

from chassis.errors import Malformed, NotFound
from chassis.http import allow, runtime
from chassis.wire import Page
from fastapi import APIRouter, Depends, Path, Query, Request, Response

from directory import clients, queries
from directory.api import parts
from directory.api.parts import Cursor, Day, Limit, Search, SignedIn
from directory.domain.schools import School, provision
from directory.views import CarriedOnOut, SchoolDetailOut, SchoolOut
from directory.views.calendars import CalendarOut

router: Final = APIRouter(tags=["directory"])

Urn = Annotated[str, Path(pattern=r"^[0-9]{6}$")]


@router.get("/v1/schools", response_model=Page[SchoolOut])
async def list_schools(
    request: Request,
    caller: SignedIn,
    *,
    district: Search = None,
    local_authority: Annotated[str | None, Query(pattern=r"^[0-9]{3}$")] = None,
    phase: Annotated[list[Annotated[int, Query(ge=0, le=7)]] | None, Query(max_length=8)] = None,
    status: Annotated[list[Annotated[int, Query(ge=1, le=4)]] | None, Query(max_length=4)] = None,
    q: Search = None,
    near: Annotated[str | None, Query(pattern=r"^[0-9]{1,7},[0-9]{1,7}$")] = None,
    within: Annotated[int | None, Query(ge=1, le=200_000)] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """Schools by name, or the nearest first: `near=easting,northing`, `within` metres.

    `q` finds a part of the name, a URN or a postcode; `phase` and `status`, the register's codes, may be repeated.
    """
    place = _place(near, within)
    wanted = queries.SchoolFilter(
        parts.plain(district, "district"), tuple(phase or ()), tuple(status or ()), local_authority, parts.plain(q, "q")
    )
    kinds = (str, str) if place is None else (int, str)
    after = parts.position(request, caller, cursor, *kinds)
    async with runtime(request).transaction() as tx:
        rows = await queries.schools(tx, wanted, near=place, after=after, limit=limit)
    return parts.page(
        request,
        caller,
        rows,
        limit,
        show=lambda row: SchoolOut.of(row.school, _provision(row.school), squared=row.squared),
        at=lambda row: (row.school.name if row.squared is None else row.squared, row.school.urn),
    )


@router.get("/v1/schools/{urn}", response_model=SchoolDetailOut, dependencies=[Depends(allow())])
async def read_school(request: Request, urn: Urn, *, at: Day = None) -> Response:
    """One school, and which school its children are at: today, or on the day `at`."""
    async with runtime(request).transaction() as tx:
        day = at or parts.today(tx)
        found, known = await queries.carried_on(tx, urn, day)
    school = known.get(urn)
    if school is None:
        raise NotFound
    shown = SchoolOut.of(school, _provision(school))
    detail = SchoolDetailOut(**dict(shown), carried_on_by=CarriedOnOut.of(found, day))
    return parts.one(detail, school.version)


@router.get("/v1/schools/{urn}/calendar", response_model=CalendarOut, dependencies=[Depends(allow())])
async def read_calendar(request: Request, urn: Urn) -> Response:
    """Which days are school days at this school: by its own term dates, or the county's."""
    async with runtime(request).transaction() as tx:
        known = await tx.schools.known([urn])
        said = await tx.calendars.said_of(urn)
    if urn not in known:
        raise NotFound
    return parts.one(CalendarOut.of(urn, said))


def _provision(school: School) -> str:
    return provision(school.establishment_type, clients.codes().provision)


def _place(near: str | None, within: int | None) -> queries.Near | None:
    if near is None:
        if within is not None:
            raise Malformed("Say near what: near=easting,northing.", pointer="/query/near")
        return None
    easting, northing = (int(number) for number in re.findall(r"[0-9]+", near))
    return queries.Near(easting, northing, within)
