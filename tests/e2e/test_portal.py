"""The pages as people use them: Debian's Chromium against a whole house, with scripts and without, and by keyboard."""

import fcntl
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NoReturn

import httpx
import pytest
from chassis.clock import new_id
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from support.host import Host, running

TOOLS: Final = Path(__file__).resolve().parents[2] / "services" / "portal" / "tools"
#: Of WCAG 2.2, A and AA, and what good pages do besides.
RULES: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
CLUSTER: Final = "cheltenham-primary"
LEAD, WORKER = f"cluster-lead-{CLUSTER}", f"inclusion-caseworker-{CLUSTER}"
ELSEWHERE: Final = "inclusion-caseworker-gloucester-primary"


def _cannot(reason: str) -> NoReturn:
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """A county with some referrals."""
    with running(tmp_path_factory.mktemp("pages")) as host:
        host.command("demo", "--referrals", "60")
        yield host


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The browser. Skipped without one, but where everything counts."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        _cannot("Chromium is not here: on Debian or Ubuntu, apt-get install chromium.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=found,
            args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-background-networking", "--disable-sync"],
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def axe() -> str:
    """The accessibility checker, installed beside its package.json."""
    npm = shutil.which("npm")
    script = TOOLS / "node_modules" / "axe-core" / "axe.min.js"
    if npm is None:
        _cannot("Node.js with npm is not here: install Node.js 20 or newer to check pages with axe-core.")
    with (TOOLS / "package-lock.json").open(encoding="utf-8") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if not script.is_file():
            done = subprocess.run([npm, "ci"], cwd=TOOLS, check=False, capture_output=True, text=True)  # noqa: S603
            if done.returncode != 0:
                _cannot(f"axe-core could not be installed from {held.name}: {done.stderr[-2000:]}")
    return script.read_text(encoding="utf-8")


def signed_in(chromium: Browser, host: Host, person: str, **how: Any) -> Page:
    """A browser of its own, in which this person has signed in."""
    context: BrowserContext = chromium.new_context(**{"viewport": {"width": 1280, "height": 900}, **how})
    page = context.new_page()
    page.goto(host.origin)
    page.locator(f'button[value="{person}"]').click()
    expect(page.get_by_role("heading", level=1)).to_have_text("My work")
    return page


def a_waiting_case(page: Page, host: Host) -> str:
    """Open a case that waits for the cluster; its address."""
    page.goto(f"{host.origin}/board/{CLUSTER}")
    page.locator("section[aria-labelledby=waiting] a.app-row__name").first.click()
    page.wait_for_url("**/cases/*")
    return page.url


def press(page: Page, name: str) -> None:
    """A button or a link that looks like one."""
    page.get_by_role("button", name=name, exact=True).first.click()


def said(page: Page) -> str:
    """What the banner says."""
    return page.locator(".govuk-notification-banner__heading").inner_text()


@pytest.mark.parametrize("scripts", [True, False], ids=["with-scripts", "without-scripts"])
def test_a_case_is_taken_on_asked_about_and_recorded(chromium: Browser, house: Host, *, scripts: bool) -> None:
    page = signed_in(chromium, house, LEAD, java_script_enabled=scripts)
    case = a_waiting_case(page, house)
    press(page, "Take the case on")
    press(page, "Take it on")
    assert said(page) == "Your cluster has taken the case on."
    # The assessment opens by an event: the page shows it as soon as it has arrived.
    for _ in range(40):
        page.goto(case)
        if page.get_by_role("button", name="Ask for advice").count():
            break
        page.wait_for_timeout(250)
    expect(page.get_by_role("heading", name=re.compile("Assessment: open"))).to_be_visible()
    expect(page.locator("#limits .app-clock").first).to_be_visible()

    press(page, "Record what the child or the family says")
    page.get_by_label("The child", exact=False).first.check()
    form = page.locator("form[action^='/do']")
    form.locator("select, input[type=radio]").first.wait_for()
    _choose(page, "method")
    for part, value in (("day", "1"), ("month", "9"), ("year", "2026")):
        page.locator(f"input[name='asked_on.{part}']").fill(value)
    page.locator("textarea[name=text]").fill("I like the garden.")
    press(page, "Record it")
    assert said(page) == "Their views are recorded."
    expect(page.get_by_text("I like the garden.")).to_be_visible()

    press(page, "Ask for early money")
    press(page, "Ask")
    summary = page.get_by_role("alert")
    expect(summary).to_contain_text("There is a problem")
    assert page.title().startswith("Error: ")
    page.context.close()


