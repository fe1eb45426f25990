"""A term of the demo county in a real house: played, come to rest, and everything that was then said on any topic."""

import asyncio
import itertools
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from chassis.clock import wall_seconds
from chassis.event_log.interface import Partition, Record
from e2e.house import PATIENCE, NeverHappened, settings_of
from jointly import house as parts_of
from jointly.county.seed import heard
from schemas.envelope import Envelope
from schemas.topics import TOPICS
from support.host import Host

#: The first Monday of an autumn term, an hour before it begins.
BEGINS: Final = "2026-09-07T07:00:00Z"
SIMULATED: Final = {"JOINTLY_SIMULATED_CLOCK": BEGINS}
_LOOK_AGAIN: Final = 0.1


@dataclass(frozen=True)
class Fact:
    """One event as a stranger reads it: what the envelope says, and its data as JSON."""

    source: str
    subject: str
    sequence: int
    id: str
    #: Without its prefix and version, such as clock.breached.
    type: str
    at: datetime
    data: dict[str, Any]


@dataclass(frozen=True)
class Facts:
    """Everything that is on the topics, each fact once, in the order in which each source said it of each subject."""

    streams: dict[tuple[str, str], list[Fact]]
    #: Those of which the topic keeps the newest fact alone.
    compacted: frozenset[tuple[str, str]] = frozenset()

    def of(self, *types: str) -> Iterator[Fact]:
        """Every fact of these types, by time; those of one subject in their order."""
        found = (fact for stream in self.streams.values() for fact in stream if fact.type in types)
        return iter(sorted(found, key=lambda fact: (fact.at, fact.subject, fact.sequence)))

    def by_case(self, *types: str) -> dict[str, list[Fact]]:
        """The same, by the case that they are about."""
        cases: defaultdict[str, list[Fact]] = defaultdict(list)
        for fact in self.of(*types):
            cases[fact.data["case_id"]].append(fact)
        return dict(cases)


async def facts(host: Host, event_log: str) -> Facts:
    """Read every topic from its beginning. A relay that was killed may say a fact twice; then it says the same."""
    streams: defaultdict[tuple[str, str], dict[str, Envelope]] = defaultdict(dict)
    compacted = set[tuple[str, str]]()
    async with parts_of.opened(settings_of(host, event_log)) as parts:
        names = sorted({topic.name for runtime in parts.runtimes for topic in runtime.service.topics})
        ends = await parts.event_log.end_offsets([name for name in names if not name.endswith("-dead-letters")])
        for partition, end in sorted(ends.items()):
            async for record in _records(parts, partition, end):
                envelope = Envelope.from_kafka(record.key, record.headers, record.value)
                if envelope.source.endswith("-feed"):
                    continue
                known = streams[envelope.source, envelope.subject]
                assert known.setdefault(envelope.id, envelope) == envelope
                if TOPICS[partition.topic].compacted:
                    compacted.add((envelope.source, envelope.subject))
    told = {place: [_fact(one) for one in known.values()] for place, known in streams.items()}
    return Facts(told, frozenset(compacted))


async def _records(parts: parts_of.House, partition: Partition, end: int) -> AsyncIterator[Record]:
    at = 0
    while at < end:
        found = await parts.event_log.read(partition, at)
        for record in found:
            yield record
        if not found:
            return
        at = found[-1].offset + 1


def _fact(one: Envelope) -> Fact:
    kind = one.type.removeprefix("jointly.").rpartition(".")[0]
    return Fact(one.source, one.subject, one.subjectsequence, one.id, kind, one.time, json.loads(one.data))


async def at_rest(host: Host, event_log: str) -> None:
    """Wait until everybody has heard everybody, and nobody has anything more to say to it."""
    ends = wall_seconds() + PATIENCE
    async with parts_of.opened(settings_of(host, event_log)) as parts:
        names = [runtime.service.name for runtime in parts.runtimes]
        topics = sorted({topic.name for runtime in parts.runtimes for topic in runtime.service.topics})
        said: object = None
        while wall_seconds() < ends:
            try:
                for speaker, hearer in itertools.permutations(names, 2):
                    await heard(parts, speaker=speaker, hearer=hearer)
                now = await parts.event_log.end_offsets(topics)
            except Exception:  # noqa: BLE001  the house may be on its way up
                now = None
            if now is not None and now == said:
                return
            said = now
            await asyncio.sleep(_LOOK_AGAIN)
    raise NeverHappened("The house never came to rest.")


def play(host: Host, *, referrals: int, seed: int) -> str:
    """Have the demo play a term; what it told."""
    told = host.command("demo", "--term", "--referrals", str(referrals), "--seed", str(seed))
    refused = [line for line in told.splitlines() if line.startswith("refused")]
    assert refused == [], refused
    return told


def gaps(all_of_them: Facts) -> list[tuple[str, str, Sequence[int]]]:
    """Streams that do not count 1, 2, 3: a fact is lost, doubled or out of order. Compacted topics keep the last."""
    return [
        (source, subject, [fact.sequence for fact in stream])
        for (source, subject), stream in all_of_them.streams.items()
        if (source, subject) not in all_of_them.compacted
        and [fact.sequence for fact in stream] != list(range(1, len(stream) + 1))
    ]
