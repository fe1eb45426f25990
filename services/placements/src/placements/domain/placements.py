"""A child's way into a place: asked for, kept, offered, accepted, begun, ended; and whether the return lasted."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from math import hypot
from typing import Any, Final

from chassis.errors import Conflict


class State(StrEnum):
    """How far it is."""

    REQUESTED = "requested"
    ACCEPTED = "accepted"
    STARTED = "started"
    ENDED = "ended"
    #: Given up before anybody took the child.
    WITHDRAWN = "withdrawn"


#: Something can still come of it.
LIVE: Final = frozenset({State.REQUESTED, State.ACCEPTED, State.STARTED})
#: A place is taken.
PLACED: Final = frozenset({State.ACCEPTED, State.STARTED})


class OutOfTurn(Conflict):
    """It makes sense, but not now."""

    code = "out-of-turn"


class AnotherAccepted(Conflict):
    """Another provider was first."""

    code = "another-accepted"


class OfferAnswered(Conflict):
    """The offer was answered, or its time ran out."""

    code = "offer-answered"


@dataclass(frozen=True, slots=True)
class Placement:
    """A request for a place and what became of it."""

    id: str
    case_id: str
    #: Who asks.
    organisation_id: str
    needs: tuple[str, ...]
    year_group: str | None
    phase: str
    #: full-time, morning or afternoon; None: whatever has room for so many sessions.
    session: str | None
    sessions_a_week: int
    wanted_from: date
    #: Free text; never leaves here.
    notes: str | None
    requested_at: datetime
    state: str = State.REQUESTED
    provider_id: str | None = None
    place_id: str | None = None
    starts_on: date | None = None
    started_on: date | None = None
    metres_from_home: int | None = None
    #: The last day up to which the provider has told of attendance.
    heard_until: date | None = None
    #: What was said to put it at risk and still holds.
    at_risk: tuple[str, ...] = ()
    next_review_on: date | None = None
    ended_on: date | None = None
    ending: str | None = None
    reintegrated_on: date | None = None
    school_urn: str | None = None
    checked_on: date | None = None
    sustained: bool | None = None
    version: int = 0


class HoldState(StrEnum):
    """What became of a place that was kept."""

    HELD = "held"
    TAKEN = "taken"
    RELEASED = "released"


@dataclass(frozen=True, slots=True)
class Hold:
    """A place that is kept free until an instant."""

    id: str
    placement_id: str
    case_id: str
    provider_id: str
    place_id: str
    until: datetime
    state: str = HoldState.HELD
    reason: str | None = None


class OfferState(StrEnum):
    """What became of an offer."""

    OPEN = "open"
    ACCEPTED = "accepted"
    DECLINED = "declined"


@dataclass(frozen=True, slots=True)
class Offer:
    """A provider was asked to take the child."""

    id: str
    placement_id: str
    case_id: str
    provider_id: str
    hold_id: str
    offered_at: datetime
    answer_by: datetime
    state: str = OfferState.OPEN
    reason: str | None = None
    answered_by: str | None = None


@dataclass(frozen=True, slots=True)
class Attendance:
    """How much of a week the child came."""

    id: str
    placement_id: str
    #: The Monday.
    week: date
    attended: int
    possible: int


@dataclass(frozen=True, slots=True)
class Review:
    """A review of a placement."""

    id: str
    placement_id: str
    reviewed_on: date
    outcome: str
    next_review_on: date | None
    notes: str | None


@dataclass(frozen=True, slots=True)
class PlacementRules:
    """How long things may take, and from where on they worry; dated."""

    since: date
    hold_hours: int
    longest_hold_days: int
    answer_hours: int
    longest_answer_days: int
    silence_school_days: int
    low_attendance: float
    low_attendance_weeks: int
    review_weeks: int
    reintegration_weeks: int
    #: Kinds of exclusion that mean that a return did not last.
    breaks: tuple[str, ...]
    #: When a referral asks for a place: so many sessions a week, wanted after so many school days.
    asked_sessions: int
    asked_after_school_days: int
    #: Counts below this are not shown.
    smallest_count: int


def middle_of_home(circumstances: dict[str, Any] | None) -> tuple[int, int] | None:
    """The middle of the home's kilometre square, in metres; None when it is not known or must not be."""
    home = (circumstances or {}).get("home") or {}
    if home.get("state") != "known" or home.get("easting") is None or home.get("northing") is None:
        return None
    return int(home["easting"]) + 500, int(home["northing"]) + 500


def metres(a: tuple[int | None, int | None] | None, b: tuple[int | None, int | None] | None) -> int | None:
    """The straight line between two places; None when one of them is not known."""
    if a is None or b is None or None in a or None in b:
        return None
    return round(hypot(float(a[0] or 0) - float(b[0] or 0), float(a[1] or 0) - float(b[1] or 0)))


def low_attendance(weeks: list[Attendance], rules: PlacementRules) -> bool:
    """Whether the last weeks, taken together, are below the mark; too few weeks say nothing."""
    last = sorted(weeks, key=lambda week: week.week)[-rules.low_attendance_weeks :]
    possible = sum(week.possible for week in last)
    if len(last) < rules.low_attendance_weeks or not possible:
        return False
    return sum(week.attended for week in last) < rules.low_attendance * possible
