"""What exchange says itself: recalls of what was told, who acknowledged them, and trials of subscriptions."""

from datetime import date
from typing import ClassVar

from pydantic import Field

from schemas.event import Code, Event, Id
from schemas.topics import EXCHANGE, Topic


class RecallIssued(Event):
    """What was told of a case does not stand any more, or must not be kept: whoever received it says what they did."""

    type: ClassVar[str] = "jointly.recall.issued.v1"
    topic: ClassVar[Topic] = EXCHANGE
    case_id: Id
    recall_id: Id
    reason: Code
    #: Which events are recalled, by their ids; none: everything that was told of the case.
    event_ids: tuple[Id, ...] = Field(default=(), max_length=500)
    #: The last day to acknowledge.
    answer_by: date


class RecallAcknowledged(Event):
    """A recipient says that it has done what a recall asks."""

    type: ClassVar[str] = "jointly.recall.acknowledged.v1"
    topic: ClassVar[Topic] = EXCHANGE
    case_id: Id
    recall_id: Id
    organisation_id: Id


class RecallOverdue(Event):
    """The last day of a recall has come, and some recipients have not acknowledged it."""

    type: ClassVar[str] = "jointly.recall.overdue.v1"
    topic: ClassVar[Topic] = EXCHANGE
    case_id: Id
    recall_id: Id
    organisation_ids: tuple[Id, ...] = Field(min_length=1)


class SubscriptionTested(Event):
    """A subscriber asked for an event that says nothing, to see that it arrives."""

    type: ClassVar[str] = "jointly.subscription.tested.v1"
    topic: ClassVar[Topic] = EXCHANGE
    subject_field: ClassVar[str] = "subscription_id"
    subscription_id: Id


class SubscriptionStopped(Event):
    """A subscription delivers no longer: its end or its agreement's has come, or its receiver cannot be reached."""

    type: ClassVar[str] = "jointly.subscription.stopped.v1"
    topic: ClassVar[Topic] = EXCHANGE
    subject_field: ClassVar[str] = "subscription_id"
    subscription_id: Id
    organisation_id: Id
    reason: Code
