"""The desk's and the operator's pages: a case placed by hand, an event put back, several cases at once, search."""

import re
from contextlib import ExitStack

import httpx
from e2e.pages import (
    CLUSTER,
    ELSEWHERE,
    LEAD,
    a_waiting_case,
    as_operator,
    in_database,
    press,
    reference_on,
    said,
    signed_in,
    until,
)
from playwright.sync_api import Browser, Page, expect
from support.host import Host


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


def _stuck(api: httpx.Client, case: str) -> bool:
    found = api.get("/v1/parked").raise_for_status().json()["items"]
    return any(row["subject"] == case and row["state"] == "poison" for row in found)


def test_an_event_that_could_not_be_taken_is_put_back_when_its_cause_is_gone(chromium: Browser, house: Host) -> None:
    lead, page = signed_in(chromium, house, LEAD), signed_in(chromium, house, "operator")
    address = a_waiting_case(lead, house)
    case = address.rpartition("/")[2]
    with as_operator(house) as api:
        with ExitStack() as mended:
            # What assessments keeps cannot be reached for a while.
            in_database(house, "ALTER TABLE assessments.assessment RENAME TO away")
            mended.callback(in_database, house, "ALTER TABLE assessments.away RENAME TO assessment")
            lead.goto(address)
            press(lead, "Take the case on")
            press(lead, "Take it on")
            until(page, f"{house.origin}/queues", lambda: _stuck(api, case))
        page.goto(f"{house.origin}/queues")
        row = page.locator("section[aria-labelledby=parked] li").filter(has_text=case)
        expect(row).to_contain_text("Stuck")
        row.get_by_role("button", name=re.compile("Put it back")).click()
        assert said(page) == "The event is put back. Its service looks at it now."
        until(page, f"{house.origin}/queues", lambda: page.get_by_text(case).count() == 0)
    until(lead, address, lambda: lead.get_by_role("heading", name=re.compile("Assessment: open")).count() > 0)
    for each in (lead, page):
        each.context.close()


def _picked(page: Page) -> None:
    picks = page.locator("li.app-row:has-text('Take the case on') input[name=case]")
    assert picks.count()
    picks.first.check()
    press(page, "Take them on")
    expect(page.get_by_text("This happens to 1 case")).to_be_visible()
    press(page, "Take it on")


def test_several_cases_are_called_off_in_time(chromium: Browser, house: Host) -> None:
    for scripts in (True, False):
        page = signed_in(chromium, house, LEAD, java_script_enabled=scripts)
        _picked(page)
        press(page, "Call it off")
        assert said(page) == "It is called off. Nothing was changed."
        page.context.close()


def test_a_search_finds_by_name_and_reference_within_ones_rights_alone(chromium: Browser, house: Host) -> None:
    for scripts in (True, False):
        own = signed_in(chromium, house, LEAD, java_script_enabled=scripts)
        a_waiting_case(own, house)
        name, reference = own.get_by_role("heading", level=1).inner_text(), reference_on(own)
        for field, typed in (("name", name), ("reference", reference)):
            own.goto(f"{house.origin}/search")
            own.locator(f"input[name={field}]").fill(typed)
            press(own, "Search")
            expect(own.get_by_role("link", name=name).first).to_be_visible()
            assert typed not in own.url
        own.context.close()
    other = signed_in(chromium, house, ELSEWHERE)
    other.goto(f"{house.origin}/search")
    other.locator("input[name=reference]").fill(reference)
    press(other, "Search")
    expect(other.get_by_text("Nothing that you may see fits.")).to_be_visible()
    expect(other.get_by_role("link", name="Look at a case of another team")).to_be_visible()
    other.context.close()
