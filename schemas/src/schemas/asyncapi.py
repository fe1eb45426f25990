"""The AsyncAPI 3.0 document of all topics: who says what where, in which envelope, and how long it is kept."""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from schemas.contracts import every_event, json_schema, shared_schemas, topics_of
from schemas.envelope import DATA_TYPE, LAST_SEQUENCE, SPECVERSION
from schemas.event import Event
from schemas.topics import TOPICS, Topic

#: The version of this package, which the document carries.
VERSION: Final = "0.1.0"
_BINDING: Final = "0.5.0"
_DAY_MS: Final = 24 * 60 * 60 * 1000
_SCHEMAS: Final = "#/components/schemas/{model}"
#: The one message of every feed: which types a feed carries is for the sharing rules to say, which change.
PROJECTED: Final = "projected"

#: What every record carries beside its data: CloudEvents 1.0 in binary mode.
ENVELOPE_HEADERS: Final[Mapping[str, Any]] = {
    "type": "object",
    "description": "CloudEvents 1.0, Kafka protocol binding, binary content mode.",
    "properties": {
        "content-type": {"type": "string", "const": DATA_TYPE},
        "ce_specversion": {"type": "string", "const": SPECVERSION},
        "ce_id": {"type": "string", "minLength": 1, "description": "Unique; the same again when repeated."},
        "ce_source": {"type": "string", "format": "uri-reference"},
        "ce_type": {"type": "string"},
        "ce_subject": {"type": "string", "description": "What the fact is about; also the record's key."},
        "ce_time": {"type": "string", "format": "date-time", "description": "When it happened, UTC with Z."},
        "ce_dataschema": {"type": "string", "format": "uri"},
        "ce_subjectsequence": {
            "type": "string",
            "pattern": "^[1-9][0-9]{0,9}$",
            "description": f"1, 2, 3 ... without a gap per source and subject, at most {LAST_SEQUENCE}.",
        },
        "ce_correlationid": {"type": "string", "description": "One per journey, from a request to all it led to."},
        "ce_causationid": {"type": "string", "description": "The event that led directly here, if one did."},
        "ce_traceparent": {"type": "string", "description": "W3C Trace Context."},
    },
    "required": [
        "content-type",
        "ce_specversion",
        "ce_id",
        "ce_source",
        "ce_type",
        "ce_subject",
        "ce_time",
        "ce_dataschema",
        "ce_subjectsequence",
        "ce_correlationid",
    ],
}


def asyncapi(
    *,
    hears: Mapping[str, Collection[str]] | None = None,
    examples: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
) -> dict[str, Any]:
    """The whole document.

    `hears` says which event types a service reads, by service; each becomes a receive operation. `examples` are
    structured CloudEvents by event type.
    """
    events = every_event()
    on_topic = {topic.name: [kind for kind in events.values() if topic in topics_of(kind)] for topic in TOPICS.values()}
    return {
        "asyncapi": "3.0.0",
        "id": "urn:jointly:events",
        "info": {
            "title": "Jointly: what its services say",
            "version": VERSION,
            "description": (
                "Facts about referrals, cases and who holds them. Nothing here identifies a child or a family: "
                "events carry ids, codes and dates, and the rest is read through the API. Contracts grow by "
                "optional fields; anything else is a new version of the type. Readers pass over fields and types "
                "that they do not know, and count on order per subject only."
            ),
            "license": {"name": "MIT"},
        },
        "defaultContentType": DATA_TYPE,
        "channels": {topic.name: _channel(topic, on_topic[topic.name]) for topic in TOPICS.values()},
        "operations": {
            **{f"send-{topic.name}": _sends(topic, on_topic[topic.name]) for topic in TOPICS.values()},
            **_receives(hears or {}, on_topic),
        },
        "components": {
            "messages": {
                **{name: _message(kind, (examples or {}).get(name, ())) for name, kind in events.items()},
                PROJECTED: _projected(),
            },
            "schemas": {"Envelope": dict(ENVELOPE_HEADERS), **shared_schemas(_SCHEMAS)},
        },
    }


def _channel(topic: Topic, kinds: Sequence[type[Event]]) -> dict[str, Any]:
    kept: dict[str, Any] = (
        {"cleanup.policy": ["compact"]}
        if topic.compacted
        else {"cleanup.policy": ["delete"], "retention.ms": topic.kept_days * _DAY_MS}
    )
    return {
        "address": topic.name,
        "title": topic.name,
        "summary": topic.purpose,
        "description": (
            "Only the newest event of each subject is kept, for ever."
            if topic.compacted
            else f"Everything is kept for {topic.kept_days} days."
        ),
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in _names(topic, kinds)},
        "tags": _tags(topic.speaker, *(["internal"] if topic.internal else [])),
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "partitions": topic.partitions,
                "topicConfiguration": kept,
                "bindingVersion": _BINDING,
            }
        },
    }


