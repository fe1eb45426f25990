"""Providers, placements, offers and matches as they travel."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import TypeVar

from chassis.auth import Caller
from chassis.wire import Action, Out

from placements.domain.cases import Case
from placements.domain.figures import Distance, Sustained
from placements.domain.matching import Match
from placements.domain.placements import Attendance, Hold, Offer, OfferState, Placement, Review, State
from placements.domain.places import Place
from placements.domain.providers import Check, Provider, failings
from placements.handlers.acts import Standing
from placements.policy import check_rules, in_words, keeps_provider, places_children, sees_exclusions

V = TypeVar("V")


class ProviderCheckOut(Out):
    """A check."""

    kind: str
    outcome: str
    checked_on: date
    valid_until: date | None


class ProviderPlaceOut(Out):
    """Places of one kind."""

    phase: str
    session: str
    need: str | None
    places: int
    taken: int
    held: int
    open: int


class ProviderOut(Out):
    """A provider."""

    id: str
    name: str
    organisation_id: str | None
    kind: str
    phases: tuple[str, ...]
    needs: tuple[str, ...]
    easting: int | None
    northing: int | None
    active: bool
    source: str
    checks: tuple[ProviderCheckOut, ...]
    places: tuple[ProviderPlaceOut, ...]
    #: Why nobody is placed there today; none: somebody could be.
    failings: tuple[str, ...]
    actions: tuple[Action, ...]


class MatchReasonOut(Out):
    """A reason: its code, and what it means."""

    code: str
    text: str


class ProviderMatchOut(Out):
    """A provider beside what is wanted."""

    provider_id: str
    name: str
    eligible: bool
    rank: int | None
    points: float
    metres: int | None
    open: int
    reasons: tuple[MatchReasonOut, ...]


class ProviderMatchesOut(Out):
    """Providers for a child, in order."""

    measured_from: str
    rules_version: str
    items: tuple[ProviderMatchOut, ...]
    next: str | None = None


class PlaceHoldOut(Out):
    """A place that is or was kept."""

    id: str
    provider_id: str
    until: datetime
    state: str
    reason: str | None


class PlacementOfferOut(Out):
    """A provider that was asked."""

    id: str
    provider_id: str
    answer_by: datetime
    state: str
    reason: str | None


class PlacementWeekOut(Out):
    """A week."""

    week: date
    attended: int
    possible: int


class PlacementReviewOut(Out):
    """A review."""

    id: str
    reviewed_on: date
    outcome: str
    next_review_on: date | None
    notes: str | None


class PlacementOut(Out):
    """A request for a place and what became of it. A provider that was only asked sees no case."""

    id: str
    case_id: str | None
    reference: str | None
    organisation_id: str | None
    state: str
    needs: tuple[str, ...]
    year_group: str | None
    phase: str
    session: str | None
    sessions_a_week: int
    wanted_from: date
    notes: str | None
    provider_id: str | None
    starts_on: date | None
    started_on: date | None
    metres_from_home: int | None
    at_risk: tuple[str, ...]
    next_review_on: date | None
    ended_on: date | None
    ending: str | None
    reintegrated_on: date | None
    school_urn: str | None
    sustained: bool | None
    holds: tuple[PlaceHoldOut, ...]
    offers: tuple[PlacementOfferOut, ...]
    attendance: tuple[PlacementWeekOut, ...]
    reviews: tuple[PlacementReviewOut, ...]
    actions: tuple[Action, ...]


class PlacementOfferedOut(Out):
    """What a provider sees of an open offer: what is needed, never who."""

    id: str
    placement_id: str
    provider_id: str
    answer_by: datetime
    needs: tuple[str, ...]
    year_group: str | None
    phase: str
    session: str | None
    sessions_a_week: int
    wanted_from: date
    actions: tuple[Action, ...]


class PlacementDistanceOut(Out):
    """How far children go; null where too few would point to one."""

    phase: str
    placements: int | None
    mean_kilometres: float | None
    median_kilometres: float | None


class PlacementFiguresOut(Out):
    """Placements in figures, over the days from `since` to `until`."""

    since: date
    until: date
    smallest_count: int
    distance: tuple[PlacementDistanceOut, ...]
    returns_checked: int | None
    returns_sustained: float | None


def provider_out(
    provider: Provider, checks: Sequence[Check], places: Sequence[Place], caller: Caller, on: date
) -> ProviderOut:
    """A provider as the caller sees it."""
    ours = keeps_provider(caller, provider)
    why = None if ours else "You do not speak for this provider."
    base = f"/v1/providers/{provider.id}"
    return ProviderOut(
        id=provider.id, name=provider.name, organisation_id=provider.organisation_id, kind=provider.kind,
        phases=provider.phases, needs=provider.needs, easting=provider.easting, northing=provider.northing,
        active=provider.active, source=provider.source,
        checks=tuple(
            ProviderCheckOut(kind=c.kind, outcome=c.outcome, checked_on=c.checked_on, valid_until=c.valid_until)
            for c in sorted(checks, key=lambda c: (c.kind, c.checked_on))
        ),
        places=tuple(
            ProviderPlaceOut(
                phase=p.phase, session=p.session, need=p.need or None, places=p.places, taken=p.taken, held=p.held,
                open=p.free,
            )
            for p in sorted(places, key=lambda p: p.id)
        ),
        failings=failings(checks, check_rules(on), on),
        actions=(
            Action(name="change", method="PATCH", href=base, allowed=ours, reason=why),
            Action(name="publish-places", method="PUT", href=f"{base}/places", allowed=ours, reason=why),
        ),
    )  # fmt: skip


def match_out(found: Match, provider: Provider) -> ProviderMatchOut:
    """A match in words."""
    return ProviderMatchOut(
        provider_id=found.provider_id, name=provider.name, eligible=found.eligible, rank=found.rank,
        points=found.points, metres=found.metres, open=found.free,
        reasons=tuple(MatchReasonOut(code=code, text=in_words(code)) for code in found.reasons),
    )  # fmt: skip


def placement_out(
    placement: Placement, standing: Standing, caller: Caller, *,
    holds: Mapping[str, Hold], offers: Mapping[str, Offer],
    attendance: Sequence[Attendance] = (), reviews: Sequence[Review] = (),
) -> PlacementOut:  # fmt: skip
    """A placement as the caller sees it."""
    case, provider = standing.case, standing.provider
    takes = provider is not None and provider.id == placement.provider_id
    asked_only = provider is not None and not takes and not places_children(caller, case) and not standing.roles
    words = sees_exclusions(caller, case, standing.roles) or caller.organisation == placement.organisation_id or takes

    def known(value: V) -> V | None:
        return None if asked_only else value

    own = {provider.id} if asked_only and provider is not None else None
    return PlacementOut(
        id=placement.id, case_id=known(placement.case_id), reference=known(case.reference if case else None),
        organisation_id=known(placement.organisation_id), state=placement.state, needs=placement.needs,
        year_group=placement.year_group, phase=placement.phase, session=placement.session,
        sessions_a_week=placement.sessions_a_week, wanted_from=placement.wanted_from,
        notes=placement.notes if words and not asked_only else None,
        provider_id=known(placement.provider_id), starts_on=known(placement.starts_on),
        started_on=known(placement.started_on), metres_from_home=known(placement.metres_from_home),
        at_risk=() if asked_only else placement.at_risk, next_review_on=known(placement.next_review_on),
        ended_on=known(placement.ended_on), ending=known(placement.ending),
        reintegrated_on=known(placement.reintegrated_on), school_urn=known(placement.school_urn),
        sustained=known(placement.sustained),
        holds=tuple(
            PlaceHoldOut(id=h.id, provider_id=h.provider_id, until=h.until, state=h.state, reason=h.reason)
            for h in holds.values() if own is None or h.provider_id in own
        ),
        offers=tuple(
            PlacementOfferOut(id=o.id, provider_id=o.provider_id, answer_by=o.answer_by, state=o.state, reason=o.reason)
            for o in offers.values() if own is None or o.provider_id in own
        ),
        attendance=tuple(
            PlacementWeekOut(week=a.week, attended=a.attended, possible=a.possible)
            for a in sorted(attendance, key=lambda a: a.week)
        ),
        reviews=tuple(
            PlacementReviewOut(
                id=r.id, reviewed_on=r.reviewed_on, outcome=r.outcome, next_review_on=r.next_review_on,
                notes=r.notes if words else None,
            )
            for r in sorted(reviews, key=lambda r: r.reviewed_on)
        ) if not asked_only else (),
        actions=actions_of(placement, standing, caller, offers),
    )  # fmt: skip


def actions_of(
    placement: Placement, standing: Standing, caller: Caller, offers: Mapping[str, Offer]
) -> tuple[Action, ...]:
    """What this caller may do next, and why not the rest."""
    base = f"/v1/placements/{placement.id}"
    places, provides = places_children(caller, standing.case), standing.provider is not None
    ours = places or caller.organisation == placement.organisation_id
    answers = [o for o in offers.values() if standing.provider is not None and o.provider_id == standing.provider.id]
    open_ = next((offer for offer in answers if offer.state == OfferState.OPEN), None)
    rows = [
        ("hold", "holds", State.REQUESTED, places),
        ("offer", "offers", State.REQUESTED, places),
        ("withdraw", "withdraw", State.REQUESTED, ours),
        ("start", "start", State.ACCEPTED, places or provides),
        ("tell-attendance", "attendance", State.STARTED, provides),
        ("review", "reviews", State.STARTED, places or provides),
        ("flag", "at-risk", State.STARTED, places or provides),
        ("end", "end", State.STARTED, places or provides),
    ]
    if open_ is not None:
        rows += [
            ("accept", f"offers/{open_.id}/accept", State.REQUESTED, True),
            ("decline", f"offers/{open_.id}/decline", State.REQUESTED, True),
        ]
    return tuple(
        Action(name=name, method="POST", href=f"{base}/{path}", allowed=why is None, reason=why)
        for name, path, state, allowed in rows
        for why in [_why_not(placement, state, allowed=allowed)]
    )


def _why_not(placement: Placement, state: State, *, allowed: bool) -> str | None:
    if placement.state != state:
        return f"It is {placement.state}."
    return None if allowed else "This is for others to do."


def offered_out(offer: Offer, placement: Placement) -> PlacementOfferedOut:
    """An open offer as the provider sees it."""
    base = f"/v1/placements/{placement.id}/offers/{offer.id}"
    return PlacementOfferedOut(
        id=offer.id, placement_id=placement.id, provider_id=offer.provider_id, answer_by=offer.answer_by,
        needs=placement.needs, year_group=placement.year_group, phase=placement.phase, session=placement.session,
        sessions_a_week=placement.sessions_a_week, wanted_from=placement.wanted_from,
        actions=tuple(
            Action(name=name, method="POST", href=f"{base}/{name}", allowed=True) for name in ("accept", "decline")
        ),
    )  # fmt: skip


def figures_out(
    rows: Sequence[Distance], returns: Sustained, *, since: date, until: date, smallest: int
) -> PlacementFiguresOut:
    """Figures."""
    return PlacementFiguresOut(
        since=since, until=until, smallest_count=smallest,
        distance=tuple(
            PlacementDistanceOut(
                phase=r.phase, placements=r.placements, mean_kilometres=r.mean_kilometres,
                median_kilometres=r.median_kilometres,
            )
            for r in rows
        ),
        returns_checked=returns.checked, returns_sustained=returns.share,
    )  # fmt: skip


def made_out(case: Case, placement: Placement, caller: Caller) -> PlacementOut:
    """A request that was just made; without its words, since this answer is kept for retries."""
    out = placement_out(placement, Standing(case, frozenset({"referrer"})), caller, holds={}, offers={})
    return out.model_copy(update={"notes": None})
