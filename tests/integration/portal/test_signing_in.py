"""Signing in by OpenID Connect with PKCE, staying so, signing out; and what others can do with a form or a cookie."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from chassis.clock import wall_now
from integration.portal.site import Site, token_of

PAGES = ("/", "/board", "/queues", "/search", "/money", "/places", "/insights", "/integrators", "/data-protection",
         "/preferences", "/cases/x", "/do?of=/v1/x&do=y", "/live/work")  # fmt: skip


@pytest.mark.parametrize("path", PAGES)
async def test_nobody_sees_a_page_without_signing_in_and_comes_back_to_it(portal: Site, path: str) -> None:
    async with portal.browser() as browser:
        answer = await browser.get(path)
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/sign-in?then=%2F")
        assert not portal.api.asked


async def test_signing_in_asks_for_a_code_with_pkce_state_and_nonce(portal: Site) -> None:
    async with portal.browser() as browser:
        began = await browser.get("/sign-in?then=/board")
        asked = parse_qs(urlsplit(began.headers["location"]).query)
        assert asked["code_challenge_method"] == ["S256"]
        assert {"state", "nonce", "code_challenge"} <= set(asked)
        back = await browser.get(await browser.choose(began.headers["location"], "lead"))
        assert (back.status_code, back.headers["location"]) == (303, "/board")
        cookie = next(value for value in back.headers.get_list("set-cookie") if "session" in value)
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
        page = await browser.get("/")
        assert page.status_code == 200
        assert "Cluster lead, north" in page.text


async def test_a_code_that_was_given_in_another_browser_signs_nobody_in(portal: Site) -> None:
    async with portal.browser() as mine, portal.browser() as theirs:
        began = await mine.get("/sign-in")
        back = await mine.choose(began.headers["location"], "lead")
        await theirs.get("/sign-in")
        assert (await theirs.get(back)).status_code == 400
        assert (await theirs.get("/")).status_code == 303


async def test_coming_back_twice_signs_in_once(portal: Site) -> None:
    async with portal.browser() as browser:
        began = await browser.get("/sign-in")
        back = await browser.choose(began.headers["location"], "lead")
        assert (await browser.get(back)).status_code == 303
        assert (await browser.get(back)).status_code == 400


@pytest.mark.parametrize("then", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:1"])
async def test_nobody_is_sent_elsewhere_after_signing_in(portal: Site, then: str) -> None:
    async with portal.browser() as browser:
        began = await browser.client.get("/sign-in", params={"then": then})
        back = await browser.get(await browser.choose(began.headers["location"], "lead"))
        assert back.headers["location"] == "/"


async def test_the_table_tells_neither_token_nor_cookie(portal: Site) -> None:
    async with portal.browser("lead") as browser:
        cookie = browser.client.cookies["jointly-session"]
        async with portal.runtime.transaction() as tx:
            (row,) = await tx.rows("SELECT digest, sealed FROM session")
        assert cookie not in row["digest"]
        assert b"eyJ" not in row["sealed"]


async def test_signing_out_ends_the_session_for_whoever_has_its_cookie(portal: Site) -> None:
    async with portal.browser("lead") as browser:
        cookies = dict(browser.client.cookies)
        page = await browser.get("/")
        out = await browser.post("/sign-out", page)
        assert (out.status_code, out.headers["location"]) == (303, "/signed-out")
        browser.client.cookies.update(cookies)
        assert (await browser.get("/")).status_code == 303


async def test_a_token_that_ends_soon_is_renewed_without_asking_the_person(portal: Site) -> None:
    async with portal.browser("lead") as browser:
        await browser.get("/")
        before = {one.headers["authorization"] for one in portal.api.asked}
        await _tokens_end(portal, browser.client, timedelta(seconds=5))
        portal.api.asked.clear()
        assert (await browser.get("/")).status_code == 200
        after = {one.headers["authorization"] for one in portal.api.asked}
        assert len(after) == 1
        assert after.isdisjoint(before)


async def test_who_has_left_the_county_is_signed_out_with_their_token(portal: Site) -> None:
    async with portal.browser("lead") as browser:
        await _tokens_end(portal, browser.client, timedelta(seconds=5), refresh="no-such-token")
        assert (await browser.get("/")).status_code == 303


async def test_a_session_that_nobody_used_for_long_is_over(portal: Site) -> None:
    async with portal.browser("lead") as browser:
        async with portal.runtime.transaction() as tx:
            await tx.rows("UPDATE session SET seen_at = $1", wall_now() - timedelta(hours=2))
        assert (await browser.get("/")).status_code == 303


@pytest.mark.parametrize("token", ["", "x", None])
async def test_a_form_without_this_sessions_token_does_nothing(portal: Site, token: str | None) -> None:
    async with portal.browser("lead") as browser:
        data = {} if token is None else {"form_token": token}
        for path in ("/bulk", "/search", "/news/read", "/sign-out", "/board/simulate", "/queues/parked/notifier/x"):
            assert (await browser.client.post(path, data=data)).status_code == 403, path
        assert not [one for one in portal.api.asked if one.method != "GET"]


async def test_a_form_of_another_session_or_another_site_does_nothing(portal: Site) -> None:
    async with portal.browser("lead") as mine, portal.browser("stranger") as theirs:
        page = await theirs.get("/")
        assert (await mine.client.post("/search", data={"form_token": token_of(page)})).status_code == 403
        own = token_of(await mine.get("/"))
        for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
            sent = await mine.client.post("/search", data={"form_token": own}, headers=headers)
            assert sent.status_code == 403


@pytest.mark.parametrize("path", ["/", "/cases/none/of/these", "/cases/none", "/signed-out", "/search"])
async def test_every_page_tells_browsers_to_run_nothing_but_its_own_files(portal: Site, path: str) -> None:
    async with portal.browser("lead") as browser:
        answer = await browser.get(path)
        policy = answer.headers["content-security-policy"]
        assert "unsafe" not in policy
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert " style=" not in answer.text
        assert "<script>" not in answer.text
        assert "onclick" not in answer.text


async def _tokens_end(portal: Site, client: httpx.AsyncClient, soon: timedelta, *, refresh: str | None = None) -> None:
    """Make the session's tokens end soon, as its own cookie allows."""
    from dataclasses import replace

    from portal.clients.issuer import Tokens
    from portal.domain.sealing import Ticket

    ticket = Ticket.read(client.cookies["jointly-session"])
    assert ticket is not None
    async with portal.runtime.transaction() as tx:
        (row,) = await tx.rows("SELECT sealed FROM session WHERE digest = $1", ticket.digest)
        tokens = Tokens.read(ticket.open(row["sealed"]) or b"")
        changed = replace(tokens, ends_at=wall_now() + soon, refresh=refresh or tokens.refresh)
        await tx.sessions.reseal(ticket.digest, ticket.seal(changed.written()))
