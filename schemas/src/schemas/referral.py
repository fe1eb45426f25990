"""What referral-api says: referrals as they arrive and change, and the cases they open."""

from datetime import date
from typing import ClassVar, Literal

from pydantic import Field

from schemas.event import Code, Contract, Event, Id, Pointer, Urn
from schemas.topics import REFERRALS, Topic


class Need(Contract):
    """One additional need, by the registry `need-types`; rank 1 is the primary need."""

    type: Code
    rank: int = Field(ge=1, le=13)


class Basis(Contract):
    """Why the law allows this sharing, and since when."""

    kind: Code
    special_category: Code | None = None
    recorded_on: date


class Home(Contract):
    """Where the child lives, no closer than one kilometre. `restricted` gives neither square nor school."""

    state: Literal["known", "unknown", "none", "restricted"]
    #: South-west corner of the 1 km grid square, metres on the British National Grid.
    easting: int | None = Field(default=None, ge=0, multiple_of=1000)
    northing: int | None = Field(default=None, ge=0, multiple_of=1000)


class Circumstances(Contract):
    """What decides where a case belongs."""

    school_urn: Urn | None = None
    #: N, R or 1-14.
    year_group: Code | None = None
    #: Whole years on the 31 August before the school year began.
    age: int = Field(ge=0, le=30)
    needs: tuple[Need, ...]
    home: Home
    urgency: Code
    risk_of_exclusion: Code


class Participant(Contract):
    """An organisation that takes part in a case, in which role, from when and until when."""

    organisation_id: Id
    sector: Code
    role: Code
    since: date
    until: date | None = None


class ReferralEvent(Event):
    """A fact about one referral; its subject is the case that the referral belongs to."""

    topic: ClassVar[Topic] = REFERRALS
    case_id: Id
    referral_id: Id


class ReferralSubmitted(ReferralEvent):
    """An agency asked for help for a child."""

    type: ClassVar[str] = "jointly.referral.submitted.v1"
    organisation_id: Id
    sector: Code
    needs: tuple[Need, ...] = Field(min_length=1)
    requested: tuple[Code, ...]
    urgency: Code
    risk_of_exclusion: Code
    basis: Basis


class ReferralAmended(ReferralEvent):
    """The referring agency changed what it had sent; `fields` are JSON pointers, never values."""

    type: ClassVar[str] = "jointly.referral.amended.v1"
    organisation_id: Id
    version: int = Field(ge=2)
    fields: tuple[Pointer, ...] = Field(min_length=1)
    #: The basis for sharing as it now is, when that is what changed.
    basis: Basis | None = None


class ReferralInformationRequested(ReferralEvent):
    """Somebody working the case needs more from the referring agency; `fields` are JSON pointers."""

    type: ClassVar[str] = "jointly.referral.information-requested.v1"
    request_id: Id
    asked_by: Id
    asked_of: Id
    fields: tuple[Pointer, ...]
    due_on: date


class ReferralInformationProvided(ReferralEvent):
    """The referring agency answered a request for information."""

    type: ClassVar[str] = "jointly.referral.information-provided.v1"
    request_id: Id
    organisation_id: Id


class ReferralWithdrawn(ReferralEvent):
    """The referring agency no longer asks for help."""

    type: ClassVar[str] = "jointly.referral.withdrawn.v1"
    organisation_id: Id
    reason: Code


class CaseEvent(Event):
    """A fact about one case."""

    topic: ClassVar[Topic] = REFERRALS
    case_id: Id


class CaseOpened(CaseEvent):
    """A first referral opened a case; it waits for the router."""

    type: ClassVar[str] = "jointly.case.opened.v1"
    #: What people quote to each other; says nothing about the child.
    reference: Code
    referral_id: Id
    circumstances: Circumstances


class CaseLinked(CaseEvent):
    """A further referral was found to concern the same child and joined this case."""

    type: ClassVar[str] = "jointly.case.linked.v1"
    referral_id: Id
    #: Which rule matched: an identifier, an exact agreement, a weighted one, or a person's decision.
    matched_by: Code


class CaseUnlinked(CaseEvent):
    """A person found that a referral does not concern this child; it now belongs to another case."""

    type: ClassVar[str] = "jointly.case.unlinked.v1"
    referral_id: Id
    new_case_id: Id
    reason: Code


class CaseCircumstancesChanged(CaseEvent):
    """Something that decides where the case belongs has changed."""

    type: ClassVar[str] = "jointly.case.circumstances-changed.v1"
    #: Names of the parts of `circumstances` that differ from before.
    changed: tuple[Code, ...] = Field(min_length=1)
    circumstances: Circumstances


class CaseParticipantsChanged(CaseEvent):
    """Who takes part in the case, whole, as it now is."""

    type: ClassVar[str] = "jointly.case.participants-changed.v1"
    participants: tuple[Participant, ...]


class CaseBasisWithdrawn(CaseEvent):
    """A basis for sharing ended; whoever relied on it stops."""

    type: ClassVar[str] = "jointly.case.basis-withdrawn.v1"
    organisation_id: Id
    kind: Code


class CaseDisclosed(CaseEvent):
    """A sector fetched its projection of the case, checked at that moment."""

    type: ClassVar[str] = "jointly.case.disclosed.v1"
    organisation_id: Id
    sector: Code
    purpose: Code
    basis: Code


class ExclusionNotified(CaseEvent):
    """A school told of a suspension or exclusion; placements keeps its totals and the duties that follow."""

    type: ClassVar[str] = "jointly.exclusion.notified.v1"
    exclusion_id: Id
    organisation_id: Id
    school_urn: Urn
    kind: Code
    reasons: tuple[Code, ...] = Field(min_length=1, max_length=3)
    first_on: date
    #: Half school days; 0 for a permanent exclusion.
    sessions: int = Field(ge=0, le=500)
    year_group: Code | None = None
    #: Whether the child has a social worker, who must then be told too.
    social_worker: bool = False


class CaseClosed(CaseEvent):
    """The case ended."""

    type: ClassVar[str] = "jointly.case.closed.v1"
    reason: Code


class CaseErased(CaseEvent):
    """Everything personal in the case was erased; readers erase what they keep."""

    type: ClassVar[str] = "jointly.case.erased.v1"
