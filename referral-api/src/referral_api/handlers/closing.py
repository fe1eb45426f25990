"""The end of a case, by whoever works it."""

from collections.abc import Sequence
from dataclasses import dataclass

from chassis.auth import Caller
from chassis.cause import Cause
from chassis.errors import PreconditionFailed, Refusal
from schemas.codes import registry

from referral_api.domain.case_file import CaseFile
from referral_api.domain.lifecycle import CaseStatus
from referral_api.domain.participation import present
from referral_api.domain.school_years import day_of
from referral_api.handlers import files
from referral_api.handlers.refusals import CaseIsClosed, NotTheirsToDo, UnknownCode
from referral_api.policy import sees_case, works_case
from referral_api.store import Tx


@dataclass(frozen=True, slots=True)
class CloseCase:
    """Whoever works the case ends it."""

    case_id: str
    reason: str
    #: The version that they have read; None: whatever it is.
    version: int | None
    caller: Caller
    cause: Cause


async def close_cases(commands: Sequence[CloseCase], tx: Tx) -> Sequence[CaseFile | Refusal]:
    """End cases, and with them the referrals that still asked."""
    cases = await tx.cases.locked({command.case_id for command in commands})
    outcomes: list[CaseFile | Refusal] = []
    closed: list[CaseFile] = []
    for command in commands:
        case = cases.get(command.case_id)
        refusal = _may_not(command, case, tx)
        if refusal is not None or case is None:
            outcomes.append(refusal or files.nothing())
            continue
        case.close(reason=command.reason, at=tx.now)
        for event in case.told():
            tx.emit(event, cause=command.cause)
        tx.audit(
            action="closed",
            what="case",
            what_id=case.case_id,
            caller=command.caller,
            case_id=case.case_id,
            reason=command.reason,
            correlation_id=command.cause.correlation_id,
        )
        closed.append(case)
        outcomes.append(case)
    await tx.cases.save(closed)
    return outcomes


def _may_not(command: CloseCase, case: CaseFile | None, tx: Tx) -> Refusal | None:
    viewer = command.caller
    if case is None or not sees_case(viewer, present(case.participants), case.assignment.cluster_id):
        return files.nothing()
    if not works_case(viewer, case.participants, case.assignment.cluster_id):
        return NotTheirsToDo("Whoever works the case ends it; a sender withdraws its referral.")
    if case.status is not CaseStatus.OPEN:
        return CaseIsClosed()
    if command.version not in {None, case.version}:
        return PreconditionFailed()
    reasons, today = registry("closing-reasons"), day_of(tx.now)
    if not reasons.valid(command.reason, on=today):
        return UnknownCode(f"Use one of: {', '.join(reasons.codes(on=today))}.", pointer="/reason")
    return None
