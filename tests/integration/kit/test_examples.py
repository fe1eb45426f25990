"""The example consumers, each as a process: exactly its own feed, each case in order, nothing twice."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from integration.kit.broker import Secured
from integration.kit.conftest import Start
from integration.kit.processes import Running
from jointly_kit.golden import interleaved, journey, told_outside

pytestmark = pytest.mark.kafka

REFUSED = 3
#: What ended after SIGTERM: by itself, or as a Java process says it.
STOPPED = {0, 128 + 15}
#: Which system runs which example, and what it starts.
EXAMPLES = [
    pytest.param(("education", "python_example", "feed.py"), id="Python reads education-feed"),
    pytest.param(("health", "java_example", "jointly.example.Feed"), id="Java reads health-feed"),
    pytest.param(("social-care", "node_example", "feed.js"), id="Node reads social-care-feed"),
]
Cases = list[list[dict[str, Any]]]


@dataclass
class Example:
    """One of them, and the system that runs it."""

    sector: str
    folder: Path
    command: list[str | Path]
    broker: Secured
    starting: Start
    store: Path

    @property
    def feed(self) -> str:
        return f"{self.sector}-feed"

    def start(self, topic: str | None = None, group: str | None = None) -> Running:
        settings = self.broker.settings(
            f"{self.sector}-system", topic=topic or self.feed, group=group or f"{self.sector}-warehouse"
        )
        return self.starting(self.command, self.folder, **settings, JOINTLY_STORE=str(self.store))


@pytest.fixture(params=EXAMPLES)
def example(request: pytest.FixtureRequest, broker: Secured, start: Start, tmp_path: Path) -> Example:
    """Each of them."""
    sector, name, program = request.param
    folder, runs = request.getfixturevalue(name)
    return Example(sector, folder, [*runs, program], broker, start, tmp_path / "heard")


@pytest.fixture(scope="module")
def county(broker: Secured) -> dict[str, Cases]:
    """What was told on each sector's feed: five cases with seven events each."""
    kinds = [one for one in told_outside() if one.subject_field == "case_id"][:7]
    told: dict[str, Cases] = {}
    for sector in ("education", "health", "social-care"):
        feed = f"{sector}-feed"
        cases = told[sector] = [journey(kinds, source=f"/exchange/{feed}") for _ in range(5)]
        early = interleaved([case[:4] for case in cases])
        late = interleaved([case[4:] for case in cases], seed=1)
        # Some are told again, as after a crash of the teller, before the end of each case.
        asyncio.run(broker.tell(feed, [*early, *early[3:9], *early[-2:], *late]))
    return told


def by_case(heard: list[dict[str, Any]]) -> dict[str, list[tuple[str, str]]]:
    """Ids and types of each case, in the order in which they came."""
    found: dict[str, list[tuple[str, str]]] = {}
    for event in heard:
        found.setdefault(event["subject"], []).append((event["id"], event["type"]))
    return found


async def test_it_hears_its_feed_in_order_without_duplicates_and_goes_on_where_it_was(
    example: Example, county: dict[str, Cases], broker: Secured
) -> None:
    cases = county[example.sector]
    running = example.start()
    heard = await asyncio.to_thread(running.heard_until, {case[-1]["id"] for case in cases})
    code, besides = await asyncio.to_thread(running.stop)
    assert code in STOPPED, running.errors
    assert besides == []
    assert by_case(heard) == by_case([event for case in cases for event in case])

    case = cases[0]
    new = journey(told_outside(["jointly.case.closed.v1"]), source=case[0]["source"], subject=case[0]["subject"])
    await broker.tell(example.feed, [case[-1], *new])
    again = example.start()
    heard = await asyncio.to_thread(again.heard_until, {new[0]["id"]})
    assert [event["id"] for event in heard] == [new[0]["id"]]


@pytest.mark.parametrize("wrong", ["topic", "group"])
async def test_another_sectors_feed_and_group_are_refused_to_it(example: Example, wrong: str) -> None:
    other = next(name for name in ("health", "education") if name != example.sector)
    running = example.start(**({"topic": f"{other}-feed"} if wrong == "topic" else {"group": f"{other}-warehouse"}))
    assert await asyncio.to_thread(running.ended) == REFUSED, running.errors
    assert running.lines.empty()
    assert any("not-authorised: this principal may not read here" in line for line in running.errors), running.errors
