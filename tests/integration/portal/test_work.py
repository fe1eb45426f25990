"""My work, and several cases at once: bounded questions, nothing lost when a part is away, a while to call it off."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from chassis.clock import wall_now
from integration.portal.site import Browser, Site, hidden, page_of


def case(n: int, **more: Any) -> dict[str, Any]:
    """A line of the list of cases."""
    return {
        "case_id": f"case-{n}", "reference": f"REF-{n:03d}", "status": "open",
        "opened_at": "2026-09-01T08:00:00Z", "closed_at": None, "urgency": "routine", "risk_of_exclusion": "none",
        "primary_need": "SEMH", "year_group": "5",
        "assignment": {"state": "accepted", "cluster_id": "north", "organisation_id": "school-1"},
    } | more  # fmt: skip


def clock(n: int, due_on: str, state: str = "running") -> dict[str, Any]:
    """A time limit of a case."""
    return {
        "id": f"clock-{n}", "case_id": f"case-{n}", "kind": "advice", "label": "An adviser answers", "about": None,
        "state": state, "started_on": "2026-09-01", "due_on": due_on, "met_on": None, "exceptions": [],
        "href": f"/v1/clocks/clock-{n}",
    }  # fmt: skip


def named(request: httpx.Request) -> httpx.Response:
    """Everybody's name."""
    import orjson

    ids = orjson.loads(request.content)["case_ids"]
    rows = [{"case_id": id, "reference": id, "given_name": "Child", "family_name": f"{id}-Test"} for id in ids]
    return httpx.Response(200, json=page_of(*rows))


def clocks(*rows: dict[str, Any]) -> Any:
    """The list of clocks, by state."""

    def answer(request: httpx.Request) -> httpx.Response:
        wanted = request.url.params.get("state")
        return httpx.Response(200, json=page_of(*(row for row in rows if wanted in {None, row["state"]})))

    return answer


async def test_with_200_cases_the_page_asks_no_more_than_with_two(portal: Site) -> None:
    asked = []
    for count in (0, 2, 200):
        portal.api.gives("/v1/cases", page_of(*(case(n) for n in range(count))))
        portal.api.gives("/v1/clocks", clocks(*(clock(n, "2026-12-18") for n in range(count))))
        portal.api.gives("/v1/children:names", named, method="POST")
        async with portal.browser("lead") as browser:
            page = await browser.get("/")
            assert page.status_code == 200
            assert page.text.count("app-row__name") == count
            asked.append(len(portal.api.asked))
    # The first page of a process fetches the calendar as well, and one without cases asks for no names.
    assert asked[1] == asked[2] <= 12


async def test_the_first_round_waits_for_nothing_and_the_second_for_the_list_alone(portal: Site) -> None:
    """Every question but that of names goes out before any is answered."""
    import asyncio

    portal.api.gives("/v1/cases", page_of(case(1)))
    portal.api.gives("/v1/children:names", named, method="POST")
    transport = portal.neighbours
    waiting: list[str] = []
    most = 0
    answer = transport.handle_async_request

    async def slow(request: httpx.Request) -> httpx.Response:
        nonlocal most
        waiting.append(request.url.path)
        most = max(most, len(waiting))
        for _ in range(20):
            await asyncio.sleep(0)
        try:
            found: httpx.Response = await answer(request)
            return found
        finally:
            waiting.remove(request.url.path)

    transport.handle_async_request = slow  # type: ignore[method-assign]
    async with portal.browser("lead") as browser:
        # The first page fetches the calendar, which is kept for all that follow.
        await browser.get("/")
        portal.api.asked.clear()
        most = 0
        await browser.get("/")
        assert most == len(portal.api.asked) - 1


