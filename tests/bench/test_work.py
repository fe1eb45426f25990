"""My work with 200 open cases for one person and 20,000 in the county: how long the server takes for the page.

Layout: the running house with fsync on, its front and its worker on one machine with PostgreSQL; real cases, played
through the house, and copies of their rows in every service that the page asks (`support.many_cases`). One person
loads the page 100 times, one load after another. What a load takes is measured at the reader's end, which is never less
than the server's own time; the server's means by route come from its metrics.
"""

import asyncio
import os
import re
import time
from collections.abc import Callable
from contextlib import closing
from html import unescape
from pathlib import Path
from typing import Final

import httpx
import psutil
from bench.conftest import Table
from bench.house import drained
from jointly.postgres import EmbeddedPostgres
from support.host import Host, running
from support.many_cases import multiply, take_on

CLUSTER: Final = "cheltenham-primary"
PERSON: Final = f"inclusion-caseworker-{CLUSTER}"
THERE: Final = 200
IN_ALL: Final = 20_000
LOADS: Final = 100
_METRIC: Final = re.compile(r"^jointly_request_seconds_(sum|count)\{(.*)\} (\S+)$", re.MULTILINE)
_LABEL: Final = re.compile(r'(\w+)="([^"]*)"')


def test_my_work_with_200_cases_among_20000(tmp_path: Path, table: Callable[[str], Table]) -> None:
    page_times, by_route = table("My work, 200 of 20,000 cases, milliseconds"), table("Means by route, milliseconds")
    with running(tmp_path / "state") as host:
        host.command("demo", "--referrals", "300")
        admin = EmbeddedPostgres(host.state).admin_url()
        asyncio.run(drained(admin))
        asyncio.run(take_on(host.origin, host.credentials()))
        asyncio.run(drained(admin))
        written = asyncio.run(multiply(admin, cluster=CLUSTER, there=THERE, in_all=IN_ALL))
        print(f"\n{sum(written.values()):,} rows of copies")
        with closing(_signed_in(host)) as reader:
            for _ in range(5):
                assert reader.get("/").text.count("app-row__name") >= THERE
            front = psutil.Process(host.pids()["front"])
            before, spent = _seconds(host), sum(front.cpu_times()[:2])
            times = []
            for _ in range(LOADS):
                began = time.perf_counter()
                assert reader.get("/").status_code == httpx.codes.OK
                times.append(1000 * (time.perf_counter() - began))
                page_times.add("at the reader", times[-1])
            cpu = 1000 * (sum(front.cpu_times()[:2]) - spent) / LOADS
            for route, (seconds, count) in _seconds(host).items():
                known = before.get(route, (0.0, 0.0))
                if count - known[1] >= LOADS:
                    by_route.add(route, 1000 * (seconds - known[0]) / (count - known[1]))
    page_times.show("ms")
    by_route.show("ms")
    p95 = sorted(times)[int(0.95 * LOADS) - 1]
    busy = os.getloadavg()[0] > (os.cpu_count() or 1)
    print(f"  p95 {p95:,.0f} ms; {cpu:,.0f} ms of the front's processor; machine {'busy' if busy else 'free'}")


def _signed_in(host: Host) -> httpx.Client:
    """A browser without scripts, signed in at the development issuer."""
    reader = httpx.Client(base_url=host.origin, follow_redirects=True, trust_env=False, timeout=60)
    choice = reader.get("/")
    action = re.search(r'<form[^>]*action="([^"]*)"', choice.text)
    hidden = re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', choice.text)
    assert action is not None
    fields = {unescape(name): unescape(value) for name, value in hidden}
    page = reader.post(choice.url.join(unescape(action[1])), data={**fields, "person": PERSON})
    assert "My work" in page.text
    return reader


def _seconds(host: Host) -> dict[str, tuple[float, float]]:
    """Route -> (seconds, requests) so far."""
    found: dict[str, dict[str, float]] = {}
    for what, labels, value in _METRIC.findall(httpx.get(f"{host.internal}/metrics", trust_env=False).text):
        route = dict(_LABEL.findall(labels))
        found.setdefault(f"{route['service']} {route['method']} {route['route']}", {})[what] = float(value)
    return {route: (one["sum"], one["count"]) for route, one in found.items()}
