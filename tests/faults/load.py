"""Partners who go on posting whatever happens to the house, and what must be true of it when it has come to rest."""

import asyncio
import itertools
import sys
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from chassis.clock import new_id, wall_now, wall_seconds
from chassis.event_log.interface import Partition, Record
from e2e.house import Callers, Told, at_rest, cluster_names, inboxes, routed, settings_of
from jointly import house as parts_of
from schemas.envelope import Envelope
from support.agency import Agency, Answer, a_referral
from support.host import Host

POSTERS: Final = 12
#: Seconds that a poster rests between two referrals, at most.
_REST: Final = 1.6
#: One referral in so many is followed by the NHS trust's own, for the same child.
_SECOND: Final = 8
_OFFICER: Final = "Intake officer"
_TRUST: Final = "nhs-trust"
#: Every child of this run of the tests is somebody else.
_numbers = itertools.count(1)


def say(text: str) -> None:
    """Something for whoever watches (`-s`)."""
    sys.stdout.write(f"\n{text}")


@dataclass(frozen=True)
class Posted:
    """A referral that somebody was told is taken."""

    child: int
    agency: Agency
    body: dict[str, Any]
    key: str
    answer: Answer

    @property
    def case_id(self) -> str:
        """The case that it is in."""
        return str(self.answer.body["case_id"])

    @property
    def reference(self) -> str:
        """The sender's own id."""
        return str(self.body["referrer"]["reference"])


@dataclass
class Load:
    """What was posted, and by whom."""

    agencies: Sequence[Agency]
    posted: list[Posted] = field(default_factory=list)

    def in_flight(self) -> int:
        """How many requests are on their way now."""
        return sum(agency.in_flight for agency in self.agencies)

    def unanswered(self) -> int:
        """After how many attempts the sender did not know what had happened."""
        return sum(agency.unanswered() for agency in self.agencies)

    def attempts(self) -> Counter[str]:
        """How many attempts ended how."""
        return Counter(
            f"{attempt.outcome} {attempt.status or ''} {attempt.why}".replace("  ", " ").strip()
            for agency in self.agencies
            for attempt in agency.history
        )


@asynccontextmanager
async def load(known: Callers, *, seed: int) -> AsyncIterator[Load]:
    """Post from many sides until the block ends; by then everybody has their answers."""
    organisations = [row["organisation"] for row in known.host.credentials()["systems"]]
    systems = [each for each in organisations if each.startswith("school-")]
    primary = [system for system in systems if system == "school-115482" or await _is_primary(known, system)][:4]
    schools = [await known.agency(organisation, connections=POSTERS) for organisation in primary]
    trust = await known.agency(_TRUST)
    before = {agency: len(agency.history) for agency in (*schools, trust)}
    under = Load([*schools, trust])
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for poster in range(POSTERS):
            school = schools[poster % len(schools)]
            group.create_task(_post(school, trust, under, Random(f"{seed} {poster}"), stop))  # noqa: S311
        try:
            yield under
        finally:
            stop.set()
    for agency, length in before.items():
        del agency.history[:length]


async def _is_primary(known: Callers, organisation: str) -> bool:
    urn = organisation.removeprefix("school-")
    school = await (await known.agency("school-115482")).get(f"/v1/schools/{urn}")
    return bool(school.body["phase"] == 2)


async def _post(school: Agency, trust: Agency, under: Load, chance: Random, stop: asyncio.Event) -> None:
    urn = school.organisation.removeprefix("school-")
    while not stop.is_set():
        child = next(_numbers)
        body = a_referral(child, today=wall_now().date(), school_urn=urn)
        under.posted.append(await _refer(school, child, body))
        if chance.randrange(_SECOND) == 0:
            again = {**body, "referrer": {**body["referrer"], "reference": f"N-{child}"}}
            under.posted.append(await _refer(trust, child, again))
        await asyncio.sleep(chance.uniform(0, _REST))


async def _refer(agency: Agency, child: int, body: dict[str, Any]) -> Posted:
    key = new_id()
    answer = await agency.refer(body, key=key)
    assert answer.status == 201, answer
    return Posted(child, agency, body, key, answer)


async def check(known: Callers, under: Load, event_log: str) -> None:
    """Nothing that was taken is lost, nothing is there twice, nothing is there that nobody sent."""
    host = known.host
    assert under.posted
    began = wall_seconds()
    await at_rest(host, event_log)
    say(f"at rest after {wall_seconds() - began:.1f} s")
    # Trouble is told as "try again" or "not known", never as a failure of ours.
    assert [key for key in under.attempts() if key.startswith("info 500")] == []
    _one_case_for_each_child(under)
    await _sent_once(under)
    await _placed_once(known, under, event_log)
    await _told_once(known, under)
    await _same_answer_again(under)
    assert "Nothing waits." in host.command("dead-letters", "list")
    say(f"checked after {wall_seconds() - began:.1f} s")