def _choose(page: Page, name: str) -> None:
    """The first choice of a question, however it is asked."""
    select = page.locator(f"select[name='{name}']")
    if select.count():
        select.select_option(index=1)
    else:
        page.locator(f"input[name='{name}']").first.check()


def test_a_case_that_no_rule_fits_is_placed_by_the_desk_with_a_reason(chromium: Browser, house: Host) -> None:
    page = signed_in(chromium, house, "intake-officer")
    page.goto(f"{house.origin}/queues")
    waiting = page.get_by_role("link", name=re.compile("Why, and place it"))
    if not waiting.count():
        page.goto(f"{house.origin}/board/{CLUSTER}")
        waiting = page.get_by_role("link", name=re.compile("Why here"))
    waiting.first.click()
    if page.url.split("?")[0].endswith("/why"):
        page.get_by_label("I place or check where cases go").check()
        press(page, "Look at the case")
    expect(page.get_by_role("heading", level=1)).to_have_text("Why is the case here?")
    press(page, "Place the case elsewhere")
    page.get_by_label("Which cluster should have it?").select_option("stroud-primary")
    page.get_by_label("Why?").select_option(index=1)
    press(page, "Place it there")
    assert said(page) == "The case has been placed."
    expect(page.get_by_text("A person placed this case with Stroud primary").first).to_be_visible()
    page.context.close()


def a_provider(host: Host) -> str:
    """A provider with places, told of by an operator's system; its name."""
    name = f"Provider {new_id()[-6:]} (synthetic)"
    checks = [
        {"kind": kind, "outcome": "met", "checked_on": "2026-09-01"}
        for kind in ("quality", "safeguarding", "health-and-safety", "registration")
    ]
    body = {"name": name, "kind": "ap-academy", "phases": ["primary"], "needs": [], "easting": 394000,
            "northing": 222000, "checks": checks}  # fmt: skip
    bearer = {"Authorization": f"Bearer {host.token(person='operator')}"}
    with httpx.Client(base_url=host.origin, headers=bearer, trust_env=False) as api:
        made = api.post("/v1/providers", json=body, headers={"Idempotency-Key": new_id()}).raise_for_status().json()
        tag = api.get(f"/v1/providers/{made['id']}").headers["etag"]
        places = {"places": [{"phase": "primary", "session": "full-time", "places": 3}]}
        api.put(f"/v1/providers/{made['id']}/places", json=places, headers={"If-Match": tag}).raise_for_status()
    return name


def test_a_place_is_looked_for_and_held(chromium: Browser, house: Host) -> None:
    provider = a_provider(house)
    page = signed_in(chromium, house, LEAD)
    a_waiting_case(page, house)
    press(page, "Look for a place")
    page.locator("input[name=sessions_a_week]").fill("10")
    for part, value in (("day", "11"), ("month", "1"), ("year", "2027")):
        page.locator(f"input[name='wanted_from.{part}']").fill(value)
    press(page, "Look for it")
    assert said(page) == "A place is looked for."
    page.get_by_role("link", name="Providers that fit, the best first").first.click()
    expect(page.get_by_role("link", name=provider)).to_be_visible()
    press(page, "Hold a place")
    page.locator("select[name=provider_id]").select_option(label=provider)
    press(page, "Hold it")
    assert said(page) == "The place is held."
    page.goto(f"{house.origin}/places")
    row = page.get_by_role("row").filter(has_text=provider)
    expect(row).to_contain_text("1 held, of 3")
    page.context.close()


def test_another_teams_child_is_shown_after_a_reason_only(chromium: Browser, house: Host) -> None:
    own = signed_in(chromium, house, LEAD)
    case = a_waiting_case(own, house)
    name = own.get_by_role("heading", level=1).inner_text()
    other = signed_in(chromium, house, ELSEWHERE)
    answer = other.goto(case)
    assert answer is not None
    assert name not in other.content()
    # Who takes no part is told that there is nothing; who takes part is asked why.
    assert answer.status == 404 or other.url.split("?")[0].endswith("/why")
    own.context.close()
    other.context.close()


