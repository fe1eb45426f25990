"""The school calendar that pages count by."""

from collections.abc import Mapping
from typing import Any

from schemas.days import Calendar

from portal.domain.words import as_day


def read_calendar(said: Mapping[str, Any]) -> Calendar:
    """The calendar of an answer of the directory."""
    spans = ((as_day(term.get("first")), as_day(term.get("last"))) for term in said.get("terms") or ())
    return Calendar(
        terms=tuple((first, last) for first, last in spans if first and last),
        closures=frozenset(filter(None, map(as_day, said.get("closures") or ()))),
        bank_holidays=frozenset(filter(None, map(as_day, said.get("bank_holidays") or ()))),
    )
