"""Benches measure ratios, interleaved in one run: the machine is shared, absolute figures are only informative."""

from collections.abc import Callable, Iterator
from statistics import median
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from support.database import Server


class Table:
    """Rows of one measurement, printed as they come."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._measured: dict[str, list[float]] = {}

    def add(self, name: str, value: float) -> None:
        """One repetition of one variant."""
        self._measured.setdefault(name, []).append(value)

    def median(self, name: str) -> float:
        """The middle repetition."""
        return median(self._measured[name])

    def show(self, unit: str) -> None:
        """Print every variant: median (least to most)."""
        print(f"\n{self._title}")
        for name, values in self._measured.items():
            print(f"  {name:<44} {median(values):>10,.0f} ({min(values):,.0f} to {max(values):,.0f}) {unit}")


@pytest.fixture
def table() -> Callable[[str], Table]:
    """Makes tables."""
    return Table


@pytest.fixture(scope="session")
def postgres_server() -> "Iterator[Server]":
    """A durable server (fsync on) with every schema migrated: what benches may be measured on."""
    from support.database import Server, own_postgres, schemas

    with own_postgres() as postgres:
        running = Server(postgres.admin_url(), schemas(), name="bench")
        try:
            yield running
        finally:
            running.close()