def test_several_cases_are_called_off_in_time(chromium: Browser, house: Host) -> None:
    page = signed_in(chromium, house, LEAD)
    picks = page.locator("li.app-row:has-text('Take the case on') input[name=case]")
    assert picks.count()
    picks.first.check()
    press(page, "Take them on")
    expect(page.get_by_text("This happens to 1 case")).to_be_visible()
    press(page, "Take it on")
    press(page, "Call it off")
    assert said(page) == "It is called off. Nothing was changed."
    page.context.close()


def test_signing_in_and_taking_a_case_needs_no_mouse(chromium: Browser, house: Host) -> None:
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.goto(house.origin)
    _tab_to(page, f'button[value="{WORKER}"]')
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("My work")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to main content")).to_be_focused()
    page.keyboard.press("Enter")
    _tab_to(page, "a.app-row__name")
    page.keyboard.press("Enter")
    page.wait_for_url("**/cases/*")
    outline = (
        "getComputedStyle(document.activeElement).outlineStyle + getComputedStyle(document.activeElement).boxShadow"
    )
    for _ in range(25):
        page.keyboard.press("Tab")
        assert page.evaluate(outline) != "nonenone", "what has the focus must be seen"
    context.close()


def _tab_to(page: Page, selector: str) -> None:
    """Tab until this has the focus."""
    for _ in range(400):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"{selector} cannot be reached by keyboard")


#: Person -> pages; `{case}` is a case of the cluster that is being worked.
PAGES: Final = {
    LEAD: ("/", "{case}", "{case}/why-here", "/board", f"/board/{CLUSTER}", "/board/simulate", "/queues", "/search",
           "/money", "/places", "/insights", "/preferences", "/signed-out", "/cases/none/of/these",
           "/do?of=/v1/assignments/{id}&do=return&back=/", "/do?of=/v1/cases/{id}&do=ask-money&back=/",
           "/do?of=/v1/cases/{id}&do=ask-place&back=/"),
    "operator": ("/", "/queues", "/integrators", "/integrators/events/jointly.case.assigned.v1", "/data-protection"),
    "data-protection-officer": ("/", "/data-protection", "/insights"),
    "finance-officer": ("/", "/money", "/insights"),
}  # fmt: skip


@pytest.mark.parametrize("person", list(PAGES))
def test_every_page_is_for_everybody(chromium: Browser, house: Host, axe: str, person: str) -> None:
    """No violation of WCAG 2.2 A and AA; no sideways scrolling at 320 pixels or at 200 per cent."""
    worker = signed_in(chromium, house, LEAD)
    case = a_waiting_case(worker, house).removeprefix(house.origin)
    worker.context.close()
    wrong: list[str] = []
    for width in (1280, 640, 320):
        page = signed_in(chromium, house, person, viewport={"width": width, "height": 900})
        for path in PAGES[person]:
            address = path.format(case=case, id=case.rpartition("/")[2])
            page.goto(house.origin + address)
            over = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
            if over > 0:
                wrong.append(f"{address} at {width}: {over} pixels too wide")
            if width == 640 or "problem+json" in page.content():
                continue
            found = page.evaluate(
                axe
                + f"\n;axe.run(document, {{runOnly: {json.dumps(RULES)}}})"
                + ".then(r => r.violations.map(v => `${v.id}: ${v.nodes[0].html.slice(0, 120)}`))"
            )
            wrong += [f"{address} at {width}: {each}" for each in found]
        page.context.close()
    assert not wrong


def test_no_page_speaks_to_anybody_else_or_complains(chromium: Browser, house: Host) -> None:
    page = signed_in(chromium, house, LEAD)
    strange: list[str] = []
    page.on("request", lambda one: strange.append(one.url) if not one.url.startswith(house.origin) else None)
    page.on("console", lambda one: strange.append(one.text) if one.type == "error" else None)
    page.on("pageerror", lambda error: strange.append(str(error)))
    for path in ("/", "/board", f"/board/{CLUSTER}", "/insights", "/places", "/search"):
        page.goto(house.origin + path)
    assert not strange
    page.context.close()
