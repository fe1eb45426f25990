"""The other pages: queues, clusters, search, money, places, insights, integrators, the family's link."""

from typing import Any, Final

import httpx
import orjson
import pytest
from chassis.http import install_errors
from fastapi import FastAPI
from integration.portal.site import Site, page_of

MATCH: dict[str, Any] = {
    "match_id": "m1", "status": "open", "matched_by": "weighted", "weight": 9, "levels": {"given_name": "close"},
    "asked_at": "2026-11-23T08:00:00Z", "decided_at": None,
    "children": [
        [{"referral_id": "r1", "case_id": "c1", "reference": "AAA-111", "organisation_id": "school-1",
          "submitted_at": "2026-11-01T08:00:00Z",
          "child": {"given_name": "Zoë", "family_name": "Elm-Test", "date_of_birth": "2016-03-09"}}],
        [{"referral_id": "r2", "case_id": "c2", "reference": "BBB-222", "organisation_id": "nhs-trust",
          "submitted_at": "2026-11-02T08:00:00Z",
          "child": {"given_name": "Zoe", "family_name": "Elm-Test", "date_of_birth": "2016-03-09"}}],
    ],
    "actions": [{"name": "decide", "method": "POST", "href": "/v1/possible-matches/m1/decision", "allowed": True,
                 "reason": None}],
}  # fmt: skip


async def test_two_descriptions_stand_side_by_side_and_what_differs_is_named_not_only_coloured(portal: Site) -> None:
    portal.api.gives("/v1/possible-matches", page_of(MATCH))
    portal.api.gives("/v1/possible-matches/m1", MATCH)
    async with portal.browser("stranger") as browser:
        assert "AAA-111 and BBB-222" in (await browser.get("/queues")).text
        text = (await browser.get("/queues/same-child/m1")).text
    assert text.count("app-differs") == 1
    assert "Close" in text
    assert "Are they the same child?" in text


async def test_what_is_searched_goes_in_the_body_and_in_no_address(portal: Site) -> None:
    found = {"case_id": "case-1", "reference": "REF-001", "status": "open", "opened_at": "2026-09-01T08:00:00Z",
             "urgency": "soon", "primary_need": "SEMH", "year_group": "5"}  # fmt: skip
    portal.api.gives("/v1/cases:search", page_of(found), method="POST")
    async with portal.browser("lead") as browser:
        page = await browser.get("/search")
        answer = await browser.post("/search", page, name="Marked-Value-Test", number="Y 916 999", school="115482")
        assert "REF-001" in answer.text
        (sent,) = portal.api.sent("/v1/cases:search")
        body = orjson.loads(sent.content)
        assert (body["name"], body["upn"], body["school_urn"]) == ("Marked-Value-Test", "Y916999", "115482")
        assert not [one for one in portal.api.asked if "Marked" in str(one.url)]
        empty = await browser.post("/search", page)
        assert empty.status_code == 422


async def test_a_school_is_found_by_its_name_if_only_one_has_it(portal: Site) -> None:
    portal.api.gives("/v1/schools", page_of({"urn": "1", "name": "A"}, {"urn": "2", "name": "AB"}))
    portal.api.gives("/v1/cases:search", page_of(), method="POST")
    async with portal.browser("lead") as browser:
        page = await browser.get("/search")
        assert "Several schools fit" in (await browser.post("/search", page, school="A")).text
        portal.api.gives("/v1/schools", page_of({"urn": "2", "name": "AB"}))
        await browser.post("/search", page, school="AB")
        (sent,) = portal.api.sent("/v1/cases:search")
        assert orjson.loads(sent.content)["school_urn"] == "2"


async def test_a_draft_rule_is_tried_and_nothing_but_what_was_changed_is_sent(portal: Site) -> None:
    result = {"cases": 40, "would_move": 3, "moves": [{"from_cluster_id": "north", "to_cluster_id": None, "cases": 3}],
              "clusters": [], "moved": []}  # fmt: skip
    portal.api.gives("/v1/simulations", result, method="POST")
    async with portal.browser("lead") as browser:
        page = await browser.get("/board/simulate")
        fields = {"choice.own_cluster_full": "neighbours", "choice.neighbour_metres": "10,000"}
        answer = await browser.post("/board/simulate", page, **fields)
        assert "3 of 40 past cases would have gone elsewhere" in answer.text
        (sent,) = portal.api.sent("/v1/simulations")
        rules = orjson.loads(sent.content)["rules"]
        assert rules == {"choice": {"own_cluster_full": "neighbours", "neighbour_metres": 10000}}
        wrong = await browser.post("/board/simulate", page, **{"choice.neighbour_metres": "far"})
        assert wrong.status_code == 422


