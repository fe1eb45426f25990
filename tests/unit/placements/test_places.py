"""Places can never be overbooked, whatever is tried in whatever order."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule
from placements.domain.places import NoPlaceLeft, PlacesInUse
from unit.placements.builders import place


class Places(RuleBasedStateMachine):
    """One provider's places of one kind, beside a naive list of who keeps and who has one."""

    held = Bundle("held")
    taken = Bundle("taken")

    def __init__(self) -> None:
        super().__init__()
        self.place = place(places=2)
        self.keeps = self.has = 0

    @rule(target=held)
    def hold(self) -> object:
        if self.place.places <= self.keeps + self.has:
            with pytest.raises(NoPlaceLeft):
                self.place.hold()
            return multiple()
        self.place = self.place.hold()
        self.keeps += 1
        return object()

    @rule(_one=consumes(held))
    def release(self, _one: object) -> None:
        self.place = self.place.release()
        self.keeps -= 1

    @rule(target=taken, one=consumes(held))
    def take(self, one: object) -> object:
        self.place = self.place.take()
        self.keeps, self.has = self.keeps - 1, self.has + 1
        return one

    @rule(_one=consumes(taken))
    def leave(self, _one: object) -> None:
        self.place = self.place.leave()
        self.has -= 1

    @rule(places=st.integers(0, 5))
    def resize(self, places: int) -> None:
        if places < self.keeps + self.has:
            with pytest.raises(PlacesInUse):
                self.place.resized(places)
        else:
            self.place = self.place.resized(places)

    @invariant()
    def never_overbooked(self) -> None:
        assert (self.place.held, self.place.taken) == (self.keeps, self.has)
        assert self.place.free >= 0
        assert self.place.taken + self.place.held <= self.place.places


TestPlaces = Places.TestCase
TestPlaces.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
