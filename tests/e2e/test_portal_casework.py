"""Working a case on the pages: taken on, advice asked for and given by a link, views recorded, money, a place."""

import re
from datetime import timedelta

import pytest
from chassis.clock import wall_now
from e2e.pages import (
    LEAD,
    a_provider,
    a_waiting_case,
    an_assessed_case,
    choose,
    fill_day,
    press,
    said,
    signed_in,
    until,
    wrong_with,
)
from playwright.sync_api import Browser, expect
from support.host import Host

BOTH = pytest.mark.parametrize("scripts", [True, False], ids=["with-scripts", "without-scripts"])


@BOTH
def test_a_case_is_taken_on_asked_about_and_recorded(chromium: Browser, house: Host, *, scripts: bool) -> None:
    page = signed_in(chromium, house, LEAD, java_script_enabled=scripts)
    an_assessed_case(page, house)
    expect(page.get_by_role("heading", name=re.compile("Assessment: open"))).to_be_visible()
    expect(page.locator("#limits .app-clock").first).to_be_visible()

    press(page, "Record what the child or the family says")
    page.get_by_label("The child", exact=False).first.check()
    choose(page, "method")
    fill_day(page, "asked_on", "2026-09-01")
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


@BOTH
def test_advice_is_asked_of_somebody_without_an_account_who_answers_by_a_link(
    chromium: Browser, house: Host, axe: str, *, scripts: bool
) -> None:
    page = signed_in(chromium, house, LEAD, java_script_enabled=scripts)
    case = an_assessed_case(page, house)
    press(page, "Ask for advice")
    page.locator("select[name=discipline]").select_option("social-care")
    page.locator("input[name=without_account][value=yes]").check()
    page.locator("textarea[name=question], input[name=question]").fill("What helps in lessons?")
    press(page, "Ask")
    assert said(page) == "Advice has been asked for."
    page.get_by_role("link", name=re.compile("Make a link for somebody")).last.click()
    press(page, "Make the link")
    link = page.locator(".govuk-inset-text").inner_text().strip()
    assert link.startswith(f"{house.origin}/advice/")
    # Nobody sees it a second time.
    page.goto(case)
    assert link not in page.content()

    theirs = chromium.new_context(java_script_enabled=scripts, viewport={"width": 320, "height": 800}).new_page()
    theirs.goto(link)
    expect(theirs.get_by_text("What helps in lessons?")).to_be_visible()
    if scripts:
        assert not wrong_with(theirs, axe)
    press(theirs, "Send my advice")
    expect(theirs.get_by_role("alert")).to_contain_text("Enter your job title")
    if scripts:
        assert not wrong_with(theirs, axe)
    theirs.get_by_label("Your job title").fill("Family support worker")
    theirs.locator("textarea[name=text]").fill("Short lessons and a quiet place.")
    press(theirs, "Send my advice")
    expect(theirs.get_by_role("heading", level=1)).to_have_text("Thank you. Your advice has arrived.")
    if scripts:
        assert not wrong_with(theirs, axe)
    theirs.goto(link)
    expect(theirs.get_by_role("heading", level=1)).to_have_text("This link does not work")
    theirs.context.close()
    until(page, case, lambda: page.get_by_text("Short lessons and a quiet place.").count() > 0)
    page.context.close()


@BOTH
def test_more_money_than_a_rule_gives_is_awarded_by_a_named_person_with_a_reason(
    chromium: Browser, house: Host, *, scripts: bool
) -> None:
    page = signed_in(chromium, house, LEAD, java_script_enabled=scripts)
    case = a_waiting_case(page, house)
    press(page, "Ask for early money")
    choose(page, "purpose")
    amount = "6,789.01" if scripts else "6,789.02"
    page.locator("input[name=amount_pence]").fill(amount)
    today = wall_now().date()
    fill_day(page, "since", today.isoformat())
    fill_day(page, "until", (today + timedelta(days=60)).isoformat())
    page.locator("textarea[name=reason], input[name=reason]").fill("A full-time helper until Easter.")
    press(page, "Ask")
    assert said(page) == "The money is asked for."
    expect(page.locator("#money")).to_contain_text("It waits")

    finance = signed_in(chromium, house, "finance-officer", java_script_enabled=scripts)
    finance.goto(f"{house.origin}/money")
    finance.get_by_role("link", name=re.compile(f"Award the money.*£{amount}")).click()
    press(finance, "Award it")
    expect(finance.get_by_role("alert")).to_contain_text("must be answered")
    finance.locator("textarea[name=reason], input[name=reason]").fill("Cheaper than a place elsewhere.")
    press(finance, "Award it")
    assert said(finance) == "The money is awarded."
    finance.context.close()
    until(page, case, lambda: page.get_by_text(f"Awarded £{amount}").count() > 0)
    page.context.close()


@BOTH
def test_a_place_is_looked_for_held_and_offered(chromium: Browser, house: Host, *, scripts: bool) -> None:
    provider = a_provider(house)
    page = signed_in(chromium, house, LEAD, java_script_enabled=scripts)
    case = a_waiting_case(page, house, at=0 if scripts else 1)
    press(page, "Look for a place")
    page.locator("input[name=sessions_a_week]").fill("10")
    fill_day(page, "wanted_from", "2027-01-11")
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
    page.goto(case)
    press(page, "Ask providers for a place")
    page.get_by_label(provider).check()
    press(page, "Ask them")
    assert said(page) == "The providers are asked."
    expect(page.locator("#place")).to_contain_text(f"{provider} was asked: open")
    page.context.close()
