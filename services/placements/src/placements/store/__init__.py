"""What handlers keep and look up, by repositories that hang on the transaction."""

from functools import cached_property

from chassis.transaction import Transaction

from placements import tables
from placements.domain.cases import Case
from placements.domain.duties import Duty
from placements.domain.exclusions import Exclusion
from placements.domain.placements import Attendance, Hold, Offer, Placement, Review
from placements.domain.places import Place
from placements.domain.providers import Check, Provider
from placements.domain.risk import Risk
from placements.store.heard import CalendarStore, Organisation, Participants, School
from placements.store.rows import Rows

__all__ = ["Tx"]


class Tx(Transaction):
    """A transaction with this service's repositories."""

    @cached_property
    def cases(self) -> Rows[Case]:
        """Cases that were heard of."""
        return Rows(self, Case, tables.case_file)

    @cached_property
    def participants(self) -> Participants:
        """Who takes part in them."""
        return Participants(self)

    @cached_property
    def schools(self) -> Rows[School]:
        """Schools, by URN."""
        return Rows(self, School, tables.school)

    @cached_property
    def organisations(self) -> Rows[Organisation]:
        """Organisations of the directory."""
        return Rows(self, Organisation, tables.organisation)

    @cached_property
    def calendars(self) -> CalendarStore:
        """School days."""
        return CalendarStore(self)

    @cached_property
    def providers(self) -> Rows[Provider]:
        """Providers."""
        return Rows(self, Provider, tables.provider)

    @cached_property
    def checks(self) -> Rows[Check]:
        """Their checks."""
        return Rows(self, Check, tables.provider_check)

    @cached_property
    def places(self) -> Rows[Place]:
        """Their places."""
        return Rows(self, Place, tables.place)

    @cached_property
    def placements(self) -> Rows[Placement]:
        """Requests for a place, and what became of them."""
        return Rows(self, Placement, tables.placement)

    @cached_property
    def holds(self) -> Rows[Hold]:
        """Places that are kept."""
        return Rows(self, Hold, tables.hold)

    @cached_property
    def offers(self) -> Rows[Offer]:
        """Providers that were asked."""
        return Rows(self, Offer, tables.offer)

    @cached_property
    def attendances(self) -> Rows[Attendance]:
        """Weeks of attendance."""
        return Rows(self, Attendance, tables.attendance)

    @cached_property
    def reviews(self) -> Rows[Review]:
        """Reviews of placements."""
        return Rows(self, Review, tables.review)

    @cached_property
    def exclusions(self) -> Rows[Exclusion]:
        """Suspensions and exclusions."""
        return Rows(self, Exclusion, tables.exclusion)

    @cached_property
    def duties(self) -> Rows[Duty]:
        """What the law wants done."""
        return Rows(self, Duty, tables.duty)

    @cached_property
    def risks(self) -> Rows[Risk]:
        """Risks that were raised."""
        return Rows(self, Risk, tables.risk)
