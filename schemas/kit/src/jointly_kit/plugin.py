"""The pytest plugin: golden events, a stub of the feed, and a sender to your own receiver.

    def test_we_understand_it(jointly_event): ...                   # runs once for each golden event
    @pytest.mark.jointly("jointly.case.assigned.v1")                # ... of these types only
    def test_we_read_on_where_we_were(jointly_feed): ...
    def test_our_receiver(jointly_webhooks): assert jointly_webhooks(url, secret).valid(event).took

pytest imports it in every run of whoever has the kit: it imports the rest only for tests that ask.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from jointly_kit.feed import Feed
    from jointly_kit.golden import Golden
    from jointly_kit.sender import Sender


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", "jointly(*types): only golden events of these types")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One run for each golden event."""
    if "jointly_event" in metafunc.fixturenames:
        chosen = _chosen(metafunc.definition)
        metafunc.parametrize(
            "jointly_event", [one.told() for one in chosen], ids=[f"{c.type}-{c.name}" for c in chosen]
        )


@pytest.fixture
def jointly_events(request: pytest.FixtureRequest) -> list[dict[str, Any]]:
    """Every golden event that is told outside, or those of the marker's types."""
    return [one.told() for one in _chosen(request.node)]


@pytest.fixture
def jointly_feed() -> "Iterator[Feed]":
    """A feed that has told nothing yet."""
    from jointly_kit.feed import Feed  # noqa: PLC0415  only for who asks

    with Feed() as feed:
        yield feed


@pytest.fixture
def jointly_webhooks() -> "Iterator[Callable[[str, str], Sender]]":
    """Makes a sender to a receiver: its address, and the secret of its subscription."""
    from jointly_kit.sender import Sender  # noqa: PLC0415  only for who asks

    with ExitStack() as senders:

        def make(url: str, secret: str) -> Sender:
            sender = Sender(url, secret)
            senders.callback(sender.close)
            return sender

        yield make


def _chosen(node: pytest.Item | pytest.Collector) -> "tuple[Golden, ...]":
    from jointly_kit.golden import told_outside  # noqa: PLC0415  only for who asks

    marker = node.get_closest_marker("jointly")
    return told_outside(marker.args if marker and marker.args else None)
