"""What integrators read: every command of INTEGRATORS.md is run as it stands, every page is used as people use it."""

import asyncio
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import closing
from socket import socket
from typing import NoReturn

import httpx
import pytest
from e2e.pages import RULES
from jointly.docs.frame import MENU
from playwright.sync_api import Browser, Page, expect
from support.guide import GUIDE, ORIGIN, PORT, Ran, blocks, documents, run
from support.host import Host, running

TEXT = GUIDE.read_text("utf-8")
SUBMITTED = "jointly.referral.submitted.v1"
#: Who besides everybody may be meant by a block: `sh node`, `sh kafka`.
READERS = {"node", "kafka"}
#: What the Kafka part needs of the rest.
UP_TO_A_REFERRAL = ("Before you begin", "What it rests on: an agreement", "Something to hear of: a referral")


def _cannot(reason: str) -> NoReturn:
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def _text(host: Host) -> str:
    """The page for this house, with a port that is free."""
    with closing(socket()) as free:
        free.bind(("127.0.0.1", 0))
        return TEXT.replace(ORIGIN, host.origin).replace(PORT, str(free.getsockname()[1]))


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """The demo county on the embedded event log."""
    with running(tmp_path_factory.mktemp("house")) as host:
        yield host


@pytest.fixture(scope="module")
def ran(house: Host) -> Ran:
    """All of it but Kafka, from top to bottom, by somebody who has done nothing yet."""
    readers = {"node"} if shutil.which("node") else set()
    return run(_text(house), readers=readers, environment=house.environment)


def test_every_command_is_for_everybody_or_for_a_reader_who_is_tried() -> None:
    assert {one.name for one in blocks(TEXT) if one.language == "sh"} <= {"", *READERS}
    assert all(one.name or one.language == "sh" for one in blocks(TEXT)), "a file that the page shows has a name"


def test_every_command_works(ran: Ran) -> None:
    assert ran.code == 0, ran.errors
    assert ran.printed["What it rests on: an agreement"].strip() == "True"


def test_a_command_that_does_not_work_is_noticed(house: Host) -> None:
    text = "## One\n```sh\necho before\nfalse\necho after\n```\n"
    failed = run(text, readers=(), environment=house.environment)
    assert failed.code == 1
    assert failed.printed == {"One": "before\n"}


def test_the_feed_prints_the_first_event_and_leads_on(ran: Ran) -> None:
    first, following = documents(ran.printed["HTTP feed"])
    assert [event["type"] for event in first] == [SUBMITTED]
    assert following[0]["subjectsequence"] == 2
    assert following[0]["subject"] == first[0]["subject"]


def test_the_stream_prints_the_first_event(ran: Ran) -> None:
    assert [event["type"] for event in documents(ran.printed["Server-sent events"])] == [SUBMITTED]


def test_both_receivers_verify_and_print_the_first_event(ran: Ran) -> None:
    heard = documents(ran.printed["Webhook"])
    if not shutil.which("node"):
        assert [event["type"] for event in heard] == [SUBMITTED]
        _cannot("Node.js is not here, so its receiver was not tried.")
    assert [event["type"] for event in heard] == [SUBMITTED, SUBMITTED]
    assert len({event["id"] for event in heard}) == 2


def test_the_receiver_of_the_page_stands_all_that_the_kit_tries(ran: Ran) -> None:
    assert "all as it must be." in ran.printed["Webhook"]
    assert "WRONG" not in ran.printed["Webhook"]


def test_the_rest_is_fetched_with_rights(ran: Ran) -> None:
    case, timeline = documents(ran.printed["Fetch the rest"])
    [[submitted], _] = documents(ran.printed["HTTP feed"])
    assert case["case_id"] == submitted["subject"]
    assert timeline["items"]


def test_it_is_told_again_recalled_and_acknowledged(ran: Ran) -> None:
    [replay] = documents(ran.printed["Hear it again"])
    assert replay["state"] in {"running", "done"}
    opened, done = documents(ran.printed["When something was wrong: recalls"])
    assert opened["items"][0]["stragglers"] == ["school-115482"]
    assert done["id"] == opened["items"][0]["id"]
    assert done["recipients"][0]["acknowledged_at"]


def test_health_says_how_it_goes(ran: Ran) -> None:
    health, deliveries = documents(ran.printed["When nothing comes"])
    assert health["state"] == "active"
    assert health["last_success_at"]
    assert deliveries["items"][0]["state"] == "delivered"


def test_the_kit_shows_an_event_without_a_house(ran: Ran) -> None:
    assert "webhook-signature: v1," in ran.printed["Without a house"]
    assert "feed.py" in ran.printed["Without a house"]


def test_the_house_shows_the_page_with_its_own_origin(house: Host) -> None:
    page = httpx.get(f"{house.origin}/docs/integrators", trust_env=False).raise_for_status()
    assert f"export JOINTLY={house.origin}" in page.text
    assert ORIGIN not in page.text
    assert "schemas/kit/README.md" not in page.text, "links into the source tree lead nowhere from a page"


