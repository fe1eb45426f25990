"""Our envelope and the CloudEvents project's own library read each other, and both read the official examples."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_http_event
from cloudevents.core.bindings.http import to_structured_event as to_http
from cloudevents.core.bindings.kafka import (
    KafkaMessage,
    from_kafka_event,
    to_binary_event,
    to_structured_event,
)
from cloudevents.core.v1.event import CloudEvent
from schemas.envelope import Envelope
from schemas.export import HOME, read_examples

EXAMPLES = [each for every in read_examples(HOME / "examples").values() for each in every]
each_example = pytest.mark.parametrize("example", EXAMPLES, ids=lambda each: f"{each['type']}-{each['id'][-4:]}")
#: What our events carry and the specification leaves open.
OURS = {
    "subject": "case-1",
    "dataschema": "https://schemas.jointly.example/events/com.example.someevent.json",
    "subjectsequence": "1",
    "correlationid": "journey-1",
}


def theirs(envelope: Envelope) -> CloudEvent:
    attributes = {name: value for name, value in envelope.to_structured().items() if name != "data"}
    return CloudEvent({**attributes, "time": envelope.time}, json.loads(envelope.data))


def same(event: Any, envelope: Envelope) -> None:
    """Each of our attributes is theirs; their reader leaves extensions as text, and adds the key as one."""
    found = {name: value for name, value in event.get_attributes().items() if name != "partitionkey"}
    expected = {name: value for name, value in envelope.to_structured().items() if name != "data"}
    assert {**found, "time": None, "subjectsequence": int(found["subjectsequence"])} == {**expected, "time": None}
    assert found["time"] == envelope.time
    assert event.get_data() == json.loads(envelope.data)


@each_example
def test_they_read_our_kafka_record(example: dict[str, Any]) -> None:
    envelope = Envelope.from_structured(example)
    key, headers, value = envelope.to_kafka()
    event = from_kafka_event(KafkaMessage(dict(headers), key, value))
    same(event, envelope)
    assert event.get_extension("partitionkey") == envelope.subject


@each_example
def test_they_read_our_structured_json(example: dict[str, Any]) -> None:
    envelope = Envelope.from_structured(example)
    text = envelope.to_structured_json()
    headers = {"content-type": "application/cloudevents+json"}
    same(from_http_event(HTTPMessage(headers, text)), envelope)
    same(from_kafka_event(KafkaMessage({"content-type": b"application/cloudevents+json"}, None, text)), envelope)


@each_example
def test_we_read_their_kafka_record_in_both_modes(example: dict[str, Any]) -> None:
    envelope = Envelope.from_structured(example)
    for write in (to_binary_event, to_structured_event):
        message = write(theirs(envelope), key_mapper=lambda event: event.get_subject())
        assert isinstance(message.key, str)
        read = Envelope.from_kafka(message.key.encode(), message.headers.items(), message.value)
        assert read.to_structured() == example
        assert read.event() == envelope.event()


@each_example
def test_we_read_their_structured_json(example: dict[str, Any]) -> None:
    envelope = Envelope.from_structured(example)
    assert Envelope.from_structured_json(to_http(theirs(envelope)).body) == envelope


@each_example
def test_what_goes_through_their_reader_and_writer_comes_back(example: dict[str, Any]) -> None:
    envelope = Envelope.from_structured(example)
    key, headers, value = envelope.to_kafka()
    passed_on = to_http(from_kafka_event(KafkaMessage(dict(headers), None, value)))
    assert key == envelope.subject.encode()
    assert Envelope.from_structured_json(passed_on.body) == envelope, "their text sequence is read as ours"


@pytest.fixture(scope="module")
def feature(reference_data: Path) -> dict[str, str]:
    """The official Kafka conformance scenarios by name."""
    text = (reference_data / "standards/cloudevents/features_kafka-protocol-binding.feature").read_text("utf-8")
    scenarios = re.split(r"Scenario(?: Outline)?: ", text)[1:]
    return {each.partition("\n")[0].strip(): each for each in scenarios}


def test_we_read_the_official_record_in_binary_mode(feature: dict[str, str]) -> None:
    scenario = feature["Binary content mode"]
    headers = {name: value.encode() for name, value in table(scenario, "Kafka headers:").items()}
    ours = {f"ce_{name}": value.encode() for name, value in OURS.items()}
    read = Envelope.from_kafka(b"case-1", [*headers.items(), *ours.items()], payload(scenario))
    official(read, scenario)


@pytest.mark.parametrize(
    "content_type", ["application/cloudevents+json", "application/cloudevents+json; charset=utf-8"]
)
def test_we_read_the_official_record_in_structured_mode(feature: dict[str, str], content_type: str) -> None:
    scenario = feature["Structured content mode (<contentType>)"]
    assert content_type in scenario
    document = {**json.loads(payload(scenario)), **OURS}
    read = Envelope.from_kafka(b"case-1", [("content-type", content_type.encode())], json.dumps(document).encode())
    official(read, scenario)


def official(read: Envelope, scenario: str) -> None:
    attributes = table(scenario, "Then the attributes are:")
    written = read.to_structured()
    assert attributes
    assert {name: written[name] for name in attributes} == attributes
    assert written["data"] == {"message": "Hello World!"}
    assert read.event() is None, "a type that nobody here knows"


def payload(scenario: str) -> bytes:
    return scenario.split('"""')[1].strip().encode()


def table(scenario: str, title: str) -> dict[str, str]:
    """The rows of the table under a line, without its heading."""
    rows: dict[str, str] = {}
    for line in scenario.partition(title)[2].strip().splitlines():
        if not line.strip().startswith("|"):
            break
        name, value = (cell.strip() for cell in line.strip().strip("|").split("|"))
        rows[name] = value
    rows.pop("key", None)
    return rows
