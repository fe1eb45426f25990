"""A child whose every text is a mark goes the whole way; three sectors hear by every way; outside is no mark.

`tests/contract/test_privacy.py` looks at a referral's life; this looks at all that people can say of a child in any
service, and at everything that leaves.
"""

import asyncio
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final

import asyncpg
import httpx
import pytest
from contract.test_privacy import marks_in, written
from e2e.house import PATIENCE, arguments, settings_of
from jointly import house as parts_of
from jointly.demo.simulated import Hand
from jointly.postgres import EmbeddedPostgres
from support import canary_story as acts
from support.canary import SECTORS, WAYS, Desk, Event, Hooks, letter_texts, receiver
from support.canary_story import CHILD, FAMILY_ADDRESS, TELLING, Story
from support.host import Host, running
from support.hostile import Outsider
from support.term import SIMULATED, at_rest

#: Texts that are nobody's: of organisations, staff and places, and of the machine.
_NOBODYS: Final = ("/v1/providers", "/v1/organisations", "/v1/people", "/oauth")
#: Said of a case, and shown to everybody who may see it: its reference.
_REFERENCES: Final = {
    ("POST /v1/cases/{id}/erase", "/reference"),
    ("POST /v1/cases/{id}/access-requests", "/reference"),
}
#: As people and programs write them too.
_SPELLINGS: Final = ("GL522GH", "999 000 0042", "20161213", "13/12/2016", "Cnry")
#: The tables in which texts of people are kept, and no others.
PERSONAL: Final = {
    ("referral_api", "referral"), ("referral_api", "information_request"), ("referral_api", "access_request"),
    ("assessments", "assessment"), ("assessments", "advice_text"), ("assessments", "views"),
    ("assessments", "plan_text"), ("assessments", "clock_evidence"), ("funding", "request"),
    ("placements", "placement"), ("placements", "review"), ("notifier", "family_answer"),
}  # fmt: skip
#: The postcodes of the county and its schools: everybody's, and the child's among them.
_GAZETTEER: Final = {("referral_api", "postcode"), ("directory", "school")}


@dataclass
class Outside:
    """All that left the house, and the house itself."""

    story: Story
    hooks: Hooks
    subscriptions: dict[tuple[str, str], Event]
    event_log: str
    pages: dict[str, list[httpx.Response]] = field(default_factory=dict)
    streams: dict[str, bytes] = field(default_factory=dict)
    #: (topic, key, headers, value) as they lie in the log.
    records: list[tuple[str, bytes, bytes, bytes]] = field(default_factory=list)

    @property
    def forms(self) -> dict[str, set[bytes]]:
        """How each mark may be written."""
        return {mark: _forms(mark) for mark in (*self.story.desk.marks, *_SPELLINGS)}

    def found(self, content: bytes) -> list[str]:
        """The marks in something."""
        return marks_in(content, self.forms)


@cache
def _forms(mark: str) -> set[bytes]:
    return written(mark)


def texts(outsider: Outsider) -> dict[str, list[tuple[str | int, ...]]]:
    """Operation -> where its body takes what people please to write, about a child."""
    found: dict[str, list[tuple[str | int, ...]]] = {}
    for operation in outsider.operations("post", "patch", "put"):
        if operation.path.startswith(_NOBODYS) or operation.schema is None:
            continue
        for at, schema in operation.leaves():
            free = schema.get("type") == "string" and not {"enum", "pattern", "format", "const"} & schema.keys()
            if free:
                found.setdefault(str(operation), []).append(at)
    return found


def place_of(at: tuple[str | int, ...]) -> str:
    """A place in a body as marks name it."""
    return "".join("[]" if isinstance(step, int) else f"/{step}" for step in at)


