"""Places of a provider: so many there are, so many are taken, so many are kept; never more than there are."""

from dataclasses import dataclass, replace
from typing import Final

from chassis.errors import Conflict

#: A place that is for any need.
ANY: Final = ""


class NoPlaceLeft(Conflict):
    """Every place of this kind is taken or kept."""

    code = "no-place-left"


class PlacesInUse(Conflict):
    """There would be fewer places than are taken or kept."""

    code = "places-in-use"


@dataclass(frozen=True, slots=True)
class Place:
    """The places of one provider for one phase, session and need."""

    id: str
    provider_id: str
    phase: str
    session: str
    #: A need type, or `ANY`.
    need: str
    places: int
    taken: int = 0
    held: int = 0

    @property
    def free(self) -> int:
        """Neither taken nor kept."""
        return self.places - self.taken - self.held

    def hold(self) -> "Place":
        """Keep one. Raises `NoPlaceLeft`."""
        if self.free < 1:
            raise NoPlaceLeft("Every place of this kind is taken or kept for somebody else. Try another provider.")
        return replace(self, held=self.held + 1)

    def release(self) -> "Place":
        """One that was kept is free again."""
        return replace(self, held=self.held - 1)

    def take(self) -> "Place":
        """One that was kept is taken."""
        return replace(self, held=self.held - 1, taken=self.taken + 1)

    def leave(self) -> "Place":
        """One that was taken is free again."""
        return replace(self, taken=self.taken - 1)

    def resized(self, places: int) -> "Place":
        """Another number of places. Raises `PlacesInUse`."""
        if places < self.taken + self.held:
            raise PlacesInUse(
                f"{self.taken} are taken and {self.held} kept; there cannot be fewer places than that.",
                pointer="/places",
            )
        return replace(self, places=places)


def place_id(provider_id: str, phase: str, session: str, need: str) -> str:
    """What places of one kind are known by."""
    return f"{provider_id}/{phase}/{session}/{need}"
