"""The rights on a secured broker: what the file says, and that services can do with it what their code does."""

import tomllib
from pathlib import Path

import pytest
from chassis.service import load
from jointly.house import PACKAGES
from jointly.kafka_access import FILE, Access, BadAccessFile, Right, needs
from schemas.topics import FEEDS, TOPICS

ENTRIES = tomllib.loads(FILE.read_text(encoding="utf-8"))["principal"]
SPEAKING = sorted(name for name, package in PACKAGES.items() if any(needs(load(package))))


@pytest.mark.parametrize("name", SPEAKING)
def test_a_service_may_do_what_its_code_does_and_no_more(name: str) -> None:
    reads, writes = needs(load(PACKAGES[name]))
    assert set(ENTRIES[name].get("reads", [])) == reads
    assert set(ENTRIES[name].get("writes", [])) == writes
    assert ENTRIES[name].get("groups") == (name if reads else None)


@pytest.mark.parametrize("sector", sorted(FEEDS))
def test_a_sectors_system_reads_its_own_feed_and_nothing_else(sector: str) -> None:
    name = f"{sector}-system"
    assert {right for right in Access.read().rights if right.principal == name} == {
        Right(name, "topic", f"{sector}-feed", "literal", "read"),
        Right(name, "group", f"{sector}-", "prefixed", "read"),
    }


def test_nobody_is_in_the_file_but_services_sectors_and_the_operator() -> None:
    assert ENTRIES.keys() == {*SPEAKING, *(f"{sector}-system" for sector in FEEDS), "operator"}


def test_every_topic_has_one_writer_at_most() -> None:
    writers = {
        topic: [r.principal for r in Access.read().rights if (r.name, r.operation) == (topic, "write")]
        for topic in TOPICS
    }
    assert {topic: names for topic, names in writers.items() if len(names) != 1} == {}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('[principal.a]\nreads = ["no-such-topic"]', "a: there is no topic no-such-topic"),
        ('[principal.a]\nwrites = ["health-feeds"]', "a: there is no topic health-feeds"),
        ("[principal.a]\nowns = true", "a: there is no owns"),
    ],
)
def test_a_mistake_in_the_file_is_named(tmp_path: Path, text: str, complaint: str) -> None:
    file = tmp_path / "access.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(BadAccessFile, match=complaint):
        Access.read(file)
