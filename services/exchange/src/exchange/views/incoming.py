"""What subscribers and officers send."""

from typing import Annotated, Any, Literal

from chassis.wire import Day, In, Moment, Word, listed
from pydantic import Field, StringConstraints
from schemas.event import Code, Id, Name, Urn

from exchange.domain.audience import Filter

Url = Annotated[str, StringConstraints(min_length=8, max_length=1_000, pattern=r"^[!-~]+$")]
Purpose = Annotated[Code, listed("disclosure-purposes")]
BasisKind = Annotated[Code, listed("basis-kinds")]
#: It is part of a topic's name.
AgreementId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,46}[a-z0-9])?$")]
_EXAMPLE_URL = "https://hooks.trust.example/jointly"


class FilterIn(In):
    """What is wanted, of what may be told. A list that is left out: anything."""

    types: tuple[Name, ...] = Field(default=(), max_length=100)
    clusters: tuple[Id, ...] = Field(default=(), max_length=200)
    phases: tuple[Literal["primary", "secondary"], ...] = ()
    needs: tuple[Code, ...] = Field(default=(), max_length=20)
    schools: tuple[Urn, ...] = Field(default=(), max_length=500)

    def value(self) -> Filter:
        """As the rules look at it."""
        return Filter(**{name: tuple(dict.fromkeys(values)) for name, values in self})


class DeliveryIn(In):
    """How events are delivered. A webhook has an address; what signs it is hmac (a shared secret) or ed25519."""

    way: Literal["webhook", "http-feed", "sse", "kafka"]
    url: Url | None = None
    signature: Literal["hmac", "ed25519"] = "hmac"


class SubscriptionIn(In):
    """A subscription under an agreement. What is left out of purposes and bases is as the agreement says."""

    agreement: AgreementId
    purposes: tuple[Purpose, ...] = Field(default=(), max_length=10)
    bases: tuple[BasisKind, ...] = Field(default=(), max_length=10)
    filter: FilterIn = FilterIn()
    delivery: DeliveryIn
    until: Day | None = None


class SubscriptionPatch(In):
    """What may be changed of a subscription; what is left out stays."""

    filter: FilterIn | None = None
    until: Day | None = None
    url: Url | None = None


class KeyIn(In):
    """A new key for a webhook; the old one signs beside it for so many hours (24 unless said)."""

    signature: Literal["hmac", "ed25519"] = "hmac"
    overlap_hours: int | None = Field(default=None, ge=0, le=168)


class RedriveIn(In):
    """Which failed deliveries to send again, by position; none named: all."""

    positions: tuple[Annotated[int, Field(ge=1, le=10**11)], ...] | None = Field(
        default=None, min_length=1, max_length=500
    )


class ReplayIn(In):
    """What to tell again: of one case, said in a time, or from a cursor on. Together they narrow."""

    case_id: Id | None = None
    since: Moment | None = None
    until: Moment | None = None
    cursor: Word | None = Field(default=None, max_length=400)


class EmptyIn(In):
    """Nothing needs to be said."""


class AgreementIn(In):
    """A sharing agreement. `county_wide` is for the one system of a sector that hears all of its sector's cases."""

    id: AgreementId
    organisation_id: Id
    sector: Literal["education", "health", "social-care"]
    county_wide: bool = False
    purposes: tuple[Purpose, ...] = Field(min_length=1, max_length=10)
    bases: tuple[BasisKind, ...] = Field(min_length=1, max_length=10)
    since: Day
    until: Day


class AgreementPatch(In):
    """Another last day."""

    until: Day


class RecallIn(In):
    """What is recalled of a case: some events, or everything (none named); why; and by when to answer."""

    case_id: Id
    reason: Annotated[Code, listed("recall-reasons")]
    event_ids: tuple[Id, ...] = Field(default=(), max_length=500)
    answer_by: Day | None = None


SUBSCRIPTION: dict[str, Any] = {
    "agreement": "trust-early-help",
    "filter": {"types": ["jointly.case.assigned.v1", "jointly.case.closed.v1"], "needs": ["SLCN"]},
    "delivery": {"way": "webhook", "url": _EXAMPLE_URL, "signature": "hmac"},
    "until": "2027-08-31",
}
