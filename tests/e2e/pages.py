"""What tests of the pages do: sign in, open a case, press, read what the banner says, look for what is wrong."""

import asyncio
import json
import os
import re
import time
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, NoReturn

import asyncpg
import httpx
import pytest
from chassis.clock import new_id, wall_now
from jointly.postgres import EmbeddedPostgres
from playwright.sync_api import Browser, BrowserContext, Page, expect
from support.agency import a_referral
from support.host import Host

TOOLS: Final = Path(__file__).resolve().parents[2] / "services" / "portal" / "tools"
#: Of WCAG 2.2, A and AA, and what good pages do besides.
RULES: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
CLUSTER: Final = "cheltenham-primary"
LEAD, WORKER = f"cluster-lead-{CLUSTER}", f"inclusion-caseworker-{CLUSTER}"
ELSEWHERE: Final = "inclusion-caseworker-gloucester-primary"
OFFICER: Final = "data-protection-officer"
#: A school of the cluster.
SCHOOL: Final = "900018"
#: How often a page is asked for again until an event has arrived.
_LOOKS: Final = 80


def cannot(reason: str) -> NoReturn:
    """There is no tool for this: skip, but fail where everything counts."""
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def signed_in(chromium: Browser, host: Host, person: str, **how: Any) -> Page:
    """A browser of its own, in which this person has signed in."""
    context: BrowserContext = chromium.new_context(**{"viewport": {"width": 1280, "height": 900}, **how})
    page = context.new_page()
    page.goto(host.origin)
    page.locator(f'button[value="{person}"]').click()
    expect(page.get_by_role("heading", level=1)).to_have_text("My work")
    return page


def a_waiting_case(page: Page, host: Host, *, at: int = 0) -> str:
    """Open a case that waits for the cluster; its address. `at` tells those apart that different tests change."""
    page.goto(f"{host.origin}/board/{CLUSTER}")
    page.locator("section[aria-labelledby=waiting] a.app-row__name").nth(at).click()
    page.wait_for_url("**/cases/*")
    return page.url


def an_assessed_case(page: Page, host: Host) -> str:
    """Take on a case that waits; its address once its assessment is open."""
    case = a_waiting_case(page, host)
    press(page, "Take the case on")
    press(page, "Take it on")
    assert said(page) == "Your cluster has taken the case on."
    # The assessment opens by an event: the page shows it as soon as it has arrived.
    until(page, case, lambda: page.get_by_role("button", name="Ask for advice").count() > 0)
    return case


def until(page: Page, address: str, there: Any) -> None:
    """Ask for a page until something is there."""
    for _ in range(_LOOKS):
        page.goto(address)
        if there():
            return
        page.wait_for_timeout(250)
    raise AssertionError(f"It never came: {page.locator('main').inner_text()[:2000]}")


def press(page: Page, name: str) -> None:
    """A button or a link that looks like one."""
    page.get_by_role("button", name=name, exact=True).first.click()


def said(page: Page) -> str:
    """What the banner says."""
    return page.locator(".govuk-notification-banner__heading").inner_text()


def choose(page: Page, name: str) -> None:
    """The first choice of a question, however it is asked."""
    page.locator(f"[name='{name}']").first.wait_for(state="attached")
    select = page.locator(f"select[name='{name}']")
    if select.count():
        select.select_option(index=1)
    else:
        page.locator(f"input[name='{name}']").first.check()


def fill_day(page: Page, name: str, day: str) -> None:
    """A day in its three boxes, from 2027-01-11."""
    for part, value in zip(("year", "month", "day"), day.split("-"), strict=True):
        page.locator(f"input[name='{name}.{part}']").fill(str(int(value)))


def tab_to(page: Page, selector: str) -> None:
    """Tab until this has the focus."""
    for _ in range(400):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"{selector} cannot be reached by keyboard")


def wrong_with(page: Page, axe: str) -> list[str]:
    """Violations of WCAG 2.2 A and AA, and sideways scrolling, on the page that is open."""
    over = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    found: list[str] = page.evaluate(
        axe
        + f"\n;axe.run(document, {{runOnly: {json.dumps(RULES)}}})"
        + ".then(r => r.violations.map(v => `${v.id}: ${v.nodes[0].html.slice(0, 120)}`))"
    )
    return [*found, *([f"{over} pixels too wide"] if over > 0 else [])]


def as_operator(host: Host) -> httpx.Client:
    """The API as the operator has it."""
    bearer = {"Authorization": f"Bearer {host.token(person='operator')}"}
    return httpx.Client(base_url=host.origin, headers=bearer, trust_env=False)


def refer(host: Host, count: int, *, school_urn: str = SCHOOL) -> None:
    """Let a school's system refer children of a school of the cluster, and wait until they are given to it."""
    bearer = {"Authorization": f"Bearer {host.token(system='school-115482')}"}
    with httpx.Client(base_url=host.origin, headers=bearer, trust_env=False) as system:
        made = set()
        for number in range(count):
            body = a_referral(7000 + number, today=wall_now().date(), school_urn=school_urn, year_group="4")
            sent = system.post("/v1/referrals", json=body, headers={"Idempotency-Key": new_id()}).raise_for_status()
            made.add(sent.json()["case_id"])
    with as_operator(host) as api:
        for _ in range(10 * _LOOKS):
            found = api.get("/v1/assignments", params={"cluster": CLUSTER, "limit": 200}).json()
            if made <= {row["case_id"] for row in found["items"]}:
                return
            time.sleep(0.1)
    raise AssertionError("The cluster was never given its cases.")


def a_provider(host: Host) -> str:
    """A provider with places, told of by an operator's system; its name."""
    name = f"Provider {new_id()[-6:]} (synthetic)"
    checks = [
        {"kind": kind, "outcome": "met", "checked_on": "2026-09-01"}
        for kind in ("quality", "safeguarding", "health-and-safety", "registration")
    ]
    body = {"name": name, "kind": "ap-academy", "phases": ["primary"], "needs": [], "easting": 394000,
            "northing": 222000, "checks": checks}  # fmt: skip
    with as_operator(host) as api:
        made = api.post("/v1/providers", json=body, headers={"Idempotency-Key": new_id()}).raise_for_status().json()
        tag = api.get(f"/v1/providers/{made['id']}").headers["etag"]
        places = {"places": [{"phase": "primary", "session": "full-time", "places": 3}]}
        api.put(f"/v1/providers/{made['id']}/places", json=places, headers={"If-Match": tag}).raise_for_status()
    return name


def in_database(host: Host, sql: str) -> None:
    """Do this as the database's administrator; beside the browser's own loop."""

    async def run() -> None:
        connection = await asyncpg.connect(EmbeddedPostgres(host.state).admin_url().replace("+asyncpg", ""))
        try:
            await connection.execute(sql)
        finally:
            await connection.close()

    def alone(work: Coroutine[Any, Any, None]) -> None:
        asyncio.run(work)

    with ThreadPoolExecutor(1) as thread:
        thread.submit(alone, run()).result()


def reference_on(page: Page) -> str:
    """The case's reference, as its page says it."""
    found = re.search(r"\b[0-9A-Z]{3}-[0-9A-Z]{3}-[0-9A-Z]{3}\b", page.locator("main").inner_text())
    assert found is not None
    return found[0]
