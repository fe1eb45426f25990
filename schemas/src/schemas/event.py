"""The form of every event: a frozen value that knows its type, its topic and its subject.

The envelope is CloudEvents 1.0. On Kafka it travels in binary mode (`ce_` headers and a JSON body), everywhere
else as structured JSON. Contracts grow by optional fields only; anything else is a new version of the type.
"""

from typing import Annotated, Any, ClassVar, Final, Self

from pydantic import BaseModel, ConfigDict, StringConstraints

from schemas.topics import Topic

TYPE_PREFIX: Final = "jointly."
#: Where the JSON Schema of each event's data is published; `{type}` is the event's type.
DATASCHEMA: Final = "https://schemas.jointly.example/events/{type}.json"

#: An opaque identifier: a UUID, or a stable code such as a cluster's. Never a name.
Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$")]
#: A stable, lower-case word of a code registry.
Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$")]
#: A field of a document, as a JSON pointer (RFC 6901): names and numbers, never a value.
Pointer = Annotated[str, StringConstraints(pattern=r"^(/[A-Za-z0-9_~-]{1,60}){1,10}$")]
#: The wire type of an event, or a topic's name.
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]{0,127}$")]
#: A school's number in the register of schools.
Urn = Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")]


class Contract(BaseModel):
    """A value inside an event. Readers ignore fields they do not know; writers cannot invent any."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


#: Every concrete event by its wire type, filled as the classes are defined.
_registry: "dict[str, type[Event]]" = {}


class Event(Contract):
    """A fact that has happened. Subclasses name their type and topic, and which field is the subject."""

    type: ClassVar[str]
    topic: ClassVar[Topic]
    #: The field whose value is the CloudEvents `subject` and the Kafka key.
    subject_field: ClassVar[str] = "case_id"
    #: Put before it where two kinds of subject on one topic have the same ids: a compacted topic keeps one of each key.
    subject_prefix: ClassVar[str] = ""

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Register every concrete event by its wire type; two classes may not share one."""
        super().__pydantic_init_subclass__(**kwargs)
        if "type" not in cls.__dict__:
            return
        known = _registry.setdefault(cls.type, cls)
        if known is not cls:
            raise TypeError(f"{cls.__qualname__} and {known.__qualname__} are both {cls.type}")

    @property
    def subject(self) -> str:
        """What this fact is about; order is kept per subject."""
        return f"{self.subject_prefix}{getattr(self, self.subject_field)}"

    def on_topic(self) -> Topic:
        """The topic this fact is said on."""
        return self.topic

    @classmethod
    def dataschema(cls) -> str:
        """The absolute address of the schema of this event's data."""
        return DATASCHEMA.format(type=cls.type)

    @classmethod
    def from_json(cls, data: bytes | str) -> Self:
        """Read this event's data. Raises `pydantic.ValidationError` when it is not one."""
        return cls.model_validate_json(data)

    def to_json(self) -> bytes:
        """The data as UTF-8 JSON, absent optional fields left out."""
        return self.model_dump_json(exclude_none=True).encode()


def event_types() -> dict[str, type[Event]]:
    """Every event there is, by wire type, in alphabetical order."""
    return dict(sorted(_registry.items()))
