"""What callers send about providers and placements."""

from typing import Annotated

from chassis.wire import Day, In, Line, Moment, Prose, Word, listed
from pydantic import Field


class PlacementEmptyIn(In):
    """Nothing needs to be said."""


class ProviderCheckIn(In):
    """How a check ended; without `valid_until` it counts for as long as its kind does."""

    kind: Annotated[Word, listed("provider-checks")]
    outcome: Annotated[Word, listed("check-outcomes")]
    checked_on: Day
    valid_until: Day | None = None


class ProviderIn(In):
    """A provider of alternative provision."""

    name: Line
    organisation_id: Word | None = None
    kind: Annotated[Word, listed("provider-kinds")]
    phases: Annotated[tuple[Word, ...], Field(min_length=1, max_length=3, strict=False)]
    needs: Annotated[tuple[Word, ...], Field(max_length=15, strict=False)] = ()
    #: Metres on the British National Grid.
    easting: Annotated[int, Field(ge=0, le=700_000)] | None = None
    northing: Annotated[int, Field(ge=0, le=1_300_000)] | None = None
    active: bool = True
    checks: Annotated[tuple[ProviderCheckIn, ...], Field(max_length=20, strict=False)] = ()


class ProviderPatch(In):
    """What changes; what is not named stays. Checks are added."""

    name: Line | None = None
    organisation_id: Word | None = None
    kind: Word | None = None
    phases: Annotated[tuple[Word, ...], Field(min_length=1, max_length=3, strict=False)] | None = None
    needs: Annotated[tuple[Word, ...], Field(max_length=15, strict=False)] | None = None
    easting: Annotated[int, Field(ge=0, le=700_000)] | None = None
    northing: Annotated[int, Field(ge=0, le=1_300_000)] | None = None
    active: bool | None = None
    checks: Annotated[tuple[ProviderCheckIn, ...], Field(max_length=20, strict=False)] = ()


class ProviderPlaceIn(In):
    """So many places for a phase and session, for one need or for any."""

    phase: Annotated[Word, listed("provider-phases")]
    session: Annotated[Word, listed("place-sessions")]
    need: Word | None = None
    places: Annotated[int, Field(ge=0, le=10_000)]


class ProviderPlacesIn(In):
    """All places of a provider; a kind that is not named has none."""

    places: Annotated[tuple[ProviderPlaceIn, ...], Field(max_length=100, strict=False)]


class PlacementRequestIn(In):
    """A place that is looked for. Needs default to those of the case."""

    case_id: Word
    sessions_a_week: Annotated[int, Field(ge=1, le=10)]
    wanted_from: Day
    session: Word | None = None
    needs: Annotated[tuple[Word, ...], Field(max_length=13, strict=False)] | None = None
    notes: Prose | None = None


class PlaceHoldIn(In):
    """Which provider keeps a place, and until when."""

    provider_id: Word
    until: Moment | None = None


class PlacementOffersIn(In):
    """Whom to ask, and by when they answer."""

    provider_ids: Annotated[tuple[Word, ...], Field(min_length=1, max_length=20, strict=False)]
    answer_by: Moment | None = None


class OfferAcceptIn(In):
    """From when the child can come."""

    starts_on: Day | None = None


class PlacementReasonIn(In):
    """Why: a code."""

    reason: Word


class PlacementStartIn(In):
    """When the child began."""

    started_on: Day


class PlacementAttendanceIn(In):
    """How many sessions of a week the child came to; `week` is its Monday."""

    week: Day
    attended: Annotated[int, Field(ge=0, le=20)]
    possible: Annotated[int, Field(ge=0, le=20)]


class PlacementReviewIn(In):
    """What a review found."""

    reviewed_on: Day
    outcome: Annotated[Word, listed("placement-reviews")]
    next_review_on: Day | None = None
    notes: Prose | None = None


class PlacementEndIn(In):
    """When and why it ended; for a return to a school, when and to which."""

    reason: Annotated[Word, listed("placement-endings")]
    ended_on: Day
    reintegrated_on: Day | None = None
    school_urn: Annotated[str, Field(pattern=r"^[0-9]{6}$")] | None = None