def _one_case_for_each_child(under: Load) -> None:
    cases: defaultdict[int, set[str]] = defaultdict(set)
    for one in under.posted:
        cases[one.child].add(one.case_id)
    assert {child: found for child, found in cases.items() if len(found) != 1} == {}
    assert len({case for found in cases.values() for case in found}) == len(cases)


async def _sent_once(under: Load) -> None:
    """Each sender's own list has each of its references once, and under the id that was answered."""
    for agency in under.agencies:
        sent: defaultdict[str, list[str]] = defaultdict(list)
        async for row in agency.items("/v1/referrals"):
            sent[row["sender_reference"]].append(row["referral_id"])
        for one in under.posted:
            if one.agency is agency:
                assert sent[one.reference] == [one.answer.body["referral_id"]], one.reference


async def _placed_once(known: Callers, under: Load, event_log: str) -> None:
    placed = await routed(await known.person(_OFFICER))
    cases = {one.case_id for one in under.posted}
    assert {case: placed.get(case) for case in cases if placed.get(case, {}).get("state") != "assigned"} == {}
    said: Counter[str] = Counter()
    for source, subject, facts in await told_by_topic(known.host, event_log, "routing-events", "referral-events"):
        sequences = [envelope.subjectsequence for envelope in facts]
        assert sequences == list(range(1, len(sequences) + 1)), (source, subject)
        said[subject] += sum(envelope.type == "jointly.case.assigned.v1" for envelope in facts)
    assert {case: said[case] for case in cases if said[case] != 1} == {}
    # Nothing was placed that nobody sent: what the topic tells of is what the router's list has.
    assert {case for case, times in said.items() if times} == placed.keys()


async def told_by_topic(host: Host, event_log: str, *topics: str) -> list[tuple[str, str, list[Envelope]]]:
    """(source, subject, facts): what topics say of each subject, in order, each fact once.

    A relay that was killed may have said a fact again; then it says the same, and readers drop it.
    """
    streams: defaultdict[tuple[str, str], dict[str, Envelope]] = defaultdict(dict)
    async with parts_of.opened(settings_of(host, event_log), ["notifier"]) as parts:
        ends = await parts.event_log.end_offsets(topics)
        for partition, end in sorted(ends.items()):
            async for record in _records(parts, partition, end):
                envelope = Envelope.from_kafka(record.key, record.headers, record.value)
                facts = streams[envelope.source, envelope.subject]
                assert facts.setdefault(envelope.id, envelope) == envelope
    return [(source, subject, list(facts.values())) for (source, subject), facts in streams.items()]


async def _records(parts: parts_of.House, partition: Partition, end: int) -> AsyncIterator[Record]:
    at = 0
    while at < end:
        found = await parts.event_log.read(partition, at)
        for record in found:
            yield record
        if not found:
            return
        at = found[-1].offset + 1


async def _told_once(known: Callers, under: Load) -> None:
    """Everybody who is entitled has one line for each fact, nobody has two, nobody else has any."""
    officer = await known.person(_OFFICER)
    names = await cluster_names(officer)
    places = {case: row["cluster_id"] for case, row in (await routed(officer)).items()}
    cases = {one.case_id for one in under.posted}
    joined = Counter(one.case_id for one in under.posted if one.agency.organisation == _TRUST)
    concerned = {places[case] for case in cases}
    # One cluster more than those that were given cases: its people must have heard of none.
    stranger = min(names.keys() - concerned)
    lines = await inboxes(known, [names[cluster] for cluster in (*concerned, stranger)])
    told: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for line, times in lines.items():
        if line.rule == "case-assigned":
            told[line.case_id][line.person] += times
    teams = {case: {person.sub for person in await known.team(names[places[case]])} for case in cases}
    assert {case: told[case] for case, people in teams.items() if told[case] != Counter(people)} == {}
    # Who holds the case hears of a further referral: the desk until it is placed, its team from then on.
    desk = Counter(line["case_id"] for line in await officer.inbox() if line["rule"] == "referral-joined")
    for case in cases:
        for person in teams[case]:
            assert lines[Told(case, person, "referral-joined")] + desk[case] == joined[case], (case, person)


async def _same_answer_again(under: Load) -> None:
    """Who did not know what had happened, and asked again with the same key, has the one true answer."""
    for agency in under.agencies:
        doubtful = {attempt.key for attempt in agency.history if attempt.outcome == "info"}
        for one in under.posted:
            if one.agency is agency and one.key in doubtful:
                again = await agency.refer(one.body, key=one.key)
                assert again.body == one.answer.body
                assert again.headers["idempotency-replayed"] == "true"
