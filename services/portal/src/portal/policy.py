"""The terms that ship with the portal, and who is offered which pages."""

import tomllib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from importlib.resources import files
from typing import Any, Final

from chassis.auth import Caller

_DATA: Final = files("portal") / "data"


@dataclass(frozen=True, slots=True)
class Terms:
    """How long things last on the pages."""

    since: date
    sign_in_minutes: int
    idle_minutes: int
    session_hours: int
    reason_hours: int
    undo_seconds: int
    live_seconds: int
    small_number: int
    soon_days: int
    week_days: int

    @property
    def session(self) -> timedelta:
        """The longest that one stays signed in."""
        return timedelta(hours=self.session_hours)

    @property
    def idle(self) -> timedelta:
        """The longest that one stays signed in without asking for a page."""
        return timedelta(minutes=self.idle_minutes)


@cache
def document(name: str) -> dict[str, Any]:
    """A TOML file of the data folder."""
    return tomllib.loads((_DATA / name).read_text(encoding="utf-8"))


def terms(day: date) -> Terms:
    """The terms of a day."""
    return _terms_at(max(row["since"] for row in document("terms.toml")["terms"] if row["since"] <= day))


@cache
def _terms_at(since: date) -> Terms:
    (row,) = [row for row in document("terms.toml")["terms"] if row["since"] == since]
    return Terms(**row)


#: Roles that work cases or answer for them, as the API has them.
WORKS: Final = frozenset({"caseworker", "cluster-lead", "adviser"})
DESK: Final = frozenset({"intake", "operator"})
#: Who counts every case, at the council.
COUNTY: Final = DESK | {"data-protection-officer", "finance-officer"}
#: Page -> who is offered it; an empty set is everybody. The API decides what is in it.
PAGES: Final[dict[str, frozenset[str]]] = {
    "my-work": frozenset(),
    "board": WORKS | DESK,
    "queues": frozenset({"intake", "operator", "cluster-lead", "caseworker"}),
    "money": frozenset({"finance-officer", "caseworker", "cluster-lead", "operator"}),
    "places": frozenset({"caseworker", "cluster-lead", "provider-staff", "operator", "adviser"}),
    "insights": frozenset({"cluster-lead", "intake", "operator", "finance-officer", "data-protection-officer"}),
    "integrators": frozenset({"operator", "agency-system", "data-protection-officer"}),
    "data-protection": frozenset({"data-protection-officer", "operator"}),
    "search": frozenset({"caseworker", "cluster-lead", "adviser", "referrer", "data-protection-officer"}),
}


def offered(caller: Caller, page: str) -> bool:
    """Whether the page is in this person's menu."""
    roles = PAGES[page]
    return not roles or caller.has(*roles)


def is_own(caller: Caller, *, cluster_id: str | None, organisations: Collection[str]) -> bool:
    """Whether a case is within the viewer's own teams: their cluster holds it, or their organisation takes part.

    Somebody at the council's desk, or who answers for the data, sees every case: whose it is decides all the same.
    """
    if cluster_id is not None and cluster_id in caller.clusters:
        return True
    return caller.organisation in organisations
