"""The official conformance features of CloudEvents, every scenario of them, against what we read and what we emit."""

import http.client
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_http_event
from jointly_kit.forms import BATCH_TYPE, from_http, kafka, page, webhook
from jointly_kit.golden import told_outside
from jointly_kit.signing import Key
from jsonschema import Draft7Validator  # type: ignore[import-untyped]
from schemas.envelope import Envelope

#: What our events carry and the specification leaves open.
OURS = {
    "subject": "case-1",
    "dataschema": "https://schemas.jointly.example/events/com.example.someevent.json",
    "subjectsequence": "1",
    "correlationid": "journey-1",
}
FOLDER = "standards/cloudevents"
KAFKA, HTTP = "features_kafka-protocol-binding.feature", "features_http-protocol-binding.feature"
STRUCTURED = "application/cloudevents+json"


@dataclass(frozen=True)
class Scenario:
    """One of them, with the values of one row of its examples."""

    name: str
    text: str

    @property
    def given(self) -> str:
        """The payload, or the whole request."""
        return _unindented(self.text.split('"""')[1])

    @property
    def data(self) -> Any:
        """What the data must be."""
        return json.loads(self.text.split('"""')[3])

    def table(self, title: str) -> dict[str, str]:
        """The rows under a line."""
        after = self.text.partition(title)[2].strip("\n").splitlines()
        rows: dict[str, str] = {}
        for line in after:
            if not line.strip().startswith("|"):
                break
            name, value = (cell.strip() for cell in line.strip().strip("|").split("|"))
            rows[name] = value
        assert rows.pop("key") == "value"
        return rows

    @property
    def attributes(self) -> dict[str, str]:
        """What must be read."""
        return self.table("Then the attributes are:")

    @property
    def request(self) -> tuple[dict[str, str], bytes]:
        """Headers and body of the HTTP request."""
        head, _, body = self.given.partition("\n\n")
        lines = head.replace("\n", "\r\n").encode().partition(b"\r\n")[2]
        message = http.client.parse_headers(io.BytesIO(lines + b"\r\n\r\n"))
        return dict(message.items()), body.encode()


def _unindented(text: str) -> str:
    return "\n".join(line.removeprefix("        ") for line in text.strip("\n").splitlines()).strip()


def _scenarios(text: str) -> Iterator[Scenario]:
    for part in re.split(r"Scenario(?: Outline)?: ", text)[1:]:
        name, rest = part.split("\n", 1)
        body, _, examples = rest.partition("Examples:")
        rows = [line.strip().strip("|").strip() for line in examples.splitlines() if line.strip().startswith("|")]
        if not rows:
            yield Scenario(name.strip(), body)
        for value in rows[1:]:
            yield Scenario(name.strip().replace(f"<{rows[0]}>", value), body.replace(f"<{rows[0]}>", value))


@pytest.fixture(scope="module")
def scenarios(reference_data: Path) -> Callable[[str], dict[str, Scenario]]:
    """All of a feature, by name."""

    def of(feature: str) -> dict[str, Scenario]:
        text = (reference_data / FOLDER / feature).read_text("utf-8")
        return {scenario.name: scenario for scenario in _scenarios(text)}

    return of


Scenarios = Callable[[str], dict[str, Scenario]]


def test_every_scenario_there_is_is_one_of_these(scenarios: Scenarios) -> None:
    structured = {f"Structured content mode ({STRUCTURED}{more})" for more in ("", "; charset=utf-8")}
    binary = {f"Binary content mode (application/json{more})" for more in ("", "; charset=utf-8")}
    assert scenarios(KAFKA).keys() == structured | {"Binary content mode"}
    assert scenarios(HTTP).keys() == structured | binary


def test_kafka_what_we_read_and_what_we_write_of_it(scenarios: Scenarios) -> None:
    for name, scenario in scenarios(KAFKA).items():
        headers, value = scenario.table("And Kafka headers:"), scenario.given
        if "Binary" in name:
            headers |= {f"ce_{attribute}": text for attribute, text in OURS.items()}
        else:
            value = json.dumps({**json.loads(value), **OURS})
        read = Envelope.from_kafka(
            b"case-1", [(header, text.encode()) for header, text in headers.items()], value.encode()
        )
        _is_what_it_must_be(read.to_structured(), scenario)
        key, written, data = read.to_kafka()
        assert key == b"case-1"
        assert json.loads(data) == scenario.data
        binary = scenarios(KAFKA)["Binary content mode"].table("And Kafka headers:")
        assert {header: text.decode() for header, text in written if header in binary} == binary
        assert {header for header, _ in written} == {*binary, *(f"ce_{attribute}" for attribute in OURS)}


def test_http_what_we_read_and_what_we_write_of_it(scenarios: Scenarios) -> None:
    for name, scenario in scenarios(HTTP).items():
        headers, body = scenario.request
        event = from_http(headers, body)
        _is_what_it_must_be(event, scenario)
        if "Binary" in name:
            assert event["datacontenttype"] == headers["Content-Type"]
        envelope = Envelope.from_structured({**event, **OURS})
        delivery = webhook(envelope.to_structured(), [Key.new()])
        assert delivery.headers["content-type"].partition(";")[0] == STRUCTURED
        again = from_http(delivery.headers, delivery.body)
        _is_what_it_must_be({**again, "datacontenttype": event["datacontenttype"]}, scenario)
        read = from_http_event(HTTPMessage(dict(delivery.headers), delivery.body))
        assert (read.get_id(), read.get_type(), read.get_data()) == (event["id"], event["type"], scenario.data)


def test_everything_that_is_told_outside_is_a_cloud_event_by_the_official_schema(reference_data: Path) -> None:
    schema = json.loads((reference_data / FOLDER / "formats_cloudevents.json").read_text("utf-8"))
    checker = Draft7Validator(schema, format_checker=Draft7Validator.FORMAT_CHECKER)
    for one in told_outside():
        for event in (one.told(), one.told(replay=True)):
            [read] = json.loads(page([event]))
            assert [error.message for error in checker.iter_errors(read)] == [], one.type
            assert all(re.fullmatch("[a-z0-9]{1,20}", name) for name in read), "names of attributes, 1.0.2 section 3.1"
    assert BATCH_TYPE == "application/cloudevents-batch+json"


def test_everything_that_is_told_outside_is_read_from_kafka_and_http_by_the_official_library() -> None:
    for one in told_outside():
        event = one.told(source="/exchange/health-feed", sequence=3)
        delivery = webhook(event, [Key.new()])
        read = from_http_event(HTTPMessage(dict(delivery.headers), delivery.body))
        assert {**read.get_attributes(), "time": event["time"]} == {n: v for n, v in event.items() if n != "data"}
        assert read.get_data() == event["data"]
        record = kafka(event)
        assert Envelope.from_kafka(record.key, record.headers, record.value).to_structured() == event


def _is_what_it_must_be(event: Mapping[str, Any], scenario: Scenario) -> None:
    assert {name: event[name] for name in scenario.attributes} == scenario.attributes
    assert event["data"] == scenario.data
