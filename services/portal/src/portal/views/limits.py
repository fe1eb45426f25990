"""Limits that run, from the clocks of assessments, the duties of placements, and the house's own."""

from collections.abc import Iterable
from typing import Any

from portal.domain.words import as_day, plain
from portal.domain.work import Limit
from portal.views.wording import label

#: States in which a clock no longer asks for anything.
_OVER = frozenset({"met", "cancelled", "ended", "excused", "done", "over", "closed", "missed-and-met"})


def runs(clock: dict[str, Any]) -> bool:
    """Whether a clock still asks for something."""
    return clock.get("state") not in _OVER and not clock.get("met_on") and not clock.get("ended_on")


def limits_by_case(clocks: Iterable[dict[str, Any]]) -> dict[str, tuple[Limit, ...]]:
    """Case -> its limits that run."""
    found: dict[str, tuple[Limit, ...]] = {}
    for clock in clocks:
        due_on = as_day(clock.get("due_on") or clock.get("due_at"))
        if due_on is None or not runs(clock):
            continue
        limit = Limit(due_on, what=name_of(clock), statutory=clock.get("statutory", True))
        found[clock["case_id"]] = (*found.get(clock["case_id"], ()), limit)
    return found


def name_of(clock: dict[str, Any]) -> str:
    """What a clock is for."""
    said = clock.get("label") or clock.get("title")
    if said:
        return str(said)
    kind = str(clock.get("kind", "limit"))
    return label(kind, "clock-kinds", "duty-kinds") or plain(kind)
