"""An event in each form it is given in: Kafka record, structured JSON, webhook, server-sent event, page of the feed."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

from schemas.envelope import SPECVERSION, STRUCTURED_TYPE, Envelope

from jointly_kit.signing import Key, signed, this_second

BATCH_TYPE: Final = "application/cloudevents-batch+json"
STREAM_TYPE: Final = "text/event-stream; charset=utf-8"
WEBHOOK_TYPE: Final = f"{STRUCTURED_TYPE}; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Record:
    """A Kafka record in binary mode."""

    #: The subject: it picks the partition, and order holds within one.
    key: bytes
    #: `content-type` and the attributes as `ce_…`.
    headers: list[tuple[str, bytes]]
    #: The data alone.
    value: bytes


@dataclass(frozen=True, slots=True)
class Delivery:
    """A webhook: what is posted."""

    headers: Mapping[str, str]
    body: bytes


def kafka(event: Mapping[str, Any]) -> Record:
    """As it lies on a sector's feed."""
    return Record(*Envelope.from_structured(event).to_kafka())


def structured(event: Mapping[str, Any]) -> bytes:
    """The whole event as compact JSON."""
    return json.dumps(event, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def webhook(
    event: Mapping[str, Any], keys: Sequence[Key], *, second: int | None = None, body: bytes | None = None
) -> Delivery:
    """As it is posted to a receiver. `body` is another way to write the same event."""
    content = structured(event) if body is None else body
    headers = signed(keys, id=str(event["id"]), second=this_second() if second is None else second, body=content)
    return Delivery({"content-type": WEBHOOK_TYPE, **headers}, content)


def sse(event: Mapping[str, Any], cursor: str) -> bytes:
    """As a frame of the stream; the cursor is what `Last-Event-ID` brings back."""
    return b"".join((f"id: {cursor}\nevent: {event['type']}\ndata: ".encode(), structured(event), b"\n\n"))


def page(events: Iterable[Mapping[str, Any]]) -> bytes:
    """As the body of `GET /v1/events`: a batch of CloudEvents."""
    return b"[" + b",".join(structured(event) for event in events) + b"]"


def from_http(headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    """The event in a request of either mode: structured, as the exchange posts it, or binary, as a gateway may pass on.

    Nothing is verified. Raises `ValueError` for what is no CloudEvent.
    """
    plain = {name.lower(): value for name, value in headers.items()}
    content_type = plain.get("content-type", "")
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type == STRUCTURED_TYPE:
        event = json.loads(body)
    else:
        attributes = {name[3:]: unquote(value) for name, value in plain.items() if name.startswith("ce-")}
        event = {**attributes, "datacontenttype": content_type, "data": json.loads(body)}
    if not isinstance(event, dict) or event.get("specversion") != SPECVERSION:
        raise ValueError("not a CloudEvent of version 1.0")
    return event
