"""Data protection on the pages: another team's case for a reason, who looked, the export, and erasing for ever."""

import json
import re
from pathlib import Path

import pytest
from e2e.pages import (
    ELSEWHERE,
    LEAD,
    OFFICER,
    a_waiting_case,
    choose,
    press,
    reference_on,
    said,
    signed_in,
    until,
    wrong_with,
)
from playwright.sync_api import Browser, expect
from support.host import Host

BOTH = pytest.mark.parametrize("scripts", [True, False], ids=["with-scripts", "without-scripts"])


@BOTH
def test_another_teams_child_is_shown_after_a_reason_that_stands_in_the_log(
    chromium: Browser, house: Host, axe: str, *, scripts: bool
) -> None:
    own = signed_in(chromium, house, LEAD, java_script_enabled=scripts)
    case = a_waiting_case(own, house, at=0 if scripts else 1)
    name, reference = own.get_by_role("heading", level=1).inner_text(), reference_on(own)
    other = signed_in(chromium, house, ELSEWHERE, java_script_enabled=scripts)
    answer = other.goto(case)
    assert answer is not None
    assert answer.status == 404
    assert name not in other.content()
    other.get_by_role("link", name="Look at a case of another team").click()
    if scripts:
        assert not wrong_with(other, axe)
    other.get_by_label("Case reference").fill("PVJ-MD4-WCY")
    other.get_by_label("A child may be in danger").check()
    press(other, "Look at the case")
    expect(other.get_by_role("alert")).to_contain_text("There is no such case")
    other.get_by_label("Case reference").fill(reference)
    press(other, "Look at the case")
    expect(other.get_by_role("heading", level=1)).to_have_text(name)
    expect(other.get_by_text("You read this case from outside its team")).to_be_visible()
    # It is there to be read: nothing of it can be done.
    expect(other.locator("main a[href^='/do']")).to_have_count(0)
    if scripts:
        assert not wrong_with(other, axe)
    other.context.close()

    own.goto(case)
    own.get_by_role("link", name="Who looked at this case?").click()
    row = own.get_by_role("row").filter(has_text="A child may be in danger").first
    expect(row).to_contain_text("Outside their team")
    if scripts:
        assert not wrong_with(own, axe)
    own.context.close()


@BOTH
def test_a_case_is_exported_and_then_erased_for_ever(
    chromium: Browser, house: Host, axe: str, tmp_path: Path, *, scripts: bool
) -> None:
    lead = signed_in(chromium, house, LEAD, java_script_enabled=scripts)
    case = a_waiting_case(lead, house, at=2)
    name, reference = lead.get_by_role("heading", level=1).inner_text(), reference_on(lead)

    page = signed_in(chromium, house, OFFICER, java_script_enabled=scripts)
    page.goto(f"{house.origin}/data-protection")
    page.get_by_label("Who knows of a case?").fill(reference)
    press(page, "Show")
    expect(page.get_by_role("heading", level=1)).to_have_text("Data protection of this case")
    here = page.url
    expect(page.get_by_text("Erase this case:")).to_have_count(1)
    press(page, "Export for a subject access request")
    if scripts:
        assert not wrong_with(page, axe)
    with page.expect_download() as download:
        press(page, "Download the file")
    download.value.save_as(tmp_path / "export.json")
    held = json.loads((tmp_path / "export.json").read_text(encoding="utf-8"))
    assert held["format"] == "jointly-subject-access"
    assert name.split()[0] in json.dumps(held, ensure_ascii=False)

    press(lead, "Close the case")
    choose(lead, "reason")
    press(lead, "Close the case")
    assert said(lead) == "The case is closed."
    page.goto(here)
    press(page, "Erase this case")
    if scripts:
        assert not wrong_with(page, axe)
    page.get_by_label("A court ordered it").check()
    page.get_by_label("Type the case's reference").fill("PVJ-MD4-WCY")
    press(page, "Show what would go")
    expect(page.get_by_role("alert")).to_contain_text("There is a problem")
    page.get_by_label("Type the case's reference").fill(reference)
    press(page, "Show what would go")
    expect(page.get_by_role("heading", level=1)).to_have_text("Erase it now?")
    expect(page.get_by_text("This cannot be undone.", exact=False)).to_be_visible()
    expect(page.get_by_text("Referrals, with all that they say of the child and the family")).to_be_visible()
    if scripts:
        assert not wrong_with(page, axe)
    # Looking changes nothing.
    assert lead.goto(case) is not None
    expect(lead.get_by_role("heading", level=1)).to_have_text(name)
    press(page, "Erase it for ever")
    assert said(page).startswith("The case is erased.")
    expect(
        page.get_by_text(re.compile("^Erased .* by Data protection officer, because: a court ordered it"))
    ).to_be_visible()
    if scripts:
        assert not wrong_with(page, axe)
    page.get_by_role("link", name="The whole access log").click()
    expect(page.get_by_role("row").filter(has_text="Erased it").first).to_contain_text("Data protection officer")
    until(lead, case, lambda: name not in lead.content())
    for each in (lead, page):
        each.context.close()
