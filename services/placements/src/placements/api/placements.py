"""Routes of placements: a place looked for, matched, kept, offered, taken; and how it goes."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Annotated, Any, Final

from chassis.actions import Answer
from chassis.auth import Caller
from chassis.bodies import KEYED, VERSIONED, Body, json_body, takes
from chassis.errors import NotFound
from chassis.http import cause, idempotency_key, if_match, json_response, runtime
from chassis.wire import Day, Page, as_json
from fastapi import APIRouter, Depends, Query, Request, Response
from schemas.days import school_year

from placements import queries
from placements.api.parts import (
    FIRST_INSTANT,
    Cursor,
    Id,
    Limit,
    OptionalId,
    Places,
    PlacesOrProvides,
    Provides,
    SignedIn,
    Works,
    answer,
    note_read,
    one,
    page,
    position,
)
from placements.domain.days import day_of
from placements.domain.figures import distances, sustained
from placements.domain.placements import Placement
from placements.handlers import offers, requests, running
from placements.handlers.acts import Act, Done, Standing, may_see, standing_of
from placements.handlers.desk import Desk
from placements.handlers.requests import Ask, Asked
from placements.policy import match_rules, placement_rules, places_children, sees_all
from placements.store import Tx
from placements.views.bodies import (
    OfferAcceptIn,
    PlaceHoldIn,
    PlacementAttendanceIn,
    PlacementEmptyIn,
    PlacementEndIn,
    PlacementOffersIn,
    PlacementReasonIn,
    PlacementRequestIn,
    PlacementReviewIn,
    PlacementStartIn,
)
from placements.views.places import (
    PlacementFiguresOut,
    PlacementOfferedOut,
    PlacementOut,
    ProviderMatchesOut,
    figures_out,
    made_out,
    match_out,
    offered_out,
    placement_out,
)

router: Final = APIRouter(tags=["placements"])
_BASE: Final = "/v1/placements/{placement_id}"


@router.post(
    "/v1/placements", response_model=PlacementOut, status_code=201, openapi_extra=takes(PlacementRequestIn, KEYED)
)
async def request_place(
    request: Request, caller: Works, body: Annotated[Body[PlacementRequestIn], Depends(json_body(PlacementRequestIn))]
) -> Response:
    """Look for a place in alternative provision."""
    said = body.value
    ask = Ask(
        said.case_id, said.sessions_a_week, said.wanted_from, said.session, said.needs, said.notes, caller,
        cause(request),
    )  # fmt: skip

    def view(command: Ask, made: Asked) -> Answer:
        out = made_out(made.case, made.placement, command.caller)
        return answer(out, made.placement.version, made_at=f"/v1/placements/{made.placement.id}")

    return await runtime(request).actions.perform(
        requests.request_places, ask, view=view, idempotency=idempotency_key(request, caller, body.digest)
    )


@router.get("/v1/placements", response_model=Page[PlacementOut])
async def list_placements(
    request: Request,
    caller: SignedIn,
    *,
    case: OptionalId = None,
    state: Annotated[str | None, Query(pattern="^(requested|accepted|started|ended|withdrawn)$")] = None,
    provider: OptionalId = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """Placements that you may see, oldest first."""
    after = position(request, caller, cursor, datetime.fromisoformat, str, first=(FIRST_INSTANT, ""))
    async with runtime(request).transaction() as tx:
        today = day_of(tx.now)
        found = await queries.placements_for(
            tx, caller, today, case=case, state=state, provider=provider, after=(after[0], after[1]), limit=limit + 1
        )
        desk = await Desk.read(tx, found)
        roles = await tx.participants.roles({one.case_id for one in found}, caller.organisation, today)
        note_read(request, tx, caller, "placements", case or provider or state or "all", case_id=case)

    def show(placement: Placement) -> PlacementOut:
        return _out(desk, placement, standing_of(desk, caller, placement, roles), caller)

    return page(request, caller, found, limit, show=show, at=lambda p: (p.requested_at.isoformat(), p.id))


def _out(desk: Desk, placement: Placement, standing: Standing, caller: Caller, **more: Any) -> PlacementOut:
    holds, asked = desk.holds.get(placement.id, {}), desk.offers.get(placement.id, {})
    return placement_out(placement, standing, caller, holds=holds, offers=asked, **more)


@router.get("/v1/placements/offers", response_model=Page[PlacementOfferedOut])
async def list_offers(request: Request, caller: Provides, *, cursor: Cursor = None, limit: Limit = 50) -> Response:
    """Open offers to your providers, the first to be answered first: what is needed, not who."""
    after = position(request, caller, cursor, datetime.fromisoformat, str, first=(FIRST_INSTANT, ""))
    async with runtime(request).transaction() as tx:
        found = await queries.offers_to(tx, caller.organisation, after=(after[0], after[1]), limit=limit + 1)
        placements = await tx.placements.find({offer.placement_id for offer in found})
        note_read(request, tx, caller, "offers", caller.organisation)
    return page(
        request, caller, found, limit,
        show=lambda offer: offered_out(offer, placements[offer.placement_id]),
        at=lambda offer: (offer.answer_by.isoformat(), offer.id),
    )  # fmt: skip


@router.get("/v1/placements/figures", response_model=PlacementFiguresOut)
async def get_figures(
    request: Request,
    _caller: SignedIn,
    *,
    since: Annotated[Day | None, Query()] = None,
    until: Annotated[Day | None, Query()] = None,
) -> Response:
    """How far children go, and how many returns to school last; of this school year unless told. Points to no child."""
    async with runtime(request).transaction() as tx:
        today = day_of(tx.now)
        first, last = since or school_year(today)[0], until or today
        found = await queries.begun(tx, first, last)
    smallest = placement_rules(today).smallest_count
    began = [one for one in found if one.started_on is not None and first <= one.started_on <= last]
    checked = [one for one in found if one.checked_on is not None and first <= one.checked_on <= last]
    out = figures_out(
        distances(began, smallest), sustained(checked, smallest), since=first, until=last, smallest=smallest
    )
    return json_response(as_json(out))


@router.get(_BASE, response_model=PlacementOut)
async def get_placement(request: Request, caller: SignedIn, placement_id: Id) -> Response:
    """A request for a place, and what became of it."""
    async with runtime(request).transaction() as tx:
        desk, standing = await _looked_at(tx, caller, placement_id)
        placement = desk.placements[placement_id]
        attendance = await tx.attendances.of("placement_id", [placement_id])
        reviews = await tx.reviews.of("placement_id", [placement_id])
        note_read(request, tx, caller, "placement", placement_id, case_id=placement.case_id)
    out = _out(desk, placement, standing, caller, attendance=attendance, reviews=reviews)
    return one(out, placement.version)


async def _looked_at(tx: Tx, caller: Caller, placement_id: str) -> tuple[Desk, Standing]:
    """A placement that the caller may see. Raises `NotFound`."""
    desk = await Desk.read(tx, (await tx.placements.find([placement_id])).values())
    placement = desk.placements.get(placement_id)
    if placement is None:
        raise NotFound
    roles = await tx.participants.roles([placement.case_id], caller.organisation, day_of(tx.now))
    standing = standing_of(desk, caller, placement, roles)
    if not may_see(caller, standing):
        raise NotFound
    return desk, standing


@router.get(f"{_BASE}/matches", response_model=ProviderMatchesOut)
async def get_matches(request: Request, caller: SignedIn, placement_id: Id) -> Response:
    """Which providers could take the child, which first and why; also why the others could not."""
    async with runtime(request).transaction() as tx:
        desk, standing = await _looked_at(tx, caller, placement_id)
        placement = desk.placements[placement_id]
        if not (places_children(caller, standing.case) or standing.roles or sees_all(caller)):
            raise NotFound
        await desk.whole_county()
        found = offers.matches(desk, placement)
        note_read(request, tx, caller, "matches", placement_id, case_id=placement.case_id)
    out = ProviderMatchesOut(
        measured_from=desk.wanted(placement).measured_from,
        rules_version=match_rules(desk.today).version,
        items=tuple(match_out(each, desk.providers[each.provider_id]) for each in found),
    )
    return json_response(as_json(out))


_Handler = Callable[[Sequence[Act], Tx], Awaitable[Sequence[Any]]]


async def _act(
    request: Request, caller: Caller, placement_id: str, body: Body[Any], handler: _Handler, *,
    versioned: bool = False, providers: tuple[str, ...] = (), **more: Any,
) -> Response:  # fmt: skip
    said = {**body.value.model_dump(), **more}
    version = if_match(request) if versioned else None
    act = Act(placement_id, caller, cause(request), version, providers, said)
    return await runtime(request).actions.perform(
        handler, act, view=_answer, idempotency=idempotency_key(request, caller, body.digest)
    )


def _answer(act: Act, done: Done) -> Answer:
    # An answer is kept for retries: what somebody wrote is read where it can be erased, not from there.
    out = _out(done.desk, done.placement, done.after, act.caller).model_copy(update={"notes": None})
    return answer(out, done.placement.version)


@router.post(f"{_BASE}/holds", response_model=PlacementOut, openapi_extra=takes(PlaceHoldIn, KEYED))
async def hold_place(
    request: Request,
    caller: Places,
    placement_id: Id,
    body: Annotated[Body[PlaceHoldIn], Depends(json_body(PlaceHoldIn))],
) -> Response:
    """Keep a place at a provider until an instant. Kept already: it is kept longer."""
    return await _act(request, caller, placement_id, body, offers.hold_places, providers=(body.value.provider_id,))


@router.post(
    f"{_BASE}/holds/{{hold_id}}/release", response_model=PlacementOut, openapi_extra=takes(PlacementEmptyIn, KEYED)
)
async def release_hold(
    request: Request,
    caller: Places,
    placement_id: Id,
    hold_id: Id,
    body: Annotated[Body[PlacementEmptyIn], Depends(json_body(PlacementEmptyIn))],
) -> Response:
    """Give up a place that is kept, and the offer of it."""
    return await _act(request, caller, placement_id, body, offers.release_holds, hold_id=hold_id)


@router.post(f"{_BASE}/offers", response_model=PlacementOut, openapi_extra=takes(PlacementOffersIn, KEYED))
async def offer_place(
    request: Request,
    caller: Places,
    placement_id: Id,
    body: Annotated[Body[PlacementOffersIn], Depends(json_body(PlacementOffersIn))],
) -> Response:
    """Ask one provider or several; the first who accepts takes the child."""
    providers = tuple(dict.fromkeys(body.value.provider_ids))
    return await _act(request, caller, placement_id, body, offers.offer_places, providers=providers)


@router.post(
    f"{_BASE}/offers/{{offer_id}}/accept", response_model=PlacementOut, openapi_extra=takes(OfferAcceptIn, KEYED)
)
async def accept_offer(
    request: Request,
    caller: Provides,
    placement_id: Id,
    offer_id: Id,
    body: Annotated[Body[OfferAcceptIn], Depends(json_body(OfferAcceptIn))],
) -> Response:
    """Your provider takes the child, if no other was first."""
    return await _act(request, caller, placement_id, body, offers.accept_offers, offer_id=offer_id)


@router.post(
    f"{_BASE}/offers/{{offer_id}}/decline", response_model=PlacementOut, openapi_extra=takes(PlacementReasonIn, KEYED)
)
async def decline_offer(
    request: Request,
    caller: Provides,
    placement_id: Id,
    offer_id: Id,
    body: Annotated[Body[PlacementReasonIn], Depends(json_body(PlacementReasonIn))],
) -> Response:
    """Your provider does not take the child, with a reason."""
    return await _act(request, caller, placement_id, body, offers.decline_offers, offer_id=offer_id)


@router.post(f"{_BASE}/withdraw", response_model=PlacementOut, openapi_extra=takes(PlacementEmptyIn, KEYED, VERSIONED))
async def withdraw(
    request: Request,
    caller: Works,
    placement_id: Id,
    body: Annotated[Body[PlacementEmptyIn], Depends(json_body(PlacementEmptyIn))],
) -> Response:
    """The place is no longer looked for."""
    return await _act(request, caller, placement_id, body, offers.withdraw_requests, versioned=True)


@router.post(f"{_BASE}/start", response_model=PlacementOut, openapi_extra=takes(PlacementStartIn, KEYED, VERSIONED))
async def start(
    request: Request,
    caller: PlacesOrProvides,
    placement_id: Id,
    body: Annotated[Body[PlacementStartIn], Depends(json_body(PlacementStartIn))],
) -> Response:
    """The child has begun."""
    return await _act(request, caller, placement_id, body, running.start_placements, versioned=True)


@router.post(f"{_BASE}/attendance", response_model=PlacementOut, openapi_extra=takes(PlacementAttendanceIn, KEYED))
async def tell_attendance(
    request: Request,
    caller: Provides,
    placement_id: Id,
    body: Annotated[Body[PlacementAttendanceIn], Depends(json_body(PlacementAttendanceIn))],
) -> Response:
    """How much of a week the child came. Told again, the week is put right."""
    return await _act(request, caller, placement_id, body, running.note_attendance)


@router.post(f"{_BASE}/reviews", response_model=PlacementOut, openapi_extra=takes(PlacementReviewIn, KEYED))
async def review(
    request: Request,
    caller: PlacesOrProvides,
    placement_id: Id,
    body: Annotated[Body[PlacementReviewIn], Depends(json_body(PlacementReviewIn))],
) -> Response:
    """The placement was reviewed."""
    return await _act(request, caller, placement_id, body, running.review_placements)


@router.post(f"{_BASE}/at-risk", response_model=PlacementOut, openapi_extra=takes(PlacementReasonIn, KEYED))
async def flag(
    request: Request,
    caller: PlacesOrProvides,
    placement_id: Id,
    body: Annotated[Body[PlacementReasonIn], Depends(json_body(PlacementReasonIn))],
) -> Response:
    """The placement may break down, or there is a safeguarding concern."""
    return await _act(request, caller, placement_id, body, running.flag_placements)


@router.post(f"{_BASE}/end", response_model=PlacementOut, openapi_extra=takes(PlacementEndIn, KEYED, VERSIONED))
async def end(
    request: Request,
    caller: PlacesOrProvides,
    placement_id: Id,
    body: Annotated[Body[PlacementEndIn], Depends(json_body(PlacementEndIn))],
) -> Response:
    """The placement ended; a child who went back to a school is looked at twelve weeks later."""
    return await _act(request, caller, placement_id, body, running.end_placements, versioned=True)
