"""A case's page: why first where another team holds it, every part beside the other, actions with their forms."""

from typing import Any

import httpx
import orjson
import pytest
from integration.portal.site import Site, hidden, page_of

CASE: dict[str, Any] = {
    "case_id": "case-1", "reference": "PVJ-MD4-WCY", "status": "open", "opened_at": "2026-09-01T08:00:00Z",
    "closed_at": None, "closing_reason": None,
    "assignment": {"state": "accepted", "cluster_id": "north", "cluster_name": "North primary",
                   "organisation_id": "school-1", "reasons": [], "decision": 1, "since": None},
    "circumstances": {"needs": [{"type": "SEMH", "rank": 1}], "urgency": "urgent", "risk_of_exclusion": "imminent"},
    "child": {"given_name": "Zoë", "family_name": "O'Brien-Test", "date_of_birth": "2016-03-09", "year_group": "5"},
    "participants": [{"organisation_id": "school-1", "name": "First school", "sector": "education", "role": "holder",
                      "since": "2026-09-01", "until": None}],
    "referrals": [],
    "actions": [{"name": "close", "method": "POST", "href": "/v1/cases/case-1/close", "allowed": False,
                 "reason": "Whoever works the case ends it."}],
}  # fmt: skip
RETURN = {"name": "return", "method": "POST", "href": "/v1/assignments/case-1/return", "allowed": True, "reason": None}
ASSIGNMENT: dict[str, Any] = {
    "case_id": "case-1", "reference": "PVJ-MD4-WCY", "state": "accepted", "cluster_id": "north", "reasons": [],
    "sentence": "This case goes to North primary because its school belongs to it.", "decision": 1, "trace": {},
    "holder": {"kind": "cluster", "cluster_id": "north", "organisation_id": "school-1"}, "holders": [],
    "handover": None, "closed": False, "actions": [RETURN],
}  # fmt: skip
TIMELINE = page_of(
    {"id": "1", "at": "2026-09-01T08:00:00Z", "source": "/referral-api", "sequence": 1, "type": "x",
     "text": "The case was opened."},
    {"id": "2", "at": "2026-09-02T08:00:00Z", "source": "/funding", "sequence": 1, "type": "x",
     "text": "Money was asked for."},
)  # fmt: skip
DESCRIBED = {
    "paths": {
        "/v1/assignments/{case_id}/return": {
            "post": {
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/ReasonIn"}}}}
            }
        }
    },
    "components": {
        "schemas": {
            "ReasonIn": {"type": "object", "required": ["reason"], "properties": {"reason": {"type": "string"}}}
        }
    },
}


@pytest.fixture
def county(portal: Site) -> Site:
    """With a case of the north's."""
    portal.api.gives("/v1/cases/case-1", CASE)
    portal.api.gives("/v1/assignments/case-1", ASSIGNMENT)
    portal.api.gives("/v1/cases/case-1/timeline", TIMELINE)
    portal.api.gives("/openapi.json", DESCRIBED)
    return portal


async def test_one_page_shows_the_child_the_holder_the_story_and_what_can_be_done(county: Site) -> None:
    async with county.browser("lead") as browser:
        text = (await browser.get("/cases/case-1")).text
    for said in ("Zoë O&#39;Brien-Test", "North primary", "The case was opened.", "Money was asked for.",
                 "Give the case back", "Whoever works the case ends it.", "Exclusion imminent"):  # fmt: skip
        assert said in text, said


async def test_what_is_new_since_the_last_look_is_marked_and_the_next_time_not(county: Site) -> None:
    async with county.browser("lead") as browser:
        assert "app-new" not in (await browser.get("/cases/case-1")).text
        async with county.runtime.transaction() as tx:
            await tx.rows("UPDATE seen SET at = '2026-09-01T12:00:00Z'")
        assert (await browser.get("/cases/case-1")).text.count('class="app-new"') == 1
        assert 'class="app-new"' not in (await browser.get("/cases/case-1")).text


