"""My work asks so many questions, and they so many statements, however many cases there are."""

from collections import Counter
from pathlib import Path

import httpx
import pytest
from integration.portal.house import CLUSTER, behind
from integration.portal.site import site
from support.database import Copy
from support.many_cases import multiply


async def test_200_cases_take_as_many_questions_and_statements_as_five(
    database: Copy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Counter[str]] = []
    ran: list[Counter[str]] = []
    async with behind(database, monkeypatch) as services, site(database, tmp_path / "state") as portal:
        handle = portal.neighbours.handle_async_request

        async def handle_or_ask(request: httpx.Request) -> httpx.Response:
            if not request.url.path.startswith("/v1/"):
                return await handle(request)
            await request.aread()
            portal.api.asked.append(request)
            return await services.handle(request)

        portal.neighbours.handle_async_request = handle_or_ask  # type: ignore[method-assign]
        async with portal.browser("lead") as browser:
            for count in (5, 200):
                await multiply(database.admin_url, cluster=CLUSTER, there=count, in_all=count)
                # The first page of a process fetches what is kept for all that follow.
                await browser.get("/")
                portal.api.asked.clear()
                services.statements.clear()
                page = await browser.get("/")
                assert page.text.count("app-row__name") == count
                asked.append(portal.api.paths())
                ran.append(Counter(services.statements))
    assert asked[0] == asked[1]
    assert asked[0].total() <= 12
    assert ran[0] == ran[1]
    assert ran[0].total() <= 60
