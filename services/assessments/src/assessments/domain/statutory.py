"""A request for an education, health and care needs assessment: its states and steps, and what they do to clocks."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from typing import Any, Final

from chassis.errors import Conflict, Invalid

from assessments.domain.clocks import Clock
from assessments.domain.clocks import State as ClockState

#: The kinds of clocks that guards look at.
COMMENTS: Final = "ehc-draft-comments"
TRANSFER: Final = "ehc-phase-transfer"
#: States in which nothing more follows.
OVER: Final = frozenset({"refused", "withdrawn", "ceased", "case-closed"})
REQUESTED: Final = "requested"
CLOSED: Final = "case-closed"


class Guard(StrEnum):
    """What must be so before a step."""

    #: The family has commented on the draft, or has had its time.
    DRAFT_COMMENTS = "draft-comments"
    A_TRANSFER = "a-transfer"
    NO_TRANSFER = "no-transfer"


class NoSuchStep(Invalid):
    """The process has no such step."""

    code = "no-such-step"


class StepOutOfTurn(Conflict):
    """It makes sense, but not in the state that the request is in."""

    code = "step-out-of-turn"


class CommentsStillOpen(Conflict):
    """The family still has time to comment on the draft."""

    code = "comments-still-open"


class StepBeforeLast(Invalid):
    """Steps come in the order of their days."""

    code = "step-before-last"


class RequestOpen(Conflict):
    """The case has a request that is not over."""

    code = "request-open"


@dataclass(frozen=True, slots=True)
class Step:
    """One row of the table of states."""

    name: str
    from_states: tuple[str, ...]
    #: Empty: it stays as it is.
    to: str = ""
    meets: tuple[str, ...] = ()
    starts: tuple[str, ...] = ()
    #: Kinds of clocks that lose their reason, and the reason.
    cancels: Mapping[str, str] = field(default_factory=dict)
    cancels_all: str | None = None
    asks: bool = False
    guard: Guard | None = None


@dataclass(frozen=True, slots=True)
class Process:
    """The table of states that holds from a day on."""

    since: date
    opens: tuple[str, ...]
    steps: tuple[Step, ...]

    def step(self, name: str) -> Step:
        """The step. Raises `NoSuchStep`."""
        found = next((step for step in self.steps if step.name == name), None)
        if found is None:
            raise NoSuchStep(f"Use one of: {', '.join(step.name for step in self.steps)}.", pointer="/step")
        return found


@dataclass(frozen=True, slots=True)
class Taken:
    """A step that was taken, by whom and when."""

    step: str
    on: date
    by: str


@dataclass(frozen=True, slots=True)
class Request:
    """One statutory request of a case."""

    id: str
    case_id: str
    assessment_id: str
    #: Who asked: family, young-person, school or another.
    asked_by: str
    received_on: date
    state: str = REQUESTED
    taken: tuple[Taken, ...] = ()
    version: int = 0

    @property
    def is_open(self) -> bool:
        """Whether more follows."""
        return self.state not in OVER


def why_not(request: Request, step: Step, clocks: Collection[Clock], on: date) -> Conflict | None:
    """Why a step cannot be taken on a day; None when it can. `clocks`: those of the request."""
    if request.state not in step.from_states:
        return StepOutOfTurn(f"The request is {request.state}.")
    running = {clock.kind for clock in clocks if clock.is_open}
    match step.guard:
        case Guard.DRAFT_COMMENTS:
            until = max((c.due_on for c in clocks if c.kind == COMMENTS and c.state is ClockState.RUNNING), default=on)
            if request.state == "drafted" and on <= until and COMMENTS in running:
                return CommentsStillOpen(f"The family may comment until {until}.")
        case Guard.A_TRANSFER if TRANSFER not in running:
            return StepOutOfTurn("No transfer is planned.")
        case Guard.NO_TRANSFER if TRANSFER in running:
            return StepOutOfTurn("A transfer is planned already.")
        case _:
            pass
    return None


def take(request: Request, step: Step, clocks: Collection[Clock], *, on: date, by: str) -> Request:
    """The request after a step. Raises the refusal that says why not."""
    refusal = why_not(request, step, clocks, on)
    if refusal is not None:
        raise refusal
    before = max((taken.on for taken in request.taken), default=request.received_on)
    if on < before:
        raise StepBeforeLast(f"The step cannot be before {before}.", pointer="/on")
    return replace(request, state=step.to or request.state, taken=(*request.taken, Taken(step.name, on, by)))


def read_processes(document: Mapping[str, Any]) -> tuple[Process, ...]:
    """The tables from the form of the data file."""
    return tuple(
        Process(table["since"], tuple(table["opens"]), tuple(_step(step) for step in table["steps"]))
        for table in document["tables"]
    )


def _step(entry: Mapping[str, Any]) -> Step:
    return Step(
        name=entry["step"],
        from_states=tuple(entry["from"]),
        to=entry.get("to", ""),
        meets=tuple(entry.get("meets", ())),
        starts=tuple(entry.get("starts", ())),
        cancels=dict(entry.get("cancels", {})),
        cancels_all=entry.get("cancels_all"),
        asks=entry.get("asks", False),
        guard=Guard(entry["after"]) if "after" in entry else None,
    )