async def test_figures_of_few_children_are_on_no_page_and_in_no_file(portal: Site) -> None:
    portal.api.gives("/v1/clocks/figures", {"kinds": [], "total": 3, "in_time": 2, "in_time_or_excused": 3})
    rows = [{"case_id": str(n), "kind": "suspension", "first_on": "2026-10-01", "cancelled": None} for n in range(4)]
    portal.api.gives("/v1/exclusions", page_of(*rows))
    async with portal.browser("lead") as browser:
        for path in ("/insights", "/insights/figures.csv"):
            answer = await browser.get(f"{path}?since=2026-09-01&until=2026-12-31")
            assert answer.status_code == 200
            assert "Too few" in answer.text
            assert "66.7" not in answer.text
        assert answer.headers["content-type"].startswith("text/csv")


async def test_enough_children_are_counted_with_and_without_exceptions(portal: Site) -> None:
    portal.api.gives("/v1/clocks/figures", {"kinds": [], "total": 100, "in_time": 60, "in_time_or_excused": 75})
    async with portal.browser("lead") as browser:
        text = (await browser.get("/insights")).text
    assert "60%" in text
    assert "75%" in text


async def test_the_payment_run_is_the_apis_own_file(portal: Site) -> None:
    def csv(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=b"a,b\n1,2\n", headers={"content-type": "text/csv"})

    portal.api.gives("/v1/funding/payments.csv", csv)
    async with portal.browser("finance") as browser:
        answer = await browser.get("/money/payments.csv")
    assert answer.content == b"a,b\n1,2\n"
    assert "attachment" in answer.headers["content-disposition"]


@pytest.mark.parametrize(
    ("person", "path"),
    [("finance", "/board"), ("finance", "/search"), ("lead", "/integrators"), ("lead", "/data-protection"),
     ("stranger", "/insights")],
)  # fmt: skip
async def test_a_page_that_is_not_in_ones_menu_is_refused(portal: Site, person: str, path: str) -> None:
    async with portal.browser(person) as browser:
        assert (await browser.get(path)).status_code == 403
        assert f'href="{path}"' not in (await browser.get("/")).text


async def test_a_parked_event_is_put_back_by_an_operator(portal: Site) -> None:
    row = {"service": "notifier", "event_id": "e1", "topic": "routing-events", "subject": "case-1", "state": "poison",
           "reason": "handler-failed", "attempts": 3, "parked_at": "2026-11-23T08:00:00Z"}  # fmt: skip
    portal.api.gives("/v1/parked", page_of(row))
    portal.api.gives("/v1/parked/notifier/e1/put-back", {}, method="POST")
    async with portal.browser("operator") as browser:
        page = await browser.get("/queues")
        assert "Handler failed" in page.text
        await browser.post("/queues/parked/notifier/e1", page)
        assert portal.api.sent("/v1/parked/notifier/e1/put-back")
        assert "is put back" in (await browser.get("/queues")).text


class TestFamily:
    """A family's link."""

    TOKEN: Final = "A" * 43
    OPENED: Final[dict[str, Any]] = {
        "language": "en", "stages": [{"code": "x", "text": "The team has begun.", "at": "2026-11-01"}],
        "questions": {"helped": ["yes", "no", "not-yet"]}, "expires_at": "2026-12-24T08:00:00Z",
    }  # fmt: skip

    async def test_the_link_alone_shows_nothing_and_the_fact_goes_in_the_body(self, portal: Site) -> None:
        portal.api.gives(f"/v1/notifications/family/{self.TOKEN}", self.OPENED, method="POST")
        async with portal.browser() as browser:
            page = await browser.get(f"/family/{self.TOKEN}")
            assert page.status_code == 200
            assert "The team has begun." not in page.text
            assert not portal.api.asked
            opened = await browser.client.post(f"/family/{self.TOKEN}", data={"second_fact": "blue"})
            assert "The team has begun." in opened.text
            (sent,) = portal.api.asked
            assert orjson.loads(sent.content) == {"second_fact": "blue"}
            assert "authorization" not in sent.headers

    async def test_a_wrong_fact_and_a_dead_link_read_the_same(self, portal: Site) -> None:
        async with portal.browser() as browser:
            answers = [
                await browser.client.post(f"/family/{token}", data={"second_fact": "red"})
                for token in (self.TOKEN, "B" * 43)
            ]
        assert {answer.status_code for answer in answers} == {422}
        assert "Check it, or ask the person who sent it." in answers[0].text

    async def test_answers_are_sent_with_the_fact(self, portal: Site) -> None:
        portal.api.gives(f"/v1/notifications/family/{self.TOKEN}", self.OPENED, method="POST")
        async with portal.browser() as browser:
            data = {"second_fact": "blue", "helped": "not-yet", "views": "We wait."}
            thanks = await browser.client.post(f"/family/{self.TOKEN}", data=data)
        assert "Thank you." in thanks.text
        assert orjson.loads(portal.api.asked[-1].content) == data