async def test_what_is_late_stands_on_top_with_its_name_and_why_it_is_mine(portal: Site) -> None:
    portal.api.gives("/v1/cases", page_of(case(1), case(2), case(3)))
    late = (wall_now() - timedelta(days=9)).date().isoformat()
    portal.api.gives("/v1/clocks", clocks(clock(2, "2099-01-01"), clock(3, late, "breached")))
    portal.api.gives("/v1/children:names", named, method="POST")
    async with portal.browser("lead") as browser:
        text = (await browser.get("/")).text
    assert text.index("Child case-3-Test") < text.index("Child case-2-Test") < text.index("Child case-1-Test")
    assert "school days late" in text
    assert "Your cluster, North primary, holds it" in text


@pytest.mark.parametrize(
    "path", ["/v1/cases", "/v1/clocks", "/v1/notifications", "/v1/clusters", "/v1/advice", "/v1/exclusions"]
)
@pytest.mark.parametrize("how", [500, 503, "broken", "nothing"])
async def test_a_part_that_is_away_never_breaks_the_page(portal: Site, path: str, how: Any) -> None:
    portal.api.gives("/v1/cases", page_of(case(1)))

    def broken(_request: httpx.Request) -> httpx.Response:
        if how == "nothing":
            raise httpx.ConnectError("away")
        return httpx.Response(200, content=b"{", headers={"content-type": "application/json"})

    portal.api.gives(path, how if isinstance(how, int) else broken)
    async with portal.browser("lead") as browser:
        page = await browser.get("/")
        assert page.status_code == 200
        assert "My work" in page.text


async def test_school_days_are_those_of_the_county_not_weekdays(portal: Site) -> None:
    portal.api.gives("/v1/cases", page_of(case(1)))
    due = wall_now().date() + timedelta(days=28)
    portal.api.gives("/v1/clocks", clocks(clock(1, due.isoformat())))
    today = wall_now().date()
    term = {"first": (today - timedelta(days=200)).isoformat(), "last": (today + timedelta(days=1)).isoformat()}
    later = {"first": (due + timedelta(days=30)).isoformat(), "last": (due + timedelta(days=200)).isoformat()}
    days = {"school_urn": "1", "calendar_id": "county", "terms": [term, later], "closures": [], "bank_holidays": [],
            "assumed": False}  # fmt: skip
    portal.api.gives("/v1/schools/1/calendar", days)
    async with portal.browser("lead") as browser:
        text = (await browser.get("/")).text
    # Four weeks away, but the holidays begin the day after tomorrow: at most one school day is left.
    assert "In 1 school day<" in text or "Today<" in text


async def test_no_text_of_the_api_becomes_markup(portal: Site) -> None:
    portal.api.gives("/v1/cases", page_of(case(1, reference="<script>alert(1)</script>")))
    portal.api.gives(
        "/v1/notifications",
        page_of({"id": "1", "case_id": "case-1", "reference": "x", "text": "<img src=x onerror=alert(1)>",
                 "at": "2026-11-23T08:00:00Z", "read_at": None, "rule": "x", "href": "/"}),
    )  # fmt: skip
    async with portal.browser("lead") as browser:
        text = (await browser.get("/")).text
    assert "<script>alert" not in text
    assert "<img" not in text


async def test_news_are_said_by_an_event_and_read_by_a_form(portal: Site) -> None:
    news = {"id": "n1", "case_id": "case-1", "reference": "REF-001", "text": "It changed.", "rule": "x",
            "at": "2026-11-23T08:00:00Z", "read_at": None, "href": "/"}  # fmt: skip
    portal.api.gives("/v1/notifications", page_of(news))
    portal.api.gives("/v1/notifications/n1/read", news, method="POST")
    async with portal.browser("lead") as browser:
        later = await browser.get("/live/work?since=2026-11-22T08:00:00Z")
        assert later.headers["content-type"].startswith("text/event-stream")
        assert "event: changed" in later.text
        assert "changed" not in (await browser.get("/live/work?since=2026-11-23T08:00:00Z")).text
        page = await browser.get("/")
        assert "It changed." in page.text
        assert (await browser.post("/news/read", page, id="n1")).status_code == 303
        assert portal.api.sent("/v1/notifications/n1/read")


