"""How people's acts are done: found, allowed, on the version that they read, each with an outcome of its own."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from chassis.auth import Caller
from chassis.cause import Cause
from chassis.errors import Conflict, Forbidden, NotFound, PreconditionFailed, Refusal

from assessments.handlers.desk import Desk
from assessments.policy import reads, works
from assessments.store import CaseFile, Tx


class CaseIsClosed(Conflict):
    """Nothing more is done about a closed case."""

    code = "case-closed"


@dataclass(frozen=True, slots=True)
class Act:
    """What somebody asks for. `version` is the one they read, where there is one to change."""

    #: An assessment, advice, plan, request or clock; for an assessment its case names it too.
    id: str
    caller: Caller
    cause: Cause
    version: int | None = None
    #: What they said, in the form of the handler.
    said: Any = None
    #: Only asked what would happen: nothing is kept or said.
    dry_run: bool = False


#: One act on its case: what came of it, as it is written. Raises the refusal.
Step = Callable[[Desk, CaseFile, Act], Any]
#: Whether somebody may do it. Raises the refusal.
Check = Callable[[Desk, CaseFile, Act], None]

ASSESSMENT: Final = "assessment"


def by_team(desk: Desk, case: CaseFile, act: Act) -> None:
    """For those who work the case. Raises `NotFound` for whom it does not exist."""
    standing = desk.standing(case)
    if not reads(act.caller, standing):
        raise NotFound
    if not works(act.caller, standing):
        raise Forbidden("Only those who work the case may do this.")


async def perform(
    acts: Sequence[Act],
    tx: Tx,
    step: Step,
    *,
    what: str,
    action: str,
    check: Check = by_team,
    asking: bool = False,
) -> Sequence[Any]:
    """Each act in turn, under the lock of its case; a refusal is that act's own and leaves no trace."""
    of = await tx.casework.cases_of(what, [act.id for act in acts])
    if what == ASSESSMENT:
        # A case may be named instead of its newest assessment.
        of = {id: id for id in await tx.county.cases([act.id for act in acts if act.id not in of])} | of
    desk = await Desk.open(tx, of.values(), asking=asking)
    outcomes: list[Any] = []
    for act in acts:
        case = desk.cases.get(of.get(act.id, ""))
        try:
            if case is None:
                raise NotFound
            check(desk, case, act)
            if case.closed:
                raise CaseIsClosed("The case is closed.")
            with desk.trying(keep=not act.dry_run):
                outcomes.append(step(desk, case, act))
        except Refusal as refusal:
            outcomes.append(refusal)
            continue
        if not act.dry_run:
            note(tx, act, case.id, what=what, action=action)
    await desk.close()
    return outcomes


def note(tx: Tx, act: Act, case_id: str, *, what: str, action: str) -> None:
    """Audit who did it."""
    tx.audit(
        action=action,
        what=what,
        what_id=act.id,
        caller=act.caller,
        case_id=case_id,
        correlation_id=act.cause.correlation_id,
    )


def unchanged(desk: Desk, one: Any, act: Act) -> None:
    """Raises `PreconditionFailed` when somebody changed it since it was read, if only a moment ago in this batch."""
    if act.version is not None and (one.version != act.version or one.id in desk.work.changed):
        raise PreconditionFailed
