"""What placements says: exclusions and the duties they start, risks, places, offers and how placements go."""

from datetime import date
from typing import Annotated, ClassVar

from pydantic import AwareDatetime, Field

from schemas.event import Code, Contract, Event, Id, Urn
from schemas.topics import PLACEMENTS, Topic

#: Half school days: a day is two.
Sessions = Annotated[int, Field(ge=0, le=500)]


class PlacementEvent(Event):
    """A fact about exclusion or alternative provision in one case."""

    topic: ClassVar[Topic] = PLACEMENTS
    case_id: Id


class ExclusionFact(PlacementEvent):
    """A fact about one suspension or exclusion."""

    exclusion_id: Id


class ExclusionReported(ExclusionFact):
    """A suspension or exclusion, with what it adds up to for this child; said again when it is corrected."""

    type: ClassVar[str] = "jointly.exclusion.reported.v1"
    #: 1 as it was first reported; each correction is one more.
    version: int = Field(default=1, ge=1)
    organisation_id: Id
    school_urn: Urn
    kind: Code
    reasons: tuple[Code, ...] = Field(min_length=1, max_length=3)
    first_on: date
    #: Of this one; 0 for a permanent exclusion.
    sessions: Sessions
    #: This one included.
    sessions_in_term: Sessions
    sessions_in_year: Sessions
    year_group: Code | None = None
    #: Whether the child has a social worker, who must then be told too.
    social_worker: bool = False


class ExclusionCancelled(ExclusionFact):
    """A suspension or exclusion does not stand: it was reported by mistake, or was overturned."""

    type: ClassVar[str] = "jointly.exclusion.cancelled.v1"
    reason: Code
    sessions_in_term: Sessions
    sessions_in_year: Sessions


class DutyEvent(ExclusionFact):
    """A fact about something that the law wants done after an exclusion, by somebody, by a day."""

    duty_id: Id
    kind: Code
    #: The organisation that must do it: the school, or the council.
    holder: Id
    due_on: date


class DutyStarted(DutyEvent):
    """A duty began."""

    type: ClassVar[str] = "jointly.duty.started.v1"
    started_on: date


class DutyDueSoon(DutyEvent):
    """A duty's day comes near."""

    type: ClassVar[str] = "jointly.duty.due-soon.v1"
    #: In school days.
    days_left: int = Field(ge=0)


class DutyBreached(DutyEvent):
    """A duty's day passed, and nobody has said that it is done."""

    type: ClassVar[str] = "jointly.duty.breached.v1"
    #: Days from `due_on` to when this was said: 1 as the next day begins, more when nobody could say it then.
    days_late: int = Field(ge=0)


class DutyMet(DutyEvent):
    """A duty was done."""

    type: ClassVar[str] = "jointly.duty.met.v1"
    met_on: date
    in_time: bool


class DutyCancelled(DutyEvent):
    """A duty's reason is gone."""

    type: ClassVar[str] = "jointly.duty.cancelled.v1"
    reason: Code


class RiskEvent(PlacementEvent):
    """A fact about the risk that a child is permanently excluded."""

    risk_id: Id


class RiskRaised(RiskEvent):
    """The rules see a risk of permanent exclusion; a person confirms or dismisses it."""

    type: ClassVar[str] = "jointly.risk.raised.v1"
    #: The holder of the case, once it is known.
    cluster_id: Id | None = None
    reasons: tuple[Code, ...] = Field(min_length=1)
    rules_version: Code


class RiskConfirmed(RiskEvent):
    """A person of the cluster says that the risk is real."""

    type: ClassVar[str] = "jointly.risk.confirmed.v1"
    confirmed_by: Id


class RiskDismissed(RiskEvent):
    """A person of the cluster says that it is none."""

    type: ClassVar[str] = "jointly.risk.dismissed.v1"
    dismissed_by: Id
    reason: Code


class PlacementRequested(PlacementEvent):
    """A place in alternative provision is looked for."""

    type: ClassVar[str] = "jointly.placement.requested.v1"
    request_id: Id
    #: Who asks.
    organisation_id: Id
    needs: tuple[Code, ...]
    year_group: Code | None = None
    sessions_a_week: int = Field(ge=1, le=10)
    wanted_from: date


class OfferEvent(PlacementEvent):
    """A fact about one provider and one request for a place."""

    request_id: Id
    provider_id: Id


