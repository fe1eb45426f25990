"""The desk at which places are kept, offered and taken: everything locked in one order, written together at the end."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Final, TypeVar

from chassis.cause import Cause
from chassis.clock import new_id
from schemas.days import Calendar
from schemas.placement import (
    PlacementDeclined,
    PlacementHeld,
    PlacementOffered,
    PlacementReleased,
    ProviderCapacityChanged,
)
from schemas.placement import Places as SaidPlaces

from placements.domain.cases import Case
from placements.domain.days import day_of
from placements.domain.matching import Wanted
from placements.domain.placements import (
    Hold,
    HoldState,
    Offer,
    OfferState,
    Placement,
    middle_of_home,
)
from placements.domain.places import Place
from placements.domain.providers import Check, Provider
from placements.store import Tx
from placements.store.heard import School

#: Deadlines, and their subjects: a hold, an offer.
HOLD_EXPIRES: Final = "hold-expires"
OFFER_LAPSES: Final = "offer-lapses"

_ABOUT: Final = "SELECT id, case_id, provider_id FROM placement WHERE id = ANY($1::text[])"
_ASKED: Final = "SELECT DISTINCT provider_id FROM hold WHERE placement_id = ANY($1::text[])"


@dataclass
class Desk:
    """What is known of some placements and of the providers that they concern, for one transaction."""

    tx: Tx
    today: date
    placements: dict[str, Placement]
    holds: dict[str, dict[str, Hold]]
    offers: dict[str, dict[str, Offer]]
    providers: dict[str, Provider]
    places: dict[str, Place]
    checks: dict[str, list[Check]]
    cases: dict[str, Case]
    schools: dict[str, School]
    county: Calendar
    changed: dict[str, Placement] = field(default_factory=dict)
    _holds: dict[str, Hold] = field(default_factory=dict)
    _offers: dict[str, Offer] = field(default_factory=dict)
    _places: dict[str, Place] = field(default_factory=dict)
    _causes: dict[str, Cause] = field(default_factory=dict)

    @staticmethod
    async def open(tx: Tx, placement_ids: Collection[str], provider_ids: Collection[str] = ()) -> "Desk":
        """Lock subjects, then placements, then places, each in order; then read the rest."""
        ids = sorted(set(placement_ids))
        about = await tx.rows(_ABOUT, ids)
        case_ids = {row["case_id"] for row in about}
        asked = {row["provider_id"] for row in await tx.rows(_ASKED, ids)}
        wanted = set(provider_ids) | asked | {row["provider_id"] for row in about if row["provider_id"]}
        await tx.lock_subjects(case_ids | wanted)
        placements = await tx.placements.find(ids, lock=True)
        holds, offers = await tx.holds.of("placement_id", ids), await tx.offers.of("placement_id", ids)
        # Somebody may have been asked between the look and the lock.
        wanted |= {one.provider_id for one in holds}
        places = await tx.places.of("provider_id", wanted, lock=True)
        cases = await tx.cases.find(case_ids)
        return Desk(
            tx=tx,
            today=day_of(tx.now),
            placements=placements,
            holds=_by_placement(holds),
            offers=_by_placement(offers),
            providers=await tx.providers.find(wanted),
            places={place.id: place for place in places},
            checks=await tx.checks.grouped("provider_id", wanted),
            cases=cases,
            schools=await tx.schools.find([case.school_urn for case in cases.values() if case.school_urn]),
            county=(await tx.calendars.of(())).of(None),
        )

    @staticmethod
    async def read(tx: Tx, found: Iterable[Placement]) -> "Desk":
        """The same for looking only: nothing is locked, and nothing may be changed."""
        placements = {placement.id: placement for placement in found}
        holds = await tx.holds.of("placement_id", list(placements))
        offers = await tx.offers.of("placement_id", list(placements))
        wanted = {one.provider_id for one in holds} | {p.provider_id for p in placements.values() if p.provider_id}
        cases = await tx.cases.find({placement.case_id for placement in placements.values()})
        return Desk(
            tx=tx, today=day_of(tx.now), placements=placements, holds=_by_placement(holds),
            offers=_by_placement(offers), providers=await tx.providers.find(wanted), places={}, checks={},
            cases=cases, schools=await tx.schools.find([c.school_urn for c in cases.values() if c.school_urn]),
            county=Calendar(),
        )  # fmt: skip

    async def whole_county(self) -> None:
        """Know every provider that takes anybody, to look only."""
        self.providers = {provider.id: provider for provider in await self.tx.providers.where("active ORDER BY id")}
        places = await self.tx.places.of("provider_id", list(self.providers))
        self.places = {place.id: place for place in places}
        self.checks = await self.tx.checks.grouped("provider_id", list(self.providers))

    def places_of(self, provider_id: str) -> list[Place]:
        """The places of a provider as they now are."""
        return [place for place in self.places.values() if place.provider_id == provider_id]

    def wanted(self, placement: Placement) -> Wanted:
        """What is looked for, and from where closeness is measured; what is wanted since long ago is wanted today."""
        wanted = wanted_of(placement, self.cases.get(placement.case_id), self.schools)
        return replace(wanted, wanted_from=max(wanted.wanted_from, self.today))

    def put(self, placement: Placement) -> Placement:
        """A placement as it now is."""
        if placement.id not in self.changed:
            placement = replace(placement, version=placement.version + 1)
        self.placements[placement.id] = self.changed[placement.id] = placement
        return placement

    def put_place(self, place: Place, cause: Cause) -> None:
        """Places as they now are; their provider's are said in the end."""
        self.places[place.id] = self._places[place.id] = place
        self._causes[place.provider_id] = cause

    async def hold(self, placement: Placement, place: Place, until: datetime, cause: Cause) -> Hold:
        """Keep a place until an instant; a place that is kept already is kept longer. Raises `NoPlaceLeft`."""
        known = self.held(placement.id, place.provider_id)
        if known is None:
            self.put_place(place.hold(), cause)
            hold = Hold(new_id(), placement.id, placement.case_id, place.provider_id, place.id, until)
        elif until <= known.until:
            return known
        else:
            hold = replace(known, until=until)
        self._keep_hold(hold)
        await self.tx.set_deadline(
            HOLD_EXPIRES, hold.id, until, cause=cause, payload={"placement": placement.id, "hold": hold.id}
        )
        self.tx.emit(
            PlacementHeld(
                case_id=hold.case_id, request_id=hold.placement_id, provider_id=hold.provider_id, hold_id=hold.id,
                until=until,
            ),
            cause,
        )  # fmt: skip
        return hold

    def held(self, placement_id: str, provider_id: str) -> Hold | None:
        """The place that a provider keeps for it."""
        holds = self.holds.get(placement_id, {}).values()
        return next((h for h in holds if h.provider_id == provider_id and h.state == HoldState.HELD), None)

    async def release(self, hold: Hold, reason: str, cause: Cause) -> None:
        """A place that was kept is free again."""
        self._keep_hold(replace(hold, state=HoldState.RELEASED, reason=reason))
        self.put_place(self.places[hold.place_id].release(), cause)
        await self.tx.cancel_deadline(HOLD_EXPIRES, hold.id)
        self.tx.emit(
            PlacementReleased(
                case_id=hold.case_id, request_id=hold.placement_id, provider_id=hold.provider_id, hold_id=hold.id,
                reason=reason,
            ),
            cause,
        )  # fmt: skip

    async def take(self, hold: Hold, cause: Cause) -> None:
        """The place that was kept is taken."""
        self._keep_hold(replace(hold, state=HoldState.TAKEN))
        self.put_place(self.places[hold.place_id].take(), cause)
        await self.tx.cancel_deadline(HOLD_EXPIRES, hold.id)

    async def offer(self, hold: Hold, answer_by: datetime, cause: Cause) -> Offer:
        """Ask the provider that keeps the place."""
        offer = Offer(new_id(), hold.placement_id, hold.case_id, hold.provider_id, hold.id, self.tx.now, answer_by)
        self.keep_offer(offer)
        await self.tx.set_deadline(
            OFFER_LAPSES, offer.id, answer_by, cause=cause, payload={"placement": hold.placement_id, "offer": offer.id}
        )
        self.tx.emit(
            PlacementOffered(
                case_id=offer.case_id, request_id=offer.placement_id, provider_id=offer.provider_id,
                offer_id=offer.id, answer_by=answer_by,
            ),
            cause,
        )  # fmt: skip
        return offer

    async def decline(self, offer: Offer, reason: str, ending: str, cause: Cause, *, by: str | None = None) -> Offer:
        """An offer came to nothing; its place is free again. `ending` is of the registry `hold-endings`."""
        offer = replace(offer, state=OfferState.DECLINED, reason=reason, answered_by=by)
        self.keep_offer(offer)
        await self.tx.cancel_deadline(OFFER_LAPSES, offer.id)
        self.tx.emit(
            PlacementDeclined(
                case_id=offer.case_id, request_id=offer.placement_id, provider_id=offer.provider_id,
                offer_id=offer.id, reason=reason,
            ),
            cause,
        )  # fmt: skip
        hold = self.holds.get(offer.placement_id, {}).get(offer.hold_id)
        if hold is not None and hold.state == HoldState.HELD:
            await self.release(hold, ending, cause)
        return offer

    async def let_go(self, placement: Placement, reason: str, cause: Cause) -> None:
        """Everything that is open comes to nothing. `reason` is of both registries, of refusals and of endings."""
        for offer in list(self.offers.get(placement.id, {}).values()):
            if offer.state == OfferState.OPEN:
                await self.decline(offer, reason, reason, cause)
        for hold in list(self.holds.get(placement.id, {}).values()):
            if hold.state == HoldState.HELD:
                await self.release(hold, reason, cause)

    def leave(self, placement: Placement, cause: Cause) -> None:
        """The place that was taken is free again."""
        if placement.place_id is not None:
            self.put_place(self.places[placement.place_id].leave(), cause)

    def keep_offer(self, offer: Offer) -> None:
        """An offer as it now is."""
        self.offers.setdefault(offer.placement_id, {})[offer.id] = self._offers[offer.id] = offer

    def _keep_hold(self, hold: Hold) -> None:
        self.holds.setdefault(hold.placement_id, {})[hold.id] = self._holds[hold.id] = hold

    async def close(self) -> None:
        """Write everything, and say the places of the providers for which they changed."""
        await self.tx.placements.save(self.changed.values())
        await self.tx.places.save(self._places.values())
        released = [hold for hold in self._holds.values() if hold.state != HoldState.HELD]
        await self.tx.holds.save(released)
        await self.tx.holds.save(hold for hold in self._holds.values() if hold.state == HoldState.HELD)
        await self.tx.offers.save(self._offers.values())
        for provider_id, cause in self._causes.items():
            self.tx.emit(capacity_of(provider_id, self.places_of(provider_id)), cause)