async def test_the_story_is_narrowed_to_one_agencys_part(county: Site) -> None:
    async with county.browser("lead") as browser:
        text = (await browser.get("/cases/case-1?only=funding")).text
    assert "Money was asked for." in text
    assert "The case was opened." not in text


async def test_a_case_that_one_may_not_see_is_like_one_that_is_not(county: Site) -> None:
    county.api.gives("/v1/cases/case-1", 404)
    async with county.browser("lead") as browser:
        here, nowhere = await browser.get("/cases/case-1"), await browser.get("/cases/none")
    assert here.status_code == nowhere.status_code == 404


@pytest.mark.parametrize(
    "away",
    ["/v1/clocks", "/v1/assessments", "/v1/plans", "/v1/funding/requests", "/v1/placements", "/v1/exclusions",
     "/v1/ledger", "/v1/cases/case-1/timeline"],
)  # fmt: skip
async def test_a_part_that_cannot_be_loaded_is_said_and_the_rest_is_there(county: Site, away: str) -> None:
    county.api.gives(away, 500)
    async with county.browser("lead") as browser:
        page = await browser.get("/cases/case-1")
    assert page.status_code == 200
    assert "cannot be loaded at the moment" in page.text
    assert "Zoë" in page.text


class TestLooking:
    """A look outside one's own team."""

    async def test_another_teams_case_is_not_fetched_before_one_has_said_why(self, county: Site) -> None:
        async with county.browser("stranger") as browser:
            turned = await browser.get("/cases/case-1")
            assert turned.headers["location"].startswith("/cases/case-1/why")
            assert county.api.paths()["GET /v1/cases/case-1"] == 0
            question = await browser.get(turned.headers["location"])
            assert "Why do you need to look" in question.text
            assert "Zoë" not in question.text
            wrong = await browser.post("/cases/case-1/why?then=/cases/case-1", question, reason="curious")
            assert wrong.status_code == 422
            told = await browser.post("/cases/case-1/why?then=/cases/case-1", question, reason="covering")
            assert told.headers["location"] == "/cases/case-1"
            assert "Zoë" in (await browser.get("/cases/case-1")).text

    async def test_every_look_is_noted_with_who_and_why(self, county: Site) -> None:
        async with county.browser("lead") as browser:
            await browser.get("/cases/case-1")
        async with county.runtime.transaction() as tx:
            rows = await tx.rows("SELECT actor, case_id, reason FROM audit WHERE action = 'look'")
        assert [tuple(row) for row in rows] == [("lead", "case-1", "case-work")]

    async def test_a_reason_that_has_run_out_is_asked_again(self, county: Site) -> None:
        async with county.browser("stranger") as browser:
            question = await browser.get("/cases/case-1/why")
            await browser.post("/cases/case-1/why", question, reason="covering")
            async with county.runtime.transaction() as tx:
                await tx.rows("UPDATE reason SET ends_at = ends_at - interval '1 day'")
            assert (await browser.get("/cases/case-1")).status_code == 303

    async def test_a_case_that_is_offered_to_ones_cluster_needs_no_reason(self, county: Site) -> None:
        offer = {"id": "h", "to_cluster_id": "south", "reason": "moved-home", "answer_by": "2026-12-01T08:00:00Z"}
        county.api.gives("/v1/assignments/case-1", ASSIGNMENT | {"handover": offer})
        async with county.browser("stranger") as browser:
            assert (await browser.get("/cases/case-1")).status_code == 200

    async def test_the_officer_sees_who_looked_and_what_for(self, county: Site) -> None:
        ledger = {"case_id": "case-1", **page_of(), "disclosures": [], "recalls": []}
        county.api.gives("/v1/ledger", ledger)
        async with county.browser("stranger") as browser:
            question = await browser.get("/cases/case-1/why")
            await browser.post("/cases/case-1/why", question, reason="covering")
            await browser.get("/cases/case-1")
        async with county.browser("officer") as officer:
            text = (await officer.get("/data-protection/case-1")).text
            assert "I am covering for somebody who works it" in text
            assert "Outside their team" in text


