"""What people decide about a case: take it on, give it back, place it elsewhere."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from chassis.auth import Caller
from chassis.cause import Cause
from chassis.errors import Forbidden, Invalid, NotFound, PreconditionFailed, Refusal
from schemas.codes import registry

from cluster_router.domain.assignment import accept, give_back
from cluster_router.domain.assignment import override as place_by_hand
from cluster_router.domain.days import day_of
from cluster_router.domain.decision import Occasion, override
from cluster_router.handlers.desk import Desk, wake_the_queue
from cluster_router.policy import OVERRIDES, RETURNS, overrides, sees, works_for
from cluster_router.store import CaseFile, Tx
from cluster_router.store.cases import Way


class NoSuchCluster(Invalid):
    """The cluster named does not exist."""

    code = "no-such-cluster"


class NoSuchReason(Invalid):
    """The reason given is not one that people may give."""

    code = "no-such-reason"


@dataclass(frozen=True, slots=True)
class Act:
    """What a person asks for. `version` is the one they read; `cluster` and `reason` where the act names them."""

    case_id: str
    version: int
    caller: Caller
    cause: Cause
    cluster: str = ""
    reason: str = ""


#: One act on one case: what it makes of the case. Raises the refusal.
Step = Callable[[Desk, CaseFile, Act], CaseFile]


async def accept_cases(acts: Sequence[Act], tx: Tx) -> Sequence[CaseFile | Refusal]:
    """The cluster takes the case on."""

    def step(desk: Desk, case: CaseFile, act: Act) -> CaseFile:
        decides_for(act, case.assignment.cluster)
        return desk.take(case, accept(case.assignment, desk.organisations, by=act.caller.subject), act.cause)

    return await perform(acts, tx, step, "accepted")


async def return_cases(acts: Sequence[Act], tx: Tx) -> Sequence[CaseFile | Refusal]:
    """The cluster gives the case back, with a reason; its place is free again."""

    def step(desk: Desk, case: CaseFile, act: Act) -> CaseFile:
        decides_for(act, case.assignment.cluster)
        change = give_back(case.assignment, by=act.caller.subject, reason=named_reason(desk, act, RETURNS))
        return desk.take(replace(case, reasons=("returned",), way=Way.RETURNED, why=act.reason), change, act.cause)

    return await perform(acts, tx, step, "returned", frees=True)


async def override_cases(acts: Sequence[Act], tx: Tx) -> Sequence[CaseFile | Refusal]:
    """A person places the case, with a reason; a hard capacity binds people too."""

    def step(desk: Desk, case: CaseFile, act: Act) -> CaseFile:
        if not overrides(act.caller, case.assignment):
            raise Forbidden(
                "Only the intake desk, or the lead of the cluster that holds the case, places it elsewhere."
            )
        cluster, reason = named_cluster(desk, act), named_reason(desk, act, OVERRIDES)
        ruled = desk.decide(case, Occasion.ASKED)
        decided = override(ruled.number, ruled, cluster, by=act.caller.subject, reason=reason)
        change = place_by_hand(case.assignment, decided, desk.organisations, by=act.caller.subject)
        # Where a person puts it, they know why: the child is looked at as they are again.
        return desk.place(replace(case, transferred=None), change, decided, act.cause)

    return await perform(acts, tx, step, "overridden", frees=True)


async def perform(
    acts: Sequence[Act], tx: Tx, step: Step, action: str, *, frees: bool = False
) -> Sequence[CaseFile | Refusal]:
    """Each act on its case, in turn, under the county's lock; a refusal is that act's own."""
    await tx.lock_subjects(act.case_id for act in acts)
    desk = await Desk.open(tx)
    cases = await tx.cases.find([act.case_id for act in acts], lock=True)
    participants = await tx.cases.organisations(cases, day_of(tx.now))
    outcomes: list[CaseFile | Refusal] = []
    for act in acts:
        case = cases.get(act.case_id)
        try:
            if case is None or not sees(act.caller, case.assignment, participants.get(act.case_id, ())):
                raise NotFound
            if case.version != act.version or case.id in desk.changed:
                raise PreconditionFailed
            after = step(desk, case, act)
        except Refusal as refusal:
            outcomes.append(refusal)
            continue
        await desk.keep_time(case, after, act.cause)
        _note(tx, act, action)
        outcomes.append(replace(after, version=case.version + 1))
    await desk.close()
    if frees and desk.changed:
        await wake_the_queue(tx, acts[0].cause)
    return outcomes


def _note(tx: Tx, act: Act, action: str) -> None:
    tx.audit(
        action=action,
        what="assignment",
        what_id=act.case_id,
        caller=act.caller,
        case_id=act.case_id,
        reason=act.reason or None,
        correlation_id=act.cause.correlation_id,
    )


def decides_for(act: Act, cluster: str | None) -> None:
    """Raises `Forbidden` unless the caller works for this cluster."""
    if not works_for(act.caller, cluster):
        raise Forbidden("Only the people of that cluster may do this.")


def named_cluster(desk: Desk, act: Act) -> str:
    """The cluster that the act names. Raises `NoSuchCluster`."""
    if act.cluster not in desk.county.clusters:
        raise NoSuchCluster("There is no such cluster.", pointer="/cluster_id")
    return act.cluster


def named_reason(desk: Desk, act: Act, reasons: str) -> str:
    """The reason that the act gives, of this registry. Raises `NoSuchReason`."""
    known = registry(reasons)
    if not known.valid(act.reason, on=desk.county.on):
        raise NoSuchReason(f"Use one of: {', '.join(known.codes(on=desk.county.on))}.", pointer="/reason")
    return act.reason
