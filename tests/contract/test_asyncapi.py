"""The AsyncAPI document: right by the official schema, by the official parser, and by our topics."""

import fcntl
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, NoReturn

import pytest
from jsonschema import Draft7Validator  # type: ignore[import-untyped]
from schemas.asyncapi import PROJECTED, asyncapi
from schemas.contracts import every_event, topics_of
from schemas.envelope import Envelope
from schemas.export import HOME, read_examples
from schemas.topics import TOPICS

TOOL = HOME / "tools" / "asyncapi"
DAY_MS = 24 * 60 * 60 * 1000
DOCUMENT = json.loads((HOME / "generated/asyncapi.json").read_text(encoding="utf-8"))
HEARS = {
    "cluster-router": {"jointly.case.opened.v1", "jointly.school.changed.v1"},
    "notifier": {"jointly.case.assigned.v1", "jointly.case.unrouted.v1"},
}


@pytest.fixture(scope="module")
def parser() -> Path:
    """The official parser, installed beside its package.json. Skipped without Node.js, but where everything counts."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        _cannot(
            "Node.js with npm is not here: install Node.js 20 or newer to check the document with AsyncAPI's parser."
        )
    lock = TOOL / "package-lock.json"
    stamp = TOOL / "node_modules" / ".installed-from"
    with lock.open(encoding="utf-8") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        wanted = held.read()
        if not stamp.is_file() or stamp.read_text(encoding="utf-8") != wanted:
            done = subprocess.run([npm, "ci"], cwd=TOOL, check=False, capture_output=True, text=True)  # noqa: S603
            if done.returncode != 0:
                _cannot(f"AsyncAPI's parser could not be installed from {lock}: {done.stderr[-2000:]}")
            stamp.write_text(wanted, encoding="utf-8")
    return Path(node)


def _cannot(reason: str) -> NoReturn:
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def test_the_official_parser_accepts_it_with_and_without_readers(parser: Path, tmp_path: Path) -> None:
    heard = tmp_path / "heard.json"
    heard.write_text(json.dumps(asyncapi(hears=HEARS)), encoding="utf-8")
    done = check(parser, HOME / "generated/asyncapi.json", heard)
    assert done.returncode == 0, done.stderr
    plain, with_readers = done.stdout.splitlines()
    counts = f"{len(TOPICS)} channels, {len(TOPICS)} send, {{}} receive, {len(every_event()) + 1} messages"
    assert plain == counts.format(0)
    assert with_readers == counts.format(3)


def test_the_official_parser_refuses_what_is_wrong(parser: Path, tmp_path: Path) -> None:
    broken = json.loads(json.dumps(DOCUMENT))
    broken["operations"]["send-referral-events"]["channel"]["$ref"] = "#/channels/nowhere"
    path = tmp_path / "broken.json"
    path.write_text(json.dumps(broken), encoding="utf-8")
    done = check(parser, path)
    assert done.returncode == 1
    assert "operations/send-referral-events" in done.stderr


@pytest.mark.parametrize("hears", [{}, HEARS], ids=["without readers", "with readers"])
def test_the_official_schema_accepts_it(hears: dict[str, set[str]], reference_data: Path) -> None:
    schema = json.loads((reference_data / "standards/asyncapi/asyncapi-3.0.0.schema.json").read_text(encoding="utf-8"))
    document = asyncapi(hears=hears, examples=read_examples(HOME / "examples"))
    found = [
        f"{'/'.join(map(str, each.path))}: {each.message}" for each in Draft7Validator(schema).iter_errors(document)
    ]
    assert found == []


@pytest.mark.parametrize("name", sorted(TOPICS))
def test_a_topic_is_a_channel_kept_as_it_says_with_one_speaker(name: str) -> None:
    topic, channel = TOPICS[name], DOCUMENT["channels"][name]
    kafka = channel["bindings"]["kafka"]
    assert (channel["address"], kafka["topic"], kafka["partitions"]) == (name, name, topic.partitions)
    kept = kafka["topicConfiguration"]
    if topic.compacted:
        assert kept == {"cleanup.policy": ["compact"]}
    else:
        assert kept == {"cleanup.policy": ["delete"], "retention.ms": topic.kept_days * DAY_MS}
    speakers = [
        operation["tags"][0]["name"]
        for operation in DOCUMENT["operations"].values()
        if operation["action"] == "send" and operation["channel"] == {"$ref": f"#/channels/{name}"}
    ]
    assert speakers == [topic.speaker]
    assert ({"name": "internal"} in channel["tags"]) is topic.internal


def test_every_topic_carries_just_the_events_said_on_it() -> None:
    for name, channel in DOCUMENT["channels"].items():
        said = {kind.type for kind in every_event().values() if name in {topic.name for topic in topics_of(kind)}}
        assert set(channel["messages"]) == ({PROJECTED} if TOPICS[name].projected else said)
        assert channel["messages"], name


@pytest.mark.parametrize("name", sorted(every_event()))
def test_a_message_says_its_envelope_its_key_and_an_example(name: str) -> None:
    kind, message = every_event()[name], DOCUMENT["components"]["messages"][name]
    assert message["summary"] == (kind.__doc__ or "").partition("\n")[0]
    assert kind.subject_field in message["bindings"]["kafka"]["key"]["description"]
    checker = Draft7Validator(
        {**message["headers"], "components": DOCUMENT["components"]}, format_checker=Draft7Validator.FORMAT_CHECKER
    )
    for document in read_examples(HOME / "examples")[name]:
        _, headers, _ = Envelope.from_structured(document).to_kafka()
        written = {header: value.decode() for header, value in headers}
        assert [error.message for error in checker.iter_errors(written)] == []
        assert {"name": document["id"], "headers": written, "payload": document["data"]} in message["examples"]
        for header in message["headers"]["properties"]:
            assert not checker.is_valid({**written, header: "other"}), header


def test_a_reader_hears_what_it_subscribes_to_in_its_own_group() -> None:
    operations = asyncapi(hears=HEARS)["operations"]
    heard = {name: each for name, each in operations.items() if each["action"] == "receive"}
    assert heard.keys() == {
        "cluster-router-receive-referral-events",
        "cluster-router-receive-directory-events",
        "notifier-receive-routing-events",
    }
    hearing = heard["notifier-receive-routing-events"]
    assert hearing["channel"] == {"$ref": "#/channels/routing-events"}
    assert [each["$ref"].rpartition("/")[2] for each in hearing["messages"]] == sorted(HEARS["notifier"])
    assert hearing["bindings"]["kafka"]["groupId"]["const"] == "notifier"


def test_every_reference_leads_somewhere() -> None:
    def references(part: Any) -> list[str]:
        if isinstance(part, dict):
            own = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
            return own + [each for value in part.values() for each in references(value)]
        return [each for value in part for each in references(value)] if isinstance(part, list) else []

    assert references(DOCUMENT)
    for reference in references(DOCUMENT):
        place: Any = DOCUMENT
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]


def check(node: Path, *documents: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603
        [node, TOOL / "check.cjs", *documents], check=False, capture_output=True, text=True
    )
