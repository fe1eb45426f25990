"""Houses that are hurt."""

from collections.abc import AsyncIterator, Iterator

import pytest
from e2e.house import EVENT_LOGS, Callers, arguments, callers
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
