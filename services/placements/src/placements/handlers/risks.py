"""What people make of a raised risk: the cluster's own confirm it or dismiss it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from chassis.auth import Caller
from chassis.cause import Cause
from chassis.errors import Conflict, Forbidden, NotFound, PreconditionFailed, Refusal
from schemas.placement import RiskConfirmed, RiskDismissed

from placements.domain.days import day_of
from placements.domain.risk import Risk, RiskState
from placements.policy import coded, sees_exclusions, works_on
from placements.store import Tx


class RiskDecided(Conflict):
    """Somebody has confirmed or dismissed it already."""

    code = "risk-decided"


@dataclass(frozen=True, slots=True)
class Decide:
    """What somebody makes of a risk: without a reason it is confirmed."""

    risk_id: str
    version: int
    reason: str | None
    caller: Caller
    cause: Cause


async def confirm_risks(commands: Sequence[Decide], tx: Tx) -> Sequence[Risk | Refusal]:
    """A person of the cluster says that the risk is real."""
    return await _decide(commands, tx)


async def dismiss_risks(commands: Sequence[Decide], tx: Tx) -> Sequence[Risk | Refusal]:
    """A person of the cluster says that it is none, and why."""
    return await _decide(commands, tx)


async def _decide(commands: Sequence[Decide], tx: Tx) -> Sequence[Risk | Refusal]:
    ids = [command.risk_id for command in commands]
    await tx.lock_subjects(risk.case_id for risk in (await tx.risks.find(ids)).values())
    risks = await tx.risks.find(ids, lock=True)
    cases = await tx.cases.find({risk.case_id for risk in risks.values()})
    outcomes: list[Risk | Refusal] = []
    changed: dict[str, Risk] = {}
    for command in commands:
        risk, caller = risks.get(command.risk_id), command.caller
        try:
            if risk is None:
                raise NotFound
            case = cases.get(risk.case_id)
            roles = (await tx.participants.roles([risk.case_id], caller.organisation, day_of(tx.now))).get(risk.case_id)
            if not sees_exclusions(caller, case, roles or ()):
                raise NotFound
            if not works_on(caller, case):
                raise Forbidden("Only the people of the cluster that holds the case may do this.")
            if risk.version != command.version or risk.id in changed:
                raise PreconditionFailed
            if risk.state != RiskState.RAISED:
                raise RiskDecided(f"The risk is {risk.state} already.")
            after = _decided(risk, command, tx)
        except Refusal as refusal:
            outcomes.append(refusal)
            continue
        changed[after.id] = after
        tx.audit(
            action=after.state, what="risk", what_id=after.id, caller=caller, case_id=after.case_id,
            reason=after.reason, correlation_id=command.cause.correlation_id,
        )  # fmt: skip
        outcomes.append(after)
    await tx.risks.save(changed.values())
    return outcomes


def _decided(risk: Risk, command: Decide, tx: Tx) -> Risk:
    by = command.caller.subject
    if command.reason is None:
        tx.emit(RiskConfirmed(case_id=risk.case_id, risk_id=risk.id, confirmed_by=by), command.cause)
        return replace(risk, state=RiskState.CONFIRMED, decided_by=by, version=risk.version + 1)
    reason = coded("risk-dismissals", command.reason, day_of(tx.now), "/reason")
    tx.emit(RiskDismissed(case_id=risk.case_id, risk_id=risk.id, dismissed_by=by, reason=reason), command.cause)
    return replace(risk, state=RiskState.DISMISSED, decided_by=by, reason=reason, version=risk.version + 1)
