"""Places kept and offered: held until an instant, answered by a time; the first provider who accepts wins."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from chassis.cause import Cause
from chassis.deadlines import Due
from chassis.errors import Conflict, FieldError, Forbidden, Invalid, NotFound, Refusal
from schemas.placement import PlacementAccepted

from placements.domain.matching import Match, fitting, match
from placements.domain.placements import (
    AnotherAccepted,
    Hold,
    HoldState,
    Offer,
    OfferAnswered,
    OfferState,
    OutOfTurn,
    Placement,
    State,
    metres,
    middle_of_home,
)
from placements.handlers.acts import Act, Done, Standing, must_place, perform
from placements.handlers.desk import OFFER_LAPSES, Desk
from placements.handlers.requests import OutOfRange
from placements.policy import (
    check_rules,
    coded,
    in_words,
    is_provider,
    match_rules,
    placement_rules,
)
from placements.store import Tx


class NotEligible(Conflict):
    """The provider cannot take this child."""

    code = "not-eligible"


class NoSuchProvider(Invalid):
    """The provider named does not exist."""

    code = "no-such-provider"


def matches(desk: Desk, placement: Placement, providers: Sequence[str] | None = None) -> list[Match]:
    """Every provider of the desk, or these, beside what is wanted."""
    by_provider = {id: desk.places_of(id) for id in desk.providers}
    chosen = [desk.providers[id] for id in (desk.providers if providers is None else providers)]
    rules = match_rules(desk.today), check_rules(desk.today)
    return match(desk.wanted(placement), chosen, desk.checks, by_provider, rules)


async def hold_places(acts: Sequence[Act], tx: Tx) -> Sequence[Done | Refusal]:
    """Keep a place at a provider until an instant."""

    async def step(desk: Desk, placement: Placement, act: Act, standing: Standing) -> str:
        must_place(act, standing)
        rules = placement_rules(desk.today)
        until = act.said["until"] or tx.now + timedelta(hours=rules.hold_hours)
        if not tx.now < until <= tx.now + timedelta(days=rules.longest_hold_days):
            raise OutOfRange(f"Keep it for {rules.longest_hold_days} days at most.", pointer="/until")
        return (await _hold(desk, placement, act.providers[0], until, cause=act.cause, at="/provider_id")).id

    return await perform(acts, tx, step, "held")


async def _hold(desk: Desk, placement: Placement, provider_id: str, until: datetime, *, cause: Cause, at: str) -> Hold:
    _looked_for_still(placement)
    if provider_id not in desk.providers:
        raise NoSuchProvider("There is no such provider.", pointer=at)
    known = desk.held(placement.id, provider_id)
    if known is not None:
        return await desk.hold(placement, desk.places[known.place_id], until, cause)
    [found] = matches(desk, placement, [provider_id])
    against = [reason for reason in found.reasons if reason != "full"]
    if not found.eligible and against:
        raise NotEligible(
            "The provider cannot take this child: " + " ".join(map(in_words, against)),
            errors=[FieldError(at, reason, in_words(reason)) for reason in against],
        )
    place = fitting(desk.wanted(placement), desk.places_of(provider_id), match_rules(desk.today))[0]
    return await desk.hold(placement, place, until, cause)


def _looked_for_still(placement: Placement) -> None:
    if placement.state == State.REQUESTED:
        return
    if placement.state == State.WITHDRAWN:
        raise OutOfTurn("The place is no longer looked for.")
    raise AnotherAccepted("A provider has accepted the child already.")


async def release_holds(acts: Sequence[Act], tx: Tx) -> Sequence[Done | Refusal]:
    """A place is given up; an offer of it with it."""

    async def step(desk: Desk, placement: Placement, act: Act, standing: Standing) -> None:
        must_place(act, standing)
        hold = desk.holds.get(placement.id, {}).get(act.said["hold_id"])
        if hold is None:
            raise NotFound
        if hold.state != HoldState.HELD:
            raise OutOfTurn("The place is not kept any more.")
        for offer in list(desk.offers.get(placement.id, {}).values()):
            if offer.hold_id == hold.id and offer.state == OfferState.OPEN:
                await desk.decline(offer, "request-ended", "withdrawn", act.cause)
                return
        await desk.release(hold, "withdrawn", act.cause)

    return await perform(acts, tx, step, "released")


async def offer_places(acts: Sequence[Act], tx: Tx) -> Sequence[Done | Refusal]:
    """Ask one provider or several; a place is kept at each until it has answered."""

    async def step(desk: Desk, placement: Placement, act: Act, standing: Standing) -> None:
        must_place(act, standing)
        rules = placement_rules(desk.today)
        answer_by = act.said["answer_by"] or tx.now + timedelta(hours=rules.answer_hours)
        if not tx.now < answer_by <= tx.now + timedelta(days=rules.longest_answer_days):
            raise OutOfRange(f"Give them {rules.longest_answer_days} days at most.", pointer="/answer_by")
        _all_or_none(desk, placement, act)
        for n, provider_id in enumerate(act.providers):
            hold = await _hold(desk, placement, provider_id, answer_by, cause=act.cause, at=f"/provider_ids/{n}")
            open_ = (o for o in desk.offers.get(placement.id, {}).values() if o.state == OfferState.OPEN)
            if not any(offer.provider_id == provider_id for offer in open_):
                await desk.offer(hold, answer_by, act.cause)
        desk.put(placement)

    return await perform(acts, tx, step, "offered")


def _all_or_none(desk: Desk, placement: Placement, act: Act) -> None:
    """Refuse before anything is kept, naming every provider that cannot take the child."""
    _looked_for_still(placement)
    wrong = []
    for n, provider_id in enumerate(act.providers):
        at = f"/provider_ids/{n}"
        if provider_id not in desk.providers:
            raise NoSuchProvider("There is no such provider.", pointer=at)
        if desk.held(placement.id, provider_id) is None:
            [found] = matches(desk, placement, [provider_id])
            wrong += [FieldError(at, reason, in_words(reason)) for reason in found.reasons if not found.eligible]
    if wrong:
        raise NotEligible("Not every provider can take this child; see errors. Nobody was asked.", errors=wrong)


async def accept_offers(acts: Sequence[Act], tx: Tx) -> Sequence[Done | Refusal]:
    """A provider takes the child: the first wins, the others are told."""

    async def step(desk: Desk, placement: Placement, act: Act, _standing: Standing) -> None:
        offer = _own_offer(desk, placement, act)
        if offer.state != OfferState.OPEN or offer.answer_by <= tx.now:
            if placement.provider_id is not None and placement.provider_id != offer.provider_id:
                raise AnotherAccepted("Another provider was first.")
            raise OfferAnswered("The offer was answered, or its time ran out.")
        starts_on: date = act.said["starts_on"] or max(placement.wanted_from, desk.today)
        if not desk.today <= starts_on <= desk.today + timedelta(days=366):
            raise OutOfRange("Give a day from today on, within a year.", pointer="/starts_on")
        hold = desk.holds[placement.id][offer.hold_id]
        await desk.take(hold, act.cause)
        desk.keep_offer(replace(offer, state=OfferState.ACCEPTED, answered_by=act.caller.subject))
        await tx.cancel_deadline(OFFER_LAPSES, offer.id)
        provider, case = desk.providers[offer.provider_id], desk.cases.get(placement.case_id)
        home = middle_of_home(case.circumstances if case else None)
        desk.put(
            replace(
                placement, state=State.ACCEPTED, provider_id=offer.provider_id, place_id=hold.place_id,
                starts_on=starts_on, metres_from_home=metres(home, (provider.easting, provider.northing)),
            )
        )  # fmt: skip
        event = PlacementAccepted(
            case_id=placement.case_id, request_id=placement.id, provider_id=offer.provider_id, offer_id=offer.id,
            placement_id=placement.id, starts_on=starts_on,
        )  # fmt: skip
        tx.emit(event, act.cause)
        await desk.let_go(desk.placements[placement.id], "another-accepted", act.cause)

    return await perform(acts, tx, step, "accepted", by_the_asked=True)


async def decline_offers(acts: Sequence[Act], tx: Tx) -> Sequence[Done | Refusal]:
    """A provider does not take the child, with a reason."""

    async def step(desk: Desk, placement: Placement, act: Act, _standing: Standing) -> None:
        offer = _own_offer(desk, placement, act)
        if offer.state != OfferState.OPEN:
            raise OfferAnswered("The offer was answered, or its time ran out.")
        reason = coded("offer-refusals", act.said["reason"], desk.today, "/reason")
        await desk.decline(offer, reason, "declined", act.cause, by=act.caller.subject)

    return await perform(acts, tx, step, "declined", by_the_asked=True)


def _own_offer(desk: Desk, placement: Placement, act: Act) -> Offer:
    offer = desk.offers.get(placement.id, {}).get(act.said["offer_id"])
    if offer is None:
        raise NotFound
    if not is_provider(act.caller, desk.providers.get(offer.provider_id)):
        raise Forbidden("Only the provider's own people answer an offer.")
    return offer


async def withdraw_requests(acts: Sequence[Act], tx: Tx) -> Sequence[Done | Refusal]:
    """The place is no longer looked for."""

    async def step(desk: Desk, placement: Placement, act: Act, standing: Standing) -> None:
        if act.caller.organisation != placement.organisation_id:
            must_place(act, standing)
        _looked_for_still(placement)
        await desk.let_go(placement, "request-ended", act.cause)
        desk.put(replace(placement, state=State.WITHDRAWN))

    return await perform(acts, tx, step, "withdrawn")


async def expire_holds(due: Sequence[Due], tx: Tx) -> None:
    """The time of kept places ran out."""
    desk = await Desk.open(tx, {one.payload["placement"] for one in due})
    for one in due:
        hold = desk.holds.get(one.payload["placement"], {}).get(one.payload["hold"])
        if hold is None or hold.state != HoldState.HELD or hold.until > tx.now:
            continue
        offers = desk.offers.get(hold.placement_id, {}).values()
        offered = next((o for o in offers if o.hold_id == hold.id and o.state == OfferState.OPEN), None)
        if offered is None:
            await desk.release(hold, "lapsed", one.cause)
        elif offered.answer_by <= tx.now:
            await desk.decline(offered, "no-answer", "lapsed", one.cause)
    await desk.close()


async def lapse_offers(due: Sequence[Due], tx: Tx) -> None:
    """Nobody answered in time."""
    desk = await Desk.open(tx, {one.payload["placement"] for one in due})
    for one in due:
        offer = desk.offers.get(one.payload["placement"], {}).get(one.payload["offer"])
        if offer is not None and offer.state == OfferState.OPEN and offer.answer_by <= tx.now:
            await desk.decline(offer, "no-answer", "lapsed", one.cause)
    await desk.close()
