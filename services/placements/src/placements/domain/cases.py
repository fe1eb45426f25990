"""A case as far as exclusions and places need it."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Case:
    """What was heard of a case. Parts of it may be heard before others."""

    id: str
    #: What people quote to each other.
    reference: str | None = None
    #: As the events have it; None before it was opened, and once it was erased.
    circumstances: dict[str, Any] | None = field(default=None, hash=False)
    cluster_id: str | None = None
    accepted: bool = False
    #: The agency whose referral asks for a place.
    place_asked_by: str | None = None
    imminent: bool = False
    closed: bool = False
    erased: bool = False

    @property
    def school_urn(self) -> str | None:
        """The child's school."""
        return (self.circumstances or {}).get("school_urn")

    @property
    def year_group(self) -> str | None:
        """The child's year group."""
        return (self.circumstances or {}).get("year_group")

    @property
    def age(self) -> int | None:
        """Whole years on the 31 August before the school year began."""
        return (self.circumstances or {}).get("age")

    @property
    def needs(self) -> tuple[str, ...]:
        """Need types, the first one first."""
        needs = (self.circumstances or {}).get("needs") or ()
        return tuple(need["type"] for need in sorted(needs, key=lambda need: need["rank"]))

    @property
    def home_state(self) -> str:
        """Whether the home is known, unknown, none or restricted."""
        return ((self.circumstances or {}).get("home") or {}).get("state") or "unknown"
