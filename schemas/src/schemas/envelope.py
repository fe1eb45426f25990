"""The CloudEvents 1.0 envelope: one fact with what is known about it, as it travels and as it is kept.

Written on Kafka in binary mode (`ce_` headers, JSON value), elsewhere as structured JSON; read in both modes.
It is made and taken apart for every event of every reader: a plain dataclass, checked where it comes in.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import from_json

from schemas.event import Event, event_types

SPECVERSION: Final = "1.0"
#: The media type of the data, and of a whole event written as structured JSON.
DATA_TYPE: Final = "application/json"
STRUCTURED_TYPE: Final = "application/cloudevents+json"
#: CloudEvents integers have 32 bits and a sign; no subject of one source has two thousand million facts.
#: It is not the standard `sequence` extension: that counts a whole source, and compares as text.
LAST_SEQUENCE: Final = 2**31 - 1

_CONTENT_TYPE: Final = "content-type"
_WORD: Final = re.compile(r"[!-~]{1,128}")
_URI: Final = re.compile(r"[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]{1,512}")
_ABSOLUTE_URI: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]{1,500}")
_INTEGER: Final = re.compile(r"[1-9][0-9]{0,9}")
_TIME: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")

_ATTRIBUTES: Final = (
    "specversion",
    "id",
    "source",
    "type",
    "subject",
    "time",
    "dataschema",
    "subjectsequence",
    "correlationid",
    "causationid",
    "traceparent",
)
_OF_HEADER: Final[Mapping[str, str]] = {
    _CONTENT_TYPE: "datacontenttype",
    **{f"ce_{name}": name for name in _ATTRIBUTES},
}

_encode: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
_known: dict[str, type[Event]] = {}


class NotAnEnvelope(Exception):
    """What arrived is not an event as this house writes them. `code` says why; the data is never quoted."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Envelope:
    """One event as it travels. Its data is the UTF-8 JSON that the speaker wrote, kept as it is."""

    id: str
    source: str
    type: str
    #: What the fact is about; the Kafka key.
    subject: str
    #: When it happened, aware, UTC.
    time: datetime
    dataschema: str
    #: 1, 2, 3 ... without a gap, per source and subject.
    subjectsequence: int
    #: One per journey, from the first request to the last event.
    correlationid: str
    #: The event that led directly here.
    causationid: str | None
    #: W3C Trace Context.
    traceparent: str | None
    data: bytes

    @classmethod
    def of(
        cls,
        event: Event,
        *,
        id: str,
        time: datetime,
        sequence: int,
        correlation_id: str,
        causation_id: str | None = None,
        traceparent: str | None = None,
    ) -> "Envelope":
        """Put a fact in its envelope. Raises NotAnEnvelope for what no reader would accept."""
        return _assemble(
            {
                "specversion": SPECVERSION,
                "id": id,
                "source": event.on_topic().source,
                "type": event.type,
                "subject": event.subject,
                "time": _rfc3339(time),
                "dataschema": event.dataschema(),
                "subjectsequence": sequence,
                "correlationid": correlation_id,
                "causationid": causation_id,
                "traceparent": traceparent,
            },
            event.to_json(),
        )

    def event(self) -> Event | None:
        """The fact itself; None for a type that this reader does not know, which it passes over.

        Raises NotAnEnvelope when the data is not what its type says, or speaks of another subject.
        """
        kind = _class_of(self.type)
        if kind is None:
            return None
        event = _read(kind, self.data)
        if event is None:
            raise NotAnEnvelope("bad-data")
        if event.subject != self.subject:
            raise NotAnEnvelope("bad-subject")
        return event

    def to_kafka(self) -> tuple[bytes, list[tuple[str, bytes]], bytes]:
        """Key, headers and value of a record in binary mode."""
        headers = [
            (_CONTENT_TYPE, b"application/json"),
            ("ce_specversion", b"1.0"),
            ("ce_id", self.id.encode()),
            ("ce_source", self.source.encode()),
            ("ce_type", self.type.encode()),
            ("ce_subject", self.subject.encode()),
            ("ce_time", _rfc3339(self.time).encode()),
            ("ce_dataschema", self.dataschema.encode()),
            ("ce_subjectsequence", str(self.subjectsequence).encode()),
            ("ce_correlationid", self.correlationid.encode()),
        ]
        if self.causationid is not None:
            headers.append(("ce_causationid", self.causationid.encode()))
        if self.traceparent is not None:
            headers.append(("ce_traceparent", self.traceparent.encode()))
        return self.subject.encode(), headers, self.data

    @classmethod
    def from_kafka(
        cls, key: bytes | None, headers: Iterable[tuple[str, bytes | None]], value: bytes | None
    ) -> "Envelope":
        """Read a record of either mode. Headers of others, such as tracing's, are passed over."""
        attributes: dict[str, Any] = {}
        for header, raw in headers:
            name = _OF_HEADER.get(header)
            if name is None:
                continue
            if name in attributes:
                raise NotAnEnvelope(f"duplicate-{name}")
            # Any bytes are Latin-1; what is not ASCII fails its pattern, without an exception that would quote it.
            attributes[name] = (raw or b"").decode("latin-1")
        if not value:
            raise NotAnEnvelope("no-data")
        if _media_type(attributes.get("datacontenttype")) == STRUCTURED_TYPE:
            envelope = cls.from_structured_json(value)
        elif "datacontenttype" not in attributes:
            raise NotAnEnvelope("missing-datacontenttype")
        else:
            if not isinstance(_parsed(value), dict):
                raise NotAnEnvelope("bad-data")
            envelope = _assemble(attributes, value)
        if key != envelope.subject.encode():
            raise NotAnEnvelope("bad-key")
        return envelope

    def to_structured(self) -> dict[str, Any]:
        """The whole event as a JSON object, the sequence a number."""
        return {**self._attributes(), "data": from_json(self.data)}

    def to_structured_json(self) -> bytes:
        """The same as UTF-8 text, holding the data byte for byte as the speaker wrote it."""
        return _encode(self._attributes())[:-1].encode() + b',"data":' + self.data + b"}"

    @classmethod
    def from_structured(cls, document: Mapping[str, Any]) -> "Envelope":
        """Read the whole event from a JSON object; a sequence written as decimal text is one too."""
        data, binary = document.get("data"), document.get("data_base64")
        if data is None and binary is None:
            raise NotAnEnvelope("no-data")
        written = _written(data) if isinstance(data, dict) and binary is None else None
        if written is None:
            raise NotAnEnvelope("bad-data")
        return _assemble(document, written)

    @classmethod
    def from_structured_json(cls, text: bytes) -> "Envelope":
        """Read the whole event from UTF-8 JSON text."""
        document = _parsed(text)
        if not isinstance(document, dict):
            raise NotAnEnvelope("not-a-json-object")
        return cls.from_structured(document)

    def _attributes(self) -> dict[str, Any]:
        attributes: dict[str, Any] = {
            "specversion": SPECVERSION,
            "id": self.id,
            "source": self.source,
            "type": self.type,
            "subject": self.subject,
            "time": _rfc3339(self.time),
            "datacontenttype": DATA_TYPE,
            "dataschema": self.dataschema,
            "subjectsequence": self.subjectsequence,
            "correlationid": self.correlationid,
        }
        if self.causationid is not None:
            attributes["causationid"] = self.causationid
        if self.traceparent is not None:
            attributes["traceparent"] = self.traceparent
        return attributes


