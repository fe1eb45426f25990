"""An event as it is given to its hearer: structured CloudEvents, counted by its stream."""

from datetime import UTC, datetime
from typing import Any, Final, Protocol

import orjson
from schemas.projection import projected_dataschema

BATCH_TYPE: Final = "application/cloudevents-batch+json"


class Told(Protocol):
    """What a stream was told, with its data."""

    @property
    def event_id(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def subject(self) -> str: ...
    @property
    def sequence(self) -> int: ...
    @property
    def replay(self) -> bool: ...
    @property
    def time(self) -> datetime | None: ...
    @property
    def correlation_id(self) -> str | None: ...
    @property
    def causation_id(self) -> str | None: ...
    @property
    def traceparent(self) -> str | None: ...
    @property
    def data(self) -> bytes | None: ...


def structured(told: Told, *, source: str) -> bytes:
    """The event as structured JSON."""
    return orjson.dumps(document(told, source=source))


def document(told: Told, *, source: str) -> dict[str, Any]:
    """The event as a JSON object. `replay` is there only where it is true."""
    if told.data is None or told.time is None:
        raise ValueError("What is not kept cannot be told.")
    event: dict[str, Any] = {
        "specversion": "1.0",
        "id": told.event_id,
        "source": source,
        "type": told.type,
        "subject": told.subject,
        "time": told.time.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "dataschema": projected_dataschema(told.type),
        "subjectsequence": told.sequence,
        "correlationid": told.correlation_id,
    }
    if told.causation_id is not None:
        event["causationid"] = told.causation_id
    if told.traceparent is not None:
        event["traceparent"] = told.traceparent
    if told.replay:
        event["replay"] = True
    event["data"] = orjson.loads(told.data)
    return event
