"""One discipline's advice: asked for, given, used again with three agreements, or no longer needed."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Final

from chassis.errors import Conflict
from schemas.assessment import AdviceCancelled, AdviceReceived, AdviceRequested, AdviceReused, AssessmentEvent


class State(StrEnum):
    """Where advice is. `offered`: nobody is asked until it is decided whether earlier advice serves again."""

    OFFERED = "offered"
    REQUESTED = "requested"
    RECEIVED = "received"
    REUSED = "reused"
    CANCELLED = "cancelled"


#: The whole life of advice.
NEXT: Final[Mapping[State, frozenset[State]]] = {
    State.OFFERED: frozenset({State.REQUESTED, State.REUSED, State.CANCELLED}),
    State.REQUESTED: frozenset({State.RECEIVED, State.CANCELLED}),
    State.RECEIVED: frozenset(),
    State.REUSED: frozenset(),
    State.CANCELLED: frozenset(),
}
#: Somebody still has to do something.
OPEN: Final = frozenset({State.OFFERED, State.REQUESTED})
#: There is advice to read.
GIVEN: Final = frozenset({State.RECEIVED, State.REUSED})


class Party(StrEnum):
    """Who must agree that earlier advice suffices (SEND Regulations 2014, reg 6(4))."""

    GIVER = "giver"
    COUNCIL = "council"
    PARENT = "parent"


class AdviceIsOver(Conflict):
    """It was given, used again or cancelled already."""

    code = "advice-over"


class NothingToReuse(Conflict):
    """No earlier advice is offered."""

    code = "nothing-to-reuse"


class NotAskedYet(Conflict):
    """Earlier advice is offered; nobody was asked."""

    code = "not-asked-yet"


@dataclass(frozen=True, slots=True)
class Agreement:
    """That earlier advice suffices, by whom and when."""

    party: Party
    agreed_by: str
    agreed_on: date


@dataclass(frozen=True, slots=True)
class Advice:
    """One discipline's advice to one assessment, without its text."""

    id: str
    case_id: str
    assessment_id: str
    discipline: str
    state: State
    #: The organisation that is asked; None: somebody without an account.
    asked_of: str | None = None
    requested_on: date | None = None
    due_on: date | None = None
    received_on: date | None = None
    earlier_id: str | None = None
    agreements: tuple[Agreement, ...] = ()
    #: Whether the law asks for it, beside the graduated pathway.
    statutory: bool = False
    #: Since when nothing that it could rest on stands; what the law asks for rests on the law.
    basis_ended_on: date | None = None
    version: int = 0

    @property
    def is_open(self) -> bool:
        """Whether somebody still has to do something."""
        return self.state in OPEN

    @property
    def missing(self) -> tuple[Party, ...]:
        """Who has not agreed yet that earlier advice suffices."""
        agreed = {agreement.party for agreement in self.agreements}
        return tuple(party for party in Party if party not in agreed)


@dataclass(frozen=True, slots=True)
class Step:
    """Advice as it now is, and the facts that made it so."""

    advice: Advice
    events: tuple[AssessmentEvent, ...] = ()


def request(advice: Advice, *, on: date, due_on: date) -> Step:
    """Somebody is asked. Raises `AdviceIsOver`."""
    new = advice.state is State.REQUESTED and advice.requested_on is None
    asked = replace(advice if new else _become(advice, State.REQUESTED), requested_on=on, due_on=due_on, agreements=())
    event = AdviceRequested(
        case_id=advice.case_id, assessment_id=advice.assessment_id, advice_id=advice.id,
        discipline=advice.discipline, asked_of=advice.asked_of, requested_on=on, due_on=due_on,
    )  # fmt: skip
    return Step(asked, (event,))


def answer(advice: Advice, *, on: date) -> Step:
    """The adviser answered. Raises `NotAskedYet` or `AdviceIsOver`."""
    if advice.state is State.OFFERED:
        raise NotAskedYet("Earlier advice is offered for this. Decide about that first, or ask anew.")
    given = replace(_become(advice, State.RECEIVED), received_on=on)
    due = advice.due_on or on
    event = AdviceReceived(
        case_id=advice.case_id, assessment_id=advice.assessment_id, advice_id=advice.id,
        discipline=advice.discipline, received_on=on, due_on=due, days_late=max(0, (on - due).days),
    )  # fmt: skip
    return Step(given, (event,))


def agree(advice: Advice, agreements: Collection[Agreement]) -> Step:
    """Some agree that earlier advice suffices; once all three have, it serves again. Raises `NothingToReuse`."""
    if advice.state is not State.OFFERED or advice.earlier_id is None:
        raise NothingToReuse("No earlier advice is offered for this one.")
    by_party = {agreement.party: agreement for agreement in (*agreements, *advice.agreements)}
    agreed = replace(advice, agreements=tuple(by_party[party] for party in Party if party in by_party))
    if agreed.missing:
        return Step(agreed)
    event = AdviceReused(
        case_id=advice.case_id, assessment_id=advice.assessment_id, advice_id=advice.id,
        discipline=advice.discipline, earlier_advice_id=advice.earlier_id,
        agreed_on=max(agreement.agreed_on for agreement in agreed.agreements),
    )  # fmt: skip
    return Step(_become(agreed, State.REUSED), (event,))


def cancel(advice: Advice, reason: str) -> Step:
    """It is no longer needed. Raises `AdviceIsOver`."""
    event = AdviceCancelled(
        case_id=advice.case_id, assessment_id=advice.assessment_id, advice_id=advice.id,
        discipline=advice.discipline, reason=reason,
    )  # fmt: skip
    return Step(_become(advice, State.CANCELLED), (event,))


def _become(advice: Advice, state: State) -> Advice:
    if state not in NEXT[advice.state]:
        raise AdviceIsOver(f"The advice is {advice.state} already.")
    return replace(advice, state=state)
