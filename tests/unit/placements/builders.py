"""Exclusions, calendars and providers as the unit tests of placements need them."""

from datetime import date
from typing import Any

from placements.domain.days import Calendars
from placements.domain.duties import Law
from placements.domain.exclusions import Counted, Exclusion, count
from placements.domain.matching import Wanted
from placements.domain.places import Place, place_id
from placements.domain.providers import Check, Provider, check_id
from placements.policy import duty_rules, tariff, terms
from schemas.days import Calendar

#: A Monday in term.
MONDAY = date(2026, 11, 23)
TERM = Calendar(
    terms=(
        (date(2026, 9, 2), date(2026, 10, 23)),
        (date(2026, 11, 2), date(2026, 12, 18)),
        (date(2027, 1, 4), date(2027, 2, 12)),
        (date(2027, 2, 22), date(2027, 3, 25)),
        (date(2027, 4, 12), date(2027, 5, 28)),
        (date(2027, 6, 7), date(2027, 7, 21)),
        (date(2027, 9, 2), date(2027, 10, 22)),
    ),
    closures=frozenset({date(2026, 11, 27)}),
    bank_holidays=frozenset({date(2026, 12, 25), date(2026, 12, 28), date(2027, 1, 1), date(2027, 5, 3)}),
)
CALENDARS = Calendars({"county": TERM})
LAW = Law(duty_rules, tariff(MONDAY), CALENDARS, "the-council")


def exclusion(first_on: date | str = MONDAY, sessions: int = 4, **changes: Any) -> Exclusion:
    """A suspension, told on its first day."""
    first_on = date.fromisoformat(first_on) if isinstance(first_on, str) else first_on
    usual: dict[str, Any] = {
        "id": f"x-{first_on}", "case_id": "c", "organisation_id": "school", "school_urn": "100001", "kind": "SUSP",
        "reasons": ("DB",), "first_on": first_on, "sessions": sessions, "year_group": "9", "social_worker": False,
        "reported_on": first_on,
    }  # fmt: skip
    return Exclusion(**usual | changes)


def permanent(first_on: date | str = MONDAY, **changes: Any) -> Exclusion:
    """A permanent exclusion."""
    return exclusion(first_on, 0, kind="PERM", **changes)


def counted(*exclusions: Exclusion) -> list[Counted]:
    """What they add up to."""
    return count(exclusions, CALENDARS, tariff(MONDAY), terms(MONDAY))


def provider(id: str = "p", **changes: Any) -> Provider:
    """A secondary provider for any need, near."""
    usual: dict[str, Any] = {
        "id": id, "name": id, "organisation_id": id, "kind": "voluntary", "phases": ("secondary",), "needs": (),
        "easting": 383_500, "northing": 219_500, "active": True, "source": "hand", "external_id": None,
    }  # fmt: skip
    return Provider(**usual | changes)


def check(provider_id: str = "p", kind: str = "safeguarding", on: str = "2026-10-01", **changes: Any) -> Check:
    """A check that was met."""
    day = date.fromisoformat(on)
    usual: dict[str, Any] = {"outcome": "met", "valid_until": None}
    return Check(check_id(provider_id, kind, day), provider_id, kind, checked_on=day, **usual | changes)


def place(provider_id: str = "p", places: int = 1, *, need: str = "", session: str = "full-time", **more: int) -> Place:
    """Places for secondary."""
    id = place_id(provider_id, "secondary", session, need)
    return Place(id, provider_id, "secondary", session, need, places, **more)


def wanted(**changes: Any) -> Wanted:
    """A full-time place for a child with SEMH needs, from a known home."""
    usual: dict[str, Any] = {
        "phase": "secondary", "needs": ("SEMH",), "session": None, "sessions_a_week": 10, "wanted_from": MONDAY,
        "start": (383_500, 219_500), "measured_from": "home",
    }  # fmt: skip
    return Wanted(**usual | changes)
