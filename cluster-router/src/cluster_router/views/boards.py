"""What is on a cluster's board."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from chassis.wire import Out
from pydantic import Field
from schemas.days import Calendar

from cluster_router.domain.board import Board, by_age, working_days_since
from cluster_router.domain.county import Cluster, County
from cluster_router.domain.handovers import Ladder, reached
from cluster_router.queries.boards import Found, Offer, Waiting

#: Cases that a part of the board names at most, the oldest first; its counts are always whole.
LISTED = 100


class SquareOut(Out):
    """A kilometre on the British National Grid by its south-west corner, and the open cases that live in it."""

    easting: int
    northing: int
    cases: int


class SchoolOut(Out):
    """A school of the cluster, where it is, and the open cases of its children."""

    school_urn: str
    name: str | None
    leads: bool
    easting: int | None
    northing: int | None
    cases: int


class StateOut(Out):
    """Open cases of one state."""

    state: str
    cases: int


class AgeOut(Out):
    """Cases that have waited up to so many working days; null: longer than the one before."""

    up_to_working_days: int | None
    cases: int


class WaitingOut(Out):
    """A case that the cluster has neither accepted nor returned."""

    case_id: str
    reference: str
    since: datetime
    working_days: int
    href: str


class OfferOut(Out):
    """An open hand-over."""

    case_id: str
    reference: str
    handover_id: str
    from_cluster_id: str
    to_cluster_id: str
    reason: str
    answer_by: datetime
    rung: int = Field(description="How far it has climbed because nobody answers: 0 not yet, 1 lead, 2 intake desk.")
    href: str


class UnacceptedOut(Out):
    """Cases that wait to be accepted, by age; the oldest are named."""

    cases: int
    ages: tuple[AgeOut, ...]
    oldest: tuple[WaitingOut, ...]


class OffersOut(Out):
    """Open hand-overs; the first to be answered are named."""

    cases: int
    overdue: int = Field(description="Those that have climbed at least one rung.")
    next: tuple[OfferOut, ...]


class BoardOut(Out):
    """A cluster at a glance."""

    cluster_id: str
    name: str
    phase: str
    on: date
    load: int
    capacity: int | None = Field(description="Open cases that it can hold; null is unlimited.")
    hard: bool
    states: tuple[StateOut, ...]
    unaccepted: UnacceptedOut
    incoming: OffersOut
    outgoing: OffersOut
    homes: tuple[SquareOut, ...] = Field(description="Only for those who work the cases; protected homes are nowhere.")
    schools: tuple[SchoolOut, ...]


@dataclass(frozen=True, slots=True)
class Clockwork:
    """What waiting is measured by."""

    now: datetime
    calendar: Calendar
    board: Board
    ladder: Ladder


def board_out(
    cluster: Cluster, found: Found, county: County, clockwork: Clockwork, *, load: int, homes: bool
) -> BoardOut:
    """The board of a cluster; `homes`: whether the caller may see where children live."""
    capacity = cluster.capacity(county.on)
    return BoardOut(
        cluster_id=cluster.id,
        name=cluster.name,
        phase=cluster.phase.value,
        on=county.on,
        load=load,
        capacity=capacity.limit,
        hard=capacity.hard and capacity.limit is not None,
        states=tuple(StateOut(state=state, cases=found.states[state]) for state in sorted(found.states)),
        unaccepted=_unaccepted(found.unaccepted, clockwork),
        incoming=_offers((one for one in found.offers if one.handover.to_cluster == cluster.id), clockwork),
        outgoing=_offers((one for one in found.offers if one.from_cluster == cluster.id), clockwork),
        homes=tuple(
            SquareOut(easting=one.easting, northing=one.northing, cases=one.cases) for one in found.homes if homes
        ),
        schools=_schools(cluster, county, found.schools),
    )


def _unaccepted(waiting: tuple[Waiting, ...], clockwork: Clockwork) -> UnacceptedOut:
    ages = [working_days_since(one.since, clockwork.now, clockwork.calendar) for one in waiting]
    return UnacceptedOut(
        cases=len(waiting),
        ages=tuple(
            AgeOut(up_to_working_days=end, cases=cases) for end, cases in by_age(ages, clockwork.board.unaccepted_ages)
        ),
        oldest=tuple(
            WaitingOut(
                case_id=one.case_id,
                reference=one.reference,
                since=one.since,
                working_days=age,
                href=f"/v1/assignments/{one.case_id}",
            )
            for one, age in zip(waiting[:LISTED], ages, strict=False)
        ),
    )


def _offers(offers: Iterable[Offer], clockwork: Clockwork) -> OffersOut:
    climbed = [
        (one, reached(clockwork.ladder, one.handover.answer_by, clockwork.calendar, at=clockwork.now)) for one in offers
    ]
    return OffersOut(
        cases=len(climbed),
        overdue=sum(rung > 0 for _, rung in climbed),
        next=tuple(
            OfferOut(
                case_id=one.case_id,
                reference=one.reference,
                handover_id=one.handover.id,
                from_cluster_id=one.from_cluster,
                to_cluster_id=one.handover.to_cluster,
                reason=one.handover.reason,
                answer_by=one.handover.answer_by,
                rung=rung,
                href=f"/v1/assignments/{one.case_id}",
            )
            for one, rung in climbed[:LISTED]
        ),
    )


def _schools(cluster: Cluster, county: County, cases: Mapping[str, int]) -> tuple[SchoolOut, ...]:
    members = sorted({member.school_urn for member in cluster.members if member.on(county.on)})
    known = [(urn, county.schools.get(urn)) for urn in members]
    return tuple(
        SchoolOut(
            school_urn=urn,
            name=school.name if school else None,
            leads=urn == cluster.lead_school_urn,
            easting=school.easting if school else None,
            northing=school.northing if school else None,
            cases=cases.get(urn, 0),
        )
        for urn, school in known
    )
