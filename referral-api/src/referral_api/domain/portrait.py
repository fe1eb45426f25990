"""The one record of a child, made of what its referrals say, as far as somebody may read it."""

from collections.abc import Collection, Iterable
from typing import Any, Final

from referral_api.domain.case_file import Referral
from referral_api.domain.content import Content

_NUMBERS: Final = ("nhs_number", "upn")
#: What could lead somebody to the child's door.
_WHEREABOUTS: Final = ("postcode", "school_urn")


def portrait(referrals: Iterable[Referral]) -> dict[str, Any]:
    """The latest word on everything; silence changes nothing, and one sender's "restricted" holds for all."""
    told: dict[str, Any] = {}
    restricted = False
    for referral in sorted(referrals, key=lambda each: each.said_at):
        child: Content = referral.content["child"]
        told |= {name: value for name, value in child.items() if value is not None or name not in told}
        restricted = restricted or bool(child.get("address_restricted"))
    return {**told, "address_restricted": restricted}


def shown(child: Content, *, numbers: Collection[str], whereabouts: bool) -> dict[str, Any]:
    """The record without the numbers that a reader does not get, and without whereabouts that are restricted."""
    hidden = {name for name in _NUMBERS if name not in numbers}
    if child.get("address_restricted") and not whereabouts:
        hidden |= set(_WHEREABOUTS)
    return {name: None if name in hidden else value for name, value in child.items()}