@pytest.fixture(scope="module")
def host(event_log: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """A house on simulated time, that says all it has to say."""
    environment = {**SIMULATED, "JOINTLY_LOG_LEVEL": "DEBUG"}
    with running(tmp_path_factory.mktemp("canary"), environment=environment, arguments=arguments(event_log)) as up:
        yield up


@pytest.fixture(scope="module")
def outside(host: Host, event_log: str) -> Iterator[Outside]:
    """The whole way, and what left."""
    desk = Desk(Outsider(host))
    story = Story(desk, datetime.fromisoformat(SIMULATED["JOINTLY_SIMULATED_CLOCK"]).date())
    with desk.outsider.client, receiver() as hooks:
        outside = Outside(story, hooks, desk.subscribe(hooks), event_log)
        acts.refer(story)
        acts.assess(story)
        acts.fund(story)
        acts.exclude(story)
        acts.place(story)
        acts.hear_the_family(story)
        clusters = desk.get("/v1/clusters?limit=200", story.person("intake-officer"))["items"]
        phase = next(one["phase"] for one in clusters if one["id"] == story.cluster)
        other = next(one["id"] for one in clusters if one["phase"] == phase and one["id"] != story.cluster)
        acts.fetch(story, other)
        acts.end(story, other)
        acts.refuse(story, texts(desk.outsider))
        asyncio.run(_next_morning(host, event_log))
        _read(outside)
        yield outside


async def _next_morning(host: Host, event_log: str) -> None:
    """Digests go out, reminders come due; everybody has heard everybody."""
    await at_rest(host, event_log)
    hand = await Hand.of(settings_of(host, event_log))
    await hand.move_to((await hand.now()) + timedelta(days=1))
    await at_rest(host, event_log)


def _read(outside: Outside) -> None:
    desk = outside.story.desk
    for sector, organisation in SECTORS.items():
        by = desk.outsider.system(organisation)
        outside.pages[sector] = list(desk.pages(outside.subscriptions[sector, "http-feed"]["id"], by))
        count = sum(len(page.json()) for page in outside.pages[sector])
        assert count > 20, sector
        outside.streams[sector] = desk.stream(outside.subscriptions[sector, "sse"]["id"], by, count)
        taking = f"/taking/{sector} ".encode()
        desk.until(
            lambda taking=taking, count=count: sum(taking in hook.head for hook in outside.hooks.got) >= count,
            f"webhooks of {sector} never came",
        )
    outside.records = asyncio.run(_records(outside))


async def _records(outside: Outside) -> list[tuple[str, bytes, bytes, bytes]]:
    """Every topic as it lies in the log, dead letters too."""
    found = []
    async with parts_of.opened(settings_of(outside.story.host, outside.event_log)) as parts:
        names = {topic.name for runtime in parts.runtimes for topic in runtime.service.topics}
        names |= {outside.subscriptions[sector, "kafka"]["delivery"]["topic"] for sector in SECTORS}
        for partition, end in sorted((await parts.event_log.end_offsets(sorted(names))).items()):
            at = 0
            while at < end and (records := await parts.event_log.read(partition, at)):
                for one in records:
                    heads = b"".join(name.encode() + value for name, value in one.headers)
                    found.append((partition.topic, one.key, heads, one.value))
                at = records[-1].offset + 1
    return found


def test_every_text_that_can_be_said_of_a_child_was_a_mark(outside: Outside) -> None:
    places = texts(outside.story.desk.outsider)
    wanted = {(operation, place_of(at)) for operation, all_of_it in places.items() for at in all_of_it} - _REFERENCES
    assert wanted - outside.story.desk.marks.said.keys() == set()
    assert len(wanted) > 40
    assert set(TELLING) < set(CHILD)


def test_the_detector_finds_what_is_planted(outside: Outside) -> None:
    for mark in outside.story.desk.marks:
        assert mark in outside.found(json.dumps({"text": f"so {mark} it is"}).encode()), mark
    page = outside.pages["health"][0]
    assert "Cnry" in outside.found(page.content.replace(b'"SEMH"', b'"cnrysemh"', 1))
    assert b"SEMH" in page.content


def test_no_mark_is_in_any_topic(outside: Outside) -> None:
    case = outside.story.ids["case"].encode()
    spoken = {topic for topic, key, _, value in outside.records if case in key + value}
    assert {
        "referral-events", "routing-events", "assessment-events", "funding-events", "placement-events",
        "notification-events", "education-feed", "health-feed", "social-care-feed",
    } <= spoken, spoken  # fmt: skip
    assert {outside.subscriptions[sector, "kafka"]["delivery"]["topic"] for sector in SECTORS} <= spoken
    for topic, key, heads, value in outside.records:
        assert outside.found(key + heads + value) == [], topic


def test_no_mark_leaves_by_any_way(outside: Outside) -> None:
    for sector, pages in outside.pages.items():
        ways = {way: outside.subscriptions[sector, way]["id"] for way in WAYS}
        assert len(set(ways.values())) == 4
        for page in pages:
            assert outside.found(page.content + str(page.headers).encode()) == [], sector
        assert outside.found(outside.streams[sector]) == [], sector
    assert any(b"/refusing/" in hook.head for hook in outside.hooks.got)
    for hook in outside.hooks.got:
        assert outside.found(hook.head + hook.body) == [], hook.head


def test_every_way_of_a_sector_said_the_same(outside: Outside) -> None:
    for sector, pages in outside.pages.items():
        paged = {event["id"] for page in pages for event in page.json()}
        taking = f"/taking/{sector} ".encode()
        hooked = {json.loads(hook.body)["id"] for hook in outside.hooks.got if taking in hook.head}
        streamed = {
            json.loads(line.removeprefix(b"data: "))["id"]
            for line in outside.streams[sector].split(b"\n") if line.startswith(b"data: ") and line.endswith(b"}")
        }  # fmt: skip
        assert paged == hooked == streamed, sector


def test_no_mark_is_in_any_table_but_those_for_it(outside: Outside) -> None:
    found = asyncio.run(_tables(outside))
    assert {"outbox", "inbox", "parked", "idempotency", "audit", "letter", "notification", "body", "delivery"} <= {
        name for _, name in found
    }
    where = {place for place, marks in found.items() if set(marks) - {CHILD["postcode"], "GL522GH"}}
    assert where == PERSONAL
    assert {place for place, marks in found.items() if marks} - where <= _GAZETTEER


async def _tables(outside: Outside) -> dict[tuple[str, str], list[str]]:
    url = EmbeddedPostgres(outside.story.host.state).admin_url().replace("+asyncpg", "")
    connection = await asyncpg.connect(url)
    try:
        tables = await connection.fetch(
            "SELECT nspname AS schema, relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE c.relkind IN ('r', 'p', 'm') AND NOT c.relispartition AND nspname !~ '^(pg_|information_schema)'"
        )
        found = {}
        for schema, name in tables:
            rows = await connection.fetch(f'SELECT * FROM "{schema}"."{name}"')
            values = [value for row in rows for value in row.values()]
            content = b"\n".join(each if isinstance(each, bytes) else str(each).encode() for each in values)
            found[schema, name] = outside.found(content)
        return found
    finally:
        await connection.close()


def test_no_mark_is_logged(outside: Outside) -> None:
    state = outside.story.host.state
    read = set()
    for path in sorted(state.rglob("*")):
        inside = {state / "postgres" / "data", state / "mail", state / "kafka"} & {*path.parents}
        if path.is_file() and not inside:
            read.add(str(path.relative_to(state)))
            assert outside.found(path.read_bytes()) == [], path
    assert {"logs/front.log", "logs/worker.log", "postgres/server.log", "run.out"} <= read
    # An access log that there is says nothing of what stood behind the path.
    for name in ("front", "worker"):
        assert "second_fact" not in outside.story.host.log(name)


def test_who_holds_a_link_is_not_logged(outside: Outside) -> None:
    """The token is the key: whoever reads a log must not be able to open it."""
    logs = "".join(outside.story.host.log(name) for name in ("front", "worker")).encode()
    for name in ("token", "family token"):
        assert outside.story.ids[name].encode() not in logs, name


def test_letters_name_nobody_but_whom_they_are_sent_to(outside: Outside) -> None:
    letters = [path.read_bytes() for path in sorted((outside.story.host.state / "mail").glob("*.eml"))]
    to_the_family = [each for each in map(letter_texts, letters) if FAMILY_ADDRESS.encode() in each]
    others = [each for each in map(letter_texts, letters) if FAMILY_ADDRESS.encode() not in each]
    assert to_the_family
    assert len(others) > 3
    for letter in others:
        assert outside.found(letter) == []
    for letter in to_the_family:
        assert outside.found(letter.replace(FAMILY_ADDRESS.encode(), b"")) == []


def test_nobody_is_told_a_mark_in_the_application(outside: Outside) -> None:
    told = 0
    for person in outside.story.host.credentials()["people"]:
        inbox = outside.story.desk.ask("GET", "/v1/notifications?limit=200", outside.story.person(person["sub"]))
        assert outside.found(inbox.content) == [], person["sub"]
        told += inbox.text.count(outside.story.ids["case"])
    assert told > 10


def test_no_mark_is_measured(outside: Outside) -> None:
    host = outside.story.host
    for origin in (host.origin, host.internal):
        page = httpx.get(f"{origin}/metrics", trust_env=False, timeout=PATIENCE)
        assert outside.found(page.content) == []
    assert b"exchange" in httpx.get(f"{host.internal}/metrics", trust_env=False).content
    assert httpx.get(f"{host.origin}/metrics", trust_env=False).status_code == 404


def test_no_refusal_repeats_a_mark(outside: Outside) -> None:
    assert len(outside.story.refusals) > 100
    assert {409, 412, 422} <= {refusal.status_code for refusal in outside.story.refusals}
    for refusal in outside.story.refusals:
        problem = refusal.json()
        # The address that they sent themselves.
        problem.pop("instance", None)
        assert outside.found(json.dumps(problem).encode() + str(refusal.headers).encode()) == [], refusal.text


def test_no_address_that_the_house_gives_names_anybody(outside: Outside) -> None:
    for answer in outside.story.desk.answers:
        given = " ".join(answer.headers.get(name, "") for name in ("Location", "Link", "Content-Location"))
        assert outside.found(given.encode()) == []
        if answer.headers["Content-Type"].startswith("application/json"):
            for text in _hrefs(answer.json()):
                assert outside.found(text.encode()) == []


def _hrefs(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, each in value.items():
            yield from [str(each)] if name in {"href", "url", "next"} and each else _hrefs(each)
    elif isinstance(value, list):
        for each in value:
            yield from _hrefs(each)


def test_each_sector_fetches_its_own_number_of_the_child_and_no_other(outside: Outside) -> None:
    own = {"education": CHILD["upn"], "health": CHILD["nhs_number"]}
    for sector, answer in outside.story.fetched.items():
        assert answer.status_code == 200, (sector, answer.text)
        assert CHILD["family_name"] in answer.text
        for owner, number in own.items():
            assert (number in answer.text) is (owner == sector), (sector, owner)


def test_nothing_was_given_up_on_the_way(outside: Outside) -> None:
    waits = outside.story.host.command("dead-letters", "list")
    assert "Nothing waits." in waits
    assert outside.found(waits.encode()) == []