_T = TypeVar("_T", Hold, Offer)


def _by_placement(values: list[_T]) -> dict[str, dict[str, _T]]:
    found: defaultdict[str, dict[str, _T]] = defaultdict(dict)
    for value in values:
        found[value.placement_id][value.id] = value
    return found


def capacity_of(provider_id: str, places: list[Place]) -> ProviderCapacityChanged:
    """What is said of a provider's places: those of all needs together, by phase and session."""
    sums: defaultdict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    for place in places:
        whole = sums[place.phase, place.session]
        whole[0] += place.places
        whole[1] += place.free
    return ProviderCapacityChanged(
        provider_id=provider_id,
        places=tuple(
            SaidPlaces(phase=phase, session=session, places=whole, open=free)
            for (phase, session), (whole, free) in sorted(sums.items())
        ),
    )


def wanted_of(placement: Placement, case: Case | None, schools: dict[str, School]) -> Wanted:
    """What is looked for. A protected address measures from nowhere: not from the school either."""
    start, measured_from = middle_of_home(case.circumstances if case else None), "home"
    if start is None:
        school = schools.get((case.school_urn if case else None) or "")
        restricted = case is not None and case.home_state == "restricted"
        if restricted:
            measured_from = "home-restricted"
        elif school is None or school.easting is None or school.northing is None:
            measured_from = "home-unknown"
        else:
            start, measured_from = (school.easting, school.northing), "school"
    return Wanted(
        phase=placement.phase, needs=placement.needs, session=placement.session,
        sessions_a_week=placement.sessions_a_week, wanted_from=placement.wanted_from, start=start,
        measured_from=measured_from,
    )  # fmt: skip
