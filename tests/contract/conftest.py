"""One running host for all that is tried at its door."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from support.hostile import Outsider


@pytest.fixture(scope="session")
def outsider(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Outsider]":
    """Somebody at the door of a real host with the demo county in it."""
    from support.host import running
    from support.hostile import Outsider

    with running(tmp_path_factory.mktemp("host") / "state") as host:
        found = Outsider(host)
        try:
            yield found
        finally:
            found.client.close()
