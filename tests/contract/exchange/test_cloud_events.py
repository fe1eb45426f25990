"""What leaves is CloudEvents: by the official schema, the official library, and the official features for HTTP."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from chassis.cause import Cause
from cloudevents.core.bindings.http import HTTPMessage, from_http_event
from cloudevents.core.bindings.kafka import KafkaMessage, from_kafka_event
from exchange.domain.projection import project
from exchange.handlers.events import BATCH_TYPE, structured
from exchange.policy import SHAREABLE, rules_of
from exchange.store.deliveries import Parcel
from jsonschema import Draft7Validator, Draft202012Validator  # type: ignore[import-untyped]
from schemas.envelope import Envelope
from schemas.export import HOME, read_examples
from schemas.projection import projected_dataschema

RULES = rules_of(datetime(2026, 11, 23, tzinfo=UTC).date())
TOLD = [
    (rule, example)
    for type, examples in read_examples(HOME / "examples").items()
    for example in examples
    for rule in RULES.of(type)
]
each_telling = pytest.mark.parametrize(("rule", "example"), TOLD, ids=lambda each: getattr(each, "id", ""))


def parcel(rule: Any, example: dict[str, Any], *, replay: bool = False) -> Parcel:
    envelope = Envelope.from_structured(example)
    data = project(example["data"], rule.shape, SHAREABLE[example["type"]].subject_field)
    return Parcel(
        stream_id="s", subject=envelope.subject, position=1, url="", attempts=0, event_id=envelope.id,
        type=envelope.type, sequence=7, replay=replay, basis=None, time=envelope.time,
        correlation_id=envelope.correlationid, causation_id=envelope.causationid, traceparent=envelope.traceparent,
        data=json.dumps(data).encode(),
    )  # fmt: skip


@each_telling
def test_what_is_told_is_an_official_cloud_event_whose_data_is_what_its_schema_says(
    rule: Any, example: dict[str, Any], reference_data: Path
) -> None:
    written = json.loads(structured(parcel(rule, example), source="/exchange/subscriptions/s"))
    official = json.loads((reference_data / "standards/cloudevents/formats_cloudevents.json").read_text("utf-8"))
    assert [error.message for error in Draft7Validator(official).iter_errors(written)] == []
    for name in ("id", "type", "subject", "time", "correlationid", "specversion", "datacontenttype"):
        assert written[name] == example[name], name
    assert written["subjectsequence"] == 7
    assert written["dataschema"] == projected_dataschema(example["type"])
    schema = json.loads((HOME / "generated" / "feeds" / f"{example['type']}.json").read_text("utf-8"))
    assert schema["$id"] == written["dataschema"]
    assert [error.message for error in Draft202012Validator(schema).iter_errors(written["data"])] == []


@each_telling
def test_the_official_library_reads_a_webhook(rule: Any, example: dict[str, Any]) -> None:
    body = structured(parcel(rule, example, replay=True), source="/exchange/subscriptions/s")
    event = from_http_event(HTTPMessage({"content-type": "application/cloudevents+json; charset=utf-8"}, body))
    assert event.get_id() == example["id"]
    assert event.get_source() == "/exchange/subscriptions/s"
    assert event.get_extension("replay") in {True, "true"}
    assert event.get_data() == json.loads(body)["data"]


@each_telling
def test_the_official_library_reads_a_feed_and_so_does_our_own_envelope(rule: Any, example: dict[str, Any]) -> None:
    one = parcel(rule, example)
    assert one.time is not None
    assert one.data is not None
    cause = Cause(example["correlationid"])
    envelope = Envelope(
        one.event_id, "/exchange/health-feed", one.type, one.subject, one.time, projected_dataschema(one.type), 7,
        cause.correlation_id, None, None, one.data,
    )  # fmt: skip
    key, headers, value = envelope.to_kafka()
    event = from_kafka_event(KafkaMessage(dict(headers), key, value))
    assert (event.get_id(), event.get_source()) == (example["id"], "/exchange/health-feed")
    assert Envelope.from_kafka(key, headers, value) == envelope


@pytest.fixture(scope="module")
def scenarios(reference_data: Path) -> dict[str, str]:
    """The official scenarios for HTTP, by name."""
    text = (reference_data / "standards/cloudevents/features_http-protocol-binding.feature").read_text("utf-8")
    parts = re.split(r"Scenario(?: Outline)?: ", text)[1:]
    return {each.partition("\n")[0].strip(): each for each in parts}


@pytest.mark.parametrize(
    "content_type", ["application/cloudevents+json", "application/cloudevents+json; charset=utf-8"]
)
def test_we_write_what_the_official_scenario_expects(scenarios: dict[str, str], content_type: str) -> None:
    scenario = scenarios["Structured content mode (<contentType>)"]
    assert content_type in scenario
    wanted = {
        key.strip(): value.strip()
        for key, value in re.findall(r"\|([^|\n]+)\|([^|\n]+)\|", scenario.partition("Then the attributes are:")[2])
        if key.strip() not in {"key", "contentType"}
    }
    told = Parcel(
        stream_id="s", subject="case-1", position=1, url="", attempts=0, event_id=wanted["id"], type=wanted["type"],
        sequence=1, replay=False, basis=None, time=datetime.fromisoformat(wanted["time"]), correlation_id="journey-1",
        causation_id=None, traceparent=None, data=b'{"message": "Hello World!"}',
    )  # fmt: skip
    body = structured(told, source=wanted["source"])
    written = json.loads(body)
    assert {name: written[name] for name in wanted} == wanted
    assert written["data"] == {"message": "Hello World!"}
    read = from_http_event(HTTPMessage({"content-type": content_type}, body))
    assert (read.get_id(), read.get_type(), read.get_source()) == (wanted["id"], wanted["type"], wanted["source"])


def test_a_batch_is_called_as_the_specification_calls_it(reference_data: Path) -> None:
    text = (reference_data / "standards/cloudevents/bindings_http-protocol-binding.md").read_text("utf-8")
    assert BATCH_TYPE in text
