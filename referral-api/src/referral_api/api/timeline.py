"""The one timeline of a case: what all services did, in order, in plain words."""

from typing import Annotated, Any, Final

from chassis.http import runtime
from chassis.wire import Moment, Page
from fastapi import APIRouter, Query, Request, Response

from referral_api.api import parts
from referral_api.api.parts import Cursor, Id, Limit, OptionalWord, Reader
from referral_api.domain.school_years import day_of
from referral_api.queries import stories
from referral_api.queries.stories import TimelineFilter
from referral_api.store.dated import for_workers, late_after, timeline_words
from referral_api.views.outgoing import TimelineEntryOut
from referral_api.views.timeline import Words, ids_in, shown

router: Final = APIRouter(tags=["cases"])

OptionalMoment = Annotated[Moment | None, Query()]


@router.get("/v1/cases/{id}/timeline", response_model=Page[TimelineEntryOut])
async def read_timeline(
    request: Request,
    caller: Reader,
    id: Id,
    *,
    service: OptionalWord = None,
    since: OptionalMoment = None,
    until: OptionalMoment = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Response:
    """All that any service has said of the case, in order and in plain words, as far as you may see it.

    `service` is one of referral-api, cluster-router, assessments, funding, placements, exchange and notifier; `since`
    is included, `until` is not. A line is `late` when it came to be known long after it was said.
    """
    after = parts.position(request, caller, cursor, parts.instant_of, str, int)
    wanted = TimelineFilter(service, parts.utc(since), parts.utc(until))
    async with runtime(request).transaction() as tx:
        sight = await parts.sight(tx, caller, id)
        works = sight.reads_all
        rows = await stories.timeline(
            tx,
            id,
            stories.Reader(caller.organisation, works, for_workers()),
            wanted,
            after=(after[0], after[1], after[2]) if after else None,
            limit=limit + 1,
        )
        facts = {row["event_id"]: row["data"] for row in rows}
        own = await stories.own_requests(tx, id, caller.organisation)
        names = await stories.known_names(tx, {each for data in facts.values() for each in ids_in(data)})
        parts.note_read(request, tx, caller, what="timeline", what_id=id, case_id=id, reason=sight.asked_for)
        said = timeline_words()
        words = Words(
            said["sentences"],
            said["sentences_for_others"],
            said["by"],
            said["services"],
            late_after(day_of(tx.now)),
        )

    def show(row: dict[str, Any]) -> dict[str, Any]:
        return shown(row, facts[row["event_id"]], words, names, works=works, own_requests=own)

    return parts.page(
        request,
        caller,
        rows,
        limit,
        show=show,
        at=lambda row: (row["at"].isoformat(), row["source"], row["sequence"]),
    )