def _sends(topic: Topic, kinds: Sequence[type[Event]]) -> dict[str, Any]:
    return {
        "action": "send",
        "title": f"{topic.speaker} says",
        "summary": topic.purpose,
        "channel": {"$ref": f"#/channels/{topic.name}"},
        "messages": [_said_on(topic.name, name) for name in _names(topic, kinds)],
        "tags": _tags(topic.speaker),
    }


def _receives(hears: Mapping[str, Collection[str]], on_topic: Mapping[str, Sequence[type[Event]]]) -> dict[str, Any]:
    operations: dict[str, Any] = {}
    for reader in sorted(hears):
        for topic, kinds in on_topic.items():
            heard = [kind.type for kind in kinds if kind.type in hears[reader]]
            if heard:
                operations[f"{reader}-receive-{topic}"] = {
                    "action": "receive",
                    "title": f"{reader} hears",
                    "channel": {"$ref": f"#/channels/{topic}"},
                    "messages": [_said_on(topic, name) for name in heard],
                    "tags": _tags(reader),
                    "bindings": {
                        "kafka": {
                            "groupId": {"type": "string", "const": reader},
                            "bindingVersion": _BINDING,
                        }
                    },
                }
    return operations


def _message(kind: type[Event], examples: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    said = json_schema(kind)["description"]
    sources = sorted({topic.source for topic in topics_of(kind)})
    message: dict[str, Any] = {
        "name": kind.type,
        "title": re.sub(r"(?<=[a-z])(?=[A-Z])", " ", kind.__name__).capitalize(),
        "summary": said.partition("\n")[0],
        "contentType": DATA_TYPE,
        "headers": {
            "type": "object",
            "allOf": [{"$ref": "#/components/schemas/Envelope"}],
            "properties": {
                "ce_type": {"const": kind.type},
                "ce_source": {"enum": sources},
                "ce_dataschema": {"const": kind.dataschema()},
            },
        },
        "payload": {"$ref": f"#/components/schemas/{kind.__name__}"},
        "correlationId": {"location": "$message.header#/ce_correlationid"},
        "tags": _tags(*sorted({topic.speaker for topic in topics_of(kind)})),
        "bindings": {
            "kafka": {
                "key": {"type": "string", "description": f"The subject: `{kind.subject_field}`."},
                "bindingVersion": _BINDING,
            }
        },
    }
    if examples:
        message["examples"] = [
            {"name": example["id"], "headers": _as_headers(example), "payload": example["data"]} for example in examples
        ]
    return message


def _names(topic: Topic, kinds: Sequence[type[Event]]) -> list[str]:
    return [PROJECTED] if topic.projected else [kind.type for kind in kinds]


def _projected() -> dict[str, Any]:
    """An event of any type as it leaves the house."""
    feeds = [topic for topic in TOPICS.values() if topic.projected]
    return {
        "name": PROJECTED,
        "title": "Told outside",
        "summary": "An event of this house without the fields that the hearer has no right to.",
        "description": (
            "The id, type, subject, time and correlation are those of the event; the source is the feed, and the "
            "sequence counts what this feed has told of the subject. `ce_dataschema` leads to the schema of the data. "
            "The same id again is the same event again."
        ),
        "contentType": DATA_TYPE,
        "headers": {
            "type": "object",
            "allOf": [{"$ref": "#/components/schemas/Envelope"}],
            "properties": {"ce_source": {"enum": sorted(topic.source for topic in feeds)}},
        },
        "payload": {"type": "object", "description": "See `ce_dataschema`."},
        "correlationId": {"location": "$message.header#/ce_correlationid"},
        "tags": _tags("exchange"),
        "bindings": {"kafka": {"key": {"type": "string", "description": "The subject."}, "bindingVersion": _BINDING}},
    }


def _as_headers(example: Mapping[str, Any]) -> dict[str, str]:
    attributes = {name: str(value) for name, value in example.items() if name != "data"}
    content_type = attributes.pop("datacontenttype")
    return {"content-type": content_type, **{f"ce_{name}": value for name, value in attributes.items()}}


def _said_on(topic: str, name: str) -> dict[str, str]:
    return {"$ref": f"#/channels/{topic}/messages/{name}"}


def _tags(*names: str) -> list[dict[str, str]]:
    return [{"name": name} for name in names]