class TestAdviceLink:
    """An adviser's link."""

    #: As assessments makes them: an id and a secret.
    TOKEN: Final = f"{'0' * 36}.{'C' * 22}"
    PATH: Final = f"/v1/advice/answers/{TOKEN}"
    ASKED: Final[dict[str, Any]] = {
        "reference": "X6N-52J-2R4", "discipline": "speech-and-language", "needs": ["SLCN"], "due_on": "2027-01-04",
        "discipline_label": "Speech and language therapist", "question": "What would help in class?",
    }  # fmt: skip

    async def test_it_shows_the_question_and_takes_the_answer_without_an_account(self, portal: Site) -> None:
        portal.api.gives(self.PATH, self.ASKED)
        portal.api.gives(self.PATH, {"advice_id": "a", "received_on": "2026-12-01"}, method="POST")
        async with portal.browser() as browser:
            asked = await browser.get(f"/advice/{self.TOKEN}")
            assert all("authorization" not in one.headers for one in portal.api.asked)
            assert asked.status_code == 200
            for text in ("X6N-52J-2R4", "What would help in class?", "4 January 2027", "Speech, language"):
                assert text in asked.text
            said = {"given_by": "Speech therapist", "text": "Short sentences.\r\nPictures."}
            thanks = await browser.client.post(f"/advice/{self.TOKEN}", data=said)
        assert "Your advice has arrived" in thanks.text
        sent = portal.api.asked[-1]
        assert orjson.loads(sent.content) == {"given_by": "Speech therapist", "text": "Short sentences.\nPictures."}
        assert sent.headers["idempotency-key"], "sent twice, it counts once"

    async def test_what_is_missing_is_named_and_what_was_typed_stays(self, portal: Site) -> None:
        portal.api.gives(self.PATH, self.ASKED)
        async with portal.browser() as browser:
            page = await browser.client.post(f"/advice/{self.TOKEN}", data={"text": "Pictures help."})
        assert page.status_code == 422
        assert "Enter your job title" in page.text
        assert "Enter your advice" not in page.text
        assert "Pictures help." in page.text
        assert [one.method for one in portal.api.asked] == ["GET"], "nothing was sent"

    async def test_a_link_that_was_used_says_so_gently(self, portal: Site) -> None:
        async with portal.browser() as browser:
            page = await browser.get(f"/advice/{self.TOKEN}")
        assert page.status_code == 404
        assert "Ask the person who sent it for another." in page.text

    async def test_a_form_from_elsewhere_is_refused(self, portal: Site) -> None:
        async with portal.browser() as browser:
            page = await browser.client.post(
                f"/advice/{self.TOKEN}", data={"text": "x"}, headers={"Sec-Fetch-Site": "cross-site"}
            )
        assert page.status_code == 403
        assert not portal.api.asked


async def test_files_are_the_packages_own_and_kept_by_browsers_until_they_change(portal: Site) -> None:
    async with portal.browser() as browser:
        for name in ("portal.css", "portal.js", "govuk-frontend.js", "jointly.svg"):
            first = await browser.get(f"/assets/{name}")
            assert first.status_code == 200
            again = await browser.client.get(f"/assets/{name}", headers={"If-None-Match": first.headers["etag"]})
            assert again.status_code == 304
        for name in ("..%2Fterms.toml", "terms.toml", "__init__.py"):
            assert (await browser.get(f"/assets/{name}")).status_code == 404


def test_the_style_sheet_fetches_nothing_from_elsewhere() -> None:
    from importlib.resources import files

    for name in ("portal.css", "portal.js"):
        text = (files("portal") / "data" / "static" / name).read_text(encoding="utf-8")
        assert "url(http" not in text
        assert "@import" not in text
        assert "import(" not in text


async def test_operators_alone_see_what_is_parked(portal: Site) -> None:
    """The host's own route, on a service that hears nothing: it lists nothing, and only to operators."""
    from types import SimpleNamespace

    from jointly.parked import parked_routes

    app = FastAPI()
    app.state.runtime = portal.runtime
    install_errors(app)
    app.include_router(parked_routes(SimpleNamespace(runtimes=(portal.runtime,))))  # type: ignore[arg-type]
    async with portal.browser("operator") as browser:
        await browser.get("/")
        token = portal.api.asked[0].headers["authorization"]
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app, raise_app_exceptions=False), base_url="http://x"
    ) as client:
        listed = await client.get("/v1/parked", headers={"Authorization": token})
    assert listed.json() == {"items": [], "next": None}