@pytest.fixture
def page(chromium: Browser, house: Host, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page of a fresh browser that must neither complain nor speak to anybody else; by a mark, without scripts."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, java_script_enabled=request.param)
    opened = context.new_page()
    strange: list[str] = []
    opened.on("request", lambda one: strange.append(one.url) if not one.url.startswith(house.origin) else None)
    opened.on("console", lambda one: strange.append(one.text) if one.type in {"error", "warning"} else None)
    opened.on("pageerror", lambda error: strange.append(str(error)))
    yield opened
    context.close()
    assert not strange


with_scripts = pytest.mark.parametrize("page", [True], indirect=True, ids=["with-scripts"])
without_scripts = pytest.mark.parametrize("page", [False], indirect=True, ids=["without-scripts"])


@with_scripts
@pytest.mark.parametrize("width", [1280, 320])
@pytest.mark.parametrize("address", [*(address for address, _ in MENU), "/docs/events?q=circumstances"])
def test_a_page_is_for_everybody(page: Page, house: Host, axe: str, address: str, width: int) -> None:
    """No violation of WCAG 2.2 A and AA; no sideways scrolling at 320 pixels.

    Of the two longest pages, contrast is looked at in a part: it is the same style a thousand times.
    """
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(house.origin + address)
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
    how = {"runOnly": RULES, "rules": {"color-contrast": {"enabled": address not in {"/docs/events", "/docs/codes"}}}}
    found = page.evaluate(
        f"{axe}\n;axe.run(document, {json.dumps(how)})"
        ".then(r => r.violations.map(v => `${v.id}: ${v.nodes[0].html.slice(0, 120)}`))"
    )
    assert found == []


@with_scripts
def test_events_are_found_while_one_types(page: Page, house: Host) -> None:
    page.goto(f"{house.origin}/docs/events")
    everything = page.locator("article").count()
    page.get_by_label("Find an event or a field").fill("cluster holder")
    left = page.locator("article:visible")
    assert 0 < left.count() < everything
    expect(page.get_by_role("status")).to_have_text(f"{left.count()} of {everything} shown")
    assert page.locator(".index li[data-for]:visible").count() == left.count()
    expect(page.get_by_role("heading", name="What every event carries")).to_be_hidden()
    # A link to what is narrowed away brings it back.
    page.evaluate("location.hash = '#jointly.budget.low.v1'")
    expect(page.locator("[id='jointly.budget.low.v1']")).to_be_in_viewport()
    assert page.locator("article:visible").count() == everything


@without_scripts
def test_without_scripts_the_server_finds_the_same(page: Page, house: Host) -> None:
    page.goto(f"{house.origin}/docs/events")
    everything = page.locator("article").count()
    page.get_by_label("Find an event or a field").fill("cluster holder")
    page.get_by_role("button", name="Find").click()
    left = page.locator("article").count()
    assert 0 < left < everything
    expect(page.get_by_role("status")).to_have_text(f"{left} of {everything} shown")
    page.goto(f"{house.origin}/docs/events#jointly.case.opened.v1")
    expect(page.locator("[id='jointly.case.opened.v1']")).to_be_in_viewport()


@with_scripts
def test_events_need_no_mouse(page: Page, house: Host) -> None:
    page.goto(f"{house.origin}/docs/events")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to main content")).to_be_focused()
    for _ in range(10):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "q":
            break
    page.keyboard.type("case opened")
    page.keyboard.press("Tab")  # the topic
    page.keyboard.press("Tab")  # its first event
    page.keyboard.press("Enter")
    expect(page.locator("article:target")).to_be_in_viewport()
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.tagName") == "SUMMARY":
            break
        seen = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert seen != "none", "what has the focus must be seen"
    page.keyboard.press("Enter")
    expect(page.locator("details[open] pre")).to_contain_text('"specversion": "1.0"')


def test_pages_are_strict_and_lead_to_each_other(house: Host) -> None:
    for address, _ in MENU:
        answer = httpx.get(house.origin + address, trust_env=False).raise_for_status()
        assert answer.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'")
        assert all(f'href="{other}"' in answer.text for other, _ in MENU)
    assert "/docs/events" in house.output
    document = httpx.get(f"{house.origin}/asyncapi.json", trust_env=False).json()
    shown = httpx.get(f"{house.origin}/docs/events", trust_env=False).text
    assert all(f'id="{name}"' in shown for name in document["components"]["messages"])


@pytest.mark.kafka
def test_a_county_wide_system_prints_the_first_event_from_a_secured_broker(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    from integration.kit.broker import password, secured_broker
    from jointly.kafka_artifacts import KafkaUnavailable

    try:
        secured = asyncio.run(secured_broker(tmp_path_factory.mktemp("kafka")))
    except KafkaUnavailable as missing:
        _cannot(str(missing))
    try:
        bootstrap = {"JOINTLY_KAFKA_BOOTSTRAP": secured.broker.bootstrap}
        with running(tmp_path_factory.mktemp("house"), environment=bootstrap) as host:
            ran = run(
                _text(host),
                readers={"kafka"},
                headings=(*UP_TO_A_REFERRAL, "Kafka"),
                environment={
                    **host.environment,
                    "BROKER": f"127.0.0.1:{secured.port}",
                    "SECURITY": "SASL_PLAINTEXT",
                    "PASSWORD": password("education-system"),
                },
            )
    finally:
        asyncio.run(secured.broker.stop())
    assert ran.code == 0, ran.errors
    assert "The broker allows exactly what the file says" in ran.printed["Kafka"]
    type, subject, data = ran.printed["Kafka"].strip().splitlines()[-1].split(" ", 2)
    assert type == SUBMITTED
    assert json.loads(data)["case_id"] == subject