def _assemble(attributes: Mapping[str, Any], data: bytes) -> Envelope:
    """Check each attribute, in the order of the specification, and put them together."""
    if attributes.get("specversion") != SPECVERSION:
        raise NotAnEnvelope("bad-specversion")
    content_type = attributes.get("datacontenttype")
    if content_type is not None and _media_type(content_type) != DATA_TYPE:
        raise NotAnEnvelope("bad-datacontenttype")
    causation, trace = attributes.get("causationid"), attributes.get("traceparent")
    return Envelope(
        id=_text(attributes, "id", _WORD),
        source=_text(attributes, "source", _URI),
        type=_text(attributes, "type", _WORD),
        subject=_text(attributes, "subject", _WORD),
        time=_instant(attributes.get("time")),
        dataschema=_text(attributes, "dataschema", _ABSOLUTE_URI),
        subjectsequence=_integer(attributes.get("subjectsequence")),
        correlationid=_text(attributes, "correlationid", _WORD),
        causationid=None if causation is None else _text(attributes, "causationid", _WORD),
        # Trace Context: what cannot be read is dropped and the trace begins anew; it never costs a fact.
        traceparent=trace if isinstance(trace, str) and _TRACEPARENT.fullmatch(trace) else None,
        data=data,
    )


def _text(attributes: Mapping[str, Any], name: str, shape: re.Pattern[str]) -> str:
    value = attributes.get(name)
    if value is None:
        raise NotAnEnvelope(f"missing-{name}")
    if not isinstance(value, str) or not shape.fullmatch(value):
        raise NotAnEnvelope(f"bad-{name}")
    return value


def _integer(value: object) -> int:
    if value is None:
        raise NotAnEnvelope("missing-subjectsequence")
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        value = int(value)
    # A JSON `true` is an int to Python, and no number of anything.
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= LAST_SEQUENCE:
        raise NotAnEnvelope("bad-subjectsequence")
    return value


def _instant(value: object) -> datetime:
    if value is None:
        raise NotAnEnvelope("missing-time")
    instant = _utc(value) if isinstance(value, str) and _TIME.fullmatch(value) else None
    if instant is None:
        raise NotAnEnvelope("bad-time")
    return instant


def _utc(text: str) -> datetime | None:
    """An RFC 3339 time; None for a 30 February. Digits past the microsecond are dropped."""
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _rfc3339(time: datetime) -> str:
    if time.tzinfo is None:
        raise NotAnEnvelope("bad-time")
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _media_type(content_type: object) -> str:
    return content_type.partition(";")[0].strip().lower() if isinstance(content_type, str) else ""


def _parsed(text: bytes) -> Any:
    """JSON, or None for what is not."""
    try:
        return from_json(text, allow_inf_nan=False)
    except ValueError:
        return None


def _written(data: dict[str, Any]) -> bytes | None:
    """UTF-8 JSON, or None for what JSON cannot say: NaN, half a surrogate pair."""
    try:
        return _encode(data).encode()
    except (TypeError, ValueError, RecursionError):
        return None


def _read(kind: type[Event], data: bytes) -> Event | None:
    """The fact, or None: the caller raises, out of sight of a ValidationError, which quotes its input."""
    try:
        return kind.from_json(data)
    except ValidationError:
        return None


def _class_of(wire_type: str) -> type[Event] | None:
    if wire_type not in _known:
        _known.update(event_types())
    return _known.get(wire_type)
