"""What a reader says of an event that it could not take."""

from typing import ClassVar

from schemas.event import Code, Event, Id, Name
from schemas.topics import Topic, dead_letters


class DeadLettered(Event):
    """A reader could not take an event. Its later events of that subject wait behind it until it is put back."""

    type: ClassVar[str] = "jointly.event.dead-lettered.v1"
    subject_field: ClassVar[str] = "event_subject"
    reader: Id
    event_subject: Id
    event_id: Id
    event_type: Name
    event_topic: Name
    partition: int
    offset: int
    #: A stable code; never the text of an exception, which may quote data.
    reason: Code

    def on_topic(self) -> Topic:
        """Dead letters belong to their reader."""
        return dead_letters(self.reader)
