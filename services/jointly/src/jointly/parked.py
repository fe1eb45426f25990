"""What services could not take, for operators on the pages: seen with its reason, and put back."""

import asyncio
from datetime import datetime
from typing import Annotated, Any

from chassis.auth import Caller
from chassis.errors import NotFound
from chassis.http import allow, json_response
from chassis.parking import parked_events, put_back
from chassis.service import Runtime
from chassis.wire import Out, Page, as_json
from fastapi import APIRouter, Depends, Path, Query, Response

from jointly.house import House

_ID = r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$"


class ParkedOut(Out):
    """An event that waits, or is stuck; nothing of what it says."""

    service: str
    event_id: str
    topic: str
    subject: str
    #: waiting: tried again by itself. poison: stuck until somebody puts it back.
    state: str
    reason: str
    attempts: int
    parked_at: datetime


def parked_routes(parts: House) -> APIRouter:
    """Listed and put back, by operators alone."""
    router = APIRouter(tags=["operations"])
    readers = {one.service.name: one for one in parts.runtimes if one.consumer is not None}

    @router.get("/v1/parked", response_model=Page[ParkedOut])
    async def list_parked(
        _caller: Annotated[Caller, Depends(allow("operator"))], limit: Annotated[int, Query(ge=1, le=200)] = 100
    ) -> Response:
        """What waits at every service of this process, the oldest first."""
        found = await asyncio.gather(*(_of(one, limit) for one in readers.values()))
        items = sorted((row for rows in found for row in rows), key=lambda row: row.parked_at)[:limit]
        return json_response(as_json(Page[ParkedOut](items=tuple(items), next=None)))

    @router.post("/v1/parked/{service}/{event_id}/put-back", status_code=204, response_class=Response)
    async def put_one_back(
        _caller: Annotated[Caller, Depends(allow("operator"))],
        service: Annotated[str, Path(pattern=_ID)],
        event_id: Annotated[str, Path(pattern=_ID)],
    ) -> Response:
        """Let an event be tried again. It counts once, however often it is put back."""
        one = readers.get(service)
        if one is None or one.consumer is None:
            raise NotFound
        if not await put_back(one.database, one.consumer.name, [event_id]):
            raise NotFound
        return Response(status_code=204)

    return router


async def _of(one: Runtime, limit: int) -> list[ParkedOut]:
    assert one.consumer is not None  # noqa: S101  only readers are asked
    rows: list[Any] = list(await parked_events(one.database, one.consumer.name, limit=limit))
    return [
        ParkedOut(
            service=one.service.name,
            event_id=row["event_id"],
            topic=row["topic"],
            subject=row["subject"],
            state=row["state"],
            reason=row["reason"],
            attempts=row["attempts"],
            parked_at=row["parked_at"],
        )
        for row in rows
    ]
