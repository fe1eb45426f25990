"""Houses for whole journeys, and a browser for the pages."""

import fcntl
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator

import pytest
from e2e.house import EVENT_LOGS, Callers, arguments, callers
from e2e.pages import TOOLS, cannot, refer
from playwright.sync_api import Browser, sync_playwright
from support.host import Host, running


@pytest.fixture(scope="module", params=EVENT_LOGS)
def event_log(request: pytest.FixtureRequest) -> str:
    """Which event log the house stands on."""
    return str(request.param)


@pytest.fixture(scope="module")
def host(event_log: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """A house with the synthetic county."""
    with running(tmp_path_factory.mktemp("house"), arguments=arguments(event_log)) as up:
        yield up


@pytest.fixture
async def known(host: Host) -> AsyncIterator[Callers]:
    """Everybody who can call it."""
    async with callers(host) as found:
        yield found


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """A county with some referrals, for all tests of the pages."""
    with running(tmp_path_factory.mktemp("pages")) as host:
        host.command("demo", "--referrals", "40")
        # Each test that changes a case takes one of its own.
        refer(host, 16)
        yield host


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The browser; its loop ends with its module. Skipped without one, but where everything counts."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        cannot("Chromium is not here: on Debian or Ubuntu, apt-get install chromium.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=found,
            args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-background-networking", "--disable-sync"],
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def axe() -> str:
    """The accessibility checker, installed beside its package.json."""
    npm = shutil.which("npm")
    script = TOOLS / "node_modules" / "axe-core" / "axe.min.js"
    if npm is None:
        cannot("Node.js with npm is not here: install Node.js 20 or newer to check pages with axe-core.")
    with (TOOLS / "package-lock.json").open(encoding="utf-8") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if not script.is_file():
            done = subprocess.run([npm, "ci"], cwd=TOOLS, check=False, capture_output=True, text=True)  # noqa: S603
            if done.returncode != 0:
                cannot(f"axe-core could not be installed from {held.name}: {done.stderr[-2000:]}")
    return script.read_text(encoding="utf-8")
