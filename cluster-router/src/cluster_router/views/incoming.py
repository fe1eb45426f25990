"""Bodies of the router's routes."""

from typing import Any

from chassis.wire import Day, In, Word
from pydantic import Field


class ReasonIn(In):
    """Why: one of the codes of the words file."""

    reason: Word


class PlaceIn(ReasonIn):
    """Where to, and why."""

    cluster_id: Word


class DeclineIn(In):
    """Why the receiving cluster says no; a sender who takes the offer back need not say."""

    reason: Word | None = None


class EmptyIn(In):
    """Nothing needs to be said."""


class SimulationIn(In):
    """Changes to the rules of today, section by section, as in a rule file; and which past cases to try them on."""

    rules: dict[str, Any] = Field(examples=[{"choice": {"own_cluster_full": "neighbours", "neighbour_metres": 10000}}])
    #: Only cases decided on these days.
    since: Day | None = None
    until: Day | None = None
    #: So many of the cases that would move are named, as far as you may see them.
    show: int = Field(default=20, ge=0, le=200)
