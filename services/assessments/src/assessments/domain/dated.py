"""Tables with a date of effect: the newest one whose day has come counts."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Protocol, TypeVar


class Dated(Protocol):
    """Something that holds from a day on."""

    @property
    def since(self) -> date:
        """The first day on which it holds."""


D = TypeVar("D", bound=Dated)


class NothingInForce(LookupError):
    """No table was in force on that day."""


def in_force(tables: Iterable[D], on: date) -> D:
    """The newest of these that had begun on that day. Raises `NothingInForce`."""
    begun: Sequence[D] = [table for table in tables if table.since <= on]
    if not begun:
        raise NothingInForce(on.isoformat())
    return max(begun, key=lambda table: table.since)
