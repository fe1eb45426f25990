"""kill -9 of front and worker at random instants under load: every 201 stands, once; nothing unanswered doubles.

Ten kills on each event log. Seeded, so that the same instants come again as far as a busy machine allows.
"""

import asyncio
import random
from collections import Counter
from contextlib import suppress
from datetime import date
from itertools import count
from pathlib import Path

import psutil
import pytest
from chassis.clock import new_id, wall_seconds
from e2e.house import EVENT_LOGS, PATIENCE, arguments, at_rest, callers, settings_of
from jointly import house as parts_of
from schemas.envelope import Envelope
from schemas.routing import CaseAssigned
from support.agency import Agency, Answer, a_referral
from support.host import Host, running

SCHOOL = "school-115482"
KILLS = 10
POSTERS = 12


@pytest.mark.parametrize("event_log", EVENT_LOGS)
async def test_every_acknowledged_referral_is_assigned_once_and_told_once(tmp_path: Path, event_log: str) -> None:
    with running(tmp_path / "house", arguments=arguments(event_log)) as host:
        async with callers(host) as known:
            school = await known.agency(SCHOOL, connections=POSTERS)
            answers: dict[str, Answer] = {}
            stop, numbers = asyncio.Event(), count(1)
            posting = [asyncio.create_task(_post(school, numbers, answers, stop)) for _ in range(POSTERS)]
            killed = await _kill(host, random.Random(event_log))  # noqa: S311  repeatable, nothing secret
            stop.set()
            await asyncio.gather(*posting)
            host.until_ready(PATIENCE)
            await at_rest(host, event_log)

            assert school.unanswered() > 0, "a run without an unanswered request shows nothing"
            listed = [row["referral_id"] async for row in school.items("/v1/referrals")]
            assert Counter(listed) == Counter(answer.body["referral_id"] for answer in answers.values())
            cases = {answer.body["case_id"] for answer in answers.values()}
            assert len(cases) == len(answers)
            assert await _assignments(host, event_log) == dict.fromkeys(cases, 1)
            for person in await known.team("Gloucester primary"):
                told = Counter(line["case_id"] for line in await person.inbox() if line["rule"] == "case-assigned")
                assert told == dict.fromkeys(cases, 1), person
            print(f"\n{event_log}: {dict(killed)}, {len(answers)} referrals, {school.unanswered()} unanswered")  # noqa: T201


async def _post(school: Agency, numbers: "count[int]", answers: dict[str, Answer], stop: asyncio.Event) -> None:
    while not stop.is_set():
        key = new_id()
        body = a_referral(next(numbers), today=date(2026, 11, 23))
        answers[key] = await school.refer(body, key=key)
        assert answers[key].status == 201, answers[key]


async def _kill(host: Host, chance: random.Random) -> Counter[str]:
    """Kill one process after the other, each as soon as the last one is back and has had a moment to work."""
    killed: Counter[str] = Counter()
    while killed.total() < KILLS:
        await asyncio.sleep(chance.uniform(0.3, 1.5))
        name = chance.choice(("front", "worker"))
        before = host.pids()[name]
        with suppress(psutil.NoSuchProcess):
            host.kill(name)
            killed[name] += 1
        ends = wall_seconds() + PATIENCE
        while host.pids().get(name) in {before, None}:
            assert wall_seconds() < ends, f"{name} was not started again: {host.output}"
            await asyncio.sleep(0.05)
    return killed


async def _assignments(host: Host, event_log: str) -> dict[str, int]:
    """How many different facts on the topic say of each case that it was assigned. A fact may lie there twice."""
    facts: set[tuple[str, str]] = set()
    async with parts_of.opened(settings_of(host, event_log)) as parts:
        for partition, end in (await parts.event_log.end_offsets(["routing-events"])).items():
            offset = 0
            while offset < end:
                records = await parts.event_log.read(partition, offset)
                for record in records:
                    envelope = Envelope.from_kafka(record.key, record.headers, record.value)
                    if envelope.type == CaseAssigned.type:
                        facts.add((envelope.subject, envelope.id))
                offset = records[-1].offset + 1 if records else end
    return dict(Counter(case for case, _ in facts))