class TestActing:
    """The form of an action."""

    FORM = "/do?of=/v1/assignments/case-1&do=return&back=/cases/case-1"

    async def test_the_form_asks_what_the_api_says_it_takes(self, county: Site) -> None:
        async with county.browser("lead") as browser:
            text = (await browser.get(self.FORM)).text
        assert "Why does your cluster give it back?" in text
        assert '<option value="wrong-phase">' in text

    async def test_it_is_sent_with_the_version_that_was_seen_and_a_key_of_its_own(self, county: Site) -> None:
        county.api.gives("/v1/assignments/case-1/return", {"state": "queued"}, method="POST")
        async with county.browser("lead") as browser:
            form = await browser.get(self.FORM)
            key = hidden(form, "key")
            done = await browser.post(self.FORM, form, key=key, etag='"7"', reason="capacity")
            assert done.headers["location"] == "/cases/case-1"
            again = await browser.post(self.FORM, form, key=key, etag='"7"', reason="capacity")
            assert again.status_code == 303
            first, second = county.api.sent("/v1/assignments/case-1/return")
            assert orjson.loads(first.content) == {"reason": "capacity"}
            assert first.headers["if-match"] == '"7"'
            assert first.headers["idempotency-key"] == second.headers["idempotency-key"] == key
            assert "gone back to the intake desk" in (await browser.get("/cases/case-1")).text
            assert "gone back to the intake desk" not in (await browser.get("/cases/case-1")).text

    async def test_an_empty_answer_is_named_at_its_field_and_nothing_is_sent(self, county: Site) -> None:
        async with county.browser("lead") as browser:
            form = await browser.get(self.FORM)
            page = await browser.post(self.FORM, form, key="k", reason="")
            assert page.status_code == 422
            assert "<title>Error: " in page.text
            assert 'href="#field-reason"' in page.text
            assert not county.api.sent("/v1/assignments/case-1/return")

    async def test_a_refusal_of_the_api_is_shown_at_the_field_that_it_names(self, county: Site) -> None:
        def refuse(_request: httpx.Request) -> httpx.Response:
            errors = [{"pointer": "/reason", "code": "unknown-code", "detail": "Is not one of the reasons."}]
            return httpx.Response(422, json={"detail": "No.", "errors": errors})

        county.api.gives("/v1/assignments/case-1/return", refuse, method="POST")
        async with county.browser("lead") as browser:
            form = await browser.get(self.FORM)
            page = await browser.post(self.FORM, form, key="k", reason="capacity")
            assert page.text.count("Is not one of the reasons.") == 2
            assert hidden(page, "key") != "k"

    @pytest.mark.parametrize(("status", "says"), [(412, "changed since you opened it"), (503, "cannot be done twice")])
    async def test_what_is_stale_or_unknown_says_what_to_do(self, county: Site, status: int, says: str) -> None:
        county.api.gives("/v1/assignments/case-1/return", status, method="POST")
        async with county.browser("lead") as browser:
            form = await browser.get(self.FORM)
            page = await browser.post(self.FORM, form, key="k", reason="capacity")
            assert says in page.text
            # The same key after anything unknown, another one after a refusal.
            assert (hidden(page, "key") == "k") is (status == 503)

    async def test_nothing_is_done_that_is_not_offered(self, county: Site) -> None:
        async with county.browser("lead") as browser:
            closing = await browser.get("/do?of=/v1/cases/case-1&do=close&back=/")
            assert closing.status_code == 409
            assert "Whoever works the case ends it." in closing.text
            for address in ("/do?of=/v1/assignments/case-1&do=erase", "/do?of=/v1/none&do=return",
                            "/do?of=https://evil.example&do=return", "/do?of=/oauth/token&do=return"):  # fmt: skip
                assert (await browser.get(address)).status_code == 404, address