class TestSeveral:
    """Several cases at once."""

    @staticmethod
    def assigned(portal: Site, *ns: int, barred: int | None = None) -> None:
        """Cases that can be taken on, but for one."""
        portal.api.gives("/v1/cases", page_of(*(case(n) for n in ns)))
        for n in ns:
            allowed = n != barred
            action = {"name": "accept", "method": "POST", "href": f"/v1/assignments/case-{n}/accept",
                      "allowed": allowed, "reason": None if allowed else "The case is closed."}  # fmt: skip
            body = {"case_id": f"case-{n}", "reference": f"REF-{n:03d}", "state": "assigned", "actions": [action]}
            portal.api.gives(f"/v1/assignments/case-{n}", body)
            portal.api.gives(f"/v1/assignments/case-{n}/accept", {"state": "accepted"}, method="POST")

    @staticmethod
    async def confirmed(browser: Browser, *ns: int) -> httpx.Response:
        """After the preview."""
        first = await browser.get("/")
        preview = await browser.post("/bulk", first, case=[f"case-{n}" for n in ns], do="accept")
        assert preview.status_code == 200
        shown = [f"case-{n}" for n in ns if f'value="case-{n}"' in preview.text]
        answer = await browser.post("/bulk/confirm", preview, case=shown, do="accept")
        return await browser.get(answer.headers["location"])

    async def test_the_preview_says_what_would_happen_and_does_nothing(self, portal: Site) -> None:
        self.assigned(portal, 1, 2, 3, barred=3)
        async with portal.browser("lead") as browser:
            page = await browser.get("/")
            preview = await browser.post("/bulk", page, case=["case-1", "case-2", "case-3"], do="accept")
            assert "This happens to 2 cases" in preview.text
            assert "The case is closed." in preview.text
            assert not portal.api.sent("/v1/assignments/case-1/accept")

    async def test_what_is_called_off_in_time_never_happens(self, portal: Site) -> None:
        self.assigned(portal, 1, 2)
        async with portal.browser("lead") as browser:
            waits = await self.confirmed(browser, 1, 2)
            assert "Call it off" in waits.text
            undone = await browser.post(f"{waits.url.path}/undo", waits)
            assert undone.status_code == 303
            await self._time_goes_by(portal)
            after = await browser.get(waits.url.path)
            assert "Called off" in after.text
            assert not portal.api.sent("/v1/assignments/case-1/accept")

    async def test_what_a_restart_left_undone_is_done_once_by_whoever_looks(self, portal: Site) -> None:
        self.assigned(portal, 1, 2)
        async with portal.browser("lead") as browser:
            waits = await self.confirmed(browser, 1, 2)
            await self._time_goes_by(portal)
            after = await browser.get(waits.url.path)
            assert after.text.count(">Done<") == 2
            await browser.get(waits.url.path)
            (sent,) = portal.api.sent("/v1/assignments/case-1/accept")
            assert sent.headers["if-match"] == '"7"'
            assert sent.headers["idempotency-key"]
            late = await browser.post(f"{waits.url.path}/undo", after)
            assert "too late" in (await browser.get(late.headers["location"])).text

    async def test_nobody_sees_or_stops_what_others_do(self, portal: Site) -> None:
        self.assigned(portal, 1)
        async with portal.browser("lead") as mine, portal.browser("stranger") as theirs:
            waits = await self.confirmed(mine, 1)
            assert (await theirs.get(waits.url.path)).status_code == 404
            page = await theirs.get("/")
            await theirs.post(f"{waits.url.path}/undo", page)
            assert "Call it off" in (await mine.get(waits.url.path)).text

    @staticmethod
    async def _time_goes_by(portal: Site) -> None:
        async with portal.runtime.transaction() as tx:
            await tx.rows("UPDATE batch SET begins_at = begins_at - interval '5 minutes'")


def test_a_hidden_field_is_read_as_it_was_written() -> None:
    page = httpx.Response(200, text='<input type="hidden" name="key" value="a&amp;b">')
    assert hidden(page, "key") == "a&b"
