"""Data protection's pages: who looked, another team's case for a reason, the export, and erasing in two steps."""

from typing import Any, Final

import orjson
import pytest
from integration.portal.site import Site, hidden, page_of

CASE: Final[dict[str, Any]] = {
    "case_id": "case-1", "reference": "PVJ-MD4-WCY", "status": "closed", "opened_at": "2026-09-01T08:00:00Z",
    "actions": [
        {"name": "export", "method": "GET", "href": "/v1/cases/case-1/export", "allowed": True, "reason": None},
        {"name": "erase", "method": "POST", "href": "/v1/cases/case-1/erase", "allowed": True, "reason": None},
    ],
}  # fmt: skip
WOULD = {
    "dry_run": True, "case_id": "case-1", "reference": "PVJ-MD4-WCY", "reason": "court-order", "overridden": True,
    "kept_until": "2041-03-09", "rule_since": "2014-09-01", "would_erase": {"referrals": 2, "fingerprints": 0},
    "other_cases": 1,
}  # fmt: skip
ANSWERS = {"reason": "court-order", "reference": "PVJ-MD4-WCY"}


class TestErasing:
    """In two steps, the second by the key and the version of the first."""

    async def test_what_would_go_is_shown_and_nothing_is_done(self, portal: Site) -> None:
        portal.api.gives("/v1/cases/case-1", CASE)
        portal.api.gives("/v1/cases/case-1/erase", WOULD, method="POST")
        async with portal.browser("officer") as browser:
            form = await browser.get("/data-protection/case-1/erase")
            shown = await browser.post("/data-protection/case-1/erase", form, **ANSWERS)
            assert "Erase it now?" in shown.text
            assert "This cannot be undone" in shown.text
            assert "9 March 2041" in shown.text
            assert "1 other case" in shown.text
            (rehearsed,) = portal.api.sent("/v1/cases/case-1/erase")
            assert rehearsed.url.params["dry_run"] == "true"
            done = await browser.post(
                "/data-protection/case-1/erase", shown, **ANSWERS, confirmed="yes", key=hidden(shown, "key"),
                etag='"7"',
            )  # fmt: skip
            assert done.status_code == 303
            sent = portal.api.sent("/v1/cases/case-1/erase")[-1]
            assert "dry_run" not in sent.url.params
            assert (sent.headers["if-match"], sent.headers["idempotency-key"]) == ('"7"', hidden(shown, "key"))
            assert orjson.loads(sent.content) == ANSWERS

    @pytest.mark.parametrize("path", ["erase", "export"])
    async def test_what_the_api_does_not_offer_is_no_page(self, portal: Site, path: str) -> None:
        barred = {**CASE, "actions": [{**one, "allowed": False, "reason": "It is open."} for one in CASE["actions"]]}
        portal.api.gives("/v1/cases/case-1", barred)
        async with portal.browser("officer") as browser:
            answer = await browser.get(f"/data-protection/case-1/{path}")
            assert (answer.status_code, "It is open." in answer.text) == (409, True)
        async with portal.browser("lead") as browser:
            assert (await browser.get(f"/data-protection/case-1/{path}")).status_code == 403

    async def test_an_erased_case_says_by_whom_and_why(self, portal: Site) -> None:
        gone = {**CASE, "status": "erased", "erased_at": "2026-11-01T09:00:00Z", "erased_by": "officer",
                "reason": "court-order", "overridden": True, "kept_until": "2041-03-09", "erased": {"referrals": 2},
                "actions": []}  # fmt: skip
        portal.api.gives("/v1/cases/case-1", gone)
        async with portal.browser("officer") as browser:
            text = (await browser.get("/data-protection/case-1")).text
        assert "Erased 1 November 2026" in text
        assert "a court ordered it" in text
        assert "Erase this case" not in text


async def test_the_export_is_the_apis_own_file_and_in_no_cache(portal: Site) -> None:
    portal.api.gives("/v1/cases/case-1", CASE)
    portal.api.gives("/v1/cases/case-1/export", {"format": "jointly-subject-access"})
    async with portal.browser("officer") as browser:
        form = await browser.get("/data-protection/case-1/export")
        answer = await browser.post("/data-protection/case-1/export", form)
    assert answer.json() == {"format": "jointly-subject-access"}
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-disposition"].startswith("attachment")


async def test_another_teams_case_is_read_after_a_reason_that_stands_in_its_log(portal: Site) -> None:
    case = {**CASE, "circumstances": {"needs": [], "urgency": "soon"}, "child": {"given_name": "Ann"}, "actions": []}
    log = {"id": "1", "at": "2026-11-23T08:00:00Z", "subject": "stranger", "organisation_id": "school-2", "did": "read",
           "organisation_name": "School 2", "what": "case", "reason": "safeguarding"}  # fmt: skip
    async with portal.browser("stranger") as browser:
        portal.api.gives("/v1/cases/case-1", case)
        before = await browser.get("/cases/case-1")
        assert (before.status_code, "Ann" in before.text, 'href="/look"' in before.text) == (404, False, True)
        form = await browser.get("/look")
        nowhere = await browser.post("/look", form, reference="PVJ-MD4-WCY", reason="safeguarding")
        assert "There is no such case" in nowhere.text
        given = {"case_id": "case-1", "reason": "safeguarding", "until": "2999-01-01T00:00:00Z"}
        portal.api.gives("/v1/cases/PVJ-MD4-WCY/access-requests", given, method="POST")
        answer = await browser.post("/look", form, reference="PVJ-MD4-WCY", reason="safeguarding")
        assert answer.headers["location"] == "/cases/case-1"
        shown = await browser.get("/cases/case-1")
        assert "Ann" in shown.text
        assert "You read this case from outside its team, because: a child may be in danger" in shown.text
        assert "/do?" not in shown.text
    portal.api.gives("/v1/cases/case-1/access-log", page_of(log))
    async with portal.browser("officer") as browser:
        text = (await browser.get("/cases/case-1/access-log")).text
    # What the API noted, and the look at the page.
    assert text.count("A child may be in danger") == 2
    assert text.count("Outside their team") == 2
    assert "School 2" in text


async def test_who_may_not_ask_is_told_of_no_way(portal: Site) -> None:
    async with portal.browser("finance") as browser:
        answer = await browser.get("/cases/case-9")
        assert (answer.status_code, "/look" in answer.text) == (404, False)
        assert (await browser.get("/look")).status_code == 403
