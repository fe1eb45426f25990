"""What an event says that matters for telling people: which case, which clusters and organisations, when."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from schemas.event import Event

#: Roles and rules have dates of effect in the county's own days, not in UTC's.
COUNTY_TIME: Final = ZoneInfo("Europe/London")


@dataclass(frozen=True, slots=True)
class Fact:
    """One event about one case, reduced to what decides who is told and what the text says."""

    event_id: str
    type: str
    case_id: str
    #: When it happened, UTC.
    at: datetime
    #: The event's own word on urgency; most events have none.
    urgency: str | None = None
    #: The cluster that the event is about.
    cluster_id: str | None = None
    #: The cluster that a case comes from, where the event names it.
    from_cluster_id: str | None = None
    #: The cluster that a case is offered to.
    to_cluster_id: str | None = None
    #: The organisation that is asked for something.
    asked_of: str | None = None
    #: Who did it: they know, and are not told.
    actor: str | None = None
    due: date | None = None
    #: The organisation that the event is about: the school of an exclusion, who gets money.
    organisation_id: str | None = None
    #: The organisations that the event is about, where it names several.
    organisation_ids: tuple[str, ...] = ()
    #: The organisation that must do something.
    holder: str | None = None
    #: The provider of alternative provision that the event is about.
    provider_id: str | None = None
    #: A step of an escalation: so many school days before the day that the event names. None: the event itself.
    before: int | None = None
    #: All that the event says in single values; rules look here for their conditions.
    said: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def on(self) -> date:
        """The county's day on which it happened."""
        return county_day(self.at)


def county_day(at: datetime) -> date:
    """The calendar day in the county at an instant."""
    return at.astimezone(COUNTY_TIME).date()


#: Facts that are no case's stand in a file of their own: a budget's, a subscription's.
BUDGET: Final = "budget:"
SUBSCRIPTION: Final = "subscription:"


def is_case(file: str) -> bool:
    """Whether a file is a case's."""
    return not file.startswith((BUDGET, SUBSCRIPTION))


def read_at(file: str) -> str:
    """Where in the portal it can be read on."""
    if file.startswith(BUDGET):
        return "/money"
    if file.startswith(SUBSCRIPTION):
        return f"/integrators/{file.removeprefix(SUBSCRIPTION)}"
    return f"/cases/{file}"


def fact_of(event: Event, *, event_id: str, at: datetime) -> Fact:
    """Read a fact from an event about a case, a budget or a subscription.

    The contracts call the same thing by the same name in every event, so one reading serves them all.
    """

    def said(*fields: str) -> str | None:
        return next((value for field in fields if (value := getattr(event, field, None)) is not None), None)

    circumstances = getattr(event, "circumstances", None)
    subscription_id = getattr(event, "subscription_id", None)
    other = f"{BUDGET}{event.subject}" if subscription_id is None else f"{SUBSCRIPTION}{subscription_id}"
    case_id = getattr(event, "case_id", None)
    answer_by: datetime | None = getattr(event, "answer_by", None)
    return Fact(
        event_id=event_id,
        type=event.type,
        case_id=str(case_id) if case_id is not None else other,
        at=at,
        urgency=said("urgency") or getattr(circumstances, "urgency", None),
        cluster_id=said("cluster_id"),
        from_cluster_id=said("from_cluster_id"),
        to_cluster_id=said("to_cluster_id"),
        asked_of=said("asked_of"),
        actor=said(
            "accepted_by",
            "returned_by",
            "overridden_by",
            "asked_by",
            "declined_by",
            "decided_by",
            "confirmed_by",
            "dismissed_by",
        ),
        due=county_day(answer_by) if answer_by is not None else getattr(event, "due_on", None),
        organisation_id=said("organisation_id"),
        organisation_ids=tuple(getattr(event, "organisation_ids", ())),
        holder=said("holder"),
        provider_id=said("provider_id"),
        said={
            name: value
            for name in type(event).model_fields
            if isinstance(value := getattr(event, name), (str, int, bool))
        },
    )
