"""The services behind My work in this process, on one database: they hear each other, their statements are counted."""

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import assessments.app
import cluster_router.app
import directory.app
import httpx
import notifier.app
import placements.app
import pytest
import referral_api.app
from chassis.cause import Cause
from chassis.service import Service
from chassis.transaction import Transaction
from cluster_router.handlers import county
from integration.cluster_router.county import CLUSTERS, COLUMNS, SCHOOLS
from support.agency import a_referral
from support.database import Copy
from support.service import Served, keyed, serving, signed_in

SERVICES: Final[tuple[Service, ...]] = (
    directory.app.SERVICE, referral_api.app.SERVICE, cluster_router.app.SERVICE, assessments.app.SERVICE,
    placements.app.SERVICE, notifier.app.SERVICE,
)  # fmt: skip
CLUSTER: Final = "north-primary"
#: The lead who looks at their work.
LEAD: Final[Mapping[str, Any]] = {
    "organisation": "school-100001", "roles": ("cluster-lead",), "clusters": (CLUSTER,), "subject": "lead",
}  # fmt: skip


@dataclass
class Behind:
    """The services, and what each was made to ask of the database."""

    services: Mapping[str, Served]
    statements: Counter[str] = field(default_factory=Counter)

    async def handle(self, request: httpx.Request) -> httpx.Response:
        """Answer a question of the portal's, as the lead's."""
        path = request.url.path
        for served in self.services.values():
            paths = served.runtime.service.paths
            if any(path == one or path.startswith((f"{one}/", f"{one}:")) for one in paths):
                headers = {name: value for name, value in request.headers.items() if name != "authorization"}
                return await served.client.request(
                    request.method, str(request.url), content=request.content, headers=headers | signed_in(**LEAD)
                )
        return httpx.Response(404, json={})

    async def tell(self) -> None:
        """Let everybody hear what was said; until nobody says anything new."""
        told: Counter[str] = Counter()
        while True:
            before = told.total()
            for speaker in self.services.values():
                events = (await speaker.said())[told[speaker.runtime.service.name] :]
                told[speaker.runtime.service.name] += len(events)
                for event in events:
                    for hearer in self.services.values():
                        consumer = hearer.runtime.consumer
                        if consumer is not None and hearer is not speaker:
                            await hearer.hear(event)
            if told.total() == before:
                return


@asynccontextmanager
async def behind(database: Copy, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Behind]:
    """The services with a small county and some cases of the north's that it has taken on."""
    async with AsyncExitStack() as stack:
        found = Behind({one.name: await stack.enter_async_context(serving(one, database)) for one in SERVICES})
        router = found.services["cluster-router"]
        await router.hear(*SCHOOLS)
        async with router.runtime.transaction() as tx:
            await county.import_clusters(tx, [dict(zip(COLUMNS, row, strict=True)) for row in CLUSTERS], Cause.fresh())
        intake = found.services["referral-api"]
        for number in range(3):
            body = a_referral(number, today=intake.runtime.clock.now().date(), school_urn="100001", year_group="5")
            sent = await intake.client.post(
                "/v1/referrals", json=body, headers=signed_in(organisation="school-100001") | keyed()
            )
            assert sent.status_code == 201, sent.text
        await found.tell()
        waiting = (await router.client.get("/v1/assignments?state=assigned", headers=signed_in(**LEAD))).json()["items"]
        assert len(waiting) == 3
        for row in waiting[1:]:
            at = f"/v1/assignments/{row['case_id']}"
            tag = (await router.client.get(at, headers=signed_in(**LEAD))).headers["etag"]
            headers = signed_in(**LEAD) | keyed() | {"If-Match": tag}
            assert (await router.client.post(f"{at}/accept", json={}, headers=headers)).status_code == 200
        await found.tell()
        run = Transaction.rows

        async def rows(tx: Transaction, sql: str, *arguments: object) -> Any:
            found.statements[tx.source] += 1
            return await run(tx, sql, *arguments)

        monkeypatch.setattr(Transaction, "rows", rows)
        yield found
