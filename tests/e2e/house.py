"""A whole house to test against, on either event log: how it is started, when it has come to rest, what it holds."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from chassis.clock import wall_seconds
from jointly import house as parts_of
from jointly.county.seed import heard
from jointly.settings import Settings
from support.agency import Agency, Answer, Person
from support.host import Host, start

EMBEDDED: Final = "embedded"
KAFKA: Final = "kafka"
#: Each suite is written once and runs on both.
EVENT_LOGS: Final = (pytest.param(EMBEDDED, id=EMBEDDED), pytest.param(KAFKA, id=KAFKA, marks=pytest.mark.kafka))
#: After so long something hangs; nothing is measured by it.
PATIENCE: Final = 180.0
_LOOK_AGAIN: Final = 0.1
#: Who hears whom, in the order in which a case goes through the house; an answer may need a second way round.
_WAYS: Final = (
    ("referral-api", "cluster-router"),
    ("cluster-router", "referral-api"),
    ("referral-api", "notifier"),
    ("cluster-router", "notifier"),
    ("notifier", "referral-api"),
    ("referral-api", "cluster-router"),
)


class NeverHappened(AssertionError):
    """What was waited for did not come."""


def arguments(event_log: str) -> tuple[str, ...]:
    """What `jointly run` is told so that it keeps its events there. Skips the test where there is no Kafka."""
    if event_log == EMBEDDED:
        return ()
    from jointly import kafka_artifacts

    try:
        kafka_artifacts.java()
        kafka_artifacts.fetch()
    except kafka_artifacts.KafkaUnavailable as missing:
        from support.kafka import _cannot

        _cannot(str(missing))
    return ("--kafka",)


@dataclass(frozen=True)
class Told:
    """One line of somebody's inbox."""

    case_id: str
    person: str
    rule: str


@dataclass
class Callers:
    """The demo county's systems and people, signed in."""

    host: Host
    stack: AsyncExitStack
    _people: dict[str, Person]
    _agencies: dict[str, Agency]

    async def agency(self, organisation: str, *, connections: int = 16) -> Agency:
        """The system of an organisation."""
        if organisation not in self._agencies:
            rows: Sequence[dict[str, Any]] = self.host.credentials()["systems"]
            row = next(row for row in rows if row["organisation"] == organisation)
            agency = Agency(self.host.origin, row, connections=connections)
            self._agencies[organisation] = await self.stack.enter_async_context(agency)
        return self._agencies[organisation]

    async def person(self, name: str) -> Person:
        """Somebody by the name that `credentials.json` gives."""
        if name not in self._people:
            who = next(row for row in self.host.credentials()["people"] if row["name"] == name)
            self._people[name] = await self.stack.enter_async_context(Person(self.host.origin, who))
        return self._people[name]

    async def team(self, cluster_name: str) -> list[Person]:
        """Those who are told of a case that their cluster is given."""
        titles = ("Cluster lead", "Inclusion caseworker", "Health caseworker", "Social care caseworker")
        return [await self.person(f"{title}, {cluster_name}") for title in titles]


@asynccontextmanager
async def callers(host: Host) -> AsyncIterator[Callers]:
    """Everybody who can call; connections are closed afterwards."""
    async with AsyncExitStack() as stack:
        yield Callers(host, stack, {}, {})


def settings_of(host: Host, event_log: str) -> Settings:
    """The settings with which this process can look into the house."""
    bootstrap = kafka_bootstrap(host) if event_log == KAFKA else None
    return Settings(state=host.state, port=host.port, kafka_bootstrap=bootstrap)


def kafka_bootstrap(host: Host) -> str:
    """Where the house's own broker answers."""
    import psutil

    for process in psutil.Process(host.process.pid).children():
        environment = process.environ()
        if "JOINTLY_KAFKA_BOOTSTRAP" in environment:
            return environment["JOINTLY_KAFKA_BOOTSTRAP"]
    raise NeverHappened("No process of the house knows a broker.")


async def at_rest(host: Host, event_log: str) -> None:
    """Wait until everything that was said has been heard, and what that made people say too."""
    ends = wall_seconds() + PATIENCE
    async with parts_of.opened(settings_of(host, event_log)) as parts:
        for speaker, hearer in _WAYS:
            while True:
                try:
                    await heard(parts, speaker=speaker, hearer=hearer)
                    break
                except Exception as error:
                    if wall_seconds() > ends:
                        raise NeverHappened(f"{hearer} has not heard all of {speaker}.") from error
                    await asyncio.sleep(_LOOK_AGAIN)


def start_again(host: Host, event_log: str, **environment: str) -> None:
    """Start a house that has stopped, in its own folder and on its own port."""
    host.process = start(host.state, port=host.port, environment=environment, arguments=arguments(event_log)).process


async def assigned(caller: Agency | Person, case_id: str) -> Answer:
    """The assignment of a case, as soon as it is more than pending."""
    ends = wall_seconds() + PATIENCE
    while wall_seconds() < ends:
        answer = await caller.get(f"/v1/assignments/{case_id}")
        if answer.status != 404 and answer.body["state"] != "pending":
            return answer
        await asyncio.sleep(_LOOK_AGAIN)
    raise NeverHappened(f"Case {case_id} was never routed.")


async def told(person: Person, case_id: str, rule: str) -> list[dict[str, Any]]:
    """The lines of an inbox about a case under a rule, as soon as there is one."""
    ends = wall_seconds() + PATIENCE
    while wall_seconds() < ends:
        lines = [line for line in await person.inbox() if line["case_id"] == case_id and line["rule"] == rule]
        if lines:
            return lines
        await asyncio.sleep(_LOOK_AGAIN)
    raise NeverHappened(f"{person.sub} was never told ({rule}).")


async def inboxes(known: Callers, clusters: Iterable[str]) -> Counter[Told]:
    """How often everybody of these clusters' teams, by the clusters' names, was told of what."""
    lines: Counter[Told] = Counter()
    for name in clusters:
        for person in await known.team(name):
            lines.update(Told(line["case_id"], person.sub, line["rule"]) for line in await person.inbox())
    return lines


async def cluster_names(caller: Agency | Person) -> dict[str, str]:
    """Cluster -> what it is called."""
    return {row["id"]: row["name"] async for row in caller.items("/v1/clusters")}


async def routed(officer: Person) -> dict[str, dict[str, Any]]:
    """Every open case that the router knows of, by id."""
    return {row["case_id"]: row async for row in officer.items("/v1/assignments")}


def letters(state: Path) -> list[bytes]:
    """The e-mail that went out, as files."""
    return [path.read_bytes() for path in sorted((state / "mail").glob("*.eml"))]