class PlacementHeld(OfferEvent):
    """A place is kept free until an instant."""

    type: ClassVar[str] = "jointly.placement.held.v1"
    hold_id: Id
    until: AwareDatetime


class PlacementReleased(OfferEvent):
    """A place that was kept is free again."""

    type: ClassVar[str] = "jointly.placement.released.v1"
    hold_id: Id
    reason: Code


class PlacementOffered(OfferEvent):
    """A provider was asked to take the child."""

    type: ClassVar[str] = "jointly.placement.offered.v1"
    offer_id: Id
    answer_by: AwareDatetime


class PlacementDeclined(OfferEvent):
    """An offer came to nothing: somebody declined, nobody answered, or another provider was first."""

    type: ClassVar[str] = "jointly.placement.declined.v1"
    offer_id: Id
    reason: Code


class PlacementAccepted(OfferEvent):
    """A provider takes the child."""

    type: ClassVar[str] = "jointly.placement.accepted.v1"
    offer_id: Id
    placement_id: Id
    starts_on: date


class PlacementFact(PlacementEvent):
    """A fact about one placement."""

    placement_id: Id
    provider_id: Id


class PlacementStarted(PlacementFact):
    """The child began at the provider."""

    type: ClassVar[str] = "jointly.placement.started.v1"
    request_id: Id
    started_on: date
    sessions_a_week: int = Field(ge=1, le=10)
    #: From the middle of the home's kilometre square, in a straight line; absent when the home is not known.
    metres_from_home: int | None = Field(default=None, ge=0, le=1_500_000)


class PlacementAttended(PlacementFact):
    """The provider said how much of a week the child came."""

    type: ClassVar[str] = "jointly.placement.attended.v1"
    #: The Monday.
    week: date
    attended: Sessions
    possible: Sessions


class PlacementReviewed(PlacementFact):
    """The placement was reviewed."""

    type: ClassVar[str] = "jointly.placement.reviewed.v1"
    reviewed_on: date
    outcome: Code
    next_review_on: date | None = None


class PlacementAtRisk(PlacementFact):
    """The placement may break down, or nobody has heard of it for too long."""

    type: ClassVar[str] = "jointly.placement.at-risk.v1"
    reasons: tuple[Code, ...] = Field(min_length=1)


class PlacementEnded(PlacementFact):
    """The placement ended."""

    type: ClassVar[str] = "jointly.placement.ended.v1"
    reason: Code
    ended_on: date
    #: When the child went back to a school, where they did.
    reintegrated_on: date | None = None
    school_urn: Urn | None = None


class ReintegrationChecked(PlacementFact):
    """Twelve weeks after the return to school, somebody looked whether it had lasted."""

    type: ClassVar[str] = "jointly.reintegration.checked.v1"
    checked_on: date
    sustained: bool


class Check(Contract):
    """A check of a provider's quality or safeguarding."""

    kind: Code
    outcome: Code
    checked_on: date
    #: The last day on which it counts.
    valid_until: date | None = None


class Places(Contract):
    """How many places of one kind a provider has."""

    phase: Code
    session: Code
    places: int = Field(ge=0, le=10_000)
    #: Neither taken nor held.
    open: int = Field(ge=0, le=10_000)


class Provider(Contract):
    """A provider of alternative provision, whole."""

    name: str = Field(min_length=1, max_length=200)
    organisation_id: Id | None = None
    kind: Code
    phases: tuple[Code, ...]
    #: Which needs it is for; none: any.
    needs: tuple[Code, ...] = ()
    #: Metres on the British National Grid.
    easting: int | None = None
    northing: int | None = None
    checks: tuple[Check, ...] = ()
    active: bool


class ProviderChanged(Event):
    """A provider as it now is."""

    type: ClassVar[str] = "jointly.provider.changed.v1"
    topic: ClassVar[Topic] = PLACEMENTS
    subject_field: ClassVar[str] = "provider_id"
    provider_id: Id
    provider: Provider


class ProviderCapacityChanged(Event):
    """A provider's places as they now are."""

    type: ClassVar[str] = "jointly.provider.capacity-changed.v1"
    topic: ClassVar[Topic] = PLACEMENTS
    subject_field: ClassVar[str] = "provider_id"
    provider_id: Id
    places: tuple[Places, ...]
