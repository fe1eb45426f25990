"""Every page for everybody: by keyboard, at 320 pixels, without a violation of WCAG 2.2, speaking to nobody else."""

from typing import Final

import pytest
from e2e.pages import CLUSTER, LEAD, OFFICER, WORKER, a_waiting_case, signed_in, tab_to, wrong_with
from playwright.sync_api import Browser, expect
from support.host import Host


def test_signing_in_and_taking_a_case_needs_no_mouse(chromium: Browser, house: Host) -> None:
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.goto(house.origin)
    tab_to(page, f'button[value="{WORKER}"]')
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("My work")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to main content")).to_be_focused()
    page.keyboard.press("Enter")
    tab_to(page, "a.app-row__name")
    page.keyboard.press("Enter")
    page.wait_for_url("**/cases/*")
    outline = (
        "getComputedStyle(document.activeElement).outlineStyle + getComputedStyle(document.activeElement).boxShadow"
    )
    for _ in range(25):
        page.keyboard.press("Tab")
        assert page.evaluate(outline) != "nonenone", "what has the focus must be seen"
    context.close()


def test_a_reason_to_look_elsewhere_is_given_by_keyboard_alone(chromium: Browser, house: Host) -> None:
    page = signed_in(chromium, house, WORKER)
    page.goto(f"{house.origin}/look")
    tab_to(page, "input[name=reference]")
    page.keyboard.type("PVJ-MD4-WCY")
    tab_to(page, "input[name=reason]")
    page.keyboard.press("Space")
    tab_to(page, "main button[type=submit]")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("There is no such case")
    page.context.close()


#: Person -> pages; `{case}` is a case of the cluster that is being worked.
PAGES: Final = {
    LEAD: ("/", "{case}", "{case}/why-here", "{case}/access-log", "/look", "/board", f"/board/{CLUSTER}",
           "/board/simulate", "/queues", "/search", "/money", "/places", "/insights", "/preferences", "/signed-out",
           "/cases/none/of/these",
           "/do?of=/v1/assignments/{id}&do=return&back=/", "/do?of=/v1/cases/{id}&do=ask-money&back=/",
           "/do?of=/v1/cases/{id}&do=ask-place&back=/"),
    "operator": ("/", "/queues", "/integrators", "/integrators/events/jointly.case.assigned.v1", "/data-protection"),
    OFFICER: ("/", "/data-protection", "/data-protection/{id}", "/data-protection/{id}/export", "/insights"),
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
            if "problem+json" in page.content():
                continue
            if width == 640:
                over = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
                wrong += [f"{address} at {width}: {over} pixels too wide"] if over > 0 else []
            else:
                wrong += [f"{address} at {width}: {each}" for each in wrong_with(page, axe)]
        page.context.close()
    assert not wrong


def test_no_page_speaks_to_anybody_else_or_complains(chromium: Browser, house: Host) -> None:
    page = signed_in(chromium, house, LEAD)
    strange: list[str] = []
    page.on("request", lambda one: strange.append(one.url) if not one.url.startswith(house.origin) else None)
    page.on("console", lambda one: strange.append(one.text) if one.type == "error" else None)
    page.on("pageerror", lambda error: strange.append(str(error)))
    for path in ("/", "/board", f"/board/{CLUSTER}", "/insights", "/places", "/search", "/look"):
        page.goto(house.origin + path)
    assert not strange
    page.context.close()
