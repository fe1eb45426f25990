"""What notifier says: that a message went out and whether it arrived, never what it said."""

from typing import ClassVar

from schemas.event import Code, Event, Id
from schemas.topics import NOTIFICATIONS, Topic


class NotificationEvent(Event):
    """A fact about one message to one person by one channel."""

    topic: ClassVar[Topic] = NOTIFICATIONS
    case_id: Id
    notification_id: Id
    #: in-app, email, ...
    channel: Code
    #: The person it was for, by the directory's id.
    person_id: Id


class NotificationSent(NotificationEvent):
    """A message was handed to its channel."""

    type: ClassVar[str] = "jointly.notification.sent.v1"
    rule: Code


class NotificationDelivered(NotificationEvent):
    """The channel says that the message arrived."""

    type: ClassVar[str] = "jointly.notification.delivered.v1"


class NotificationFailed(NotificationEvent):
    """The message could not be delivered, for good; it becomes somebody's task."""

    type: ClassVar[str] = "jointly.notification.failed.v1"
    reason: Code
